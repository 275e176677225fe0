"""The gateway is lost again and again while people talk: each message is answered once, and in its place."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import discord as library
import pytest
from tests.bots.discord.bot import running
from tests.bots.helpers import idle

from turnkeep.lifecycle import store_of
from turnkeep.session import Message
from turnkeep.testing.discord import Chat, DiscordEmulator

ROUNDS = 20


def forgotten(emulator: DiscordEmulator) -> None:
    """The socket is cut, and the session cannot be resumed."""
    emulator.gateway.forget()
    emulator.gateway.cut()


WAYS: list[Callable[[DiscordEmulator], None]] = [
    lambda emulator: emulator.gateway.reconnect(),
    lambda emulator: emulator.gateway.invalidate(resumable=False),
    lambda emulator: emulator.gateway.cut(),
    lambda emulator: emulator.gateway.invalidate(resumable=True),
    forgotten,
]


async def slowly(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
    yield "re "
    await asyncio.sleep(0.05)
    yield messages[-1]["content"]


async def at_once(client: library.Client, shard_id: int | None, *, initial: bool = False) -> None:
    """The library waits for five seconds before it begins a new session; only Discord itself needs that."""


async def test_each_message_is_answered_once_however_the_gateway_is_lost(
    emulator: DiscordEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library.Client, "before_identify_hook", at_once)
    rng = random.Random(1)
    people = [emulator.user(f"U{at}") for at in range(4)]
    chats = [emulator.private(user) for user in people] + [emulator.channel(f"c{at}") for at in range(3)]
    chats.append(chats[-1].thread("t"))
    asked: dict[int, list[str]] = {chat.id: [] for chat in chats}

    def talk(most: int) -> None:
        for _ in range(rng.randrange(1, most)):
            chat = rng.choice(chats)
            asked[chat.id].append(f"{chat.id} no {len(asked[chat.id])}")
            chat.says(asked[chat.id][-1], chat.user or rng.choice(people), mention=chat.guild is not None)

    def is_answered(chat: Chat) -> bool:
        return chat.answers() == [f"re {text}" for text in asked[chat.id]]

    async with running(emulator, tmp_path, slowly, bot_rate=0, bot_scope="topic") as sessions:
        for chat in chats:  # a direct channel that never came up is none that the bot could know of
            asked[chat.id].append(f"{chat.id} hello")
            chat.says(asked[chat.id][-1], chat.user or people[0], mention=chat.guild is not None)
            await chat.until(is_answered)
        for at in range(ROUNDS):
            talk(8)
            await asyncio.sleep(rng.uniform(0.0, 0.1))
            begun = emulator.gateway.begun
            WAYS[at % len(WAYS)](emulator)
            talk(8)
            # a bot that is cut off while it says who it is waits longer each time before it tries again
            await chats[0].until(lambda chat, begun=begun: emulator.gateway.begun > begun, 60.0)  # type: ignore[misc]
        for chat in chats:
            await chat.until(is_answered, 60.0)
        await idle(sessions)
        logs = [await sessions.get_messages(one.id, limit=1000) for one in await sessions.list_sessions()]
        assert await store_of(sessions).arrivals("default", "discord") == []
    assert all(is_answered(chat) for chat in chats)
    assert sorted(text_of(log, "user") for log in logs) == sorted(asked.values())
    assert sorted(text_of(log, "assistant") for log in logs) == sorted([f"re {one}" for one in texts] for texts in asked.values())


def text_of(log: list[Message], role: str) -> list[object]:
    return [message.content for message in log if message.role == role]
