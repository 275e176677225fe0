"""The built-in assistant, which has no model: what it says of the past stands in the session."""

from __future__ import annotations

import re

import pytest
from tests.chat.conftest import log, said

from turnkeep import SessionManager
from turnkeep.agents.offline import OfflineAgent
from turnkeep.chat import Chat


async def answers(sessions: SessionManager, *texts: str) -> list[str]:
    chat = Chat(sessions, OfflineAgent())
    return [(await chat.reply(said(text))).text for text in texts]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("my name is Ada", "Ada"),
        ("Hello, my name is Ana and I live in Porto", "Ana"),
        ("My name is Anne-Marie O'Neil.", "Anne-Marie O'Neil"),
        ("ich heiße Jörg, und du?", "Jörg"),
        ("Please call me Mary Ann! Thanks.", "Mary Ann"),
    ],
)
async def test_a_name_is_kept(sessions: SessionManager, told: str, name: str) -> None:
    assert await answers(sessions, told, "what is my name?") == [f"Noted: your name is {name}.", f"Your name is {name}."]
    session = await sessions.find_by_conversation(1, "test")
    assert session is not None
    assert await sessions.get_state(session.id, "user") == {"name": name}


async def test_what_is_to_be_remembered_outlasts_the_window(sessions: SessionManager) -> None:
    await answers(sessions, "remember that the demo is on Friday")
    session = await sessions.find_by_conversation(1, "test")
    assert session is not None
    await sessions.clear_messages(session.id)
    assert "the demo is on Friday" in (await answers(sessions, "remember that I like tea", "what do you know about me?"))[-1]


async def test_it_answers_from_the_conversation(sessions: SessionManager) -> None:
    asked = (
        "my dog is called Rex",
        "12 * (3 + 4)",
        "what did I ask first?",
        "what did I say about the dog?",
        "what did I say about cats?",
    )
    told = await answers(sessions, *asked)
    assert told[1] == "12 * (3 + 4) = 84"
    assert told[2:4] == ["You said: “my dog is called Rex”"] * 2
    assert told[4] == "I find nothing about “cats” in this conversation."


async def test_its_tools_are_on_record(sessions: SessionManager) -> None:
    told = await answers(sessions, "what time is it?", "1 / 0")
    assert re.fullmatch(r"It is \w+, \d\d \w+ \d{4}, \d\d:\d\d UTC\.", told[0])
    calls = [call["function"]["name"] for message in await log(sessions) for call in message.tool_calls or ()]
    assert calls == ["clock", "calculate"]
    assert [message.role for message in await log(sessions)].count("tool") == 2


async def test_what_it_cannot_do_it_says(sessions: SessionManager) -> None:
    assert "no model answers here" in (await answers(sessions, "write me a poem"))[0]
