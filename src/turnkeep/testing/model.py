"""What a store must answer, told the slow way: plain lists and flags, and nothing of the stores' own rules.

Where a store keeps a number (the window's start, a sum), the model has a flag on each message, and counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from turnkeep.errors import Conflict, InvalidInput, SessionClosed
from turnkeep.session import Message, NewMessage, Pin, Session, Summary


@dataclass
class Line:
    """A message, as far as it matters."""

    role: str
    content: Any
    tokens: int
    external_id: str | None
    calls: list[str]
    result_of: str | None
    author: str | None
    hidden: bool = False
    cleared: bool = False
    erased: bool = False

    @staticmethod
    def of(message: NewMessage) -> Line:
        calls = [call["id"] for call in message.tool_calls or ()]
        content, result = message.content, message.tool_call_id
        return Line(message.role, content, message.tokens, message.external_id, calls, result, message.author_id)

    def same(self, other: Line) -> bool:
        mine = (self.role, self.content, self.calls, self.result_of)
        return mine == (other.role, other.content, other.calls, other.result_of)

    def shown(self, seq: int) -> tuple[Any, ...]:
        return (seq, self.role, self.content, self.tokens, self.external_id, self.calls, self.result_of, self.author)

    def erase(self) -> None:
        self.content, self.tokens, self.external_id, self.calls = "", 0, None, []
        self.result_of = self.author = None
        self.erased = True


def shown(message: Message) -> tuple[Any, ...]:
    return Line.of(message).shown(message.seq)


@dataclass
class Chat:
    """A session."""

    last: Session  # as the store gave it last; its identity and its version are taken from here
    expires: int | None
    status: str = "active"
    closed: int | None = None
    predecessor: str | None = None
    lines: list[Line] = field(default_factory=list)
    live: list[Summary] = field(default_factory=list)  # in the order of what they cover
    pins: list[Pin] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    events: int = 0
    calls: int = 0  # tool calls that only an event told of
    errors: int = 0
    usage: tuple[int, int, int] = (0, 0, 0)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.last.app, self.last.interface_type, self.last.conversation_id

    @property
    def owner(self) -> tuple[str, str, str | None]:
        return self.last.app, self.last.interface_type, self.last.external_user_id

    def is_open(self, now: int) -> bool:
        return self.status == "active" and (self.expires is None or now < self.expires)

    def prompt(self) -> int:
        roles = [line.role for line in self.lines]
        return next((n for n, role in enumerate(roles) if role != "system"), len(roles))

    def passed(self, seq: int) -> bool:
        """Whether the window's start has passed that message."""
        covered = any(one.from_seq <= seq <= one.to_seq for one in self.live)
        return seq <= self.prompt() or covered or self.lines[seq - 1].cleared

    def start(self) -> int:
        return 1 + max((seq for seq in range(1, len(self.lines) + 1) if self.passed(seq)), default=0)

    def visible(self) -> list[tuple[Any, ...]]:
        numbered = enumerate(self.lines, 1)
        return [line.shown(seq) for seq, line in numbered if not line.hidden and not self.passed(seq)]

    def figures(self) -> dict[str, Any]:
        """What the session must say of itself."""
        visible = self.visible()
        return {
            "status": self.status,
            "expires_ms": self.expires,
            "closed_ms": self.closed,
            "predecessor": self.predecessor,
            "seq": len(self.lines),
            "prompt_seq": self.prompt(),
            "window_start": self.start(),
            "tokens": sum(line.tokens for line in self.lines),
            "tokens_out": sum(line.tokens for line in self.lines if line.role == "assistant"),
            "window_messages": len(visible),
            "window_tokens": sum(line[3] for line in visible),
            "summary_tokens": sum(one.tokens for one in self.live),
            "pins": len(self.pins),
            "pin_tokens": sum(one.tokens for one in self.pins),
            "tool_calls": sum(len(line.calls) for line in self.lines) + self.calls,
            "errors": self.errors,
            "usage_in": self.usage[0],
            "usage_out": self.usage[1],
            "usage_cache_read": self.usage[2],
        }


@dataclass
class Model:
    """All sessions, by id, oldest first."""

    chats: dict[str, Chat] = field(default_factory=dict)
    user_states: dict[tuple[str, str, str | None], dict[str, Any]] = field(default_factory=dict)

    def known(self, chat: Chat, external_id: str | None) -> tuple[int, Line] | None:
        """The message of that external id anywhere under the key, and its seq."""
        for other in self.chats.values():
            for seq, line in enumerate(other.lines, 1):
                if external_id is not None and other.key == chat.key and line.external_id == external_id:
                    return seq, line
        return None

    def of_key(self, key: tuple[str, str, str]) -> list[Chat]:
        return [chat for chat in self.chats.values() if chat.key == key]

    def fresh(self, chat: Chat, batch: list[NewMessage]) -> list[NewMessage]:
        return [one for one in batch if not self.known(chat, one.external_id)]

    def refusals(self, chat: Chat, batch: list[NewMessage], expected: int | None, now: int) -> set[type[Exception]]:
        """Every error that an append may be refused with; it may have several faults at once."""
        found: set[type[Exception]] = set()
        for one in batch:
            known = self.known(chat, one.external_id)
            if known and not known[1].same(Line.of(one)):
                found.add(Conflict)
        fresh = self.fresh(chat, batch)
        if not fresh:
            return found
        if expected is not None and expected != len(chat.lines):
            found.add(Conflict)
        if not chat.is_open(now) and any(one.role in {"user", "system"} for one in fresh):
            found.add(SessionClosed)
        calls = {call for line in chat.lines for call in line.calls}
        for line in map(Line.of, fresh):
            if line.role == "tool" and line.result_of not in calls:
                found.add(InvalidInput)
            calls.update(line.calls)
        return found


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, in the words of its own pseudocode."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
