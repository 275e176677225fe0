"""The contract over one PostgreSQL database, with its hooks, whatever is wrapped around the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from turnkeep.session import ROLES, Session
from turnkeep.stores.base import Store
from turnkeep.stores.cached import CachedStore
from turnkeep.stores.postgres import PostgresStore
from turnkeep.testing import StoreContract
from turnkeep.testing.store_contract.moving import Paging


class OverPostgres(Paging, StoreContract):
    """`cached` says how the stores of the subclass are made."""

    cached = False

    @pytest.fixture
    async def store(self, pooled: str) -> AsyncIterator[Store]:
        self.url = pooled
        store = await self.opened()
        yield store
        await store.close()

    async def opened(self) -> Store:
        store = PostgresStore(self.url)
        made: Store = CachedStore(store, 4) if self.cached else store
        await made.open()
        return made

    async def sql(self, sql: str, *bindings: Any) -> list[Any]:
        db = await asyncpg.connect(self.url)
        try:
            found: list[Any] = await db.fetch(sql, *bindings)
        finally:
            await db.close()
        return found

    async def rows(self, store: Store, session: Session) -> list[tuple[int, str, str | None]] | None:
        sql = "SELECT id & 4294967295, role, content FROM turnkeep.messages WHERE id >> 32 = $1 ORDER BY id"
        return [(seq, ROLES[role], content) for seq, role, content in await self.sql(sql, session.number)]

    async def damage(self, store: Store, session: Session) -> bool:
        await self.sql("UPDATE turnkeep.sessions SET tokens = tokens + 1 WHERE number = $1", session.number)
        return True

    async def another(self, store: Store) -> Store | None:
        return await self.opened()
