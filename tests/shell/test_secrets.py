"""Secrets: whatever a run writes and says, on a good day and on a bad one, holds no token, key, signature or login.

Every byte is looked at: what is printed, each file below the folder, Dagster's history and what it packed, the database
and the exported files row by row. Logins may stand in the records of schema raw, and nowhere else.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from copilot_assets.standin import Fault, Standin
from copilot_assets.standin.links import Links
from tests.conftest import TODAY

TOKEN = "ghp_planted7Qx3sEcReTt0kEn000000000000000"
DAYS = [TODAY - timedelta(days=5), TODAY - timedelta(days=4)]
# A day's file that is rubbish, one with a broken record, a link that has expired, a refusal and an outage.
FAULTS = [
    Fault("malformed-line", report="users-1-day", day=DAYS[0]),
    Fault("wrong-type", report="users-1-day", day=DAYS[1]),
    Fault("expired-link", report="organization-1-day", day=DAYS[0]),
    Fault("role-missing", report="billing"),
    Fault("502", report="user-teams-1-day", day=DAYS[1]),
    Fault("cut-file", report="repos-1-day", day=DAYS[0]),
]
# What a credential looks like, whoever made it: tokens, an App's assertion, a signature, the header that carries them.
CREDENTIAL = re.compile(
    rb"gh[pousr]_[A-Za-z0-9]{8,}|eyJ[\w-]{10,}\.eyJ|[?&]sig=|Bearer [\w.-]{8,}|BEGIN [A-Z ]*PRIVATE KEY"
)


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The signatures of all links that the stand-in gives out from now on."""
    given: set[str] = set()
    made = Links._signature

    def noted(links: Links, path: str, start: str, end: str) -> str:
        given.add(signature := made(links, path, start, end))
        return signature

    monkeypatch.setattr(Links, "_signature", noted)
    return given


def bytes_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder by its name; what SQLite holds also value by value, unpacked where it is packed."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.name == ".env":
            continue
        content = path.read_bytes()
        yield str(path), content
        if content.startswith(b"SQLite format 3"):
            yield from ((str(path), value) for value in values_of(path))


def values_of(path: Path) -> Iterator[bytes]:
    with sqlite3.connect(path) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'select * from "{table}"'):
                for value in (each for each in row if isinstance(each, str | bytes)):
                    packed = value.encode() if isinstance(value, str) else value
                    yield packed
                    if packed.startswith(b"\x78"):
                        yield zlib.decompress(packed)


def rows_of(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every table of the database as text."""
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        for (table,) in tables:
            yield table, str(connection.execute(f"from {table}").fetchall()).encode()


def exported(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*.parquet"):
        yield str(path), str(duckdb.sql(f"from '{path}'").fetchall()).encode()


@pytest.mark.parametrize("way", ["token", "app"])
def test_nothing_secret_is_written_or_said(standin: Standin, tmp_path: Path, signatures: set[str], way: str) -> None:
    standin.faults[:] = FAULTS
    first, last = (day.isoformat() for day in DAYS)
    secrets = {"GITHUB_TOKEN": TOKEN}
    if way == "app":
        one_line = standin.app_private_key.replace("\n", "\\n")
        secrets = {"GITHUB_APP_ID": str(standin.app_id), "GITHUB_APP_PRIVATE_KEY": f'"{one_line}"'}
    settings = {
        **secrets,
        "GITHUB_API_URL": standin.api_url,
        "COPILOT_SCOPES": "org:octo-org",
        "COPILOT_START_DATE": first,
        "COPILOT_WAREHOUSE": "data/copilot.duckdb",
    }
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "dagster.yaml").write_bytes((Path(__file__).parents[2] / "dagster.yaml").read_bytes())
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "COPILOT_", "DAGSTER_"))
    }
    command = [sys.executable, "-m", "copilot_assets", "backfill", "--start", first, "--end", last]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**env, "TMPDIR": str(tmp_path / "tmp")},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr.decode()[-2000:]
    assert len(signatures) > 5
    logins = {person.login for person in standin.world.population.people}
    database = tmp_path / "data" / "copilot.duckdb"
    tables = dict(rows_of(database))
    assert any(login.encode() in tables["raw.records"] for login in logins), "so they would be found"

    pem_lines = standin.app_private_key.encode().splitlines()[1:-1]
    planted = [TOKEN.encode(), *pem_lines, *(signature.encode() for signature in signatures)]
    nowhere = [("printed", done.stdout + done.stderr), *bytes_of(tmp_path), *tables.items()]
    for name, content in [*nowhere, *exported(tmp_path / "data")]:
        assert not (found := CREDENTIAL.search(content)), (
            name,
            content[max(found.start() - 60, 0) : found.start() + 5],
        )
        assert not any(secret in content for secret in planted), name
    may = {str(database), "raw.records", "raw.quarantine"}
    for name, content in [*nowhere, *exported(tmp_path / "data")]:
        found = [login for login in logins if name not in may and login.encode() in content]
        assert not any(re.search(rb"\b" + re.escape(login.encode()) + rb"\b", content) for login in found), (
            name,
            found,
        )
    assert list((tmp_path / "tmp").iterdir()) == []
