"""The tool `recall` in a chat: the model reads what its prompt only summarizes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent
from tests.agents.test_pydantic import calling
from tests.chat.conftest import lines, log, said

from turnkeep import SessionManager
from turnkeep.agents import RECALL, Turn
from turnkeep.chat import Chat
from turnkeep.settings import Settings


@pytest.fixture
async def recalling(tmp_path: Path) -> AsyncIterator[SessionManager]:
    settings = Settings(cleanup_interval=0.0, reply_timeout=20.0, recall=True, compaction="manual")
    async with SessionManager.open(f"sqlite:///{tmp_path}/chat.db", settings=settings) as opened:
        yield opened
        assert await opened.check() == []


async def hear(sessions: SessionManager, conversation: int, word: str) -> None:
    chat = Chat(sessions, silent)
    for number in range(12):
        await chat.hear(said(f"{word} {number}", conversation_id=conversation))
    session = await sessions.find_by_conversation(conversation, "test")
    assert session is not None
    assert await sessions.summarize_session(session.id)


async def silent(messages: list[dict[str, Any]]) -> str:
    return "ok"


async def test_a_pydantic_agents_model_reads_its_own_conversation(recalling: SessionManager) -> None:
    await hear(recalling, 1, "apple")
    await hear(recalling, 2, "pear")
    agent: Agent[Any, str] = Agent(calling("recall", '{"from_seq":2,"to_seq":3}'))
    for conversation, word in ((1, "apple"), (2, "pear")):
        reply = await Chat(recalling, agent).reply(said("Well?", conversation_id=conversation))
        assert reply.text == f"I got: 2 user: {word} 1\n3 user: {word} 2"
        stored = await log(recalling, conversation)
        assert lines(stored)[-2:] == [("tool", f"2 user: {word} 1\n3 user: {word} 2"), ("assistant", reply.text)]


async def test_a_function_agent_uses_it_on_record(recalling: SessionManager) -> None:
    prompts: list[str] = []

    async def agent(turn: Turn) -> str:
        prompts.append(turn.context.messages[0]["content"])
        return await turn.use(RECALL, words="apple 3")

    await hear(recalling, 1, "apple")
    assert (await Chat(recalling, agent).reply(said("Well?"))).text == "4 user: apple 3"
    assert "call recall" in prompts[0]


async def test_without_the_setting_there_is_no_such_tool(sessions: SessionManager) -> None:
    chat = Chat(sessions, Agent(calling("recall")))
    assert await chat.agent.schemas() == []
    switched: Any = Chat(sessions, Agent(calling("recall")), tools=[RECALL]).agent
    [schema] = await switched.schemas()
    assert schema["function"]["name"] == "recall"
    assert set(schema["function"]["parameters"]["properties"]) == {"from_seq", "to_seq", "words", "part"}


async def test_what_was_recalled_before_is_not_found_again(recalling: SessionManager) -> None:
    await hear(recalling, 1, "apple")

    async def agent(turn: Turn) -> str:
        return await turn.use(RECALL, words="apple 3")

    async def quiet(turn: Turn) -> str:
        await turn.use(RECALL, words="apple 3")
        return "Done."

    assert (await Chat(recalling, quiet).reply(said("Well?"))).text == "Done."
    assert (await Chat(recalling, agent).reply(said("And now?"))).text == "4 user: apple 3"
