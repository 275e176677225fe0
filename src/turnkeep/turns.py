"""Turns: a log in order of arrival becomes turns whose tool calls stand right before their results.

Invariants: every message of the log lands in one turn, or is left out by name (orphan, duplicate, tombstone); in a turn, each
assistant message with calls is followed at once by one result a call, in the order of the calls, a made-up one where none was
stored; what a turn holds depends only on messages from its start on, however much of the log before it was loaded (unless a
call's id is used again while an older call of that id waits).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from turnkeep.session import Content, JsonObject, LeftOut, Message
from turnkeep.tokens import Counter, count_message

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_IN_TOOL_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_NOT_IN_NAME = re.compile(r"[\s<|\\/>]")
UNKNOWN_OUTCOME = "[No result was recorded. The call may or may not have run: its outcome is unknown.]"


class Piece(msgspec.Struct, frozen=True):
    """One message of a prompt: the dict that is sent, what it costs, and the log's `seq` (of the call, if it is made up)."""

    seq: int
    out: JsonObject
    tokens: int
    made_up: bool = False


Unit: TypeAlias = list[Piece]  # stands or falls together: a message and, if it has calls, their results


class Turn(msgspec.Struct):
    """`start` is the first message's place among the loaded ones, `seq` its number; `shown` counts messages of the log."""

    start: int
    seq: int
    units: list[Unit]
    leading: bool = False  # before the first user message, so perhaps the rest of a turn that is not loaded
    tokens: int = 0
    shown: int = 0

    def pieces(self) -> list[Piece]:
        return [piece for unit in self.units for piece in unit]


class _Call(msgspec.Struct):
    """A tool call that waits for its result, and where that will stand."""

    turn: Turn
    unit: Unit
    place: int


def copied(value: Any) -> Any:
    """A deep copy of JSON: what callers do to a prompt must not reach a cached message."""
    if value.__class__ is str:
        return value
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [copied(inner) for inner in value]
    return value


def _call(call: JsonObject) -> JsonObject:
    """A tool call as the APIs take it: with its type, and a function's name of letters that they know."""
    function = call.get("function")
    if isinstance(function, dict):
        function = {**copied(function), "name": _tool_name(str(function.get("name") or "tool"))}
    return {**call, "type": "function", "function": function}


@lru_cache(maxsize=1024)
def _tool_name(name: str) -> str:
    return name if _TOOL_NAME.fullmatch(name) else _NOT_IN_TOOL_NAME.sub("_", name)[:64]


