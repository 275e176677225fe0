"""The platforms, each on its emulator, as the people of one script see them."""

from __future__ import annotations

import asyncio
import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from turnkeep import SessionManager
from turnkeep.bots import discord, telegram
from turnkeep.chat import Chat
from turnkeep.lifecycle import store_of
from turnkeep.settings import Settings
from turnkeep.testing.discord import DiscordEmulator
from turnkeep.testing.telegram import TelegramEmulator


class Talk(ABC):
    """A place where people talk with the bot, and all that it has said there, by replies."""

    chat: Any

    def __init__(self, sessions: SessionManager, interface: str) -> None:
        self.sessions, self.interface = sessions, interface
        self.expected: list[str] = []

    # --- what people do

    def says(self, text: str, by: Any = None, *, reply_to: Any = None) -> Any:
        return self.chat.says(text, by, reply_to=reply_to)

    @abstractmethod
    def names_bot(self, text: str, by: Any = None, *, reply_to: Any = None) -> Any: ...

    @abstractmethod
    def command(self, name: str, by: Any = None) -> None: ...

    @abstractmethod
    def sends_file(self, data: bytes, name: str, media_type: str, text: str) -> None: ...

    @abstractmethod
    def sends_sticker(self) -> None: ...

    def edits(self, shown: Any, text: str) -> None:
        self.chat.edits(shown, text)

    def presses(self, label: str, by: Any = None) -> None:
        self.chat.presses(self.chat.from_bot()[-1], label, by)

    # --- what they see

    def newest(self) -> Any:
        """The bot's last message."""
        return self.chat.from_bot()[-1]

    @abstractmethod
    def file(self) -> tuple[str, str]:
        """The name and the text of the file that the bot sent last."""

    def _text(self, shown: Any) -> str:
        return str(shown.text)

    def page(self) -> str:
        """All that the bot shows here, without what a platform needs to show it in."""
        lines = "\n".join(self._text(shown) for shown in self.chat.from_bot()).splitlines()
        return "\n".join(line.rstrip() for line in lines if line.strip())

    async def hears(self, text: str) -> None:
        """The bot says that, and no more; its turn is over."""
        await self.sees(*self.expected, text)

    async def sees(self, *texts: str) -> None:
        """All that the bot has said reads so, and its turn is over."""
        self.expected = list(texts)
        wanted = re.sub(r"\n+", "\n", "\n".join(texts))
        with contextlib.suppress(TimeoutError):
            await self.chat.until(lambda chat: self.page() == wanted)
        found = self.page()
        assert found == wanted, f"{found[-400:]!r} is not {wanted[-400:]!r}"
        while await self.waits():
            await asyncio.sleep(0.01)

    async def waits(self) -> bool:
        """Whether a turn is not over; people see an answer a moment before."""
        return bool(await store_of(self.sessions).arrivals("default", self.interface))


class OnTelegram(Talk):
    def __init__(self, sessions: SessionManager, chat: Any, emulator: TelegramEmulator) -> None:
        super().__init__(sessions, "telegram")
        self.chat, self.emulator = chat, emulator

    def names_bot(self, text: str, by: Any = None, *, reply_to: Any = None) -> Any:
        return self.says(f"@turnkeep_bot {text}", by, reply_to=reply_to)

    def command(self, name: str, by: Any = None) -> None:
        self.says(name, by)

    def sends_file(self, data: bytes, name: str, media_type: str, text: str) -> None:
        self.chat.sends_file(data, name, media_type, text)

    def sends_sticker(self) -> None:
        self.chat.sends_sticker()

    def file(self) -> tuple[str, str]:
        document = self.newest().raw["document"]
        return document["file_name"], self.emulator.server.files[document["file_id"]][1].decode()


