"""Bare clients of discord.py on the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from turnkeep.testing.discord import DiscordEmulator


class Recorder(discord.Client):
    """Keeps what it hears; answers nothing."""

    def __init__(self, intents: discord.Intents | None = None) -> None:
        if intents is None:
            intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True)
        super().__init__(intents=intents, guild_ready_timeout=0.05)
        self.heard: list[discord.Message] = []
        self.edited: list[discord.RawMessageUpdateEvent] = []
        self.deleted: list[int] = []
        self.events: list[str] = []
        self.interactions: list[discord.Interaction] = []
        self.news = asyncio.Event()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """It would wait for five seconds."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        super().dispatch(event, *args, **kwargs)
        self.events.append(event)
        if event == "message" and args[0].author != self.user:
            self.heard.append(args[0])
        elif event == "raw_message_edit":
            self.edited.append(args[0])
        elif event == "raw_message_delete":
            self.deleted.append(args[0].message_id)
        elif event == "interaction":
            self.interactions.append(args[0])
        self.news.set()

    def texts(self) -> list[str]:
        return [message.content for message in self.heard]

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait until that is so; it is asked after each event."""
        async with asyncio.timeout(20):
            while not seen():
                self.news.clear()
                await self.news.wait()

    async def until_event(self, event: str, count: int = 1) -> None:
        await self.until(lambda: self.events.count(event) >= count)

    async def until_heard(self, count: int) -> None:
        await self.until(lambda: len(self.heard) >= count)

    async def interaction(self, number: int = 0) -> discord.Interaction:
        await self.until(lambda: len(self.interactions) > number)
        return self.interactions[number]


@asynccontextmanager
async def running(emulator: DiscordEmulator, intents: discord.Intents | None = None) -> AsyncIterator[Recorder]:
    """A client that is ready."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = emulator.url, yarl.URL(emulator.gateway_url)
    client = Recorder(intents)
    running = asyncio.create_task(client.start(emulator.token))
    try:
        ready = asyncio.create_task(client.until_event("ready"))
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.done():
            await running
        yield client
    finally:
        await client.close()
        await asyncio.wait([running])
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before
