"""Who does a turn: Turnkeep, and openai-agents' SQLiteSession. The bare floor stands in `floors`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from turnkeep import SessionManager
from turnkeep.settings import Settings


class Turnkeep:
    """As it comes; `settings` change that."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.path, self.settings = path, Settings(**settings)

    async def open(self, sessions: int) -> None:
        self.manager = await SessionManager.open(f"sqlite:///{self.path}", settings=self.settings)
        opened = [await self.manager.get_or_create_session("bench", number) for number in range(sessions)]
        self.ids = [session.id for session in opened]

    async def close(self) -> None:
        await self.manager.close()

    async def turn(self, session: int, user: str, assistant: str, external_id: str) -> None:
        session_id = self.ids[session]
        await self.manager.add_message(session_id, "user", user, external_id=external_id)
        await self.manager.add_message(session_id, "assistant", assistant)
        await self.manager.build_context(session_id, max_messages=20)


class OpenAIAgents:
    """SQLiteSession of openai-agents, one for each session, all on one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def open(self, sessions: int) -> None:
        from agents.memory import SQLiteSession

        self.sessions = [SQLiteSession(f"session-{number}", self.path) for number in range(sessions)]

    async def close(self) -> None:
        for session in self.sessions:
            session.close()

    async def turn(self, session: int, user: str, assistant: str, external_id: str) -> None:
        store = self.sessions[session]
        await store.add_items([{"role": "user", "content": user}])
        await store.add_items([{"role": "assistant", "content": assistant}])
        await store.get_items(limit=20)


def synchronous(path: Path) -> int:
    """The `PRAGMA synchronous` that SQLiteSession's connections have: 2 (FULL) makes a commit in WAL mode durable, 1 does not."""
    from agents.memory import SQLiteSession

    session = SQLiteSession("asked", path)
    with session._locked_connection() as connection:
        found: int = connection.execute("PRAGMA synchronous").fetchone()[0]
    session.close()
    return found
