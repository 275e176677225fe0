"""The contract over one SQLite file, with its hooks, whatever is wrapped around the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from turnkeep.session import ROLES, Session
from turnkeep.stores.base import Store
from turnkeep.stores.cached import CachedStore
from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.testing import StoreContract
from turnkeep.testing.store_contract.moving import Paging


class OverSQLite(Paging, StoreContract):
    """`key` and `cached` say how the stores of the subclass are made."""

    key: bytes | None = None
    cached = False

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = await self.opened(tmp_path / "turnkeep.db")
        yield store
        await store.close()

    def make(self, path: Path) -> Store:
        store = SQLiteStore(path, key=self.key)
        return CachedStore(store, 4) if self.cached else store

    async def opened(self, path: Path) -> Store:
        store = self.make(path)
        await store.open()
        return store

    @staticmethod
    def path(store: Store) -> Path:
        inner = store.inner if isinstance(store, CachedStore) else store
        assert isinstance(inner, SQLiteStore)
        return inner.path

    def raw(self, path: Path) -> apsw.Connection:
        db = apsw.Connection(str(path))
        if self.key is not None:
            db.pragma("cipher", "chacha20")
            db.pragma("key", f"raw:{self.key.hex()}")
        return db

    async def rows(self, store: Store, session: Session) -> list[tuple[int, str, str | None]] | None:
        sql = "SELECT id & 0xffffffff, role, content FROM messages WHERE id >> 32 = ? ORDER BY id"
        found: list[Any] = self.raw(self.path(store)).execute(sql, (session.number,)).fetchall()
        return [(seq, ROLES[role], content) for seq, role, content in found]

    async def damage(self, store: Store, session: Session) -> bool:
        self.raw(self.path(store)).execute("UPDATE sessions SET tokens = tokens + 1 WHERE number = ?", (session.number,))
        return True

    async def another(self, store: Store) -> Store | None:
        return await self.opened(self.path(store))

    async def at(self, copy: Path) -> Store | None:
        return await self.opened(copy)
