"""The demo: simulated health services and a real Home Assistant that follows them, until Ctrl-C."""

import argparse
import asyncio
import json
from pathlib import Path
import shutil
import signal
import sys
from typing import Final

from yarl import URL

from scripts.real_home import HOST, RESTART_EXIT_CODE, ROOT, HomeError, RealHome, port_is_free
from scripts.sources import DOMAIN, add_dashboard, set_up_dexcom, set_up_lumen, set_up_tidepool
from simulator import Simulator
from simulator.dexcom import SANDBOX_USERS
from simulator.tidepool.stories import MILA

WEARER: Final = "Robin"
"""Whom the demo calls the wearer of the simulated sensor."""


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/develop", description=__doc__)
    parser.add_argument(
        "--empty", action="store_true", help="no source and no dashboard: set things up yourself"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="throw the demo home of earlier runs away first"
    )
    parser.add_argument(
        "--port", type=int, default=8123, help="Home Assistant's port (%(default)s)"
    )
    parser.add_argument(
        "--home", type=Path, default=ROOT / ".demo", help="where the demo home is kept (.demo)"
    )
    parser.add_argument(
        "--simulator-port", type=int, default=8765, help="the simulator's port (%(default)s)"
    )
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Start everything, say where it is, and stay until something ends or the user has enough.

    Raises `HomeError` with a sentence for the user.
    """
    _stop_on_signals()
    for option, port in (("--port", options.port), ("--simulator-port", options.simulator_port)):
        if not port_is_free(port):
            raise HomeError(
                f"port {port} is in use: stop what uses it, or choose another one with {option}"
            )
    if options.fresh:
        shutil.rmtree(options.home, ignore_errors=True)
    if others := asked_ports(options.home) - {options.simulator_port}:
        raise HomeError(
            f"this demo home was made with --simulator-port {min(others)}: start it with that again, "
            "or add --fresh to begin anew"
        )

    simulator = Simulator(scenario="demo")
    await simulator.start(host=HOST, port=options.simulator_port)
    try:
        print("Starting Home Assistant ...", flush=True)
        async with RealHome(options.home, port=options.port, name="Care Alerts demo") as home:
            if options.empty:
                if await home.entries("care_alerts"):
                    raise HomeError(
                        "this demo home has sources already: add --fresh to begin without any"
                    )
                welcome_empty(home, simulator)
            else:
                await set_up(home, simulator)
                welcome(home, simulator, await add_dashboard(home))
            await stay(home)
    finally:
        await simulator.stop()


def asked_ports(directory: Path) -> set[int]:
    """Return the ports of this computer that the sources of a home ask, as it was left."""
    store = directory / ".storage" / "core.config_entries"
    if not store.exists():
        return set()
    return {
        port
        for entry in json.loads(store.read_text())["data"]["entries"]
        if entry["domain"] == DOMAIN
        for value in entry["data"].values()
        if isinstance(value, str) and value.startswith(f"http://{HOST}:")
        if (port := URL(value).port)
    }


async def set_up(home: RealHome, simulator: Simulator) -> None:
    """Add the sources as a user would, unless an earlier run has."""
    there = {device["manufacturer"] for device in await home.devices()}
    if "Lumen" not in there:
        await set_up_lumen(home, simulator)
    if "Dexcom" not in there:
        wearer = simulator.dexcom.wearer(SANDBOX_USERS[-1])
        await set_up_dexcom(home, simulator.dexcom, wearer, WEARER)
    if "Tidepool" not in there:
        await set_up_tidepool(home, simulator)
    for entry in await home.entries("care_alerts"):
        if entry["state"] != "loaded":
            raise HomeError(
                f"the source {entry['title']!r} is not running ({entry['state']}: {entry['reason']}); "
                "--fresh begins anew"
            )


def welcome(home: RealHome, simulator: Simulator, address: str) -> None:
    """Print where the demo is and what to try."""
    control = f"{simulator.url}/control"
    print(
        f"""
Care Alerts demo is running.

  Open        {address}
  Log in as   user {home.username}, password {home.password}
  Lumen       {simulator.lumen.url} (simulated; key {simulator.lumen.api_key})
  Dexcom      {simulator.dexcom.url} (simulated; {SANDBOX_USERS[-1]} is {WEARER})
  Tidepool    {simulator.tidepool.url} (simulated; {simulator.tidepool.account.username}, \
password {simulator.tidepool.account.password})

Try:
  A new day       curl -X POST {control}/clock -d '{{"advance_seconds": 86400}}'
                  then press Ask now of Lumen, at the end of the page
  An outage       curl -X POST {control}/faults -d '{{"endpoint": "*", "name": "503_seconds"}}'
  ... and its end curl -X DELETE {control}/faults
  A changed key   curl -X POST {control}/lumen/key -d '{{"key": "a-new-key"}}'
                  Home Assistant asks for the new one under Settings, Devices & services
  A lost login    curl -X POST {control}/dexcom/revoke -d '{{"wearer": "{SANDBOX_USERS[-1]}"}}'
  A new alert     curl -X POST {control}/dexcom/alerts -d '{{"wearer": "{SANDBOX_USERS[-1]}", "alert_name": "low"}}'
                  then press Ask now of Dexcom
  A low reading   curl -X POST {control}/tidepool/readings -d '{{"person": "{MILA}", "mmol_l": 3.0}}'
                  then press Ask now of Tidepool
  A threshold     change one of {MILA}'s under Details, then see {control}/log?endpoint=tidepool.write_alerts
  First ones      Settings, Repairs: there are none for the other child yet
  What was asked  {control}/log

Everybody in it is invented. It is not a medical device. Ctrl-C stops it.
""",
        flush=True,
    )


def welcome_empty(home: RealHome, simulator: Simulator) -> None:
    """Print where the empty home is and what to type into the config flow."""
    print(
        f"""
An empty Home Assistant is running, with Care Alerts installed.

  Open        {home.url}/config/integrations/dashboard/add?domain=care_alerts
  Log in as   user {home.username}, password {home.password}

Try:
  Choose Lumen and type
    address   {simulator.lumen.url}
    key       {simulator.lumen.api_key}
  Choose Dexcom and type
    region    {simulator.dexcom.url}
    client    {simulator.dexcom.client_id}
    secret    {simulator.dexcom.client_secret}
              and log in as one of the users on the page
  Choose Tidepool and type
    environment  {simulator.tidepool.url}
    e-mail       {simulator.tidepool.account.username}
    password     {simulator.tidepool.account.password}

Everybody in it is invented. It is not a medical device. Ctrl-C stops it.
""",
        flush=True,
    )


async def stay(home: RealHome) -> None:
    """Wait for ever; start Home Assistant again when its user restarts it, and raise when it dies."""
    while (code := await home.wait()) == RESTART_EXIT_CODE:
        print("Home Assistant restarts ...", flush=True)
        await home.restart()
        print("Home Assistant is back.", flush=True)
    raise HomeError(
        f"Home Assistant ended by itself (exit code {code}), so the demo stops. Its log: {home.log_path}"
    )


def _stop_on_signals() -> None:
    """Let every usual signal end the running task once, so that what it started is stopped in order."""
    task = asyncio.current_task()

    def stop() -> None:
        if task is not None and not task.cancelling():
            print("\nStopping ...", flush=True)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def main() -> int:
    """Run the demo; 0 when it was stopped, 1 when something is wrong."""
    options = arguments()
    try:
        asyncio.run(run(options))
    except asyncio.CancelledError:
        pass
    except HomeError as error:
        print(f"develop: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
