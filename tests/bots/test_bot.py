"""What every bot does, over a platform of which everything is known."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.bots.conftest import Stage, received

from turnkeep.bots import delivery, inbox
from turnkeep.bots.delivery import Gone, Passing, Refused, Slow
from turnkeep.bots.received import Attachment
from turnkeep.bots.texts import CATALOGUES, Texts
from turnkeep.errors import StoreBusy
from turnkeep.session import Message, Role


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


async def test_what_cannot_be_read_is_remembered_and_said_so(stage: Stage) -> None:
    bot = await stage.open()
    await bot.take(received("[sticker was sent]", kind="unread"))
    await stage.done()
    assert stage.wall.shown() == "I cannot read that yet. Write to me, or send an image or a document."
    assert [(message.role, message.content) for message in await stage.log()] == [("user", "[sticker was sent]")]


async def test_a_file_is_as_it_was_when_the_message_was_stored(stage: Stage) -> None:
    bot = await stage.open(stalls)
    note = Attachment(file_id="f1", name="note.txt", media_type="text/plain")
    stage.wall.files["f1"] = "a cat"
    await bot.take(received("look", attachments=(note,)))
    await asked_in(stage)
    await stage.close()
    stage.wall.files["f1"] = "gone"
    await stage.open(lambda_agent)
    await stage.done()
    assert stage.wall.shown() == "look File note.txt:\na cat"


async def stalls(messages: list[dict[str, Any]]) -> str:
    await asyncio.Event().wait()
    return "never"


async def asked_in(stage: Stage) -> None:
    """A user's message is stored."""
    while not await stage.sessions.list_sessions() or not await stage.log():
        await asyncio.sleep(0.001)


async def test_a_command_is_done_once_and_after_a_crash(stage: Stage) -> None:
    bot = await stage.open()
    for number in (1, 2):
        await bot.take(received(f"m{number}", number))
    await stage.done()
    undo = received("/undo", 3, kind="command", command="undo")
    await bot.inbox.take_in(undo)  # and here the process died
    await stage.close()
    bot = await stage.open()
    await stage.done()
    await bot.take(undo)
    await stage.done()
    assert await stage.context() == ["m1", "re m1"]


async def test_an_unknown_command_is_said_so(stage: Stage) -> None:
    bot = await stage.open()
    await bot.take(received("/rest", kind="command", command="rest"))
    await stage.done()
    assert stage.wall.shown() == "I do not know /rest. /help lists what I can do."


async def test_who_is_forgotten_gets_no_answer_any_more(stage: Stage) -> None:
    bot = await stage.open(stalls)
    await bot.take(received("one", 1))
    await bot.take(received("two", 2))
    await bot.take(received("a paste", 3, group="paste"))
    await asked_in(stage)
    await bot.take(received("/forget", 4, kind="command", command="forget"))
    while not stage.wall.choices:
        await asyncio.sleep(0.001)
    other = await bot.chosen(stage.wall.choices["Erase all"], "bob", "en")
    assert other is not None
    assert other.alert == "Only the person who asked can answer this."
    done = await bot.chosen(stage.wall.choices["Erase all"], "ann", "en")
    assert done is not None
    assert done.text == "Erased. I know nothing of you any more."
    await stage.done()
    assert await stage.sessions.list_sessions() == []
    assert await bot.chosen("something else", "ann", "en") is None


async def test_a_turn_waits_for_a_database_that_refuses_for_now(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "FIRST_PAUSE", 0.001)
    bot = await stage.open()
    add, left = stage.sessions.add_message, ["user", "assistant"]

    async def refuses(session_id: str, role: Role, content: Any, **fields: Any) -> Message:
        if role in left:
            left.remove(role)
            raise StoreBusy("locked")
        return await add(session_id, role, content, **fields)

    monkeypatch.setattr(stage.sessions, "add_message", refuses)
    await bot.take(received("hello"))
    await stage.done()
    assert left == []
    assert list(stage.wall.messages.values()) == ["re hello"]
    assert [message.content for message in await stage.log()] == ["hello", "re hello"]


