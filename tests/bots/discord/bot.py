"""The Discord bot in this process, on the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.bots.helpers import echo

from turnkeep import SessionManager
from turnkeep.bots.discord import run
from turnkeep.chat import Chat
from turnkeep.settings import Settings
from turnkeep.testing.discord import DiscordEmulator


async def errors(sessions: SessionManager) -> int:
    """In all sessions together."""
    return sum([(await sessions.get_session_stats(one.id)).errors for one in await sessions.list_sessions()])


@asynccontextmanager
async def running(emulator: DiscordEmulator, folder: Path, agent: Any = echo, **settings: Any) -> AsyncIterator[SessionManager]:
    """The bot, listening, its commands registered."""
    given = {"discord_token": emulator.token, "discord_api_url": emulator.url, **settings}
    made = Settings(**{"cleanup_interval": 0.0, "close_timeout": 5.0, **given})
    async with SessionManager.open(f"sqlite:///{folder}/bot.db", settings=made) as sessions:
        stop, ready = asyncio.Event(), asyncio.Event()
        bot = asyncio.create_task(run(sessions, Chat(sessions, agent), lambda name: ready.set(), stop))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([bot, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            while not bot.done() and not emulator.commands:
                emulator.server.called.clear()
                await asyncio.wait(
                    [bot, called := asyncio.create_task(emulator.server.called.wait())], return_when="FIRST_COMPLETED"
                )
                called.cancel()
            yield sessions
        finally:
            stop.set()
            await bot
        assert await sessions.check() == []
