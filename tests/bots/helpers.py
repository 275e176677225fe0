"""What the tests of a bot in this process share, whatever its platform."""

from __future__ import annotations

import asyncio
from typing import Any

from turnkeep import SessionManager
from turnkeep.lifecycle import store_of


async def echo(messages: list[dict[str, Any]]) -> str:
    """An agent."""
    content = messages[-1]["content"]
    if not isinstance(content, str):
        content = " | ".join(part.get("text") or part["type"] for part in content)
    return f"re {content}"


async def idle(sessions: SessionManager) -> None:
    """Every turn is stored: people see an answer a moment before."""
    store = store_of(sessions)
    while await store.arrivals("default", "telegram") or await store.arrivals("default", "discord"):
        await asyncio.sleep(0.01)