def words(content: Content) -> str:
    """The texts of a content, without what is no text."""
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def render(message: Message) -> JsonObject:
    """The message in OpenAI's chat shape, names in the letters that its API takes."""
    content = message.content
    out: JsonObject = {"role": message.role, "content": content if isinstance(content, str) else copied(content)}
    if message.tool_calls:
        out["tool_calls"] = [_call(call) for call in message.tool_calls]
    elif content is None:
        out["content"] = ""
    if message.tool_call_id is not None:
        out["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        out["name"] = _NOT_IN_NAME.sub("_", message.name)[:64]
    return out


def cost(counter: Counter, out: JsonObject) -> int:
    """What a message in OpenAI's chat shape costs."""
    return count_message(
        counter, out["role"], out.get("content"), out.get("tool_calls"), out.get("tool_call_id"), out.get("name")
    )


def to_piece(counter: Counter, message: Message) -> Piece:
    """Trusts the stored count if it is this counter's."""
    content = message.content
    if content.__class__ is str and message.tool_calls is None and message.name is None and message.counter == counter.name:
        text: JsonObject = {"role": message.role, "content": content}
        if message.tool_call_id is not None:
            text["tool_call_id"] = message.tool_call_id
        return Piece(message.seq, text, message.tokens)
    out = render(message)
    stored = message.counter == counter.name and _same_names(message, out)
    return Piece(message.seq, out, message.tokens if stored else cost(counter, out))


def _same_names(message: Message, out: JsonObject) -> bool:
    """Whether rendering left the names, and with them the count, as they were."""
    if message.name is not None and message.name != out["name"]:
        return False
    calls = zip(message.tool_calls or (), out.get("tool_calls", ()), strict=True)
    return all(call.get("function") == sent["function"] for call, sent in calls)


def unknown_outcome(counter: Counter, seq: int, call_id: str) -> Piece:
    out = {"role": "tool", "tool_call_id": call_id, "content": UNKNOWN_OUTCOME}
    return Piece(seq, out, cost(counter, out), made_up=True)


class _Splitter:
    def __init__(self, counter: Counter, messages: Sequence[Message]) -> None:
        self.counter = counter
        self.turns: list[Turn] = []
        self.left_out: list[LeftOut] = []
        self.first_seq = messages[0].seq if messages else 0
        self.waiting: dict[str, list[_Call]] = {}  # by id, the newest last
        self.answered: dict[str, Turn] = {}
        self.erased_calls = False  # perhaps: a tombstone does not tell
        self.resumed: Turn | None = None  # the turn of the tool result just before

    def leading(self) -> Turn:
        if not self.turns or not self.turns[0].leading:
            self.turns.insert(0, Turn(0, self.first_seq, [], leading=True))
        return self.turns[0]

    def newest(self) -> Turn:
        return self.turns[-1] if self.turns else self.leading()

    def add(self, place: int, message: Message) -> None:
        if message.erased:
            self.erased_calls |= message.role == "assistant"
            return
        if message.role == "tool":
            self.add_result(message)
            return
        turn = self.newest() if message.role != "user" else None
        if turn is None:
            turn = Turn(place, message.seq, [])
            self.turns.append(turn)
        elif message.role == "assistant" and self.resumed is not None:
            turn = self.resumed
        self.resumed = None
        self.add_unit(turn, message)

    def add_unit(self, turn: Turn, message: Message) -> None:
        piece = to_piece(self.counter, message)
        unit = [piece]
        turn.units.append(unit)
        turn.shown += 1
        for call in piece.out.get("tool_calls", ()):
            call_id = str(call.get("id") or "")
            self.waiting.setdefault(call_id, []).append(_Call(turn, unit, len(unit)))
            unit.append(piece)  # holds the place until the result, or the end, comes

    def add_result(self, message: Message) -> None:
        call_id = message.tool_call_id or ""
        waiting = self.waiting.get(call_id)
        if waiting:
            call = waiting.pop()
            call.unit[call.place] = to_piece(self.counter, message)
            call.turn.shown += 1
            self.resumed = self.answered[call_id] = call.turn
            return
        # Its call was covered, cleared or not loaded, and what follows goes on with that older turn; or it was erased.
        elsewhere = None if self.erased_calls else self.leading()
        self.resumed = self.answered.get(call_id, elsewhere)
        reason = "duplicate" if call_id in self.answered else "orphan"
        self.left_out.append(LeftOut(reason, message.seq, message.seq, 1, message.tokens))  # type: ignore[arg-type]

    def close(self) -> None:
        """Calls that no result came for."""
        for call_id, calls in self.waiting.items():
            for call in calls:
                call.unit[call.place] = unknown_outcome(self.counter, call.unit[0].seq, call_id)


def split(messages: Sequence[Message], counter: Counter) -> tuple[list[Turn], list[LeftOut]]:
    """The turns, oldest first, and the tool results that belong to none. A turn without a visible message is no turn."""
    splitter = _Splitter(counter, messages)
    for place, message in enumerate(messages):
        splitter.add(place, message)
    splitter.close()
    turns = [turn for turn in splitter.turns if turn.units]
    for turn in turns:
        turn.tokens = sum(piece.tokens for unit in turn.units for piece in unit)
    return turns, splitter.left_out
