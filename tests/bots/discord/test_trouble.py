"""What goes wrong around the Discord bot: odd messages, a database that refuses, a token that ends, a log that must not tell."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from discord import RateLimited
from tests.bots.discord.bot import running
from tests.bots.helpers import echo, idle

from turnkeep import SessionManager
from turnkeep.bots.discord import run
from turnkeep.chat import Chat
from turnkeep.errors import InvalidInput, StoreError
from turnkeep.lifecycle import store_of
from turnkeep.settings import Settings
from turnkeep.testing.discord import DiscordEmulator

HELLO = "Hello! Write to me, and I answer."
FORWARDED: dict[str, Any] = {"message_reference": {"type": 1, "channel_id": "5", "message_id": "6"}}
INNER = {"type": 0, "content": "", "embeds": [], "attachments": [], "timestamp": "2026-11-27T00:00:00+00:00"}
INNER |= {"edited_timestamp": None, "flags": 0, "mentions": [], "mention_roles": [], "components": []}


async def test_who_says_nothing_is_greeted(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path) as sessions:
        named = general.says("", ann, mention=True)
        await general.until(lambda chat: len(chat.answers()) == 1)
        general.command("/ask", ann, text="  ")
        await general.until(lambda chat: len(chat.answers()) == 2)
        assert all(one.startswith(HELLO) for one in general.answers())
        general.edits(named, f"{emulator.server.me.mention} hello")
        await general.until(lambda chat: chat.answers()[2:] == ["re hello"])
        general.edits(named, emulator.server.me.mention)  # says nothing any more
        await idle(sessions)
        private = emulator.private(ann)
        private.says("", message_snapshots=[{"message": INNER}], **FORWARDED)
        await private.until(lambda chat: len(chat.answers()) == 1)
        assert private.answers()[0].startswith("I cannot read that yet.")
        assert len(general.answers()) == 3


async def test_long_and_odd_messages(emulator: DiscordEmulator, tmp_path: Path) -> None:
    person = emulator.user("Ann")
    ann = emulator.private(person)
    odd = "\u202eשלום עולם\u202c " + "מ" * 3900
    async with running(emulator, tmp_path, bot_rate=0, bot_notices=False):
        ann.says(odd)
        await ann.until(lambda chat: "".join(chat.answers()).count("מ") == 3900)
        count = len(ann.answers())
        ann.says(f"<@{person.id}>" * 90)
        await ann.until(lambda chat: chat.answers()[count:] == ["re " + "@Ann" * 90])
        ann.sends_file(b"", "empty.txt", "text/plain")
        await ann.until(lambda chat: chat.answers()[-1] == "re [empty.txt (text/plain) was attached: there is no text in it]")
        ann.sends_file(b"?", "mystery", None)
        await ann.until(lambda chat: "(unknown type) was attached" in chat.answers()[-1])
    assert all(len(one) <= 2000 for one in ann.answers())


async def test_a_webhooks_edit_is_no_message(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path) as sessions:
        hook = general.says("news", emulator.user("Hook"), mention=True, webhook_id="77")
        general.edits(hook, f"{emulator.server.me.mention} news again")
        general.says("hello", ann, mention=True)
        await general.until(lambda chat: "re hello" in chat.answers())
        await idle(sessions)
        assert general.answers() == ["re hello"]


# --- a database that refuses


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[[SessionManager, str], asyncio.Event]:
    """A call of the store fails; what is returned tells that it was tried."""
    monkeypatch.setattr("turnkeep.bots.inbox.FIRST_PAUSE", 0.05)

    def refuse(sessions: SessionManager, name: str) -> asyncio.Event:
        store, tried = store_of(sessions), asyncio.Event()
        call = getattr(store, name)

        async def refused(*args: Any, **kwargs: Any) -> Any:
            if not tried.is_set():
                tried.set()
                raise StoreError("database is locked")
            return await call(*args, **kwargs)

        monkeypatch.setattr(store, name, refused)
        return tried

    return refuse


async def test_a_command_waits_for_the_database(
    emulator: DiscordEmulator, tmp_path: Path, refusing: Callable[[SessionManager, str], asyncio.Event]
) -> None:
    ann = emulator.private(emulator.user("Ann"))
    async with running(emulator, tmp_path) as sessions:
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        refusing(sessions, "finish")
        asked = ann.command("/stop")
        await ann.until(lambda chat: asked.answers() == ["I am not writing anything."])
        await idle(sessions)
    assert ann.answers() == ["re hello", "I am not writing anything."]


async def test_a_wish_to_be_forgotten_waits_for_the_database(
    emulator: DiscordEmulator, tmp_path: Path, refusing: Callable[[SessionManager, str], asyncio.Event]
) -> None:
    ann = emulator.private(emulator.user("Ann"))
    async with running(emulator, tmp_path) as sessions:
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        asked = ann.command("/forget")
        await ann.until(lambda chat: bool(asked.answers()))
        refused = refusing(sessions, "erase_user")
        ann.presses(asked.shown[0], "Erase all")
        await ann.until(lambda chat: asked.answers() == ["Erased. I know nothing of you any more."])
        assert refused.is_set()
        assert await sessions.list_sessions() == []


async def test_a_mark_that_cannot_be_written_ends_no_bot_badly(
    emulator: DiscordEmulator, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = emulator.private(emulator.user("Ann"))

    async def refused(*args: Any) -> None:
        raise StoreError("database or disk is full")

    async with running(emulator, tmp_path) as sessions:
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        monkeypatch.setattr("turnkeep.bots.discord.behind.Behind.write", refused)
    assert "is not noted: database or disk is full" in caplog.text


# --- a token that ends


async def test_a_token_that_is_replaced_loses_no_answer(
    emulator: DiscordEmulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ann = emulator.private(emulator.user("Ann"))
    good, go = emulator.token, asyncio.Event()

    async def slow(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "half an "
        await go.wait()
        yield "answer"

    with pytest.raises(InvalidInput) as caught:
        async with running(emulator, tmp_path, slow, close_timeout=1.0) as sessions:
            ann.says("hello")
            await ann.until(lambda chat: chat.answers() == ["half an"])
            emulator.token = emulator.gateway.token = "some.other.token"
            await emulator.gateway.close(4004)
            go.set()
            async with asyncio.timeout(20):
                while len(await sessions.get_messages((await sessions.list_sessions())[0].id)) < 2:
                    await asyncio.sleep(0.01)
    assert caught.value.field == "discord_token" and "does not know this token" in str(caught.value)
    assert "Traceback" not in caplog.text
    emulator.token = emulator.gateway.token = good
    async with running(emulator, tmp_path, slow) as sessions:
        await ann.until(lambda chat: chat.answers() == ["half an answer"])
        await idle(sessions)


async def test_what_is_no_discord_is_said_so(emulator: DiscordEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnkeep.bots.discord.client.START_PAUSE", 0.01)
    settings = Settings(cleanup_interval=0.0, discord_token=emulator.token, discord_api_url=emulator.url)

    async def start() -> InvalidInput:
        async with SessionManager.open("memory://", settings=settings) as sessions:
            with pytest.raises(InvalidInput) as caught:
                await run(sessions, Chat(sessions, echo), lambda name: None, asyncio.Event())
        return caught.value

    monkeypatch.setattr("discord.http.HTTPClient.static_login", _page)
    assert "is not the address of Discord's API" in str(await start())
    monkeypatch.setattr("discord.http.HTTPClient.static_login", _wait)
    assert "Discord cannot be reached" in str(await start())


async def _page(*args: Any) -> Any:
    raise TypeError("string indices must be integers")  # as the library does with a page


async def _wait(*args: Any) -> Any:
    raise RateLimited(60.0)


# --- what the log tells


async def test_the_log_tells_no_words_and_no_tokens(
    emulator: DiscordEmulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path) as sessions:
        emulator.flood["edit_original"] = emulator.flood["respond"] = emulator.flood["create_message"] = 1
        emulator.lost["edit_message"] = 1
        asked = general.command("/ask", ann, text="my secret")
        general.says("my secret", ann, mention=True)
        await general.until(lambda chat: chat.answers().count("re my secret") == 2)
        await idle(sessions)
    told = "\n".join(f"{one.name} {one.getMessage()} {one.exc_text}" for one in caplog.records if one.name != "asyncio")
    assert "rate limited" in told
    assert "secret" not in told and asked.token not in told and emulator.token not in told
