"""The cached store keeps the contract, here around SQLite."""

from tests.stores.over_sqlite import OverSQLite

from turnkeep.stores.cached import CachedStore
from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.testing import run_state_machine


class TestCachedStore(OverSQLite):
    cached = True


def test_random_histories() -> None:
    run_state_machine(lambda folder: CachedStore(SQLiteStore(folder / "turnkeep.db"), 2), persists=True)
