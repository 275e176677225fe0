"""The form in which rows go from one store to another: all that a store keeps, and nothing of how it keeps it.

Invariants: a row says everything that cannot be derived from other rows (which message has an `external_id` and which calls a log
has had can be). Numbers are kept, so that the order of sessions and a listener's cursor stay what they are. The rows of a kind have an
order, by their keys, that is the same in every store: integers by value, texts by code points. An empty state is no row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from turnkeep.keys import ApiKey
from turnkeep.session import Arrival, Calibration, Event, JsonObject, Message, Pin, Session, Summary

Key: TypeAlias = tuple[int | str, ...]
PAGE_BYTES = 4_000_000  # of text in a page; one row may have more


class MessageRow(msgspec.Struct, frozen=True):
    """A message, in the log of the session of that number."""

    session: int
    message: Message


class SummaryRow(msgspec.Struct, frozen=True):
    """A summary, live or not, with what its maker needs of it."""

    session: int
    summary: Summary


class PinRow(msgspec.Struct, frozen=True):
    """What stays in a session's prompts."""

    session: int
    pin: Pin


class StateRow(msgspec.Struct, frozen=True):
    """A session's own state."""

    session: int
    value: JsonObject


class UserStateRow(msgspec.Struct, frozen=True):
    """A user's state on an interface."""

    app: str
    interface_type: str
    external_user_id: str
    value: JsonObject


class EventRow(msgspec.Struct, frozen=True):
    """An event of a session."""

    session: int
    event: Event


class NoteRow(msgspec.Struct, frozen=True):
    """What is known of a key under which a write was done.

    `session` is the one that it goes with. An append's answer is found again at `places`: session, first and last `seq` of messages in
    a row; of other writes by `figures`: whether a session was made, an event's number, or what was counted.
    """

    app: str
    key: bytes
    request: bytes
    session: int | None
    places: tuple[tuple[int, int, int], ...]
    figures: tuple[int, ...]
    until_ms: int


class ArrivalRow(msgspec.Struct, frozen=True):
    """What a bot took in; `number` is its place in the order of arrival."""

    number: int
    arrival: Arrival


class NumberRow(msgspec.Struct, frozen=True):
    """The last number that was given to a session, a summary, a pin or an event (`kind`), there still or not: none is given twice."""

    kind: str
    last: int


Row: TypeAlias = (
    Session
    | MessageRow
    | SummaryRow
    | PinRow
    | StateRow
    | UserStateRow
    | EventRow
    | Calibration
    | ApiKey
    | NoteRow
    | ArrivalRow
    | NumberRow
)


class Kind(msgspec.Struct, frozen=True):
    """One kind of rows: what a row is, what it is found by, and a key that comes before all others."""

    row: type[Any]
    key: Callable[[Any], Key]
    start: Key


# By name, such that what a row needs is of a kind before its own.
KINDS: dict[str, Kind] = {
    "sessions": Kind(Session, lambda row: (row.number,), (0,)),
    "messages": Kind(MessageRow, lambda row: (row.session, row.message.seq), (0, 0)),
    "summaries": Kind(SummaryRow, lambda row: (row.session, row.summary.number), (0, 0)),
    "pins": Kind(PinRow, lambda row: (row.session, row.pin.number), (0, 0)),
    "session_states": Kind(StateRow, lambda row: (row.session,), (0,)),
    "user_states": Kind(UserStateRow, lambda row: (row.app, row.interface_type, row.external_user_id), ("", "", "")),
    "events": Kind(EventRow, lambda row: (row.session, row.event.number), (0, 0)),
    "calibrations": Kind(Calibration, lambda row: (row.app, row.tokenizer, row.model), ("", "", "")),
    "api_keys": Kind(ApiKey, lambda row: (row.id,), ("",)),
    "idempotency_keys": Kind(NoteRow, lambda row: (row.app, row.key.hex()), ("", "")),
    "inbox": Kind(ArrivalRow, lambda row: (row.number,), (0,)),
    "numbers": Kind(NumberRow, lambda row: (row.kind,), ("",)),
}
OF_A_SESSION = ("messages", "summaries", "pins", "session_states", "events")
NUMBERED = ("events", "pins", "sessions", "summaries")


def ranges(places: list[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Messages by session and `seq`, those in a row together."""
    found: list[tuple[int, int, int]] = []
    for session, seq in places:
        if found and found[-1][0] == session and found[-1][2] == seq - 1:
            found[-1] = (session, found[-1][1], seq)
        else:
            found.append((session, seq, seq))
    return tuple(found)