TALK = "My table at Chez Paul is for two people on the first of June. " * 4


@pytest.mark.parametrize("notices", [True, False])
async def test_people_are_told_of_a_compaction_unless_they_would_rather_not_know(stage: Stage, notices: bool) -> None:
    bot = await stage.open(brief, token_limit=1000, bot_notices=notices, bot_rate=0)
    for number in range(30):
        await bot.take(received(TALK, number))
        await stage.done()
    await stage.sessions.settle()
    await stage.done()
    [session] = await stage.sessions.list_sessions()
    assert await stage.sessions.get_summaries(session.id) != []
    assert ("(I have summarized" in stage.wall.shown()) == notices


async def test_who_asks_for_a_summary_is_told_once(stage: Stage) -> None:
    bot = await stage.open(brief, bot_rate=0)
    for number in range(12):
        await bot.take(received(TALK, number))
    await stage.done()
    await bot.take(received("/compact", 99, kind="command", command="compact"))
    await stage.done()
    assert "are now a summary." in stage.wall.shown()
    assert "(I have summarized" not in stage.wall.shown()


async def brief(messages: list[dict[str, Any]]) -> str:
    return "Noted."


async def test_a_platform_that_is_away_for_long_gets_the_last_text(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LAST_PAUSE", 0.001)
    monkeypatch.setattr(delivery, "FIRST_PAUSE", 0.001)
    left = 100

    def trouble(call: str) -> None:
        nonlocal left
        left -= 1
        if left > 0:
            raise Passing("no network")

    stage.wall.trouble = trouble
    bot = await stage.open()
    await bot.take(received("hello"))
    await stage.done()
    assert stage.wall.shown() == "re hello"


async def test_who_is_gone_is_let_go(stage: Stage) -> None:
    def trouble(call: str) -> None:
        raise Gone("blocked")

    stage.wall.trouble = trouble
    bot = await stage.open()
    await bot.take(received("hello"))
    await stage.done()
    assert [message.content for message in await stage.log()] == ["hello", "re hello"]


async def test_a_stop_in_the_middle_of_a_delivery_keeps_it_for_the_next_start(stage: Stage) -> None:
    def trouble(call: str) -> None:
        raise Slow(3600)

    stage.wall.trouble = trouble
    bot = await stage.open()
    await bot.take(received("hello"))
    while "send" not in stage.wall.calls:
        await asyncio.sleep(0.001)
    await stage.close()
    stage.wall.trouble = lambda call: None
    await stage.open()
    await stage.done()
    assert stage.wall.shown() == "re hello"


def test_numbers_are_written_as_the_language_writes_them() -> None:
    told = {"percent": 7, "messages": 1_234}
    assert "of 8,000" in Texts("en").say("full", limit=8_000, **told)
    assert "von 8.000" in Texts("de-AT").say("full", limit=8_000, **told)


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


@pytest.mark.parametrize(("error", "told"), [(Gone, ""), (Refused, "I have an answer, but it cannot be shown here. ")])
async def test_an_answer_that_cannot_be_delivered_is_recorded(stage: Stage, error: type[Gone], told: str) -> None:
    bot = await stage.open()

    def trouble(call: str) -> None:
        if call == "send" and stage.wall.calls.count("send") <= 2:  # as it grows, and when it is done
            raise error("no")

    stage.wall.trouble = trouble
    await bot.take(received("hello"))
    await stage.done()
    [session] = await stage.sessions.list_sessions()
    [event] = [one for one in await stage.sessions.get_events(session.id) if one.kind == "error"]
    assert (event.name, event.data) == ("NotDelivered", {"external_id": "w:1", "message": "no"})
    assert stage.wall.shown().startswith(told)
    assert bool(stage.wall.shown()) == bool(told)
