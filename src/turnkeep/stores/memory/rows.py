"""What the memory store keeps, and all that can be told from it: no row is changed in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise

from msgspec.structs import replace

from turnkeep.errors import Conflict
from turnkeep.session import Event, InterfaceStats, JsonObject, Message, NewMessage, Pin, Session, Summary
from turnkeep.stores import rules


@dataclass(slots=True)
class Rows:
    """All that is kept of one session."""

    session: Session
    log: list[Message] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)  # oldest first
    events: list[Event] = field(default_factory=list)
    uncounted: int = 0  # events of tool calls that the log had counted
    calls: set[str] = field(default_factory=set)  # ids of the tool calls in the log
    state: JsonObject = field(default_factory=dict)
    pins: list[Pin] = field(default_factory=list)  # oldest first

    def live(self) -> list[Summary]:
        """The live summaries, in the order of what they cover."""
        return sorted((s for s in self.summaries if s.live), key=lambda s: (s.to_seq, s.number))

    def retire(self, *numbers: int) -> None:
        """These summaries stop being live."""
        self.summaries = [replace(s, live=False, data=None) if s.number in numbers else s for s in self.summaries]

    def shown(self) -> tuple[Summary, ...]:
        """The live summaries as a window has them."""
        return tuple(replace(summary, data=None, authors=None) for summary in self.live())

    def visible(self, to_seq: int | None = None) -> list[Message]:
        """The window's messages, up to a `seq` if one is given."""
        session = self.session
        return [m for m in self.log[session.window_start - 1 : to_seq] if not session.hides(m.seq)]


@dataclass(slots=True)
class Conversation:
    """The sessions of one key, oldest first, and where each `external_id` lies."""

    sessions: list[Rows] = field(default_factory=list)
    externals: dict[str, tuple[Rows, int]] = field(default_factory=dict)

    def known(self, external_id: str | None) -> Message | None:
        if external_id is None or external_id not in self.externals:
            return None
        rows, seq = self.externals[external_id]
        return rows.log[seq - 1]

    def unsound(self) -> Iterator[str]:
        stored = {m.external_id: (id(r), m.seq) for r in self.sessions for m in r.log if m.external_id is not None}
        if stored != {name: (id(rows), seq) for name, (rows, seq) in self.externals.items()}:
            yield "its external ids are not those of its messages"
        if sum(rows.session.status == "active" for rows in self.sessions) > 1:
            yield "more than one of its sessions is active"


def unshared(message: NewMessage) -> NewMessage:
    """The message, without anything in it that the caller can still change."""
    if message.tool_calls is None and message.metadata is None and not isinstance(message.content, list):
        return message
    return deepcopy(message)


def call_ids(log: Iterable[Message]) -> set[str]:
    return {call["id"] for message in log for call in message.tool_calls or ()}


def check_once(messages: Sequence[NewMessage]) -> None:
    names = [message.external_id for message in messages if message.external_id is not None]
    if len(set(names)) < len(names):
        raise Conflict("external_id", "two messages of the batch have the same")


def check_results(known: set[str], fresh: Sequence[Message]) -> None:
    """Each tool message answers a call that stands before it."""
    earlier: set[str] = set()
    for message in fresh:
        name = message.tool_call_id
        if message.role == "tool" and name not in known and name not in earlier:
            raise rules.unknown_call()
        earlier |= call_ids([message])


def newest(visible: Sequence[Message], tokens: int | None, messages: int | None) -> int:
    """How many of the visible messages stand before the part that `window` was asked for."""
    if tokens is None and messages is None:
        return 0
    reached, start, asked = 0, len(visible), any(message.role == "user" for message in visible)
    while start:
        full = (tokens is not None and reached >= tokens) or (messages is not None and len(visible) - start >= messages)
        if full and not asked:
            break
        start -= 1
        reached += visible[start].tokens
        asked = asked and visible[start].role != "user"
    return start


