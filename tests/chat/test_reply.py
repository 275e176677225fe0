"""`Chat.reply`: one whole turn, whatever the agent does."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.chat.conftest import lines, log, said

from turnkeep import SessionManager
from turnkeep.agents import Progress, Text, ToolEnded, ToolStarted, Turn, tool
from turnkeep.chat import Chat
from turnkeep.errors import InvalidInput


async def echo(messages: list[dict[str, Any]]) -> str:
    return f"You said {messages[-1]['content']}."


async def test_a_turn_is_two_rows_and_its_text_is_streamed(sessions: SessionManager) -> None:
    heard: list[Progress] = []

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        assert lines(await log(sessions)) == [("user", "hello")]  # stored before the model is asked
        yield "Good "
        yield "morning."

    reply = await Chat(sessions, agent).reply(said("hello", 7), heard.append)

    assert (reply.text, reply.repeated, reply.stopped, reply.failure) == ("Good morning.", False, False, None)
    assert heard == [Text("Good "), Text("morning.")]
    assert lines(await log(sessions)) == [("user", "hello"), ("assistant", "Good morning.")]
    assert reply.message is not None
    assert reply.message.external_id == "answer-to:7"


async def test_a_message_handed_in_twice_is_answered_once(sessions: SessionManager) -> None:
    asked = 0

    async def agent(messages: list[dict[str, Any]]) -> str:
        nonlocal asked
        asked += 1
        return f"answer {asked}"

    chat = Chat(sessions, agent)
    replies = await asyncio.gather(*(chat.reply(said("hello", 7)) for _ in range(5)))

    assert [reply.text for reply in replies] == ["answer 1"] * 5
    assert sorted(reply.repeated for reply in replies) == [False, True, True, True, True]
    assert asked == 1


async def test_turns_of_a_conversation_keep_their_order_and_others_go_beside(sessions: SessionManager) -> None:
    gate = asyncio.Event()
    running: set[str] = set()

    async def agent(messages: list[dict[str, Any]]) -> str:
        text = str(messages[-1]["content"])
        running.add(text)
        await gate.wait()
        return f"re {text}"

    chat = Chat(sessions, agent)
    turns = [asyncio.create_task(chat.reply(said(f"{who} {at}", conversation_id=who))) for at in range(3) for who in (1, 2)]
    while len(running) < 2:
        await asyncio.sleep(0.001)
    assert running == {"1 0", "2 0"}
    gate.set()
    await asyncio.gather(*turns)

    for who in (1, 2):
        told = [content for _, content in lines(await log(sessions, who))]
        assert told == [text for at in range(3) for text in (f"{who} {at}", f"re {who} {at}")]
    assert len(chat._lanes) == 0


async def test_a_tool_call_is_stored_before_the_tool_runs_and_its_result_after(sessions: SessionManager) -> None:
    seen: list[list[tuple[str, Any]]] = []
    heard: list[Progress] = []

    async def weather(city: str) -> str:
        """The weather."""
        seen.append(lines(await log(sessions)))
        return f"sunny in {city}"

    async def agent(turn: Turn) -> AsyncIterator[str]:
        yield "One moment."
        found = await turn.use(tool(weather), city="Lyon")
        yield f"It is {found}."

    reply = await Chat(sessions, agent).reply(said("weather?"), heard.append)

    assert seen == [[("user", "weather?"), ("assistant", "One moment.")]]
    assert lines(await log(sessions))[2:] == [("tool", "sunny in Lyon"), ("assistant", "It is sunny in Lyon.")]
    assert reply.text == "It is sunny in Lyon."
    started, ended = heard[1:3]
    assert isinstance(started, ToolStarted)
    assert isinstance(ended, ToolEnded)
    assert (started.name, ended.name, ended.outcome, ended.call_id) == ("weather", "weather", "ok", started.call_id)
    [event] = await sessions.get_events(reply.session.id)
    assert (event.kind, event.name, event.outcome, event.tool_call_id) == ("tool_call", "weather", "ok", started.call_id)
    assert event.duration_ms is not None
    assert reply.session.tool_calls == 1


async def test_a_tool_that_fails_or_gets_wrong_arguments_is_told_in_words(sessions: SessionManager) -> None:
    def divide(by: int) -> float:
        """One divided by a number."""
        return 1 / by

    async def agent(turn: Turn) -> str:
        return " / ".join(
            [await turn.use(tool(divide), by=0), await turn.use(tool(divide), by="two"), await turn.use(tool(divide), by=4)]
        )

    reply = await Chat(sessions, agent).reply(said("divide"))

    zero, wrong, right = reply.text.split(" / ")
    assert zero == "divide failed: ZeroDivisionError: division by zero"
    assert "`int`" in wrong
    assert right == "0.25"
    assert [event.outcome for event in await sessions.get_events(reply.session.id)] == ["error", "error", "ok"]


async def test_what_fails_is_recorded_and_the_next_turn_goes_on(
    sessions: SessionManager, caplog: pytest.LogCaptureFixture
) -> None:
    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "I was about to "
        if messages[-1]["content"] == "fail":
            raise RuntimeError("no luck with sk-abcdefghijklmnopqrstuvwxyz123456")
        yield "answer."

    chat = Chat(sessions, agent)
    with caplog.at_level(logging.CRITICAL, "turnkeep.chat"):
        reply = await chat.reply(said("fail", 1))

    assert reply.failure is not None
    assert (reply.text, reply.message, reply.failure.kind) == ("", None, "RuntimeError")
    [event] = await sessions.get_events(reply.session.id)
    assert event.data == {"id": reply.failure.id, "seq": 1, "message": "no luck with [API key]"}
    assert reply.session.errors == 1
    assert lines(await log(sessions)) == [("user", "fail")]
    assert (await chat.reply(said("again", 2))).text == "I was about to answer."


@pytest.mark.parametrize("silent", ["", " \n", None])
async def test_an_agent_without_a_word_is_a_failure(sessions: SessionManager, silent: str | None) -> None:
    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        if silent is not None:
            yield silent

    reply = await Chat(sessions, agent).reply(said("hello"))

    assert reply.failure is not None
    assert reply.failure.kind == "EmptyReply"


async def test_a_turn_has_a_time_limit(sessions: SessionManager) -> None:
    async def agent(messages: list[dict[str, Any]]) -> str:
        await asyncio.sleep(3600)
        return "too late"

    chat = Chat(sessions, agent)
    chat.timeout = 0.02
    reply = await chat.reply(said("hello"))

    assert reply.failure is not None
    assert reply.failure.kind == "TimeoutError"


async def test_a_stopped_reply_keeps_what_it_said(sessions: SessionManager) -> None:
    spoken = asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "Once upon a time"
        spoken.set()
        await asyncio.sleep(3600)

    chat = Chat(sessions, agent)
    assert not chat.stop("test", 1)
    turn = asyncio.create_task(chat.reply(said("a story", 1)))
    await spoken.wait()
    assert chat.stop("test", 1)
    reply = await turn

    assert (reply.stopped, reply.text) == (True, "Once upon a time")
    assert reply.message is not None
    assert reply.message.metadata == {"stopped": True}
    assert not chat.stop("test", 1)


async def test_a_reply_can_be_stopped_before_its_agent_is_asked(sessions: SessionManager) -> None:
    preparing = asyncio.Event()

    class Slow:
        name = "slow"

        async def schemas(self) -> list[Any]:
            preparing.set()
            await asyncio.Event().wait()
            return []

        async def run(self, turn: Turn) -> AsyncIterator[str]:
            yield "never"

    chat = Chat(sessions, Slow())
    turn = asyncio.create_task(chat.reply(said("hello", 1)))
    await preparing.wait()
    assert chat.stop("test", 1)
    reply = await turn
    assert (reply.stopped, reply.text, reply.tokens) == (True, "", 0)


async def test_a_caller_that_is_cancelled_as_its_agent_is_stopped_ends(sessions: SessionManager) -> None:
    began = asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "half"
        began.set()
        await asyncio.Event().wait()

    chat = Chat(sessions, agent)
    turn = asyncio.create_task(chat.reply(said("hello", 1)))
    await began.wait()
    assert chat.stop("test", 1)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert lines(await log(sessions)) == [("user", "hello")]


async def test_a_caller_that_is_cancelled_takes_takes_its_agent_along(sessions: SessionManager) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> str:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return "never"

    chat = Chat(sessions, agent)
    turn = asyncio.create_task(chat.reply(said("hello", 1)))
    await began.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert ended.is_set()
    assert lines(await log(sessions)) == [("user", "hello")]
    chat.agent = Chat(sessions, echo).agent
    assert (await chat.reply(said("hello", 1))).text == "You said hello."  # it goes on from what is stored


async def test_a_turn_that_a_crash_cut_off_never_runs_its_tool_again(sessions: SessionManager) -> None:
    ran = 0

    async def charge(amount: int) -> str:
        """Take money."""
        nonlocal ran
        ran += 1
        await asyncio.sleep(3600)
        return "done"

    async def first(turn: Turn) -> str:
        return await turn.use(tool(charge), amount=5)

    async def second(messages: list[dict[str, Any]]) -> str:
        return f"What came of it is not known: {messages[-1]['content']}"

    turn = asyncio.create_task(Chat(sessions, first).reply(said("charge me", 1)))
    while not ran:
        await asyncio.sleep(0.001)
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)
    reply = await Chat(sessions, second).reply(said("charge me", 1))

    assert ran == 1
    assert "outcome is unknown" in reply.text


async def test_what_the_message_does_wrong_is_raised(sessions: SessionManager) -> None:
    with pytest.raises(InvalidInput) as caught:
        await Chat(sessions, echo).reply(said("", 1))
    assert caught.value.field == "content"


async def test_an_expired_session_has_a_successor_that_remembers(sessions: SessionManager) -> None:
    chat = Chat(sessions, echo)
    first = await chat.reply(said("hello", 1))
    await sessions.deactivate_session(first.session.id)
    second = await chat.reply(said("hello again", 2))

    assert second.session.predecessor == first.session.id
    assert second.session.carry_over == "summary"
    assert (await chat.reply(said("hello", 1))).repeated  # also in the predecessor's log


async def test_the_system_prompt_and_the_tools_are_in_the_budget(sessions: SessionManager) -> None:
    shown: list[dict[str, Any]] = []

    async def agent(turn: Turn) -> str:
        shown.extend(turn.context.messages)
        assert turn.context.parts["tools"] > 0
        return "yes"

    def look(where: str) -> str:
        """Look somewhere."""
        return where

    await Chat(sessions, agent, tools=[tool(look)], system="Be brief.").reply(said("hello"))
    assert shown[0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize("agent", [5, "openai:gpt", lambda messages: "plain function"])
async def test_what_is_no_agent_is_refused(sessions: SessionManager, agent: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Chat(sessions, agent)
    assert caught.value.field == "agent"
