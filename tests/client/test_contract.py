"""The client keeps the contract of the manager, over a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from tests.client.conftest import Served

from turnkeep import SessionManager
from turnkeep.session import NewSummary, Session
from turnkeep.testing.manager_contract import Clock, ManagerContract, OpenManager


class TestClient(ManagerContract):
    """Each manager is a client with a server of its own, all over one database."""

    @pytest.fixture
    async def open_manager(self, folder: Path) -> AsyncIterator[OpenManager]:
        self.servers: dict[Any, Served] = {}

        async def factory(*, clock: Clock | None = None, app: str = "default", **settings: Any) -> SessionManager:
            served = Served(folder / "turnkeep.db", clock or Clock(), app=app, **settings)
            await served.start()
            client = await (await served.client())
            self.servers[client] = served
            return cast(SessionManager, client)  # it has the calls, which is all that a case asks for

        yield factory
        for client, served in self.servers.items():
            await client.close()
            await served.stop()

    async def summarized(self, manager: SessionManager, session: Session, to_seq: int, text: str) -> bool:
        now = await manager.get_session(session.id)
        made = NewSummary(
            from_seq=now.window_start, to_seq=to_seq, text=text, method="model", tokens=9, counter="o200k", tokens_before=99
        )
        store = self.servers[manager].tenants.manager(manager.app)._store
        await store.add_summary(manager.app, now.id, made, generation=now.generation, now_ms=now.active_ms)
        return True
