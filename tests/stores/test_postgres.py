"""The PostgreSQL store keeps the contract, by itself and behind the cache."""

from __future__ import annotations

from pathlib import Path

from tests.servers import empty
from tests.stores.over_postgres import OverPostgres

from turnkeep.stores.base import Store
from turnkeep.stores.cached import CachedStore
from turnkeep.stores.postgres import PostgresStore
from turnkeep.testing import run_state_machine
from turnkeep.testing.servers.postgres import PostgresServer


class TestPostgresStore(OverPostgres):
    pass


class TestCachedPostgresStore(OverPostgres):
    cached = True


def test_random_histories(postgres: PostgresServer, database: str) -> None:
    begun: set[Path] = set()

    def make(folder: Path) -> Store:
        if folder not in begun:
            empty(postgres, database)
            begun.add(folder)
        return CachedStore(PostgresStore(database), 2)

    run_state_machine(make, persists=True)
