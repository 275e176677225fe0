"""Turns: a log in order of arrival becomes turns whose tool calls stand right before their results.

Invariants: every message of the log lands in one turn, or is left out by name (orphan, duplicate, tombstone); in a turn, each
assistant message with calls is followed at once by one result a call, in the order of the calls, a made-up one where none was
stored; what a turn holds depends only on messages from its start on, however much of the log before it was loaded (unless a
call's id is used again while an older call of that id waits).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from turnkeep.session import JsonObject, LeftOut, Message
from turnkeep.tokens import Counter, count_message

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
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [copied(inner) for inner in value]
    return value


def render(message: Message) -> JsonObject:
    """The message in OpenAI's chat shape."""
    content = message.content
    out: JsonObject = {"role": message.role, "content": content if isinstance(content, str) else copied(content)}
    if message.tool_calls:
        out["tool_calls"] = copied(message.tool_calls)
    elif content is None:
        out["content"] = ""
    if message.tool_call_id is not None:
        out["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        out["name"] = message.name
    return out


def cost(counter: Counter, out: JsonObject) -> int:
    """What a message in OpenAI's chat shape costs."""
    return count_message(
        counter, out["role"], out.get("content"), out.get("tool_calls"), out.get("tool_call_id"), out.get("name")
    )


def to_piece(counter: Counter, message: Message) -> Piece:
    """Trusts the stored count if it is this counter's."""
    out = render(message)
    return Piece(message.seq, out, message.tokens if message.counter == counter.name else cost(counter, out))


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
        self.resumed: Turn | None = None  # the turn of the tool result just before

    def leading(self) -> Turn:
        if not self.turns or not self.turns[0].leading:
            self.turns.insert(0, Turn(0, self.first_seq, [], leading=True))
        return self.turns[0]

    def newest(self) -> Turn:
        return self.turns[-1] if self.turns else self.leading()

    def add(self, place: int, message: Message) -> None:
        if message.erased:
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
            unit.append(unknown_outcome(self.counter, message.seq, call_id))

    def add_result(self, message: Message) -> None:
        call_id = message.tool_call_id or ""
        waiting = self.waiting.get(call_id)
        if waiting:
            call = waiting.pop()
            call.unit[call.place] = to_piece(self.counter, message)
            call.turn.shown += 1
            self.resumed = self.answered[call_id] = call.turn
            return
        # Its call is not here: it was covered, cleared, or is not loaded. What follows then goes on with that older turn.
        self.resumed = self.answered.get(call_id) or self.leading()
        reason = "duplicate" if call_id in self.answered else "orphan"
        self.left_out.append(LeftOut(reason, message.seq, message.seq, 1, message.tokens))  # type: ignore[arg-type]


def split(messages: Sequence[Message], counter: Counter) -> tuple[list[Turn], list[LeftOut]]:
    """The turns, oldest first, and the tool results that belong to none. A turn without a visible message is no turn."""
    splitter = _Splitter(counter, messages)
    for place, message in enumerate(messages):
        splitter.add(place, message)
    turns = [turn for turn in splitter.turns if turn.units]
    for turn in turns:
        turn.tokens = sum(piece.tokens for unit in turn.units for piece in unit)
    return turns, splitter.left_out
