"""The servers of a test run, as fixtures: one of each kind for a worker, started when the first test asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import asyncpg
import pytest
from tests.pooling import Pooler

from turnkeep.testing.servers.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _database(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture
def database(postgres: PostgresServer, _database: str) -> Iterator[str]:
    """The URL of a database without a row, for this test alone; who still holds a connection when it has ended, fails it."""
    yield _database
    deadline = time.monotonic() + 10
    while (held := empty(postgres, _database)) and time.monotonic() < deadline:
        time.sleep(0.01)  # a server's process outlives its connection for a moment
    assert not held, f"{held} connections are still open"


@pytest.fixture(scope="session")
def _pooler(postgres: PostgresServer) -> Iterator[Pooler]:
    pooler = Pooler(postgres.port)
    pooler.start()
    yield pooler
    pooler.stop()


@pytest.fixture(scope="session")
def _pooled(postgres: PostgresServer, _pooler: Pooler) -> Iterator[tuple[str, asyncpg.Connection]]:
    url = postgres.create_database()
    db = _pooler.run(asyncpg.connect(url))
    yield url.replace(f":{postgres.port}/", f":{_pooler.port}/"), db
    _pooler.run(db.close())


@pytest.fixture
def pooled(_pooler: Pooler, _pooled: tuple[str, asyncpg.Connection]) -> Iterator[str]:
    """The same as `database`, for many small tests, of which none is about connections: these are kept from test to test."""
    url, db = _pooled
    yield url
    deadline = time.monotonic() + 10
    while _pooler.in_use and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not _pooler.in_use, f"{_pooler.in_use} connections are still open"
    _pooler.run(db.execute(_DELETE))


@pytest.fixture
def new_database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database in which nothing was ever made."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


_DELETE = """DO $$ DECLARE one text; BEGIN
FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'turnkeep' AND tablename <> 'migrations' LOOP
EXECUTE format('DELETE FROM turnkeep.%I', one);
END LOOP; END $$"""
_EMPTY = f"""{_DELETE};
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


def empty(server: PostgresServer, url: str) -> int:
    """Take every row away, at a hundredth of what a new database costs; how many connections there are besides."""
    [[count]] = server.query(_EMPTY, url.rpartition("/")[2])
    return int(count)