class OnDiscord(Talk):
    def __init__(self, sessions: SessionManager, chat: Any, emulator: DiscordEmulator) -> None:
        super().__init__(sessions, "discord")
        self.chat, self.emulator = chat, emulator

    def names_bot(self, text: str, by: Any = None, *, reply_to: Any = None) -> Any:
        return self.chat.says(text, by, mention=True, reply_to=reply_to)

    def command(self, name: str, by: Any = None) -> None:
        self.chat.command(name, by)

    def sends_file(self, data: bytes, name: str, media_type: str, text: str) -> None:
        self.chat.sends_file(data, name, media_type, text)

    def sends_sticker(self) -> None:
        self.chat.says("", sticker_items=[{"id": "1", "name": "👍", "format_type": 1}])

    def file(self) -> tuple[str, str]:
        [(name, data)] = self.chat.files(self.newest()).items()
        return name, data.decode()

    def _text(self, shown: Any) -> str:
        if shown.loading:
            return ""
        return re.sub(r"\\([^\w\s])", r"\1", re.sub(r"^```\w*$|\*\*", "", shown.text, flags=re.MULTILINE))


class Stage(ABC):
    """A platform with a bot on it."""

    emulator: Any
    talk: Callable[[SessionManager, Any, Any], Talk]
    sessions: SessionManager

    def person(self, name: str, language: str = "en") -> Any:
        return self.emulator.user(name, language=language)

    def private(self, person: Any) -> Talk:
        return self.talk(self.sessions, self.emulator.private(person), self.emulator)

    @abstractmethod
    def group(self, name: str) -> Talk: ...

    async def log(self) -> list[tuple[Any, ...]]:
        """Of every session what was said, by whom, and what came of it."""
        found: list[tuple[Any, ...]] = []
        for session in sorted(await self.sessions.list_sessions(), key=lambda one: one.created_at):
            for one in await self.sessions.get_messages(session.id):
                calls = [call["function"]["name"] for call in one.tool_calls or ()]
                found.append((one.seq, one.role, one.name, one.content, calls, session.hides(one.seq)))
            stats = await self.sessions.get_session_stats(session.id)
            found.append((stats.messages, stats.summaries, stats.tool_calls, stats.errors))
        return found


class TelegramStage(Stage):
    talk = OnTelegram

    def group(self, name: str) -> Talk:
        return self.talk(self.sessions, self.emulator.group(name), self.emulator)


class DiscordStage(Stage):
    talk = OnDiscord

    def group(self, name: str) -> Talk:
        return self.talk(self.sessions, self.emulator.channel(name), self.emulator)


@asynccontextmanager
async def on_telegram(folder: Path, agent: Any) -> AsyncIterator[Stage]:
    async with TelegramEmulator() as emulator:
        given = {"telegram_token": emulator.token, "telegram_api_url": emulator.url}
        async with _running(TelegramStage(), telegram.run, emulator, f"sqlite:///{folder}/telegram.db", agent, given) as stage:
            yield stage


@asynccontextmanager
async def on_discord(folder: Path, agent: Any) -> AsyncIterator[Stage]:
    async with DiscordEmulator() as emulator:
        given = {"discord_token": emulator.token, "discord_api_url": emulator.url}
        async with _running(DiscordStage(), discord.run, emulator, f"sqlite:///{folder}/discord.db", agent, given) as stage:
            while not emulator.commands:
                await asyncio.sleep(0.01)
            yield stage


@asynccontextmanager
async def _running(
    stage: Stage, run: Callable[..., Awaitable[None]], emulator: Any, url: str, agent: Any, given: dict[str, Any]
) -> AsyncIterator[Stage]:
    settings = Settings(cleanup_interval=0.0, close_timeout=5.0, bot_rate=0, bot_hears=True, token_limit=100_000, **given)
    async with SessionManager.open(url, settings=settings) as sessions:
        stage.emulator, stage.sessions = emulator, sessions
        stop, ready = asyncio.Event(), asyncio.Event()
        bot = asyncio.ensure_future(run(sessions, Chat(sessions, agent), lambda name: ready.set(), stop))
        await ready.wait()
        try:
            yield stage
        finally:
            stop.set()
            await bot
        assert await sessions.check() == []
