"""What the manager's contract needs over any store of this package."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from turnkeep import SessionManager
from turnkeep.errors import InvalidInput
from turnkeep.session import NewSummary, Session
from turnkeep.settings import Settings
from turnkeep.stores.base import Store
from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.testing.manager_contract import Clock, ManagerContract, OpenManager


class OverStore(ManagerContract):
    """The factory over a store of the subclass, and the contract's hooks."""

    cache_sessions = 1000

    def store(self, folder: Path) -> Store:
        """Another on the same database with each call."""
        return SQLiteStore(folder / "turnkeep.db")

    @pytest.fixture
    async def open_manager(self, folder: Path) -> AsyncIterator[OpenManager]:
        opened: list[SessionManager] = []

        async def factory(*, clock: Clock | None = None, app: str = "default", **given: Any) -> SessionManager:
            chosen: dict[str, Any] = {"cleanup_interval": 0.0, "cache_sessions": self.cache_sessions, "app": app}
            opened.append(SessionManager(self.store(folder), Settings(**(chosen | given)), clock=clock or Clock()))
            return await opened[-1]

        yield factory
        for manager in opened:
            await manager.close()

    async def test_every_store_says_the_same_of_an_unknown_call(self, manager: SessionManager) -> None:
        session = await manager.get_or_create_session("web", 1)
        batch = [{"role": "user", "content": "hi"}, {"role": "tool", "content": "x", "tool_call_id": "c"}]
        for attempt in (manager.add_message(session.id, "tool", "x", tool_call_id="c"), manager.add_messages(session.id, batch)):
            with pytest.raises(InvalidInput, match="tool_call_id: names no tool call that this session has had"):
                await attempt

    async def summarized(self, manager: SessionManager, session: Session, to_seq: int, text: str) -> bool:
        now = await manager.get_session(session.id)
        made = NewSummary(
            from_seq=now.window_start, to_seq=to_seq, text=text, method="model", tokens=9, counter="o200k", tokens_before=99
        )
        await manager._store.add_summary(manager.app, now.id, made, generation=now.generation, now_ms=now.active_ms)
        return True
