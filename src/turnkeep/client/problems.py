"""From a problem detail of the server to the error that a local manager would have raised.

Invariant: pure, and total: whatever the answer holds, the result is a `TurnkeepError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from turnkeep.client.errors import RateLimited, ServerFailed, ServerUnreachable, TooManyStreams, TooManyStreamsOfKey
from turnkeep.errors import (
    BudgetTooSmall,
    Conflict,
    IdempotencyKeyReused,
    InvalidInput,
    ManagerClosed,
    PreconditionFailed,
    SessionClosed,
    TooManyPins,
    TurnkeepError,
    UnknownSession,
)

PREFIX = "urn:turnkeep:problem:"


class _Problem(msgspec.Struct):
    type: str
    detail: str
    field: str = ""
    size: int | float | None = None
    limit: int | float | None = None
    session_status: str = "closed"


def error_from(status: int, body: bytes, about: str, retry_after: float | None = None) -> TurnkeepError:
    """What an answer that is none of the good ones means for a call about the session `about`."""
    try:
        told = msgspec.json.decode(body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _of_a_stranger(status, retry_after)
    kind = _KINDS.get(told.type.removeprefix(PREFIX))
    if kind is None:
        return _unnamed(status, told, retry_after)
    made = _MADE.get(kind)
    return kind(told.detail) if made is None else made(told, about, retry_after)


def _reason(told: _Problem) -> str:
    """The detail without what the error will put around it again."""
    reason = told.detail.removeprefix(f"{told.field}: ")
    return reason if told.limit is None else reason.rpartition(" (limit ")[0] or reason


def _unnamed(status: int, told: _Problem, retry_after: float | None) -> TurnkeepError:
    """Problems that no error of the library stands for."""
    if status == 413:
        return InvalidInput("request", "is larger than the server takes (max_body_bytes)", size=told.size, limit=told.limit)
    if status == 429:
        return RateLimited(told.detail, retry_after)
    return ServerFailed(f"The server answered {status}: {told.detail}")


def _of_a_stranger(status: int, retry_after: float | None) -> TurnkeepError:
    """What a proxy says in the server's place."""
    if status == 429:
        return RateLimited(None, retry_after)
    if status in (502, 503, 504):
        return ServerUnreachable(f"What stands in front of the server answered {status}.")
    return ServerFailed(f"The answer {status} is not one of a Turnkeep server: is the address right?")


def _kinds(root: type[TurnkeepError]) -> Iterator[type[TurnkeepError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


_MADE: dict[type[TurnkeepError], Callable[[_Problem, str, float | None], TurnkeepError]] = {
    InvalidInput: lambda told, *_: InvalidInput(told.field, _reason(told), size=told.size, limit=told.limit),
    BudgetTooSmall: lambda told, *_: BudgetTooSmall(told.field, _reason(told), size=told.size, limit=told.limit),
    TooManyPins: lambda told, *_: TooManyPins(told.field, _reason(told), size=told.size, limit=told.limit),
    Conflict: lambda told, *_: Conflict(told.field, _reason(told)),
    PreconditionFailed: lambda told, *_: PreconditionFailed(told.field or "version", _reason(told)),
    IdempotencyKeyReused: lambda told, *_: IdempotencyKeyReused(told.field, _reason(told)),
    UnknownSession: lambda _, about, __: UnknownSession(about),
    SessionClosed: lambda told, about, _: SessionClosed(about, told.session_status),
    ManagerClosed: lambda *_: ServerUnreachable("The server is shutting down."),
    TooManyStreams: lambda told, *_: TooManyStreams(told.detail, told.limit),
    TooManyStreamsOfKey: lambda told, *_: TooManyStreamsOfKey(told.detail, told.limit),
    RateLimited: lambda told, _, retry_after: RateLimited(told.detail, retry_after),
}
_OURS = ("turnkeep.errors", "turnkeep.client.errors")
_KINDS = {kind.code: kind for kind in _kinds(TurnkeepError) if kind.__module__ in _OURS}
