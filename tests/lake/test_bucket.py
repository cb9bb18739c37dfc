"""A lake whose files are in a bucket: moto's server, which speaks S3 and keeps what it gets in memory.

It runs from a folder of its own, .moto, into which `make test` puts it: what it needs is no business of the project's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import duckdb
import httpx
import pytest

from copilot_assets.warehouse import ducklake
from copilot_assets.warehouse.store import WarehouseError
from tests.lake.lakes import Lake, new_lake
from tests.lake.test_troubles import MANY, on_shelf
from tests.listeners import free_port
from tests.people.test_forget import Shelf
from tests.postgres import Postgres

MOTO = Path(__file__).parents[2] / ".moto"
AWS_SECRET = "planted-aws-Secret0000000000"

pytestmark = pytest.mark.skipif(not MOTO.is_dir(), reason="moto is not there: `make test` puts it into .moto")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The root of a server of buckets."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    program = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    env = {**os.environ, "PYTHONPATH": str(MOTO)}
    process = subprocess.Popen([sys.executable, "-c", program], env=env, stderr=subprocess.DEVNULL)
    until = monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/moto-api/")
            break
        except httpx.TransportError:
            assert process.poll() is None
            assert monotonic() < until
            sleep(0.1)
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture
def bucket(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a bucket, for which this user made a secret in DuckDB to stay."""
    httpx.post(f"{s3}/moto-api/reset-auth", content=b"inf")
    name = f"copilot-{uuid4().hex[:8]}"
    assert httpx.put(f"{s3}/{name}").status_code == 200
    monkeypatch.setenv("HOME", str(tmp_path))
    with duckdb.connect() as connection:
        ducklake._load(connection, "s3://")
        connection.execute(
            f"create persistent secret (type s3, key_id 'planted-id', secret '{AWS_SECRET}', region 'us-east-1', "
            f"endpoint '{s3.removeprefix('http://')}', url_style 'path', use_ssl false)"
        )
    yield f"{s3}/{name}"
    httpx.post(f"{s3}/moto-api/reset-auth", content=b"inf")


@pytest.fixture
def lake(bucket: str, server: Postgres, tmp_path: Path) -> Lake:
    lake = new_lake(server, tmp_path / "lake", f"s3://{bucket.rpartition('/')[2]}/copilot")
    lake.warehouse.migrate()
    return lake


@pytest.fixture
def shelf(lake: Lake) -> Shelf:
    return on_shelf(lake)


def objects(bucket: str) -> int:
    return httpx.get(bucket, params={"list-type": "2"}).text.count("<Key>")


def test_a_bucket_takes_days_and_gives_them_and_keeps_nobody_who_was_forgotten(
    lake: Lake, shelf: Shelf, bucket: str
) -> None:
    shelf.take("users-1-day", MANY)
    shelf.flatten()
    assert objects(bucket) > 1
    told = [(len(MANY), len(MANY))]
    query = "select (select count(*) from raw.records), (select count(*) from flat.user_daily)"
    assert shelf.sql(query) == told
    for data in (lake.data, ""):  # where the files are, the catalogue says too
        with ducklake.DuckLake.at(lake.address, data, lake.here).read() as connection:
            assert connection.execute(query).fetchall() == told
    shelf.forget("person-7")
    assert shelf.sql("select count(*) from raw.records") == [(len(MANY) - 1,)]
    keys = httpx.get(bucket, params={"list-type": "2"}).text.split("<Key>")[1:]
    contents = [httpx.get(f"{bucket}/{key.partition('<')[0]}").content for key in keys]
    assert contents
    assert not [content for content in contents if b"person-7\0" in content or b'"person-7"' in content]


def test_a_bucket_that_refuses_is_a_sentence_and_the_day_comes_later(shelf: Shelf, bucket: str, s3: str) -> None:
    shelf.take("users-1-day", MANY[:1])
    httpx.post(f"{s3}/moto-api/reset-auth", content=b"0")  # nobody is let in from now on
    with pytest.raises(WarehouseError, match="Look at the disk or the bucket of COPILOT_LAKE_DATA") as told:
        shelf.take("users-1-day", MANY)
    assert AWS_SECRET not in str(told.value)
    assert "planted-id" not in str(told.value)
    httpx.post(f"{s3}/moto-api/reset-auth", content=b"inf")
    assert shelf.sql("select count(*) from raw.records") == [(1,)]
    shelf.take("users-1-day", MANY)
    assert shelf.sql("select count(*) from raw.records") == [(len(MANY),)]
