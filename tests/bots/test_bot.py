"""What every bot does, over a platform of which everything is known."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from turnkeep import SessionManager
from turnkeep.bots.access import Access
from turnkeep.bots.base import Bot
from turnkeep.bots.delivery import Missing, Passing, Place, Slow
from turnkeep.bots.received import Received
from turnkeep.bots.texts import CATALOGUES, Texts
from turnkeep.chat import Chat, Incoming
from turnkeep.lifecycle import store_of
from turnkeep.settings import Settings

HERE = Place(chat="1")


class Wall:
    """A platform whose messages hang on a wall; `trouble` may raise before a call is done."""

    name = "wall"

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.calls: list[str] = []
        self.trouble: Callable[[str], None] = lambda call: None

    async def prepare(self, received: Received) -> Received:
        return received

    def pace(self, place: Place) -> float:
        return 0.01

    def parts(self, text: str) -> Sequence[object]:
        return [text[at : at + 20] for at in range(0, len(text), 20)]

    growing = parts

    def _called(self, call: str) -> None:
        self.calls.append(call)
        self.trouble(call)

    async def send(self, place: Place, part: object) -> str:
        self._called("send")
        message_id = str(len(self.calls))
        self.messages[message_id] = str(part)
        return message_id

    async def edit(self, place: Place, message_id: str, part: object) -> None:
        self._called("edit")
        if message_id not in self.messages:
            raise Missing
        self.messages[message_id] = str(part)

    async def remove(self, place: Place, message_id: str) -> None:
        self._called("remove")
        del self.messages[message_id]

    async def typing(self, place: Place) -> None:
        self._called("typing")

    def shown(self) -> str:
        return "".join(self.messages.values())


def received(text: Any, number: int = 1, **changes: Any) -> Received:
    user = changes.pop("user", "ann")
    incoming = Incoming(interface_type="wall", conversation_id=1, content=text, external_id=f"w:{number}", external_user_id=user)
    return Received(incoming=incoming, place=HERE, language="en", **changes)


async def echo(messages: list[dict[str, Any]]) -> str:
    return f"re {messages[-1]['content']}"


class Stage:
    """A bot over a wall, with a database that stays when it is opened again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wall = folder, Wall()

    async def open(self, agent: Any = echo, **settings: Any) -> Bot:
        made = Settings(cleanup_interval=0.0, **settings)
        self.sessions = await SessionManager.open(f"sqlite:///{self.folder}/bot.db", settings=made)
        self.bot = Bot(Chat(self.sessions, agent), self.wall, Access(self.sessions))
        await self.bot.start()
        return self.bot

    async def done(self) -> None:
        """Nothing is left to do."""
        while self.bot._tasks or self.bot._gatherer._waiting or await store_of(self.sessions).arrivals("default", "wall"):
            await asyncio.sleep(0.005)

    async def close(self, seconds: float = 0.0) -> None:
        await self.bot.stop(seconds)
        assert await self.sessions.check() == []
        await self.sessions.close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    yield made
    await made.close(5.0)


async def test_a_message_is_answered_once_however_often_it_comes(stage: Stage) -> None:
    bot = await stage.open()
    for _ in range(3):
        await bot.take(received("hello"))
    await stage.done()
    await bot.take(received("hello"))
    await stage.done()
    assert list(stage.wall.messages.values()) == ["re hello"]


async def test_a_growing_reply_is_edited_and_ends_whole(stage: Stage) -> None:
    text = "".join(f"word {at} " for at in range(30))

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        for at in range(30):
            yield f"word {at} "
            await asyncio.sleep(0.003)

    bot = await stage.open(agent)
    await bot.take(received("go"))
    await stage.done()
    assert stage.wall.shown() == text
    assert stage.wall.calls.count("edit") > 0
    assert len(stage.wall.calls) < 60  # far fewer calls than pieces and parts


async def test_what_the_platform_refuses_for_now_is_delivered_later(stage: Stage) -> None:
    left = {"send": 3, "edit": 2}

    def trouble(call: str) -> None:
        if left.get(call, 0):
            left[call] -= 1
            raise Slow(0.01) if left[call] % 2 else Passing("the line is bad")

    stage.wall.trouble = trouble
    bot = await stage.open()
    await bot.take(received("hello, this is more than one part long"))
    await stage.done()
    assert stage.wall.shown() == "re hello, this is more than one part long"


async def test_a_message_that_people_deleted_is_sent_anew(stage: Stage) -> None:
    ready = asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "first "
        await ready.wait()
        yield "second"

    bot = await stage.open(agent)
    await bot.take(received("go"))
    while not stage.wall.messages:
        await asyncio.sleep(0.001)
    stage.wall.messages.clear()
    ready.set()
    await stage.done()
    assert list(stage.wall.messages.values()) == ["first second"]


