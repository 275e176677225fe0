"""The servers of a test run, as fixtures: one of each kind for a worker, started when the first test asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

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


@pytest.fixture
def new_database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database in which nothing was ever made."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


_EMPTY = """DO $$ DECLARE one text; BEGIN
FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'turnkeep' AND tablename <> 'migrations' LOOP
EXECUTE format('DELETE FROM turnkeep.%I', one);
END LOOP; END $$;
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


def empty(server: PostgresServer, url: str) -> int:
    """Take every row away, at a hundredth of what a new database costs; how many connections there are besides."""
    [[count]] = server.query(_EMPTY, url.rpartition("/")[2])
    return int(count)
