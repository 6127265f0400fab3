"""A process that has imported Home Assistant and forks one for each home that starts: `python -m tests.e2e.zygote SOCKET`.

Of the CPU time of a start nine parts in ten are imports, the same each time. What runs in the fork is Home Assistant's
own `main`, with the arguments, the environment and the directory it is given. It has no thread when it forks.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
import json
import logging
import os
from pathlib import Path
import random
import signal
import socket
import subprocess
import sys
import threading
from time import sleep
import traceback
from typing import Any, Final

from scripts.real_home import PYTHON

INTEGRATIONS: Final = """
    analytics api application_credentials auth automation backup button calendar camera climate cloud config
    conversation cover demo device_automation diagnostics energy event fan file_upload frontend hardware history
    history_stats homeassistant http image image_upload intent labs light lock logbook logger lovelace
    media_player media_source mobile_app network notify number onboarding persistent_notification person
    recorder repairs rest_command script search select sensor stt switch system_health system_log tag template
    text todo trace tts update usb wake_word web_rtc webhook websocket_api weather zone
"""
"""What a home of the tests sets up; one that is missing here is imported when it is, and costs its time then."""

PLATFORMS: Final = """
    binary_sensor button config_flow device_action device_condition device_trigger diagnostics event light
    logbook media_player notify number recorder repairs sensor significant_change switch system_health trigger
    condition reproduce_state media_source http websocket_api
"""


def preload() -> None:
    """Import what homes need, as far as it is there."""
    logging.disable(logging.CRITICAL)
    for module in ("homeassistant.__main__", "homeassistant.bootstrap", "homeassistant.runner"):
        import_module(module)
    for name in INTEGRATIONS.split():
        for module in ("", *(f".{platform}" for platform in PLATFORMS.split())):
            with suppress(ImportError):
                import_module(f"homeassistant.components.{name}{module}")
    logging.disable(logging.NOTSET)
    assert threading.active_count() == 1, threading.enumerate()


def become_home(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    """Be a Home Assistant of one's own, from a fork until its end."""
    code = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(
                number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            )
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(environment)
        paths = [one for one in environment.get("PYTHONPATH", "").split(os.pathsep) if one]
        sys.path[1:1] = paths
        random.seed()
        sys.argv = ["hass", *arguments]
        code = import_module("homeassistant.__main__").main()
    except SystemExit as err:
        code = err.code if isinstance(err.code, int) else 1
    except BaseException:  # noqa: BLE001 # it is at the end of the process, and has to say why
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def serve(path: str) -> None:
    """Fork a home for each connection, and tell it its process id, and its exit code when it has ended."""
    preload()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(0.05)
        asked: dict[int, socket.socket] = {}
        while os.getppid() != 1:
            with suppress(TimeoutError):
                client, _ = server.accept()
                client.settimeout(10)
                order: dict[str, Any] = json.loads(client.makefile().readline())
                if (pid := os.fork()) == 0:
                    become_home(order["arguments"], order["environment"], order["log"])
                asked[pid] = client
                client.sendall(f"{pid}\n".encode())
            while asked:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                with asked.pop(pid) as client, suppress(OSError):
                    client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


class Forked:
    """A home's process, as `asyncio.subprocess.Process` has it, as far as `RealHome` needs."""

    def __init__(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Wait for its end; the connection is open as long as its writer is held."""
        self._writer = writer
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.ensure_future(self._wait(reader))

    async def _wait(self, reader: asyncio.StreamReader) -> int:
        self.returncode = int(await reader.readline() or -signal.SIGKILL)
        self._writer.close()
        return self.returncode

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Zygote:
    """The forking process, from the side of the tests."""

    def __init__(self, directory: Path, search_path: str) -> None:
        """Start it, and return when it is ready."""
        self._path = directory / "zygote"
        self._process = subprocess.Popen(  # noqa: S603 # this very file
            (PYTHON, "-m", "tests.e2e.zygote", str(self._path)),
            env=os.environ | {"PYTHONPATH": search_path},
        )
        while not self._path.exists():
            assert self._process.poll() is None, "it has died"
            sleep(0.1)

    async def __call__(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Forked:
        """Have a home forked."""
        reader, writer = await asyncio.open_unix_connection(self._path)
        order = {"arguments": [*arguments], "environment": {**environment}, "log": str(log)}
        writer.write(json.dumps(order).encode() + b"\n")
        return Forked(int(await reader.readline()), reader, writer)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    serve(sys.argv[1])
