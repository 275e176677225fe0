"""Guarded writes, as every store judges them: which requests are the same, and what a condition refuses.

Invariant: what is kept of a key tells nothing: it is the SHA-256 of the key, and that of the request with the key for its salt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from turnkeep.errors import IdempotencyKeyReused, PreconditionFailed
from turnkeep.session import Cleaned, Erased, Event, NewMessage, NewPin, Session
from turnkeep.stores.base import Guard, NewSession

_encode = msgspec.json.Encoder().encode
Asked = tuple[Any, ...]


class Note(msgspec.Struct, frozen=True):
    """What is kept of a key: the session's number, if it goes with one, and the numbers by which the answer is found again."""

    session: int | None
    result: list[int]


def cleaned(note: Note) -> Cleaned:
    expired, deleted, _ = note.result
    return Cleaned(expired, deleted)


def counted(result: Erased | Cleaned) -> Note:
    return Note(None, [int(figure) for figure in msgspec.structs.astuple(result)])


def ranges(keys: Iterable[int]) -> list[int]:
    """The keys of messages as ranges: first, last, first, last, ..."""
    found: list[int] = []
    for key in keys:
        if found and found[-1] == key - 1:
            found[-1] = key
        else:
            found += [key, key]
    return found


def kept_as(key: str) -> bytes:
    return sha256(key.encode()).digest()


def app_of(change: str, args: Sequence[Any]) -> str:
    """Whose key it is. A cleanup of every app has none of an app."""
    return args[0].app if change == "open_session" else args[0] or ""


def request(guard: Guard, change: str, args: Sequence[Any]) -> bytes:
    """The same for the same change with the same arguments, but for what a clock or chance has put into them."""
    return sha256(_encode((guard.key, guard.fingerprint, change, _ASKED[change](*args)))).digest()


def check_same(noted: bytes, asked: bytes) -> None:
    if noted != asked:
        raise IdempotencyKeyReused("idempotency_key", "was used before, for another write: nothing was written")


def expects_version(guard: Guard, change: str) -> bool:
    return guard.expected_version is not None and change not in ("open_session", "erase_user", "cleanup")


def check_version(guard: Guard, session: Session) -> None:
    if guard.expected_version not in (None, session.version):
        reason = f"the session is at version {session.version}, which is not the one expected: nothing was written"
        raise PreconditionFailed("expected_version", reason)


def gone() -> IdempotencyKeyReused:
    return IdempotencyKeyReused("idempotency_key", "was used before, and what was written then has been removed since")


def _opening(new: NewSession, now_ms: int) -> Asked:
    return new.interface_type, new.conversation_id, new.external_user_id


def _append(app: str, session_id: str, messages: Sequence[NewMessage], now_ms: int, *conditions: int | None) -> Asked:
    said = [(m.role, m.content, m.tool_calls, m.tool_call_id, m.name, m.external_id, m.author_id, m.metadata) for m in messages]
    return session_id, said


def _record(app: str, session_id: str, e: Event) -> Asked:
    usage = e.tokens_in, e.tokens_out, e.cache_read_tokens, e.counted_tokens
    return session_id, e.kind, e.name, e.duration_ms, e.outcome, e.tool_call_id, usage, e.data


def _pin(app: str, session_id: str, new: NewPin, *limits: int) -> Asked:
    return session_id, new.seq, new.role, new.text, new.author_id


_ASKED: dict[str, Callable[..., Asked]] = {
    "open_session": _opening,
    "append": _append,
    "deactivate": lambda app, session_id, now_ms: (session_id,),
    "delete": lambda app, session_id: (session_id,),
    "clear": lambda app, session_id, keep_summaries: (session_id, keep_summaries),
    "retract": lambda app, session_id, from_seq: (session_id, from_seq),
    "update_state": lambda app, session_id, scope, patch, limit: (session_id, scope, patch),
    "record": _record,
    "pin": _pin,
    "unpin": lambda app, session_id, number: (session_id, number),
    "erase_user": lambda app, user, interface_type, now_ms: (user, interface_type),
    "cleanup": lambda app, *more: (),
}
