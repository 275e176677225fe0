"""Who may talk to a bot, how often, and for how many tokens a day."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.bots.conftest import Stage, received

from turnkeep.bots import access


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


async def test_a_command_is_for_those_who_may_talk_to_it(stage: Stage) -> None:
    bot = await stage.open(bot_allow=("bob",))
    await bot.take(received("/stats", 1, kind="command", command="stats"))
    await stage.done()
    assert stage.wall.shown() == "This bot is private. Its owner can let you in; your id is ann."


async def test_nobody_hears_of_what_was_not_said_to_the_bot(stage: Stage) -> None:
    bot = await stage.open(bot_allow=("bob",), bot_rate=1)
    await bot.take(received("between us", 1, kind="heard"))
    for number in (2, 3, 4):
        await bot.take(received("between us", number, kind="heard", user="bob"))
    await bot.take(received("to the bot", 5, user="bob"))
    await stage.done()
    assert list(stage.wall.messages.values()) == ["re to the bot"]
    [session] = await stage.sessions.list_sessions()
    assert session.seq == 5  # ann's is not kept


async def test_a_message_that_comes_again_is_no_more_than_one(stage: Stage) -> None:
    bot = await stage.open(bot_rate=2)
    for number in (1, 1, 1, 1, 2):
        await bot.take(received("hi", number))
    await stage.done()
    assert list(stage.wall.messages.values()) == ["re hi", "re hi"]


async def test_a_reply_can_be_stopped_whatever_the_rate(stage: Stage) -> None:
    bot = await stage.open(bot_rate=1)
    await bot.take(received("hi", 1))
    await stage.done()
    await bot.take(received("/stop", 2, kind="command", command="stop"))
    await stage.done()
    assert list(stage.wall.messages.values()) == ["re hi", "I am not writing any", "thing."]


async def test_in_a_session_of_many_each_has_a_budget(stage: Stage) -> None:
    bot = await stage.open(bot_daily_tokens=10)

    async def says(user: str, number: int) -> str:
        before = stage.wall.shown()
        await bot.take(received("hello", number, user=None, author=user))
        await stage.done()
        return stage.wall.shown().removeprefix(before)

    assert await says("ann", 1) == "re hello"
    assert (await says("ann", 2)).startswith("Your tokens for today")
    assert await says("bob", 3) == "re hello"
    await stage.close()
    bot = await stage.open(bot_daily_tokens=10)  # it stands in the session's state
    assert (await says("ann", 4)).startswith("Your tokens for today")


async def test_a_budget_is_of_one_day(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = await stage.open(bot_daily_tokens=10)
    await bot.take(received("hello", 1))
    await stage.done()

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Tomorrow":
            return cls(2100, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(access, "datetime", Tomorrow)
    await bot.take(received("hello", 2))
    await stage.done()
    assert list(stage.wall.messages.values()) == ["re hello", "re hello"]
    [session] = await stage.sessions.list_sessions()
    assert (await stage.sessions.get_state(session.id, "user"))[access.STATE_KEY]["ann"]["day"] == "2100-01-01"
