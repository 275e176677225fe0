"""What answers: the agent's side of a turn.

Invariants: an agent yields the reply's text piece by piece and puts on record, through the `Turn`, each tool call before the tool
runs and its result after; it never writes to the log itself. What it yields after its last tool result is the answer, which `Chat`
stores.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from turnkeep.agents.tools import Tool
from turnkeep.context import Context
from turnkeep.manager import SessionManager
from turnkeep.session import JsonObject, Message, Session


class Text(msgspec.Struct, frozen=True):
    """A piece of the reply, as the agent writes it."""

    text: str


class ToolStarted(msgspec.Struct, frozen=True):
    """A tool call is stored and about to run."""

    name: str
    call_id: str


class ToolEnded(msgspec.Struct, frozen=True):
    """Its result is stored. `outcome`: `ok` or `error`."""

    name: str
    call_id: str
    outcome: str
    duration_ms: float


Progress: TypeAlias = Text | ToolStarted | ToolEnded
Listener: TypeAlias = Callable[[Progress], None]  # hears a turn as it goes; must not block


class Turn:
    """A turn that is being answered. `message` is the user's; `context.messages` is what the model is to be sent, once it `begins`."""

    context: Context

    def __init__(self, sessions: SessionManager, session: Session, message: Message, listener: Listener) -> None:
        self.sessions, self.session, self.message = sessions, session, message
        self.listener = listener
        self.tokens_shown = 0  # of the context
        self.tokens_sent = 0  # of what the model is sent next: the context, and what this turn has added
        self.tokens_used = 0  # as the provider counted
        self.said: list[str] = []  # pieces of text since the last tool result
        self._names: dict[str, str] = {}  # of the calls that wait for their results
        self._began: dict[str, float] = {}

    def begins(self, context: Context) -> None:
        self.context, self.tokens_shown, self.tokens_sent = context, context.tokens, context.tokens

    def say(self, piece: str) -> None:
        self.said.append(piece)
        self.listener(Text(piece))

    async def calls(self, tool_calls: Sequence[JsonObject]) -> None:
        """Store that the model asks for tools (OpenAI's shape), and what it said before that; before any of them runs."""
        text = "".join(self.said)
        stored = await self.sessions.add_message(self.session.id, "assistant", text or None, tool_calls=tool_calls)
        self.tokens_sent += stored.tokens
        self.said.clear()
        for call in tool_calls:
            self._names[call["id"]] = call["function"]["name"]
            self.starts(call["id"])

    def starts(self, call_id: str) -> None:
        """The call's clock runs from here on."""
        self._began[call_id] = time.perf_counter()
        self.listener(ToolStarted(self._names[call_id], call_id))

    async def result(self, call_id: str, content: str, *, outcome: str = "ok") -> None:
        """Store what a tool gave back, and how long it took."""
        name, began = self._names.pop(call_id), self._began.pop(call_id)
        duration_ms = (time.perf_counter() - began) * 1000
        stored = await self.sessions.add_message(self.session.id, "tool", content, tool_call_id=call_id)
        self.tokens_sent += stored.tokens
        await self.sessions.record_tool_call(
            self.session.id, name, duration_ms=duration_ms, outcome=outcome, tool_call_id=call_id
        )
        self.listener(ToolEnded(name, call_id, outcome, duration_ms))

    async def use(self, tool: Tool, **arguments: Any) -> str:
        """Call one tool, on record; what it gave back, or what went wrong."""
        call = tool.call(arguments)
        await self.calls([call])
        outcome, content = await tool.run(call["function"]["arguments"])
        await self.result(call["id"], content, outcome=outcome)
        return content

    async def usage(
        self,
        tokens_in: int,
        tokens_out: int,
        model: str,
        *,
        cache_read_tokens: int = 0,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Store the provider's own count of one call of the model, beside ours; before the calls that it made are stored.

        `tokens_in`: of the whole prompt, `cache_read_tokens` of them from the provider's cache.
        """
        self.tokens_used += tokens_in + tokens_out
        await self.sessions.record_usage(
            self.session.id,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cache_read_tokens=min(cache_read_tokens, tokens_in),
            counted_tokens=self.tokens_sent if tokens_in else None,
            model=model or "model",
            data=data,
        )


class Agent(Protocol):
    """Anything that answers a turn."""

    name: str

    async def schemas(self) -> list[JsonObject]:
        """The tool schemas that are sent beside the messages (OpenAI's shape); they are counted in the context."""
        ...

    def run(self, turn: Turn) -> AsyncIterator[str]:
        """The reply, piece by piece. What it raises ends the turn and is recorded as an error."""
        ...
