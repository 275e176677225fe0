"""The SQLite store keeps the contract, in the clear and encrypted."""

from pathlib import Path
from typing import Any

import apsw
from tests.stores.over_sqlite import OverSQLite

from turnkeep import SessionManager
from turnkeep.settings import Settings
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


async def test_no_statement_is_prepared_again_for_new_values(tmp_path: Path) -> None:
    """SQLite asks an authorizer of all that it prepares, and of nothing else."""
    store, asked = SQLiteStore(tmp_path / "turnkeep.db"), list[tuple[Any, ...]]()

    def allow(*what: Any) -> int:
        asked.append(what)
        return apsw.SQLITE_OK

    async with SessionManager(store, Settings()) as sessions:
        for db in (store._write_db, store._reader.db):
            db.authorizer = allow
        for number in range(4):
            asked.clear()
            one = await sessions.get_or_create_session("test", number, external_user_id=f"user {number}")
            await sessions.add_message(one.id, "user", "Hello.", external_id=f"{number}")
            await sessions.build_context(one.id)
            await sessions.get_summaries(one.id)
            await sessions.deactivate_session(one.id)
            assert asked or number
        for db in (store._write_db, store._reader.db):
            db.authorizer = None
    assert not asked


def test_random_histories() -> None:
    run_state_machine(lambda folder: SQLiteStore(folder / "turnkeep.db"), persists=True)
