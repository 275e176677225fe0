"""Any async callable as an agent.

    async def agent(messages): return "Hello."
    async def agent(messages): yield "Hel"; yield "lo."

With a parameter named `turn` it gets the whole `Turn`, and may put tool calls on record.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from turnkeep.agents.base import Turn
from turnkeep.agents.tools import Tool
from turnkeep.errors import InvalidInput
from turnkeep.session import JsonObject


class FunctionAgent:
    """`function` takes the messages (OpenAI's shape), or the `turn`, and returns or yields text."""

    def __init__(self, function: Callable[..., Any], tools: Sequence[Tool] = ()) -> None:
        self.function, self.tools = function, tools
        self.name: str = getattr(function, "__name__", type(function).__name__)
        self._takes_turn = "turn" in inspect.signature(function).parameters

    async def schemas(self) -> list[JsonObject]:
        return [tool.schema() for tool in self.tools]

    async def run(self, turn: Turn) -> AsyncIterator[str]:
        made = self.function(turn=turn) if self._takes_turn else self.function(turn.context.messages)
        if inspect.isawaitable(made):
            made = await made
        if isinstance(made, str):
            yield made
        elif isinstance(made, AsyncIterator):
            async for piece in made:
                yield piece
        else:
            raise InvalidInput("agent", f"{self.name} must return or yield text, not {type(made).__name__}")
