"""What a change does to a session's row: pure functions, the same for every store that computes in Python.

Invariant: each function takes the session before and gives the session after, version raised; no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from msgspec.structs import replace

from turnkeep import calibration
from turnkeep.errors import Conflict, InvalidInput, SessionClosed, TooManyPins, UnknownPin
from turnkeep.session import (
    Calibration,
    Event,
    InterfaceStats,
    JsonObject,
    Message,
    NewMessage,
    NewPin,
    NewSummary,
    Pin,
    Session,
    Status,
    StoreStats,
    Summary,
)
from turnkeep.stores.base import NewSession


def new_session(
    new: NewSession, number: int, now_ms: int, predecessor: Session | None, correction: int = calibration.NONE
) -> Session:
    """`correction`: of the model that the app's provider reported last for this tokenizer."""
    return Session(
        id=new.id,
        number=number,
        app=new.app,
        interface_type=new.interface_type,
        conversation_id=new.conversation_id,
        external_user_id=new.external_user_id,
        external_chat_id=new.external_chat_id,
        token_limit=new.token_limit,
        tokenizer=new.tokenizer,
        lifetime_ms=new.lifetime_ms,
        created_ms=now_ms,
        active_ms=now_ms,
        expires_ms=None if new.lifetime_ms is None else now_ms + new.lifetime_ms,
        predecessor=predecessor.id if predecessor else None,
        root=predecessor.root if predecessor else number,
        carry_over=new.carry_over,
        metadata=new.metadata,
        correction=correction,
    )


def carried(old: Session, summaries: Iterable[Summary]) -> list[NewSummary]:
    """What of a closed session opens its successor."""
    live = sorted((one for one in summaries if one.live), key=lambda one: one.from_seq)
    return [
        NewSummary(
            from_seq=0,
            to_seq=0,
            text=one.text,
            method="carried",
            tokens=one.tokens,
            counter=one.counter,
            tokens_before=one.tokens_before,
            source=old.id,
            data=one.data,
            authors=one.authors,
        )
        for one in live
        if one.method != "truncation"
    ]


def close(session: Session, status: Status, now_ms: int) -> Session:
    return replace(session, status=status, closed_ms=now_ms, version=session.version + 1)


def check_open(session: Session, messages: Sequence[NewMessage], now_ms: int) -> None:
    """A closed session takes only what finishes its turn."""
    if session.status != "active" or (session.expires_ms is not None and session.expires_ms <= now_ms):
        for message in messages:
            if message.role == "user" or message.role == "system":
                raise SessionClosed(session.id, session.status_at(now_ms))


def check_expected(session: Session, expected_seq: int | None) -> None:
    if expected_seq is not None and expected_seq != session.seq:
        raise Conflict("expected_seq", f"the newest message is {session.seq}, not {expected_seq}")


def check_same(stored: Message, sent: NewMessage) -> Message:
    """The stored message, if what was sent again under its `external_id` is the same."""
    if not stored.same_as(sent):
        raise Conflict("external_id", f"message {stored.seq} has this external_id and other content")
    return stored


def unknown_call() -> InvalidInput:
    return InvalidInput("tool_call_id", "names no tool call that this session has had before this message")


def at_seq(message: NewMessage, seq: int) -> Message:
    return Message(
        message.role,
        message.content,
        message.tokens,
        message.counter,
        message.created_ms,
        message.external_id,
        message.tool_calls,
        message.tool_call_id,
        message.name,
        message.author_id,
        message.metadata,
        seq=seq,
    )


def append(session: Session, messages: Sequence[NewMessage], now_ms: int, fixed_tokens: int | None) -> Session:
    """The session after these messages are added at its end."""
    seq, prompt_seq = session.seq, session.prompt_seq
    tokens = tokens_out = prompt_tokens = calls = 0
    for message in messages:
        seq += 1
        tokens += message.tokens
        if message.role == "assistant":
            tokens_out += message.tokens
            if message.tool_calls:
                calls += len(message.tool_calls)
        elif message.role == "system" and prompt_seq == seq - 1:
            prompt_seq = seq
            prompt_tokens += message.tokens
    prompt_grew = prompt_seq - session.prompt_seq
    closed = session.status != "active" or (session.expires_ms is not None and session.expires_ms <= now_ms)
    return replace(
        session,
        seq=seq,
        prompt_seq=prompt_seq,
        window_start=max(session.window_start, prompt_seq + 1) if prompt_grew else session.window_start,
        version=session.version + 1,
        tokens=session.tokens + tokens,
        tokens_out=session.tokens_out + tokens_out,
        window_messages=session.window_messages + len(messages) - prompt_grew,
        window_tokens=session.window_tokens + tokens - prompt_tokens,
        tool_calls=session.tool_calls + calls,
        fixed_tokens=session.fixed_tokens if fixed_tokens is None else fixed_tokens,
        active_ms=now_ms,
        expires_ms=session.expires_ms if closed or session.lifetime_ms is None else now_ms + session.lifetime_ms,
    )


