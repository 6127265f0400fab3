"""The databases that a home's history may be in: SQLite, or a server of the tests' own, by `--database`."""

from collections.abc import Generator
from contextlib import contextmanager
import os
from pathlib import Path
import pwd
import shutil
import signal
import subprocess
import tempfile
from time import monotonic, sleep
from typing import Any, ClassVar, Final
from uuid import uuid4

import pytest

SQLITE: Final = "sqlite"
PATIENCE: Final = 60
"""Seconds. Ours: each starts, and ends, within three."""


def add_option(parser: pytest.Parser) -> None:
    """Let another database be chosen."""
    parser.addoption(
        "--database",
        choices=[SQLITE, *SERVERS],
        default=SQLITE,
        help="where the recorder of the tests writes (%(default)s); scripts/databases has what the others need",
    )


class Server:
    """A database server that runs in a directory of its own and is spoken to over a socket in there.

    Neither runs as root: root starts it as `nobody`.
    """

    package: ClassVar[str]
    """Debian's package."""
    url: ClassVar[str]
    """Of a database, as Home Assistant's documentation has it."""
    create: ClassVar[str]
    drop: ClassVar[str]

    def __init__(self, directory: Path) -> None:
        """Make it and start it; return when it answers."""
        self._directory = directory
        self._as: dict[str, Any] = {"cwd": directory}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(directory, nobody.pw_uid, nobody.pw_gid)
            self._as |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._log = (directory / "log").open("wb")
        self._as |= {"stdout": self._log, "stderr": self._log, "stdin": subprocess.DEVNULL}
        try:
            subprocess.run(self._to_make(), check=True, **self._as)  # noqa: S603 # our own
            self._process = subprocess.Popen(self._to_start(), **self._as)  # noqa: S603 # our own
        except subprocess.CalledProcessError as err:
            raise RuntimeError(self._said()) from err
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _to_make(self) -> list[str]:
        """The command that makes it."""
        raise NotImplementedError

    def _to_start(self) -> list[str]:
        """The command that is it."""
        raise NotImplementedError

    def _to_say(self) -> list[str]:
        """The command that has a statement executed."""
        raise NotImplementedError

    def _wait(self) -> None:
        deadline = monotonic() + PATIENCE
        while True:
            try:
                return self._do("SELECT 1")
            except subprocess.CalledProcessError:
                if self._process.poll() is not None or monotonic() > deadline:
                    raise RuntimeError(self._said()) from None
                sleep(0.05)

    def _do(self, statement: str) -> None:
        """Have a statement executed, by its own client: tests have no sockets, or other ones."""
        subprocess.run([*self._to_say(), statement], check=True, **self._as)  # noqa: S603 # our own

    def _said(self) -> str:
        return f"{self.package} does not start:\n{(self._directory / 'log').read_text()}"

    def _program(self, name: str) -> str:
        """Where one of its programs is; Debian has those of servers where no user looks."""
        elsewhere = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        places = [*(str(path.parent) for path in elsewhere[-1:]), os.environ["PATH"], "/usr/sbin"]
        if (path := shutil.which(name, path=os.pathsep.join(places))) is None:
            raise pytest.UsageError(f"{name} is not here: install Debian's package {self.package}")
        return path

    @contextmanager
    def database(self) -> Generator[str]:
        """Have an empty database while it is needed; yields its URL."""
        name = f"home_{uuid4().hex}"
        self._do(self.create.format(name))
        try:
            yield self.url.format(database=name, directory=self._directory)
        finally:
            self._do(self.drop.format(name))

    def stop(self) -> None:
        """End it; nothing in it is needed any more."""
        # Killed, PostgreSQL would leave its shared memory behind.
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(PATIENCE)
        self._log.close()


class PostgreSQL(Server):
    """PostgreSQL."""

    package = "postgresql"
    url = "postgresql://home@/{database}?host={directory}"
    create = "CREATE DATABASE {}"
    drop = "DROP DATABASE {} WITH (FORCE)"

    def _to_make(self) -> list[str]:
        return [
            *(self._program("initdb"), "--pgdata=data", "--username=home", "--auth=trust"),
            *("--encoding=UTF8", "--no-locale", "--no-sync"),
        ]

    def _to_start(self) -> list[str]:
        return [
            *(self._program("postgres"), "-D", "data", "-k", str(self._directory)),
            *("-c", "listen_addresses=", "-c", "fsync=off"),
        ]

    def _to_say(self) -> list[str]:
        return [
            *(self._program("psql"), "--no-psqlrc", f"--host={self._directory}"),
            *("--username=home", "--dbname=postgres", "--command"),
        ]


class MariaDB(Server):
    """MariaDB."""

    package = "mariadb-server"
    url = "mysql+pymysql://root@/{database}?unix_socket={directory}/socket&charset=utf8mb4"
    # As Home Assistant's documentation has it, and not as MariaDB would by itself.
    create = "CREATE DATABASE {} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
    drop = "DROP DATABASE {}"

    def _to_make(self) -> list[str]:
        return [
            *(self._program("mariadb-install-db"), "--no-defaults", *self._places),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        ]

    def _to_start(self) -> list[str]:
        return [
            *(self._program("mariadbd"), "--no-defaults", *self._places, "--skip-networking"),
            *(f"--socket={self._directory}/socket", f"--pid-file={self._directory}/pid"),
            "--innodb-flush-log-at-trx-commit=0",
        ]

    def _to_say(self) -> list[str]:
        return [
            *(self._program("mariadb"), "--no-defaults", f"--socket={self._directory}/socket"),
            *("--user=root", "--execute"),
        ]

    @property
    def _places(self) -> tuple[str, ...]:
        return f"--datadir={self._directory}/data", f"--tmpdir={self._directory}"


SERVERS: Final[dict[str, type[Server]]] = {"postgresql": PostgreSQL, "mariadb": MariaDB}


@pytest.fixture(scope="session")
def _database_server(pytestconfig: pytest.Config) -> Generator[Server | None]:
    """The server that was chosen; None: SQLite needs none."""
    if (chosen := pytestconfig.getoption("--database")) == SQLITE:
        yield None
        return
    # Not pytest's own: the way there is root's alone.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        server = SERVERS[chosen](Path(directory))
        yield server
        server.stop()


@pytest.fixture
def database(_database_server: Server | None) -> Generator[str | None]:
    """The URL of an empty database; None: what the recorder takes by itself, SQLite."""
    if _database_server is None:
        yield None
        return
    with _database_server.database() as url:
        yield url
