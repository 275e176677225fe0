"""The SQLite store keeps the contract, in the clear and encrypted."""

from tests.stores.over_sqlite import OverSQLite

from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.testing import run_state_machine


class TestSQLiteStore(OverSQLite):
    pass


class TestEncryptedStore(OverSQLite):
    key = bytes(range(32))


def test_random_histories() -> None:
    run_state_machine(lambda folder: SQLiteStore(folder / "turnkeep.db"), persists=True)
