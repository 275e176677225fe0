"""The Telegram bot on the real library, against the emulator of the Bot API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.bots.helpers import echo, idle

from turnkeep import SessionManager
from turnkeep.agents import Turn
from turnkeep.bots.telegram import run
from turnkeep.chat import Chat
from turnkeep.errors import InvalidInput
from turnkeep.settings import Settings
from turnkeep.testing.telegram import TelegramEmulator


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator() as emulator:
        yield emulator


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    return tmp_path


@asynccontextmanager
async def running(telegram: TelegramEmulator, folder: Path, agent: Any = echo, **settings: Any) -> AsyncIterator[SessionManager]:
    """The bot, polling."""
    made = Settings(
        cleanup_interval=0.0, close_timeout=5.0, telegram_token=telegram.token, telegram_api_url=telegram.url, **settings
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


async def test_a_message_is_answered(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    async with running(telegram, folder):
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
    assert telegram.calls["getMe"] == 1


async def test_commands_have_their_answers_and_a_menu(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    bob = telegram.private(telegram.user("Bob", language="de"))
    async with running(telegram, folder) as sessions:
        ann.says("/start")
        await ann.until(lambda chat: len(chat.answers()) == 1)
        ann.says("hello")
        await ann.until(lambda chat: "re hello" in chat.answers())
        await idle(sessions)
        for command, words in {
            "/stats": "Messages: 2",
            "/summary": "word for word",
            "/compact": "nothing to summarize",
            "/stop": "not writing",
            "/undo": "Taken back: “hello”",
            "/retry": "nothing to answer again",
            "/help": "/reset – Begin afresh",
            "/reset": "A fresh start",
        }.items():
            ann.says(command)
            await ann.until(lambda chat, words=words: words in "".join(chat.answers()[-1:]))  # type: ignore[misc]
        ann.says("/unknown")
        await ann.until(lambda chat: chat.answers()[-1] == "I do not know /unknown. /help lists what I can do.")
        ann.edits(ann.says("/stop"), "/reset")
        ann.says("/etc/hosts is what?")
        await ann.until(lambda chat: chat.answers()[-1] == "re /etc/hosts is what?")
        bob.says("/start")
        await bob.until(lambda chat: "".join(chat.answers()).startswith("Hallo!"))
        while set(telegram.commands) != {"", "de"}:
            await asyncio.sleep(0.01)
    assert {one["command"] for one in telegram.commands[""]} >= {"reset", "stop", "retry", "undo", "stats", "forget", "help"}


async def test_a_slow_reply_shows_that_it_is_coming(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    thought = asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> str:
        await thought.wait()
        return "hm"

    async with running(telegram, folder, agent):
        ann.says("think")
        await ann.until(lambda chat: chat.actions == ["typing"])
        thought.set()
        await ann.until(lambda chat: chat.answers() == ["hm"])


async def test_retry_answers_again(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    count = 0

    async def agent(messages: list[dict[str, Any]]) -> str:
        nonlocal count
        count += 1
        return f"answer {count} to {messages[-1]['content']}"

    async with running(telegram, folder, agent):
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["answer 1 to hello"])
        ann.says("/retry")
        await ann.until(lambda chat: chat.answers() == ["answer 1 to hello", "answer 2 to hello"])


async def test_a_reset_stops_a_reply_and_empties_the_window(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        if messages[-1]["content"] == "what was before?":
            yield f"{len(messages)} messages"
            return
        yield "a long story"
        await asyncio.sleep(3600)

    async with running(telegram, folder, agent):
        ann.says("tell me")
        await ann.until(lambda chat: chat.answers() == ["a long story"])
        ann.says("/reset")
        await ann.until(lambda chat: len(chat.answers()) == 2 and "(stopped)" in chat.answers()[0])
        ann.says("what was before?")
        await ann.until(lambda chat: chat.answers()[-1:] == ["1 messages"])


async def test_export_is_a_file(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    async with running(telegram, folder) as sessions:
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        ann.says("/export")
        await ann.until(lambda chat: len(chat.from_bot()) == 2)
    document = ann.from_bot()[-1].raw["document"]
    assert document["file_name"] == "conversation.md"
    assert b"re hello" in telegram.server.files[document["file_id"]][1]


async def test_forget_asks_first_and_only_who_asked_may_answer(telegram: TelegramEmulator, folder: Path) -> None:
    group = telegram.group("Friends")
    ann, bob = telegram.user("Ann"), telegram.user("Bob")
    async with running(telegram, folder) as sessions:
        group.says("@turnkeep_bot my secret is blue", ann)
        await group.until(lambda chat: len(chat.answers()) == 1)
        group.says("/forget", ann)
        await group.until(lambda chat: len(chat.answers()) == 2)
        asked = group.from_bot()[-1]
        other = group.presses(asked, "Erase all", bob)
        await group.until(lambda chat: other in telegram.alerts)
        assert telegram.alerts[other].startswith("Only the person")
        group.presses(asked, "Erase all", ann)
        await group.until(lambda chat: asked.text.startswith("Erased."))
        found = await sessions.find_by_conversation(str(group.id), "telegram")
        assert found is not None
        assert "blue" not in str([message.content for message in await sessions.get_messages(found.id) if message.role == "user"])


async def test_in_a_group_it_answers_who_speaks_to_it(telegram: TelegramEmulator, folder: Path) -> None:
    group = telegram.group("Friends")
    ann, bob = telegram.user("Ann"), telegram.user("Bob")
    async with running(telegram, folder, bot_hears=True) as sessions:
        group.says("nobody asked you", ann)
        group.says("@turnkeep_bot but I do", bob)
        await group.until(lambda chat: chat.answers() == ["re but I do"])
        group.says("and this is a reply", ann, reply_to=group.from_bot()[0])
        await group.until(lambda chat: chat.answers()[1:] == ["re and this is a reply"])
        assert group.from_bot()[1].raw["reply_to_message"]["from"]["first_name"] == "Ann"
        found = await sessions.find_by_conversation(str(group.id), "telegram")
        assert found is not None
        log = await sessions.get_messages(found.id)
    assert [(one.name, one.content) for one in log if one.role == "user"] == [
        ("Ann", "nobody asked you"),
        ("Bob", "but I do"),
        ("Ann", "and this is a reply"),
    ]


@pytest.mark.parametrize(("scope", "sessions_wanted"), [("chat", 1), ("topic", 2), ("user", 2)])
async def test_scope(telegram: TelegramEmulator, folder: Path, scope: str, sessions_wanted: int) -> None:
    group = telegram.group("Forum")
    ann, bob = telegram.user("Ann"), telegram.user("Bob")
    async with running(telegram, folder, bot_scope=scope) as sessions:
        group.says("@turnkeep_bot one", ann, topic=7)
        group.says("@turnkeep_bot two", ann, topic=8 if scope != "user" else 7)
        if scope == "user":
            group.says("@turnkeep_bot three", bob, topic=8)
        wanted = 3 if scope == "user" else 2
        await group.until(lambda chat: len(chat.answers()) == wanted)
        assert len(await sessions.list_sessions()) == sessions_wanted
    assert {one.raw["message_thread_id"] for one in group.from_bot()} == {7, 8}


async def test_attachments_are_read(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    async with running(telegram, folder):
        ann.sends_file(b"line one", "notes.txt", "text/plain", "read this")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re read this | File notes.txt:\nline one"])
        ann.sends_file(b"\x00\x01", "data.bin", "application/octet-stream")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re [data.bin (application/octet-stream) was attached]"])
        ann.sends_file(b"%PDF broken", "paper.pdf", "application/pdf")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re [paper.pdf (application/pdf) was attached: it cannot be read]"])
        ann.sends_voice(b"OggS")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re [voice message (audio/ogg) was attached]"])
        ann.sends_photo(b"\xff\xd8jpeg", "look")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re look | [photo.jpg (image/jpeg) was attached]"])
        ann.posts(video=video(telegram), caption="watch")
        await ann.until(lambda chat: chat.answers()[-1:] == ["re watch | [video (video/mp4) was attached]"])


def video(telegram: TelegramEmulator) -> dict[str, Any]:
    return {**telegram.server.keep(b"mp4", "v.mp4"), "width": 9, "height": 9, "duration": 1, "mime_type": "video/mp4"}


async def test_what_cannot_be_read_is_said_so_and_remembered(telegram: TelegramEmulator, folder: Path) -> None:
    ann, bob = telegram.private(telegram.user("Ann")), telegram.private(telegram.user("Bob", language="de"))
    moving = {"latitude": 1.0, "longitude": 2.0, "live_period": 60}
    async with running(telegram, folder) as sessions:
        ann.sends_sticker()
        ann.posts(video=video(telegram))
        place = ann.posts(location=moving)
        await ann.until(lambda chat: len(chat.answers()) == 3)
        place.raw |= {"edit_date": 5, "location": moving | {"latitude": 1.1}}
        telegram.server.update("edited_message", place.raw)
        ann.says("hello")
        await ann.until(lambda chat: chat.answers()[3:] == ["re hello"])
        assert ann.answers()[0] == "I cannot read that yet. Write to me, or send an image or a document."
        bob.posts(dice={"emoji": "🎲", "value": 6})
        await bob.until(lambda chat: "".join(chat.answers()).startswith("Das kann ich noch nicht lesen."))
        found = await sessions.find_by_conversation(ann.id, "telegram")
        assert found is not None
        told = [message.content for message in await sessions.get_messages(found.id) if message.role == "user"]
    assert told == ["[sticker 👍 was sent]", "[video was sent]", "[location was sent]", "hello"]


async def test_an_album_is_one_turn_and_so_is_a_long_paste(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))

    async def agent(messages: list[dict[str, Any]]) -> str:
        content = messages[-1]["content"]
        return f"{len(content)} {'units' if isinstance(content, str) else 'parts'}"

    async with running(telegram, folder, agent, token_limit=100_000):
        for at in range(3):
            ann.sends_photo(b"\xff\xd8", "holiday" if not at else "", media_group_id="7")
        await ann.until(lambda chat: chat.answers() == ["4 parts"])
        ann.says("x" * 4096)
        ann.says("y" * 4096)
        ann.says("z" * 100)
        await ann.until(lambda chat: chat.answers()[1:] == [f"{4096 * 2 + 100} units"])


async def test_in_a_group_all_pieces_of_what_was_said_to_it_are_heard(telegram: TelegramEmulator, folder: Path) -> None:
    group, ann, bob = telegram.group("Friends"), telegram.user("Ann"), telegram.user("Bob")

    async def agent(messages: list[dict[str, Any]]) -> str:
        content = messages[-1]["content"]
        return f"{len(content)} {'units' if isinstance(content, str) else 'parts'}"

    async with running(telegram, folder, agent, token_limit=100_000):
        group.says("@Turnkeep_Bot " + "x" * 4082, ann)
        group.says("y" * 100, ann)
        await group.until(lambda chat: chat.answers() == [f"{4082 + 100} units"])
        for at in range(3):
            group.sends_photo(b"\xff\xd8", "" if at else "@turnkeep_bot look", ann, media_group_id="7")
        await group.until(lambda chat: chat.answers()[1:] == ["4 parts"])
        photo = group.sends_photo(b"\xff\xd8", "", bob)
        group.says("@turnkeep_bot what is this?", ann, reply_to=photo)
        await group.until(lambda chat: chat.answers()[2:] == ["2 parts"])


async def test_a_reply_whose_formatting_is_refused_comes_plain(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    telegram.refuses_entities = True
    async with running(telegram, folder, bold):
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["so bold"])


async def bold(messages: list[dict[str, Any]]) -> str:
    return "so **bold**"


async def test_what_a_message_has_no_room_for_is_noted(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))

    class Sees:
        takes_images = True
        name = "sees"

        async def schemas(self) -> list[Any]:
            return []

        async def run(self, turn: Turn) -> AsyncIterator[str]:
            content = turn.context.messages[-1]["content"]
            yield " | ".join(part.get("text") or part["type"] for part in content)

    async with running(telegram, folder, Sees(), max_content_bytes=50_000):
        for size, caption in ((20_000, "one"), (20_000, ""), (9_000, "two")):
            ann.sends_photo(b"\xff\xd8" * (size // 2), caption, media_group_id="7")
        noted = "[photo.jpg (image/jpeg) was attached: there is no room for it in one message]"
        await ann.until(lambda chat: chat.answers() == [f"one\ntwo | image_url | {noted} | image_url"])


async def test_a_file_that_comes_late_is_read(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    async with running(telegram, folder):
        telegram.flood["getFile"] = telegram.broken["getFile"] = 1
        ann.sends_file(b"line one", "notes.txt", "text/plain")
        await ann.until(lambda chat: chat.answers() == ["re File notes.txt:\nline one"])


async def test_a_long_reply_comes_in_parts_with_its_formatting(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    code = "\n".join(f"print({at})  # 🎉" for at in range(900))

    async def agent(messages: list[dict[str, Any]]) -> str:
        return f"**Bold** start\n\n```python\n{code}\n```\n\nand the end."

    async with running(telegram, folder, agent):
        ann.says("code, please")
        await ann.until(lambda chat: bool(chat.answers()) and "".join(chat.answers()).endswith("and the end."))
    parts = ann.from_bot()
    assert len(parts) > 3
    assert all(one.raw.get("entities") for one in parts)
    told = "\n".join(one.text for one in parts)
    assert [line for line in told.splitlines() if line.startswith("print(")] == code.splitlines()


async def test_edits_of_a_growing_reply_obey_the_flood_limit(
    telegram: TelegramEmulator, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ann = telegram.private(telegram.user("Ann"))

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        for at in range(20):
            yield f"{at} "
            await asyncio.sleep(0.05)

    async with running(telegram, folder, agent):
        telegram.flood["sendMessage"] = 1
        telegram.flood["editMessageText"] = 1
        ann.says("count")
        await ann.until(lambda chat: chat.answers() == [" ".join(str(at) for at in range(20))])
    assert telegram.calls["editMessageText"] <= 5
    assert caplog.records == []


async def test_an_edited_message_is_answered_again(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    async with running(telegram, folder):
        first = ann.says("one")
        await ann.until(lambda chat: chat.answers() == ["re one"])
        ann.edits(first, "one, rather")
        await ann.until(lambda chat: chat.answers() == ["re one", "re one, rather"])


async def test_a_quote_and_a_reply_come_along(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    async with running(telegram, folder):
        first = ann.says("the sky is green")
        await ann.until(lambda chat: len(chat.answers()) == 1)
        ann.says("is that so?", reply_to=first)
        await ann.until(lambda chat: chat.answers()[1:] == ["re > the sky is green\n\nis that so?"] or len(chat.answers()) == 2)
    assert "the sky is green" in ann.answers()[1]


async def test_what_nobody_can_read_of_another_bot_is_passed_over(telegram: TelegramEmulator, folder: Path) -> None:
    group = telegram.group("Bots")
    other = telegram.user("Other")
    other.is_bot = True
    ann = telegram.user("Ann")
    async with running(telegram, folder) as sessions:
        group.says("@turnkeep_bot hello from a bot", other)
        group.says("@turnkeep_bot hello", ann)
        await group.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        [session] = await sessions.list_sessions()
        assert session.seq == 2


async def test_what_the_app_says_of_a_chat_is_passed_over(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    async with running(telegram, folder):
        ann.posts(new_chat_title="Ours")
        ann.posts(pinned_message={"message_id": 1, "date": 0, "chat": ann.told()})
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])


async def test_a_paste_is_one_message_whatever_its_length_and_the_rate(telegram: TelegramEmulator, folder: Path) -> None:
    ann = telegram.private(telegram.user("Ann"))
    text = "".join(f"line {at:09}\n" for at in range(6_667))
    assert len(text) > 100_000

    async def count(messages: list[dict[str, Any]]) -> str:
        return "counted"

    async with running(telegram, folder, count, bot_rate=2) as sessions:
        for at in range(0, len(text), 4096):
            ann.says(text[at : at + 4096])
        await ann.until(lambda chat: chat.answers() == ["counted"])
        await idle(sessions)
        [session] = await sessions.list_sessions()
        [asked, _] = await sessions.get_messages(session.id)
        assert asked.content == text


async def test_a_chat_that_blocked_the_bot_does_not_stop_others(telegram: TelegramEmulator, folder: Path) -> None:
    ann, bob = telegram.private(telegram.user("Ann")), telegram.private(telegram.user("Bob"))
    ann.blocked = True
    async with running(telegram, folder) as sessions:
        ann.says("hello")
        bob.says("hello")
        await bob.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
    assert ann.from_bot() == []


async def test_an_unknown_token_is_said_so(telegram: TelegramEmulator, folder: Path) -> None:
    telegram.token = "654321:ANOTHER-token-that-nobody-knows-00000"
    settings = Settings(cleanup_interval=0.0, telegram_token="123456:some", telegram_api_url=telegram.url)
    async with SessionManager.open("memory://", settings=settings) as sessions:
        with pytest.raises(InvalidInput) as caught:
            await run(sessions, Chat(sessions, echo), lambda name: None, asyncio.Event())
    assert caught.value.field == "telegram_token"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"telegram_token": None}, "telegram_token"),
        ({"telegram_token": "no token"}, "telegram_token"),
        ({"telegram_api_url": "localhost"}, "telegram_api_url"),
    ],
)
async def test_settings_that_cannot_work_are_said_at_once(
    telegram: TelegramEmulator, changes: dict[str, Any], field: str
) -> None:
    given = {"telegram_token": telegram.token, "telegram_api_url": telegram.url} | changes
    async with SessionManager.open("memory://", settings=Settings(cleanup_interval=0.0, **given)) as sessions:
        with pytest.raises(InvalidInput) as caught:
            await run(sessions, Chat(sessions, echo), lambda name: None, asyncio.Event())
    assert caught.value.field == field


async def test_many_chats_at_once_are_answered_each_in_order(telegram: TelegramEmulator, folder: Path) -> None:
    chats = [telegram.private(telegram.user(f"U{at}")) for at in range(40)]
    async with running(telegram, folder, bot_rate=0):
        for turn in range(3):
            for chat in chats:
                chat.says(f"m{turn}")
        for chat in chats:
            await chat.until(lambda one: one.answers() == ["re m0", "re m1", "re m2"], 60.0)
