"""Reading again, word for word, what a prompt only summarizes, shortens or leaves out: what of which messages is shown.

Invariants: pure; what is shown has at most the tokens that were asked for; what is left out of a message is marked in it, and where a page
ends the next one begins. Who asks decides which messages are handed in: none that is cleared, retracted or erased.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from turnkeep import checks
from turnkeep.errors import InvalidInput
from turnkeep.session import JsonObject, Message, Role
from turnkeep.shrink import shorten
from turnkeep.tokens import Counter
from turnkeep.turns import words as said

NAME = "recall"
LEAST, MOST = 64, 100_000  # tokens of an answer
MAX_SEQ = 2**32
SMALLEST = 32  # tokens of what is shown of a message
_ENDING = 16  # tokens that are kept for the note on how to go on
_EXACT = 65_536  # characters that are counted rather than estimated
_AROUND = 3  # a third of what is shown stands before the words that were looked for

RECEIPT = (
    f"[What is told here in a summary, or marked as left out or not shown, is second-hand: call {NAME} with the numbers of the messages "
    "to read it word for word.]"
)


class RecalledMessage(msgspec.Struct, frozen=True):
    """What a message said; `shortened`: not all of it."""

    seq: int
    role: Role
    name: str | None
    text: str
    shortened: bool


class Recalled(msgspec.Struct, frozen=True):
    """Messages, oldest first. `next_seq`: where the next page begins; None: there is no more. `parts`: of one message that is too long."""

    messages: tuple[RecalledMessage, ...]
    tokens: int
    next_seq: int | None
    parts: int = 1

    def text(self) -> str:
        """As a model reads it."""
        lines = [line(one) for one in self.messages] or ["No such messages."]
        if self.parts > 1:
            lines.append(f"[This message has {self.parts} parts.]")
        if self.next_seq is not None:
            lines.append(f"[There is more: from_seq={self.next_seq}]")
        return "\n".join(lines)


def line(one: RecalledMessage) -> str:
    return f"{one.seq} {one.role}{f' {one.name}' if one.name else ''}: {one.text}"


def span(from_seq: int | None, to_seq: int | None) -> tuple[int, int]:
    """The first and the last `seq` that are asked for."""
    first = 1 if from_seq is None else checks.page("from_seq", from_seq, 1, MAX_SEQ)
    last = MAX_SEQ if to_seq is None else checks.page("to_seq", to_seq, 1, MAX_SEQ)
    if last < first:
        raise InvalidInput("to_seq", "must not be before from_seq", size=last, limit=first)
    return first, last


def is_asked(tools: Sequence[JsonObject] | None) -> bool:
    """Whether the tool is among these schemas."""
    return any((tool.get("function") or tool).get("name") == NAME for tool in tools or ())


def text_of(message: Message) -> str:
    """All that a message says, in words: its texts, the calls that it makes but for those of this tool, and what parts it has besides."""
    lines = [said(message.content)]
    if isinstance(message.content, list) and (others := [part["type"] for part in message.content if part["type"] != "text"]):
        lines.append(f"[attached: {', '.join(others)}]")
    called = [call["function"] for call in message.tool_calls or ()]
    lines += [f"[calls {one['name']}({one['arguments']})]" for one in called if one["name"] != NAME]
    return "\n".join(line for line in lines if line)


class Page:
    """What one answer shows, filled message by message."""

    def __init__(self, counter: Counter, max_tokens: int, *, alone: bool = False, words: str = "", part: int = 1) -> None:
        self.counter, self.alone, self.part = counter, alone, part
        self.most = max_tokens - _ENDING
        self.words = [re.compile(re.escape(word), re.IGNORECASE) for word in words.split()]
        self.messages: list[RecalledMessage] = []
        self.tokens, self.parts = 0, 1
        self.own: set[str] = set()  # calls of the tool itself, whose results would be shown again and again

    def wants(self, text: str) -> bool:
        return all(word.search(text) for word in self.words)

    def add(self, message: Message) -> bool:
        """Show it, if it is wanted; False if there is no room left for it."""
        text = text_of(message)
        own = {call["id"] for call in message.tool_calls or () if call["function"]["name"] == NAME}
        self.own |= own
        if message.tool_call_id in self.own or (own and not text) or not self.wants(text):
            return True
        room = self.most - self.tokens
        if self.messages and room < SMALLEST + self._head(message):
            return False
        room = max(room if self.alone else min(room, max(self.most // 4, SMALLEST)), SMALLEST)
        shown = self._shown(message, text, room - self._head(message))
        one = RecalledMessage(message.seq, message.role, message.name, shown, shown != text)
        tokens = self.counter.count(line(one)) + 1
        if self.messages and tokens > self.most - self.tokens:
            return False
        self.messages.append(one)
        self.tokens += tokens
        return True

    def _head(self, message: Message) -> int:
        return self.counter.count(line(RecalledMessage(message.seq, message.role, message.name, "", False))) + 2

    def _shown(self, message: Message, text: str, room: int) -> str:
        total = self.counter.count(text) if len(text) <= _EXACT else max(room + 1, len(text) // 4)
        if total <= room:
            return text
        size = max(int(0.9 * room * len(text) / total), 1)  # characters of so many tokens
        if self.words and not self.alone:
            text = _excerpt(text, min(found.start() for word in self.words if (found := word.search(text))), size)
        elif self.alone:
            self.parts = -(-len(text) // size)
            text = text[(self.part - 1) * size : self.part * size]
        tokens = self.counter.count(text) if len(text) <= _EXACT else total
        return text if tokens <= room else shorten(self.counter, text, room, tokens, f"message {message.seq}")

    def done(self, next_seq: int | None) -> Recalled:
        ending = _ENDING if next_seq is not None or self.parts > 1 else 0
        return Recalled(tuple(self.messages), self.tokens + ending, next_seq, self.parts)


def _excerpt(text: str, at: int, size: int) -> str:
    """So many characters around that place."""
    start = max(0, min(at - size // _AROUND, len(text) - size))
    end = start + size
    return ("[...] " if start else "") + text[start:end] + (" [...]" if end < len(text) else "")
