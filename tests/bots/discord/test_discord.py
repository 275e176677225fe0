"""The Discord bot on the real library, against the emulator of Discord."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from turnkeep import SessionManager
from turnkeep.bots.discord import run
from turnkeep.chat import Chat
from turnkeep.lifecycle import store_of
from turnkeep.settings import Settings
from turnkeep.testing.discord import DiscordEmulator


@pytest.fixture
async def discord() -> AsyncIterator[DiscordEmulator]:
    async with DiscordEmulator() as emulator:
        yield emulator


async def echo(messages: list[dict[str, Any]]) -> str:
    content = messages[-1]["content"]
    if not isinstance(content, str):
        content = " | ".join(part.get("text") or part["type"] for part in content)
    return f"re {content}"


async def idle(sessions: SessionManager) -> None:
    """Every turn is stored: people see an answer a moment before."""
    while await store_of(sessions).arrivals("default", "discord"):
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(discord: DiscordEmulator, folder: Path, agent: Any = echo, **settings: Any) -> AsyncIterator[SessionManager]:
    """The bot, listening."""
    made = Settings(
        cleanup_interval=0.0, close_timeout=5.0, **{"discord_token": discord.token, "discord_api_url": discord.url, **settings}
    )
    async with SessionManager.open(f"sqlite:///{folder}/bot.db", settings=made) as sessions:
        stop, ready = asyncio.Event(), asyncio.Event()
        bot = asyncio.create_task(run(sessions, Chat(sessions, agent), lambda name: ready.set(), stop))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([bot, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            yield sessions
        finally:
            stop.set()
            await bot
        assert await sessions.check() == []


async def test_a_message_is_answered(discord: DiscordEmulator, tmp_path: Path) -> None:
    ann = discord.private(discord.user("Ann"))
    async with running(discord, tmp_path):
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
