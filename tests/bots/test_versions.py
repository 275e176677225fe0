"""Edits and retries: a message that is said again, in place of what it was."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.bots.conftest import Stage, received

from turnkeep.chat import Commands


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
    assert await stage.context() == [
        "one",
        "re one",
        "two!",
        "re two!",
        "[The user edited an earlier message. It now reads: one!]",
    ]


async def test_an_edit_of_an_edit_is_answered_again(stage: Stage) -> None:
    bot = await stage.open()
    await bot.take(received("one", 1))
    for number, text in ((2, "one!"), (3, "one!!")):
        await bot.take(received(text, number, kind="edit", edited="w:1"))
    await stage.done()
    assert await stage.context() == ["one!!", "re one!!"]


async def test_an_edit_of_a_message_that_was_retried_is_answered_again(stage: Stage) -> None:
    bot = await stage.open()
    await bot.take(received("one", 1))
    await bot.take(received("/retry", 2, kind="retry"))
    await bot.take(received("/retry", 3, kind="retry"))
    await bot.take(received("one!", 4, kind="edit", edited="w:1"))
    await stage.done()
    assert await stage.context() == ["one!", "re one!"]


async def test_an_edit_of_what_was_never_taken_in_is_a_message(stage: Stage) -> None:
    bot = await stage.open(max_content_bytes=100)
    await bot.take(received("one", 1))
    await bot.take(received("x" * 101, 2))
    await bot.take(received("two", 3, kind="edit", edited="w:2"))
    await stage.done()
    assert await stage.context() == ["one", "re one", "two", "re two"]


@pytest.mark.parametrize(
    ("again", "answer"),
    [
        (received("/retry", 3, kind="retry"), "re two"),
        (received("two!", 3, kind="edit", edited="w:2"), "re two!"),
    ],
)
async def test_a_crash_in_what_is_said_again_takes_nothing_more_back(stage: Stage, again: Any, answer: str) -> None:
    bot = await stage.open()
    await bot.take(received("one", 1))
    await bot.take(received("two", 2))
    await stage.done()
    await stage.close()

    async def stuck(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "re"
        await asyncio.Event().wait()

    bot = await stage.open(stuck)
    await bot.take(again)
    while len(stage.wall.messages) < 3:
        await asyncio.sleep(0.001)
    await stage.close()

    await stage.open()
    await stage.done()
    assert await stage.context() == ["one", "re one", answer.removeprefix("re "), answer]
    assert list(stage.wall.messages.values())[2:] == [answer]


async def test_a_crash_between_taking_back_and_answering_loses_no_edit(stage: Stage) -> None:
    bot = await stage.open()
    await bot.take(received("one", 1))
    await stage.done()
    assert await Commands(bot.chat).undo("wall", 1) is not None  # as the edit did, before the process died
    await bot.take(received("one!", 2, kind="edit", edited="w:1"))
    await stage.done()
    assert await stage.context() == ["one!", "re one!"]
