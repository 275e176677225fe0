"""`SessionManager` keeps its contract, whatever it stands on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.manager.over_stores import OverStore

from turnkeep import SessionManager
from turnkeep.stores import MemoryStore
from turnkeep.stores.base import Store


class TestCached(OverStore):
    """The default: SQLite, with the cache around it."""

    async def holds(self, manager: SessionManager, text: str) -> bool | None:
        return await _in_files(manager, text)


class TestUncached(OverStore):
    cache_sessions = 0

    async def holds(self, manager: SessionManager, text: str) -> bool | None:
        return await _in_files(manager, text)


class _Shared(MemoryStore):
    """Open as long as one of its managers is."""

    users = 0

    async def open(self) -> None:
        self.users += 1
        await super().open()

    async def close(self) -> None:
        self.users -= 1
        if not self.users:
            await super().close()


class TestMemory(OverStore):
    """All managers of a test share one store."""

    @pytest.fixture(autouse=True)
    def one_store(self) -> None:
        self.shared = _Shared()

    def store(self, folder: Path) -> Store:
        return self.shared


async def _in_files(manager: SessionManager, text: str) -> bool:
    """Whether the file itself, with all of the write-ahead log taken in, holds the text."""
    store: Any = manager._store
    path: Path = getattr(store, "inner", store).path

    def look() -> bool:
        return any(text.encode() in file.read_bytes() for file in path.parent.iterdir())

    return await asyncio.to_thread(look)
