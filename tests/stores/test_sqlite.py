"""The SQLite store keeps the contract, in the clear and encrypted."""

from pathlib import Path

from tests.stores.over_sqlite import OverSQLite

from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.testing import run_state_machine


class TestSQLiteStore(OverSQLite):
    pass


class TestEncryptedStore(OverSQLite):
    key = bytes(range(32))


async def test_the_connection_that_writes_is_set_up_whole(tmp_path: Path) -> None:
    """No checkpoint inside of a commit, whose error would be taken for the commit's."""
    wanted = {
        "journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1, "secure_delete": 1,
        "wal_autocheckpoint": 0, "journal_size_limit": 64 << 20, "temp_store": 2, "cache_size": -8192,
    }  # fmt: skip
    store = SQLiteStore(tmp_path / "turnkeep.db")
    await store.open()
    assert {name: store._write_db.pragma(name) for name in wanted} == wanted
    await store.close()


def test_random_histories() -> None:
    run_state_machine(lambda folder: SQLiteStore(folder / "turnkeep.db"), persists=True)
