"""A manager on a real SQLite file, and messages as a platform would hand them in."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from turnkeep import SessionManager
from turnkeep.chat import Incoming
from turnkeep.session import Message
from turnkeep.settings import Settings


@pytest.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[SessionManager]:
    settings = Settings(cleanup_interval=0.0, reply_timeout=20.0)
    async with SessionManager.open(f"sqlite:///{tmp_path}/chat.db", settings=settings) as opened:
        yield opened
        assert await opened.check() == []


def said(text: str, number: int | None = None, **changes: Any) -> Incoming:
    """ann's message in conversation 1."""
    wanted: dict[str, Any] = {
        "interface_type": "test",
        "conversation_id": 1,
        "external_user_id": "ann",
        "content": text,
        "external_id": number,
    }
    return Incoming(**(wanted | changes))


async def log(sessions: SessionManager, conversation: int = 1) -> list[Message]:
    session = await sessions.find_by_conversation(conversation, "test")
    assert session is not None
    return await sessions.get_messages(session.id, limit=1000)


def lines(messages: list[Message]) -> list[tuple[str, Any]]:
    return [(message.role, message.content) for message in messages]