async def test_what_was_taken_in_is_answered_after_a_crash(stage: Stage) -> None:
    async def stuck(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "half an ans"
        await asyncio.sleep(3600)

    bot = await stage.open(stuck)
    for number in range(3):
        await bot.take(received(f"m{number}", number))
    while not stage.wall.messages:
        await asyncio.sleep(0.001)
    await stage.close()

    await stage.open()
    await stage.done()
    assert list(stage.wall.messages.values()) == ["re m0", "re m1", "re m2"]  # the half one was edited, not sent again


async def test_a_crash_does_not_change_what_a_turn_is_made_of(stage: Stage) -> None:
    asked = asyncio.Event()

    async def stalls(messages: list[dict[str, Any]]) -> str:
        asked.set()
        await asyncio.Event().wait()
        return "never"

    bot = await stage.open(stalls)
    for text, number in (("a", 1), ("b", 2)):
        await bot.take(received(text, number, group="paste"))
    await asked.wait()
    await bot.take(received("c", 3, joins="paste"))
    await stage.close()
    await stage.open()
    await stage.done()
    assert list(stage.wall.messages.values()) == ["re ab", "re c"]


async def test_what_follows_the_last_piece_of_a_paste_is_another_message(stage: Stage) -> None:
    bot = await stage.open()
    await bot.take(received("a", 1, group="paste"))
    for text, number in (("b", 2), ("c", 3)):
        await bot.take(received(text, number, joins="paste"))
    await stage.done()
    assert list(stage.wall.messages.values()) == ["re ab", "re c"]


async def test_an_album_is_one_turn(stage: Stage) -> None:
    bot = await stage.open(lambda_agent)
    for number in range(3):
        await bot.take(received([{"type": "text", "text": f"p{number}"}], number, group="album"))
    await bot.take(received("next", 9))  # what comes after does not overtake it
    await stage.done()
    assert list(stage.wall.messages.values()) == ["p0 p1 p2", "next"]


async def lambda_agent(messages: list[dict[str, Any]]) -> str:
    content = messages[-1]["content"]
    return content if isinstance(content, str) else " ".join(part["text"] for part in content)


async def test_an_edit_of_the_newest_message_is_answered_again(stage: Stage) -> None:
    bot = await stage.open()
    await bot.take(received("one", 1))
    await bot.take(received("two", 2))
    await stage.done()
    await bot.take(received("two!", 3, kind="edit", edited="w:2"))
    await stage.done()
    await bot.take(received("one!", 4, kind="edit", edited="w:1"))
    await stage.done()

    assert list(stage.wall.messages.values()) == ["re one", "re two", "re two!"]
    session = await stage.sessions.find_by_conversation(1, "wall")
    assert session is not None
    shown = [message["content"] for message in (await stage.sessions.build_context(session.id)).messages]
    assert shown == ["one", "re one", "two!", "re two!", "[The user edited an earlier message. It now reads: one!]"]


async def test_a_failure_is_one_plain_sentence(stage: Stage) -> None:
    async def agent(messages: list[dict[str, Any]]) -> str:
        raise RuntimeError("secret reason")

    bot = await stage.open(agent)
    await bot.take(received("hello"))
    await stage.done()
    assert stage.wall.shown().startswith("Something went wrong and I could not answer. /retry tries again. (Error ")
    assert "secret" not in stage.wall.shown()


async def test_what_cannot_be_stored_is_refused_with_a_word(stage: Stage) -> None:
    bot = await stage.open(max_content_bytes=100)
    await bot.take(received("x" * 101))
    await stage.done()
    assert stage.wall.shown().startswith("I cannot take this message: content: is too long")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bot_block": ("ann",)}, ""),
        ({"bot_allow": ("bob",)}, "This bot is private. Its owner can let you in; your id is ann."),
        ({"bot_allow": ("bob",), "bot_admins": ("ann",)}, "re hello"),
        ({"bot_allow": ("ann",)}, "re hello"),
    ],
)
async def test_who_may_talk_to_it(stage: Stage, settings: dict[str, Any], said: str) -> None:
    bot = await stage.open(**settings)
    await bot.take(received("hello"))
    await stage.done()
    assert stage.wall.shown() == said


async def test_a_flood_is_told_so_once(stage: Stage) -> None:
    bot = await stage.open(bot_rate=2)
    for number in range(6):
        await bot.take(received("hi", number))
    await stage.done()
    shown = list(stage.wall.messages.values())
    assert shown.count("re hi") == 2
    assert stage.wall.shown().count("That was a lot at once.") == 1


async def test_the_tokens_of_a_day_end(stage: Stage) -> None:
    bot = await stage.open(bot_daily_tokens=10)
    for number in range(3):
        await bot.take(received("hello", number))
        await stage.done()
    assert stage.wall.shown().count("re hello") == 1
    assert stage.wall.shown().count("Your tokens for today are used up.") == 1


def test_the_catalogues_say_the_same_things() -> None:
    def places(text: str) -> set[str]:
        return {part.partition("}")[0] for part in text.split("{")[1:]}

    english = CATALOGUES["en"]
    for language, catalogue in CATALOGUES.items():
        assert catalogue.keys() == english.keys(), language
        for key, text in catalogue.items():
            assert places(text) == places(english[key]), (language, key)
    assert Texts("de-AT").say("stop") == "Abgebrochen."
    assert Texts("xx").say("stop") == Texts(None).say("stop") == "Stopped."