def tombstone(message: Message) -> Message:
    return Message(message.role, "", 0, message.counter, message.created_ms, seq=message.seq, erased=True)


def without(summaries: Sequence[Summary], dropped: Sequence[Summary]) -> list[Summary]:
    """What remains. Behind a live one that goes no other stays live: the window starts at one place."""
    first = min((s.to_seq for s in dropped if s.live and s.to_seq), default=None)
    kept = [summary for summary in summaries if summary not in dropped]
    return [s if first is None or s.to_seq < first else replace(s, live=False, data=None) for s in kept]


def moved(rows: Rows, session: Session) -> Session:
    """The session with its window's start and sums as its rows say, its generation and version raised."""
    live = rows.live()
    start = rules.rewound(session, live)
    visible = [m for m in rows.log[start - 1 :] if not session.hides(m.seq)]
    return replace(
        session,
        version=session.version + 1,
        generation=session.generation + 1,
        window_start=start,
        window_messages=len(visible),
        window_tokens=sum(message.tokens for message in visible),
        summary_tokens=sum(summary.tokens for summary in live),
        pins=len(rows.pins),
        pin_tokens=sum(pin.tokens for pin in rows.pins),
    )


def figures(sessions: Sequence[Session], now_ms: int) -> InterfaceStats:
    return InterfaceStats(
        sessions=len(sessions),
        active=sum(session.status_at(now_ms) == "active" for session in sessions),
        messages=sum(session.seq for session in sessions),
        tokens=sum(session.tokens for session in sessions),
    )


def unsound(rows: Rows) -> Iterator[str]:
    """Each invariant of one session that does not hold."""
    session, log = rows.session, rows.log
    for name, value in _sums(rows).items():
        if getattr(session, name) != value:
            yield f"{name} is {getattr(session, name)}, its rows say {value}"
    if [m.seq for m in log] != list(range(1, len(log) + 1)):
        yield "its log is not dense"
    if (session.status == "active") != (session.closed_ms is None):
        yield f"it is {session.status}, its closing time says otherwise"
    ends = [0, *(end for hidden in session.retracted for end in hidden), session.seq]
    if any(first > last for first, last in pairwise(ends)):
        yield "its retracted ranges are not in order"
    covers = Counter(seq for s in rows.live() for seq in range(max(s.from_seq, 1), s.to_seq + 1))
    if any(times > 1 for times in covers.values()):
        yield "two live summaries cover one message"
    if any(m.erased and m != tombstone(m) for m in log):
        yield "a tombstone holds more than its role and time"
    if any(pin.seq and (session.hides(pin.seq) or log[pin.seq - 1].erased) for pin in rows.pins):
        yield "a pin is of a message that is retracted or erased"


def _sums(rows: Rows) -> dict[str, int]:
    """What the session's figures must be."""
    log, events, live, visible = rows.log, rows.events, rows.live(), rows.visible()
    counted = sum(e.kind == "tool_call" for e in events) - rows.uncounted
    return {
        "seq": len(log),
        "prompt_seq": next((m.seq - 1 for m in log if m.role != "system"), len(log)),
        "window_start": rules.rewound(rows.session, live),
        "tokens": sum(m.tokens for m in log),
        "tokens_out": sum(m.tokens for m in log if m.role == "assistant"),
        "window_messages": len(visible),
        "window_tokens": sum(m.tokens for m in visible),
        "summary_tokens": sum(s.tokens for s in live),
        "pins": len(rows.pins),
        "pin_tokens": sum(pin.tokens for pin in rows.pins),
        "tool_calls": sum(len(m.tool_calls or ()) for m in log) + counted,
        "errors": sum(e.kind == "error" or e.outcome == "error" for e in events),
        "usage_in": sum(e.tokens_in for e in events),
        "usage_out": sum(e.tokens_out for e in events),
        "usage_cache_read": sum(e.cache_read_tokens for e in events),
    }
