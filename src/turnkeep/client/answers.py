"""What came in: bodies as the records that a local manager returns.

Invariant: pure. A field that a newer server has besides is passed over; one that is missing, or of another kind, is `ServerFailed`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import msgspec

from turnkeep.client.errors import ServerFailed
from turnkeep.context import Context
from turnkeep.cursors import Cursor
from turnkeep.recall import Recalled
from turnkeep.session import (
    Change,
    ChangeKind,
    Cleaned,
    Erased,
    Event,
    JsonObject,
    Message,
    Pin,
    Session,
    SessionStats,
    Stats,
    Summary,
    to_ms,
)

P = ParamSpec("P")
T = TypeVar("T")

_MOMENTS = {"created_at": "created_ms", "last_active": "active_ms", "expires_at": "expires_ms", "closed_at": "closed_ms"}
_SESSION = {**_MOMENTS, "messages": "seq"}


class Key(msgspec.Struct, frozen=True):
    """What the API key may do."""

    app: str


def _reading(read: Callable[P, T]) -> Callable[P, T]:
    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise ServerFailed(f"The server's answer cannot be read: {type(error).__name__}: {error}") from error

    return reading


def _record(told: JsonObject, kind: type[T], names: dict[str, str], **internal: Any) -> T:
    fields = {names.get(name, name): _ms(value) if name in _MOMENTS else value for name, value in told.items()}
    return msgspec.convert({**fields, **internal}, kind)


def _ms(moment: str | None) -> int | None:
    return None if moment is None else to_ms(datetime.fromisoformat(moment))


def _session(told: JsonObject) -> Session:
    return _record(told, Session, _SESSION, number=0)  # the store's own integer stays with it


def _summary(told: JsonObject) -> Summary:
    return _record(told, Summary, _MOMENTS, number=0)


@_reading
def session(body: bytes) -> Session:
    return _session(msgspec.json.decode(body))


@_reading
def sessions(body: bytes) -> list[Session]:
    return [_session(one) for one in msgspec.json.decode(body)["sessions"]]


def _message(told: JsonObject) -> Message:
    return _record(told, Message, _MOMENTS)


@_reading
def message(body: bytes) -> Message:
    return _message(msgspec.json.decode(body))


@_reading
def messages(body: bytes) -> list[Message]:
    return [_message(one) for one in msgspec.json.decode(body)["messages"]]


@_reading
def summaries(body: bytes) -> list[Summary]:
    return [_summary(one) for one in msgspec.json.decode(body)["summaries"]]


def _pin(told: JsonObject) -> Pin:
    return _record(told, Pin, _MOMENTS)


@_reading
def pin(body: bytes) -> Pin:
    return _pin(msgspec.json.decode(body))


@_reading
def pins(body: bytes) -> list[Pin]:
    return [_pin(one) for one in msgspec.json.decode(body)["pins"]]


@_reading
def made(body: bytes) -> Summary | None:
    told = msgspec.json.decode(body)["summary"]
    return None if told is None else _summary(told)


@_reading
def event(body: bytes) -> Event:
    return _event(msgspec.json.decode(body))


@_reading
def events(body: bytes) -> list[Event]:
    return [_event(one) for one in msgspec.json.decode(body)["events"]]


@_reading
def change(session_id: str, kind: str, cursor: str, data: str) -> Change | None:
    """None: a kind that only a newer server knows."""
    name = cast(ChangeKind, kind.replace("-", "_"))
    Cursor.parse(session_id, cursor)
    return Change(name, cursor, _VALUES[name](msgspec.json.decode(data))) if name in _VALUES else None


def _event(told: JsonObject) -> Event:
    return _record(told, Event, _MOMENTS)


_VALUES: dict[ChangeKind, Callable[[JsonObject], Session | Message | Summary | Event | None]] = {
    "session": _session,
    "message": _message,
    "summary": _summary,
    "tool_call": _event,
    "error": _event,
    "usage": _event,
    "deleted": lambda _: None,
}


@_reading
def state(body: bytes) -> JsonObject:
    return msgspec.convert(msgspec.json.decode(body)["state"], JsonObject)


@_reading
def problems(body: bytes) -> list[str]:
    return msgspec.convert(msgspec.json.decode(body)["problems"], list[str])


@_reading
def sizes(body: bytes) -> dict[str, int]:
    return msgspec.convert(msgspec.json.decode(body)["sizes"], dict[str, int])


def _as(kind: type[T]) -> Callable[[bytes], T]:
    """Records that look outside as they do inside."""
    return _reading(msgspec.json.Decoder(kind).decode)


key = _as(Key)
context = _as(Context)
recalled = _as(Recalled)
stats = _as(Stats)
session_stats = _as(SessionStats)
cleaned = _as(Cleaned)
erased = _as(Erased)