def check_summary(
    session: Session, summary: NewSummary, generation: int, live: Iterable[Summary], replaces: Iterable[int]
) -> list[Summary]:
    """Compare-and-set: the window must still start where the summary's maker saw it start. Gives the summaries it replaces.

    It may fold live summaries into one (and end where the last of them ends), cover more of the window, or both at once.
    """
    wanted = set(replaces)
    replaced = [old for old in live if old.number in wanted]
    if generation != session.generation:
        raise Conflict("summary", "the window was cleared, retracted or erased meanwhile")
    if len(replaced) != len(wanted):
        raise Conflict("summary", "a summary that it replaces is no longer live")
    start = min([session.window_start, *(old.from_seq for old in replaced)])
    if summary.from_seq != start:
        raise Conflict("summary", f"the window starts at {start}, the summary at {summary.from_seq}")
    folded = max((old.to_seq for old in replaced), default=None)
    if summary.to_seq != folded and not session.window_start <= summary.to_seq <= session.seq:
        raise Conflict("summary", f"it ends at {summary.to_seq}, the log at {session.seq}")
    if any(old.to_seq >= start and old.from_seq <= summary.to_seq and old.number not in wanted for old in live):
        raise Conflict("summary", "it covers what a live summary covers that it does not replace")
    return replaced


def summarize(session: Session, summary: NewSummary, replaced: Iterable[Summary], covered: Sequence[Message]) -> Session:
    """The session after a summary; `covered` are the visible messages that leave the window."""
    return replace(
        session,
        version=session.version + 1,
        window_start=max(session.window_start, summary.to_seq + 1),
        window_messages=session.window_messages - len(covered),
        window_tokens=session.window_tokens - sum(message.tokens for message in covered),
        summary_tokens=session.summary_tokens + summary.tokens - sum(old.tokens for old in replaced),
    )


def may_tell_of(summary: Summary, user: str | None) -> bool:
    """Whether what was carried over may tell of a user; of whomever, if none is named."""
    return summary.from_seq == 0 and (user is None or summary.authors is None or user in summary.authors)


def clear(session: Session, keep_summaries: bool) -> Session:
    return replace(
        session,
        version=session.version + 1,
        generation=session.generation + 1,
        window_start=max(session.seq, session.prompt_seq) + 1,
        cleared_seq=session.seq,
        window_messages=0,
        window_tokens=0,
        summary_tokens=session.summary_tokens if keep_summaries else 0,
        pins=session.pins if keep_summaries else 0,
        pin_tokens=session.pin_tokens if keep_summaries else 0,
    )


def check_retract(session: Session, from_seq: int) -> None:
    first = session.prompt_seq + 1
    if not first <= from_seq <= session.seq:
        reason = f"must be from {first}, the first after the prompt, to {session.seq}, the newest"
        raise InvalidInput("from_seq", reason, size=from_seq, limit=session.seq)


def retract(session: Session, from_seq: int) -> tuple[tuple[int, int], ...]:
    """The hidden ranges with `from_seq..newest` among them; older ranges that touch it melt into it."""
    ranges = []
    for first, last in session.retracted:
        if last < from_seq - 1:
            ranges.append((first, last))
        else:
            from_seq = min(first, from_seq)
    return (*ranges, (from_seq, session.seq))


class Tail:
    """The newest part of a window that is enough by either measure, back to a user message; taken from pages that are read backwards."""

    def __init__(self, head: Session, tokens: int | None, count: int | None) -> None:
        self._head, self._tokens, self._count = head, tokens, count
        self._tail: list[Message] = []
        self._summed = 0
        self._user = False

    def reaches(self, page: Iterable[Message]) -> bool:
        """Whether it is enough with these, newest first."""
        for message in page:
            if self._head.hides(message.seq):
                continue
            self._tail.append(message)
            self._summed += message.tokens
            self._user = self._user or message.role == "user"
            by_tokens = self._tokens is not None and self._summed >= self._tokens
            if self._user and (by_tokens or (self._count is not None and len(self._tail) >= self._count)):
                return True
        return False

    def messages(self) -> list[Message]:
        return self._tail[::-1]


def rewound(session: Session, keep: Sequence[Summary]) -> int:
    """Where the window starts when only the summaries in `keep` are live: after the newest of them, never before a clear."""
    covered: int = max((summary.to_seq for summary in keep), default=0)
    return max(covered, session.cleared_seq, session.prompt_seq) + 1


def rederived(session: Session, start: int, window: Sequence[Message], live: Iterable[Summary]) -> Session:
    """The session with another window: these messages, from that start on, and these summaries."""
    return replace(
        session,
        version=session.version + 1,
        generation=session.generation + 1,
        window_start=start,
        window_messages=len(window),
        window_tokens=sum(message.tokens for message in window),
        summary_tokens=sum(summary.tokens for summary in live),
    )


