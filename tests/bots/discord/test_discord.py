"""What is said to the Discord bot, on the real library, against the emulator of Discord."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.bots.discord.bot import errors, running
from tests.bots.helpers import echo, idle

from turnkeep import SessionManager
from turnkeep.bots.discord import run
from turnkeep.chat import Chat
from turnkeep.errors import InvalidInput
from turnkeep.settings import Settings
from turnkeep.testing.discord import DiscordEmulator

POLL = {"question": {"text": "When?"}, "answers": [], "expiry": "2026-12-01T00:00:00+00:00", "allow_multiselect": False}


async def test_a_message_is_answered(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    async with running(emulator, tmp_path):
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
    [answer] = ann.from_bot()
    assert answer.sent["allowed_mentions"] == {"parse": []}


async def test_a_slow_reply_shows_that_it_is_coming(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    thought = asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> str:
        await thought.wait()
        return "hm"

    async with running(emulator, tmp_path, agent):
        ann.says("think")
        await ann.until(lambda chat: chat.typed > 0)
        thought.set()
        await ann.until(lambda chat: chat.answers() == ["hm"])


async def test_in_a_guild_it_answers_who_speaks_to_it(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, bob, general = emulator.user("Ann"), emulator.user("Bob"), emulator.channel("general")
    async with running(emulator, tmp_path, bot_hears=True) as sessions:
        general.says("nobody asked you", ann)
        general.says(f"but I do, {ann.mention} and <#{general.id}> <:wave:{bob.id}>", bob, mention=True)
        await general.until(lambda chat: len(chat.answers()) == 1)
        [first] = general.from_bot()
        assert first.raw["message_reference"]["message_id"] == str(general.messages[1].id)
        general.says("and this is a reply", ann, reply_to=first)
        await general.until(lambda chat: chat.answers()[1:] == ["re and this is a reply"])
        await idle(sessions)
        found = await sessions.find_by_conversation(str(general.id), "discord")
        assert found is not None
        log = await sessions.get_messages(found.id)
    assert [(one.name, one.content) for one in log if one.role == "user"] == [
        ("Ann", "nobody asked you"),
        ("Bob", "but I do, @Ann and #general :wave:"),
        ("Ann", "and this is a reply"),
    ]


async def test_it_is_meant_by_its_role_too(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, guild = emulator.user("Ann"), emulator.guild()
    general = emulator.channel("general", guild)
    async with running(emulator, tmp_path):
        general.says(f"<@&{guild.id}> all of you", ann, mention_roles=[str(guild.id)])
        general.says(f"<@&{guild.role}> you", ann, mention_roles=[str(guild.role)])
        await general.until(lambda chat: chat.answers() == ["re you"])


async def test_it_hears_no_more_than_it_is_told_to(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    other = emulator.user("Other")
    other.is_bot = True
    async with running(emulator, tmp_path) as sessions:
        general.says("between us", ann)
        general.says("hello from a bot", other, mention=True)
        general.says("a pin", ann, type=6)
        general.says("hello", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        [session] = await sessions.list_sessions()
        assert session.seq == 2


@pytest.mark.parametrize(("scope", "sessions_wanted"), [("chat", 1), ("topic", 2), ("user", 2)])
async def test_scope(emulator: DiscordEmulator, tmp_path: Path, scope: str, sessions_wanted: int) -> None:
    ann, bob, general = emulator.user("Ann"), emulator.user("Bob"), emulator.channel("general")
    thread = general.thread("aside")
    async with running(emulator, tmp_path, bot_scope=scope) as sessions:
        general.says("one", ann, mention=True)
        thread.says("two", bob if scope == "user" else ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re one"])
        await thread.until(lambda chat: chat.answers() == ["re two"])
        await idle(sessions)
        found = await sessions.list_sessions()
        assert len(found) == sessions_wanted
        assert {one.external_chat_id for one in found} == {str(general.id)}


async def test_attachments_are_read(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    async with running(emulator, tmp_path):
        ann.sends_file(b"line one", "notes.txt", "text/plain; charset=utf-8", "read this")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re read this | File notes.txt:\nline one"])
        ann.sends_file(b"\x00\x01", "data.bin", "application/octet-stream")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re [data.bin (application/octet-stream) was attached]"])
        ann.sends_file(b"%PDF broken", "paper.pdf", "application/pdf")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re [paper.pdf (application/pdf) was attached: it cannot be read]"])
        ann.sends_file(b"OggS", "voice-message.ogg", "audio/ogg")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re [voice-message.ogg (audio/ogg) was attached]"])
        ann.sends_file(b"\xff\xd8jpeg", "photo.jpg", "image/jpeg", "look")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re look | [photo.jpg (image/jpeg) was attached]"])
        gone = ann.sends_file(b"text", "gone.txt", "text/plain", edited_timestamp=None)
        emulator.server.files.pop(int(gone.raw["attachments"][0]["id"]))
        await ann.until(lambda chat: "gone.txt" in chat.answers()[-1])
        assert ann.answers()[-1].endswith("was attached: I cannot read the file gone.txt.]")


async def test_what_cannot_be_read_is_said_so_and_remembered(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    sticker = {"id": "1", "name": "Wave", "format_type": 1}
    async with running(emulator, tmp_path) as sessions:
        ann.says("", sticker_items=[sticker])
        ann.says("", poll=POLL)
        ann.says("hello")
        await ann.until(lambda chat: chat.answers()[2:] == ["re hello"])
        assert ann.answers()[0] == "I cannot read that yet. Write to me, or send an image or a document."
        await idle(sessions)
        found = await sessions.find_by_conversation(str(ann.id), "discord")
        assert found is not None
        told = [message.content for message in await sessions.get_messages(found.id) if message.role == "user"]
    assert told == ["[sticker Wave was sent]", "[poll was sent]", "hello"]


async def test_what_the_library_cannot_read_ends_no_bot(
    emulator: DiscordEmulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = emulator.private(emulator.user("Ann")), emulator.private(emulator.user("Bob"))
    async with running(emulator, tmp_path):
        ann.says("", poll=POLL | {"expiry": None})
        bob.says("hello")
        await bob.until(lambda chat: chat.answers() == ["re hello"])
    assert "MESSAGE_CREATE cannot be read" in caplog.text


async def test_a_quote_comes_along_with_what_was_sent_there(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, bob, general = emulator.user("Ann"), emulator.user("Bob"), emulator.channel("general")
    async with running(emulator, tmp_path):
        first = general.says("the sky is green", bob)
        general.says("is that so?", ann, mention=True, reply_to=first)
        await general.until(lambda chat: chat.answers() == ["re > the sky is green\n\nis that so?"])
        photo = general.sends_file(b"\xff\xd8", "photo.jpg", "image/jpeg", by=bob)
        general.says("what is this?", ann, mention=True, reply_to=photo)
        await general.until(lambda chat: chat.answers()[1:] == ["re what is this? | [photo.jpg (image/jpeg) was attached]"])
        photo.deleted = True
        general.says("and this?", ann, mention=True, reply_to=photo)
        await general.until(lambda chat: chat.answers()[2:] == ["re and this?"])


async def test_what_is_forwarded_is_a_quote(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    inner = {"type": 0, "content": "from far away", "embeds": [], "attachments": [], "timestamp": "2026-11-27T00:00:00+00:00"}
    inner |= {"edited_timestamp": None, "flags": 0, "mentions": [], "mention_roles": [], "components": []}
    async with running(emulator, tmp_path):
        ann.says("", message_snapshots=[{"message": inner}], message_reference={"type": 1, "channel_id": "5", "message_id": "6"})
        await ann.until(lambda chat: chat.answers() == ["re > from far away"])


async def test_an_edited_message_is_answered_again(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path) as sessions:
        first = general.says("one", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re one"])
        general.tell("MESSAGE_UPDATE", first)  # a link's preview was found
        general.edits(first, f"{emulator.server.me.mention} one, rather")
        await general.until(lambda chat: chat.answers() == ["re one", "re one, rather"])
        general.says("two", ann, mention=True)
        await general.until(lambda chat: chat.answers()[2:] == ["re two"])
        general.edits(first, f"{emulator.server.me.mention} one, after all")
        general.says("three", ann, mention=True)
        await general.until(lambda chat: chat.answers()[3:] == ["re three"])
        await idle(sessions)
        [session] = await sessions.list_sessions()
        log = [message.content for message in await sessions.get_messages(session.id)]
    assert log[-3:] == ["[The user edited an earlier message. It now reads: one, after all]", "three", "re three"]


async def test_a_long_reply_comes_in_parts_with_its_formatting(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    code = "\n".join(f"print({at})  # 🎉" for at in range(900))

    async def agent(messages: list[dict[str, Any]]) -> str:
        return f"**Bold** start\n\n```python\n{code}\n```\n\nand the end."

    async with running(emulator, tmp_path, agent):
        ann.says("code, please")
        await ann.until(lambda chat: bool(chat.answers()) and "".join(chat.answers()).endswith("and the end."), 60.0)
    parts = ann.answers()
    assert len(parts) > 5
    assert all(one.count("```") == 2 for one in parts)
    lines = [line for line in "\n".join(parts).splitlines() if line.startswith("print(")]
    assert lines == code.splitlines()


async def test_edits_of_a_growing_reply_obey_the_limits(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        for at in range(20):
            yield f"{at} "
            await asyncio.sleep(0.05)

    async with running(emulator, tmp_path, agent):
        emulator.flood["create_message"] = emulator.flood["edit_message"] = 1
        ann.says("count")
        await ann.until(lambda chat: chat.answers() == [" ".join(str(at) for at in range(20))])
    assert emulator.calls["edit_message"] <= 5


async def test_people_who_write_at_once_are_answered_each_in_order(emulator: DiscordEmulator, tmp_path: Path) -> None:
    chats = [emulator.private(emulator.user(f"U{at}")) for at in range(40)]
    async with running(emulator, tmp_path, bot_rate=0):
        for turn in range(3):
            for chat in chats:
                chat.says(f"m{turn}")
        for chat in chats:
            await chat.until(lambda one: one.answers() == ["re m0", "re m1", "re m2"], 60.0)


async def test_limits_and_languages_are_those_of_every_bot(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.user("Ann")
    place = emulator.channel("allgemein", emulator.guild("Freunde", language="de"))
    async with running(emulator, tmp_path, bot_rate=1):
        place.says("eins", ann, mention=True)
        place.says("zwei", ann, mention=True)
        await place.until(lambda chat: len(chat.answers()) == 2)
    assert {one.partition(".")[0] for one in place.answers()} == {"re eins", "Das war viel auf einmal"}


# --- what Discord refuses


async def test_a_reply_that_is_refused_comes_plain_else_there_is_a_word_and_a_record(
    emulator: DiscordEmulator, tmp_path: Path
) -> None:
    ann = emulator.private(emulator.user("Ann"))

    async def bold(messages: list[dict[str, Any]]) -> str:
        return "so **bold**"

    async with running(emulator, tmp_path, bold) as sessions:
        emulator.refuse("create_message", 50035)
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["so bold"])
        await idle(sessions)
        assert await errors(sessions) == 0
        emulator.refuse("create_message", 50035, 4)  # growing and final, each also as plain text
        ann.says("again")
        await ann.until(lambda chat: chat.answers()[1:] == ["I have an answer, but it cannot be shown here. /export has it."])
        await idle(sessions)
        assert await errors(sessions) == 1


async def test_without_the_right_to_quote_it_answers_without_a_quote(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")

    async def bold(messages: list[dict[str, Any]]) -> str:
        return "so **bold**"

    async with running(emulator, tmp_path, bold):
        emulator.refuse("create_message", 160002)
        general.says("hello", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["so **bold**"])
    assert "message_reference" not in general.from_bot()[0].raw


@pytest.mark.parametrize("code", [50001, 50013, 10003])
async def test_who_cannot_be_answered_does_not_stop_others(emulator: DiscordEmulator, tmp_path: Path, code: int) -> None:
    ann, general, bob = emulator.user("Ann"), emulator.channel("general"), emulator.private(emulator.user("Bob"))

    async def agent(messages: list[dict[str, Any]]) -> str:
        if messages[-1]["content"] == "hello":
            if code == 10003:
                general.is_deleted()
            else:
                general.lets_bot(see=code == 50013, write=False)
        return "hi"

    async with running(emulator, tmp_path, agent) as sessions:
        general.says("hello", ann, mention=True)
        await idle_after(sessions, 1)
        bob.says("and I?")
        await bob.until(lambda chat: chat.answers() == ["hi"])
        await idle(sessions)
        found = await sessions.find_by_conversation(str(general.id), "discord")
        assert found is not None
        assert (await sessions.get_session_stats(found.id)).errors == 1
    assert general.answers() == []


async def idle_after(sessions: SessionManager, count: int) -> None:
    """So many sessions are there, and nothing is left to do."""
    while len(await sessions.list_sessions()) < count:
        await asyncio.sleep(0.01)
    await idle(sessions)


async def test_a_person_who_takes_no_messages_does_not_stop_others(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, bob = emulator.private(emulator.user("Ann")), emulator.private(emulator.user("Bob"))
    ann.blocked = True
    async with running(emulator, tmp_path) as sessions:
        ann.says("hello")
        bob.says("hello")
        await bob.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        assert await errors(sessions) == 1
    assert ann.from_bot() == []


# --- what cannot be


async def refused(emulator: DiscordEmulator, **changes: Any) -> InvalidInput:
    given = {"discord_token": emulator.token, "discord_api_url": emulator.url} | changes
    async with SessionManager.open("memory://", settings=Settings(cleanup_interval=0.0, **given)) as sessions:
        with pytest.raises(InvalidInput) as caught:
            await run(sessions, Chat(sessions, echo), lambda name: None, asyncio.Event())
    return caught.value


async def test_an_unknown_token_is_said_so(emulator: DiscordEmulator) -> None:
    error = await refused(emulator, discord_token="nobody.knows.this")
    assert error.field == "discord_token" and "does not know" in str(error)


async def test_a_missing_intent_is_said_so(emulator: DiscordEmulator) -> None:
    emulator.gateway.allowed = 0
    error = await refused(emulator)
    assert error.field == "discord_token" and "Message Content Intent" in str(error)


async def test_a_discord_that_cannot_be_reached_is_said_so(emulator: DiscordEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnkeep.bots.discord.client.START_PAUSE", 0.01)
    error = await refused(emulator, discord_api_url="http://127.0.0.1:1/api")
    assert error.field == "discord_api_url" and "cannot be reached" in str(error)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"discord_token": None}, "discord_token"),
        ({"discord_token": "no token"}, "discord_token"),
        ({"discord_api_url": "localhost"}, "discord_api_url"),
    ],
)
async def test_settings_that_cannot_work_are_said_at_once(emulator: DiscordEmulator, changes: dict[str, Any], field: str) -> None:
    assert (await refused(emulator, **changes)).field == field
