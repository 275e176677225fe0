"""What people ask of a conversation besides an answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.chat.conftest import lines, log, said

from turnkeep import SessionManager
from turnkeep.chat import Chat, Commands

HERE = ("test", 1)


async def echo(messages: list[dict[str, Any]]) -> str:
    return f"re {messages[-1]['content']}"


def unheard(progress: object) -> None:
    pass


async def shown(sessions: SessionManager) -> list[Any]:
    session = await sessions.find_by_conversation(1, "test")
    assert session is not None
    return [message["content"] for message in (await sessions.build_context(session.id)).messages]


async def test_reset_empties_the_window_and_keeps_the_users_state(sessions: SessionManager) -> None:
    chat = Chat(sessions, echo)
    commands = Commands(chat)
    assert not await commands.reset(*HERE)
    reply = await chat.reply(said("one"))
    await sessions.update_state(reply.session.id, {"name": "Ann"}, "user")

    assert await commands.reset(*HERE)

    assert await shown(sessions) == []
    assert await sessions.get_state(reply.session.id, "user") == {"name": "Ann"}
    assert len(await log(sessions)) == 2


async def test_reset_stops_a_reply_that_is_on_its_way(sessions: SessionManager) -> None:
    spoken = asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "a long"
        spoken.set()
        await asyncio.sleep(3600)

    chat = Chat(sessions, agent)
    turn = asyncio.create_task(chat.reply(said("one")))
    await spoken.wait()
    assert await Commands(chat).reset(*HERE)

    assert (await turn).stopped
    assert await shown(sessions) == []


async def test_undo_takes_one_turn_after_the_other_back(sessions: SessionManager) -> None:
    chat = Chat(sessions, echo)
    commands = Commands(chat)
    assert await commands.undo(*HERE) is None
    for text in ("one", "two"):
        await chat.reply(said(text))

    assert [getattr(await commands.undo(*HERE), "content", None) for _ in range(3)] == ["two", "one", None]
    assert await shown(sessions) == []


async def test_retry_answers_the_newest_message_again(sessions: SessionManager) -> None:
    count = 0

    async def agent(messages: list[dict[str, Any]]) -> str:
        nonlocal count
        count += 1
        return f"answer {count} to {messages[-1]['content']}"

    chat = Chat(sessions, agent)
    commands = Commands(chat)
    assert await commands.retry(said("/retry", 9), unheard) is None
    await chat.reply(said("one", 1))
    first = await commands.retry(said("/retry", 10), unheard)
    assert first is not None
    assert first.text == "answer 2 to one"
    assert await shown(sessions) == ["one", "answer 2 to one"]
    second = await commands.retry(said("/retry", 11), unheard)
    assert second is not None
    assert second.text == "answer 3 to one"


async def test_the_figures_and_the_export(sessions: SessionManager) -> None:
    chat = Chat(sessions, echo)
    commands = Commands(chat)
    assert await commands.usage(*HERE) is None
    assert await commands.export(*HERE) is None
    await chat.reply(said("one", name="Ann"))
    await chat.reply(said("two"))
    await commands.undo(*HERE)

    usage = await commands.usage(*HERE)
    assert usage is not None
    assert (usage.stats.messages, usage.context_percent) == (4, 0)
    told = await commands.export(*HERE)
    assert told is not None
    assert "**Ann**" in told
    assert [part in told for part in ("one", "re one", "two", "(taken back)")] == [True] * 4


async def test_compact_and_summary(sessions: SessionManager) -> None:
    chat = Chat(sessions, echo)
    commands = Commands(chat)
    assert await commands.compact(*HERE) is None
    for at in range(12):
        await chat.reply(said(f"My table at Chez Paul is for {at + 2} people on the {at + 1}th of June. " + "So it is. " * 20))
    made = await commands.compact(*HERE)
    assert made is not None
    assert [one.text for one in await commands.summary(*HERE)] == [made.text]


async def test_forget_erases_the_person(sessions: SessionManager) -> None:
    chat = Chat(sessions, echo)
    await chat.reply(said("one"))
    erased = await Commands(chat).forget("ann", "test")
    assert erased.sessions == 1
    assert await sessions.find_by_conversation(1, "test") is None


async def test_undo_finds_the_users_message_behind_a_long_turn(sessions: SessionManager) -> None:
    chat = Chat(sessions, echo)
    reply = await chat.reply(said("one"))
    await sessions.add_messages(reply.session.id, [{"role": "assistant", "content": f"more {at}"} for at in range(450)])
    taken = await Commands(chat).undo(*HERE)
    assert taken is not None
    assert taken.content == "one"
    assert lines(await log(sessions))[0] == ("user", "one")
