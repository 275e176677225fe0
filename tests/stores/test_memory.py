"""The memory store keeps the contract."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from turnkeep.session import Session
from turnkeep.stores.base import Store
from turnkeep.stores.memory import MemoryStore
from turnkeep.testing import StoreContract, run_state_machine


class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        store = MemoryStore()
        await store.open()
        yield store
        await store.close()

    async def rows(self, store: Store, session: Session) -> list[tuple[int, str, str | None]]:
        assert isinstance(store, MemoryStore)
        rows = store._sessions.get(session.id)
        return [(m.seq, m.role, str(m.content or "")) for m in rows.log] if rows else []

    async def damage(self, store: Store, session: Session) -> bool:
        assert isinstance(store, MemoryStore)
        rows = store._sessions[session.id]
        rows.session = replace(rows.session, tokens=1)
        return True


def test_random_histories() -> None:
    run_state_machine(lambda folder: MemoryStore())
