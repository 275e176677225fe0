"""What every part of the contract stands on: the store under test, and the hooks of what only some stores can do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from turnkeep.session import Session
from turnkeep.stores.base import Store


class Case:
    """A subclass gives the fixture `store`, open and empty, and closes it; the hooks it may give."""

    pytestmark = pytest.mark.asyncio
    is_open = True  # a test that closes the store says so

    @pytest_asyncio.fixture
    async def store(self) -> AsyncIterator[Store]:
        raise NotImplementedError("a subclass of StoreContract gives the fixture `store`")
        yield

    @pytest_asyncio.fixture(autouse=True)
    async def sound(self, store: Store) -> AsyncIterator[None]:
        """After every test the invariants hold, proved again from the rows."""
        yield
        if self.is_open:
            assert await store.check() == []

    async def rows(self, store: Store, session: Session) -> list[tuple[int, str, str | None]] | None:
        """Hook: `seq`, role and text of a session's messages, read around the store (None: there is no such way)."""
        return None

    async def damage(self, store: Store, session: Session) -> bool:
        """Hook: make a stored total of the session wrong, around the store; whether that was done."""
        return False

    async def another(self, store: Store) -> Store | None:
        """Hook: a second store, open, over the same rows, as another process has it (None: there cannot be one)."""
        return None

    async def at(self, copy: Path) -> Store | None:
        """Hook: a store, open, over a copy that `backup` made (None: this store has no backups)."""
        return None
