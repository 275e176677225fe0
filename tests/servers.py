"""The servers of a test run, as fixtures: one of each kind for a worker, started when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from turnkeep.testing.servers.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database, for this test alone."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)
