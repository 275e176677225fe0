"""A pydantic-ai agent behind a chat: its loop, our log."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelRequest, UserPromptPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel
from tests.chat.conftest import lines, log, said

from turnkeep import SessionManager
from turnkeep.agents import load_agent, tool
from turnkeep.agents.history import to_history
from turnkeep.agents.pydantic import PydanticAgent, server
from turnkeep.calibration import CALLS
from turnkeep.chat import Chat
from turnkeep.errors import InvalidInput
from turnkeep.settings import Settings
from turnkeep.testing.builders import tool_use
from turnkeep.testing.provider import KEY, ProviderEmulator

SERVER = """
from mcp.server import MCPServer

mcp = MCPServer("weather")


@mcp.tool()
def forecast(city: str) -> str:
    "What the weather will be."
    return f"rain in {city}"


mcp.run()
"""


def calling(name: str, arguments: str = "{}", *, rounds: int = 1) -> FunctionModel:
    """A model that calls a tool so many times, then says what it got."""

    async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        results = [part for message in messages for part in message.parts if part.part_kind == "tool-return"]
        if len(results) < rounds:
            yield "Let me see. "
            yield {0: DeltaToolCall(name=name, json_args=arguments, tool_call_id=f"c{len(results)}")}
        else:
            yield "I got: "
            yield str(getattr(results[-1], "content", ""))

    return FunctionModel(stream_function=stream)


async def test_a_turn_with_a_tool_is_on_record(sessions: SessionManager) -> None:
    seen: list[list[tuple[str, Any]]] = []
    agent = Agent(calling("weather", '{"city":"Lyon"}'))

    @agent.tool_plain
    async def weather(city: str) -> str:
        seen.append(lines(await log(sessions)))
        return f"sunny in {city}"

    reply = await Chat(sessions, agent).reply(said("weather?", 1))

    assert reply.text == "I got: sunny in Lyon"
    assert seen == [[("user", "weather?"), ("assistant", "Let me see. ")]]  # stored before the tool ran
    assert [message.role for message in await log(sessions)] == ["user", "assistant", "tool", "assistant"]
    events = await sessions.get_events(reply.session.id)
    assert [(event.kind, event.name, event.outcome) for event in events if event.kind == "tool_call"] == [
        ("tool_call", "weather", "ok")
    ]
    assert sum(event.kind == "usage" for event in events) == 2
    [first, second] = [event.counted_tokens or 0 for event in events if event.kind == "usage"]
    [_, call, result, _] = await log(sessions)
    assert second - first == call.tokens + result.tokens  # each call of the model is sent what the ones before have added
    assert reply.tokens == reply.session.usage_in + reply.session.usage_out > 0


async def test_what_the_provider_reports_is_on_record_and_corrects_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        ProviderEmulator(lambda _: "Fine.") as provider,
        SessionManager.open("memory://", tokenizer="estimate") as sessions,
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        agent = load_agent(Settings(model="openai-chat:some-model"))
        assert isinstance(agent, PydanticAgent)
        chat = Chat(sessions, agent, system="Be brief. " * 200)
        provider.cached = 64
        async with agent.agent:  # it closes what it has open
            for at in range(CALLS):
                session = (await chat.reply(said("How are you?", at))).session
                context = await sessions.build_context(session.id, system=chat.system)
                provider.used = round(context.tokens * 1.4)
        figures = await sessions.get_session_stats(session.id)
        assert figures.usage_cache_read == CALLS * 64
        [one] = (await sessions.get_stats()).models
        assert (one.model, one.tokenizer, one.calls) == ("some-model", "estimate", CALLS)
        assert 1.1 < one.ratio < 1.4  # the first was reported as 100
        assert session.correction == one.correction > 100


async def test_the_next_turn_has_the_whole_history(sessions: SessionManager) -> None:
    shown: list[ModelMessage] = []

    async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        shown[:] = messages
        yield "yes"

    await Chat(sessions, Agent(calling("weather", '{"city":"Lyon"}'), tools=[weather_tool])).reply(said("weather?", 1))
    await Chat(sessions, Agent(FunctionModel(stream_function=stream)), system="Be brief.").reply(said("sure?", 2))

    kinds = [[part.part_kind for part in message.parts] for message in shown]
    assert kinds == [
        ["system-prompt", "user-prompt"],
        ["text", "tool-call"],
        ["tool-return"],
        ["text"],
        ["user-prompt"],
    ]


def weather_tool(city: str) -> str:
    return f"sunny in {city}"


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [("nope", "{}", "Unknown tool name"), ("weather_tool", '{"town":1}', "city"), ("broken", "{}", "")],
)
async def test_a_call_that_goes_wrong_has_a_result_that_says_so(
    sessions: SessionManager, name: str, arguments: str, told: str
) -> None:
    def broken() -> str:
        raise RuntimeError("no luck")

    reply = await Chat(sessions, Agent(calling(name, arguments), tools=[weather_tool, broken])).reply(said("go", 1))

    events = await sessions.get_events(reply.session.id)
    if name == "broken":  # the tool's own error ends the turn, and is recorded
        assert reply.failure is not None
        assert reply.failure.kind == "RuntimeError"
    else:
        assert [event.outcome for event in events if event.kind == "tool_call"] == ["error"]
        [result] = [message for message in await log(sessions) if message.role == "tool"]
        assert told in str(result.content)


async def test_a_loop_on_tools_ends(sessions: SessionManager) -> None:
    agent = PydanticAgent(Agent(calling("weather_tool", '{"city":"Lyon"}', rounds=1000), tools=[weather_tool]), steps=3)
    reply = await Chat(sessions, agent).reply(said("go", 1))
    assert reply.failure is not None
    assert reply.failure.kind == "UsageLimitExceeded"
    assert sum(message.role == "tool" for message in await log(sessions)) == 3


async def test_tools_of_an_mcp_server_are_called_and_on_record(sessions: SessionManager, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    tools = server("weather", f"{sys.executable} {tmp_path / 'server.py'}")
    reply = await Chat(sessions, Agent(calling("forecast", '{"city":"Lyon"}'), toolsets=[tools])).reply(said("weather?", 1))
    assert reply.text == "I got: rain in Lyon"
    [event] = [event for event in await sessions.get_events(reply.session.id) if event.kind == "tool_call"]
    assert (event.name, event.outcome) == ("forecast", "ok")


def test_parts_and_files_become_what_the_model_takes() -> None:
    pixel = "data:image/png;base64,aGk="
    content = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": pixel}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
        {"type": "file", "file": {"filename": "b.pdf"}},
    ]
    [request] = to_history([{"role": "user", "content": content}])
    assert isinstance(request, ModelRequest)
    [prompt] = request.parts
    assert isinstance(prompt, UserPromptPart)
    told = [getattr(part, "kind", part) for part in prompt.content]
    assert told == ["look", "binary", "image-url", "binary", "[file: b.pdf]"]


def test_a_call_without_a_result_keeps_its_name() -> None:
    call = tool_use("c1").tool_calls
    history = to_history(
        [
            {"role": "assistant", "content": "", "tool_calls": call},
            {"role": "tool", "tool_call_id": "c1", "content": "[No result was recorded.]"},
        ]
    )
    assert [[part.part_kind for part in message.parts] for message in history] == [["tool-call"], ["tool-return"]]


@pytest.mark.parametrize("model", ["nonsense", "python:turnkeep", "python:turnkeep.nowhere:x", "python:turnkeep:__name__"])
def test_a_model_that_is_none_is_refused(model: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_agent(Settings(model=model))
    assert caught.value.field in ("model", "agent")


def test_a_model_comes_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    agent = load_agent(Settings(model="openai:gpt-5-mini"), [tool(weather_tool)])
    assert isinstance(agent, PydanticAgent)
    assert load_agent(Settings(model="offline")).name == load_agent(Settings()).name == "offline"


async def test_the_schemas_are_counted(sessions: SessionManager) -> None:
    agent = PydanticAgent(Agent(calling("weather_tool"), tools=[weather_tool]))
    [schema] = await agent.schemas()
    assert schema["function"]["name"] == "weather_tool"
    assert schema["function"]["parameters"]["required"] == ["city"]
