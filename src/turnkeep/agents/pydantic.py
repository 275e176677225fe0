"""A pydantic-ai agent behind our protocol: its loop, tools, streaming and providers; our log.

Invariant: the row of a response that calls tools is committed before any of them runs, and each result's before the model is asked
again: a run is driven node by node, and every node waits for the rows of the one before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic_ai import Agent as PydanticAiAgent
from pydantic_ai import Tool as PydanticAiTool
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    FunctionToolResultEvent,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset
from pydantic_ai.usage import UsageLimits

from turnkeep.agents.base import Turn
from turnkeep.agents.history import to_history
from turnkeep.agents.tools import Tool, as_text
from turnkeep.errors import InvalidInput, MissingExtra
from turnkeep.session import JsonObject
from turnkeep.settings import Settings


class PydanticAgent:
    """`steps`: the most calls of the model that one turn may take. `tools`: beside those that the agent has."""

    takes_images = True

    def __init__(
        self, agent: PydanticAiAgent[Any, str], *, steps: int = 12, deps: Any = None, tools: Sequence[Tool] = ()
    ) -> None:
        self.agent, self.deps = agent, deps
        self.beside = [FunctionToolset[Any]([_tool(one) for one in tools])] if tools else []
        self.limits = UsageLimits(request_limit=steps)
        self.name = agent.name or "agent"

    async def schemas(self) -> list[JsonObject]:
        """Of the tools in Python; those of MCP servers are known only when they run, and the budget leaves room beside."""
        found = []
        for toolset in (*self.agent.toolsets, *self.beside):
            if isinstance(toolset, FunctionToolset):
                for one in toolset.tools.values():
                    told = one.tool_def
                    shape = {"name": told.name, "description": told.description, "parameters": told.parameters_json_schema}
                    found.append({"type": "function", "function": shape})
        return found

    async def run(self, turn: Turn) -> AsyncIterator[str]:
        history = to_history(turn.context.messages)
        async with self.agent.iter(
            None, message_history=history, deps=self.deps, usage_limits=self.limits, toolsets=self.beside
        ) as run:
            async for node in run:
                if PydanticAiAgent.is_model_request_node(node):
                    async with node.stream(run.ctx) as stream:
                        async for event in stream:
                            if piece := _text(event):
                                yield piece
                elif PydanticAiAgent.is_call_tools_node(node):
                    await _note(turn, node.model_response)
                    async with node.stream(run.ctx) as events:
                        async for event in events:
                            if isinstance(event, FunctionToolResultEvent):
                                await _finish(turn, event)


def from_settings(settings: Settings, tools: Sequence[Tool] = ()) -> PydanticAgent:
    """An agent on the model that the settings name, as pydantic-ai names models: `openai:...`, `anthropic:...`, ..."""
    ours = [_tool(one) for one in tools]
    servers = [server(name, place) for name, place in settings.mcp_servers.items()]
    try:
        # Where a provider wants its breakpoints marked, pydantic-ai marks them; others pass this over.
        agent = PydanticAiAgent(settings.model, tools=ours, toolsets=servers, model_settings={"cache": True})
    except (UserError, ValueError) as error:
        raise InvalidInput("model", f"{settings.model!r} cannot be used: {error}") from error
    return PydanticAgent(agent, steps=settings.tool_steps)


def _tool(one: Tool) -> PydanticAiTool[Any]:
    return PydanticAiTool(one.function, name=one.name)


def server(name: str, place: str) -> AbstractToolset[Any]:
    """The tools of an MCP server: at an address, or of a program that is started."""
    try:
        from turnkeep.agents.mcp import toolset
    except ImportError as error:
        raise MissingExtra("Tools from MCP servers", "mcp") from error
    return toolset(name, place)


def _text(event: Any) -> str:
    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""


async def _note(turn: Turn, response: ModelResponse) -> None:
    """What a response cost, and the tools that it calls."""
    usage = response.usage
    await turn.usage(
        usage.input_tokens,
        usage.output_tokens,
        response.model_name or "model",
        cache_read_tokens=usage.cache_read_tokens,
    )
    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    if calls:
        await turn.calls([_call(part) for part in calls])


def _call(part: ToolCallPart) -> JsonObject:
    function = {"name": part.tool_name, "arguments": part.args_as_json_str()}
    return {"id": part.tool_call_id, "type": "function", "function": function}


async def _finish(turn: Turn, event: FunctionToolResultEvent) -> None:
    part = event.part
    outcome = "ok" if part.outcome == "success" else "error"
    await turn.result(part.tool_call_id, as_text(part.model_response_str()), outcome=outcome)