def same_pin(pins: Iterable[Pin], new: NewPin) -> Pin | None:
    """The pin of the same message, or of the same words."""
    return next((one for one in pins if (one.seq, one.role, one.text) == (new.seq, new.role, new.text)), None)


def check_pin(session: Session, new: NewPin, erased: bool, most: int, most_tokens: int) -> None:
    """`erased`: whether the message is a tombstone."""
    if new.seq:
        if not new.seq <= session.seq:
            raise InvalidInput("seq", "is beyond the newest message", size=new.seq, limit=session.seq)
        if erased or session.hides(new.seq) or new.seq <= session.cleared_seq:
            raise InvalidInput("seq", "names a message that was erased, retracted or cleared")
    if session.pins >= most:
        raise TooManyPins("pins", "the session has as many as it may", size=session.pins + 1, limit=most)
    if session.pin_tokens + new.tokens > most_tokens:
        reason = "together would have more tokens than pins may"
        raise TooManyPins("pins", reason, size=session.pin_tokens + new.tokens, limit=most_tokens)


def pinned(session: Session, pins: Sequence[NewPin]) -> Session:
    """The session with these pins and no others."""
    return replace(session, version=session.version + 1, pins=len(pins), pin_tokens=sum(pin.tokens for pin in pins))


def carried_pin(pin: Pin, session: Session, number: int) -> Pin:
    """As the successor of `session` has it. Whose words they are must be known when that session is no longer there."""
    author = pin.author_id or session.external_user_id
    return replace(pin, number=number, seq=0, source=pin.source or session.id, author_id=author)


def find_pin(pins: Iterable[Pin], number: int) -> Pin:
    for pin in pins:
        if pin.number == number:
            return pin
    raise UnknownPin


def first_report(session: Session, event: Event) -> Calibration | None:
    """What a usage report alone tells of the tokenizer; None if it does not say what was counted."""
    if event.kind != "usage" or event.counted_tokens is None:
        return None
    counts = event.counted_tokens, event.tokens_in
    return Calibration(session.app, session.tokenizer, event.name, 1, *counts, calibration.NONE, event.created_ms)


def record(session: Session, event: Event, known_call: bool, correction: int | None) -> Session:
    """The session after an event. A tool call that the log has was counted when it was appended. `correction`: of the model that
    reported, if it was told what was counted."""
    return replace(
        session,
        version=session.version + 1,
        tool_calls=session.tool_calls + (event.kind == "tool_call" and not known_call),
        errors=session.errors + (event.kind == "error" or event.outcome == "error"),
        usage_in=session.usage_in + event.tokens_in,
        usage_out=session.usage_out + event.tokens_out,
        usage_cache_read=session.usage_cache_read + event.cache_read_tokens,
        correction=session.correction if correction is None else correction,
    )


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: null removes, objects merge, everything else replaces. Gives a new value; neither argument changes."""
    if not isinstance(patch, dict):
        return patch
    merged = cast(JsonObject, dict(target)) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def owner(session: Session) -> tuple[str, str, str]:
    """Whose user state a session reaches: (app, interface, external user)."""
    if session.external_user_id is None:
        raise InvalidInput("scope", "this session has no external_user_id, so there is no user whose state it could be")
    return session.app, session.interface_type, session.external_user_id


def check_state(text: str, limit: int) -> None:
    size = len(text.encode())
    if size > limit:
        raise InvalidInput("state", "is too large as JSON, in bytes", size=size, limit=limit)


_SUMMED = StoreStats.__struct_fields__[:-1]


def stats(found: Sequence[Sequence[Any]]) -> StoreStats:
    """Sums of an app from those of its interfaces: name, sessions, active ones, messages, tokens, tool calls, errors, usage."""
    sums = [sum(column) for column in zip(*(row[1:] for row in found), strict=True)] or [0] * len(_SUMMED)
    by_interface = {row[0]: InterfaceStats(*row[1:5]) for row in found}
    return StoreStats(**dict(zip(_SUMMED, sums, strict=True)), by_interface=by_interface)


def broken_totals(row: Sequence[Any]) -> list[str]:
    """What of a session is not as its rows are: its id and `seq`, then how many rows there are and their first and last `seq`, then four
    totals, each with the sum it should be."""
    session_id, seq, count, first, last, *pairs = row
    broken = []
    if not (seq == count == last and first == 1):
        broken.append(f"session {session_id}: its log is not dense: seq {seq}, {count} messages from {first} to {last}")
    names = ("tokens", "tokens_out", "window_messages", "window_tokens")
    for name, stored, summed in zip(names, pairs[::2], pairs[1::2], strict=True):
        if stored != summed:
            broken.append(f"session {session_id}: {name} is {stored}, its rows make {summed}")
    return broken
