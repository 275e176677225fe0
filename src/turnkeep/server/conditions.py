"""ETags, and the writes that depend on them or are done once under a key.

Invariants: an ETag is the session's version. What If-Match and Idempotency-Key say is compared and noted in the very transaction of
the write, by `SessionManager.conditional`. A key narrowed to a user has idempotency keys of its own: what it sends again is never
answered by what another has sent.
"""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec

from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.manager import SessionManager
from turnkeep.server.call import Call

WRITE = ("If-Match", "Idempotency-Key", "Idempotency-Fingerprint")  # the headers of a write to one session
ONCE = ("Idempotency-Key", "Idempotency-Fingerprint")  # of other writes
MAX_KEY_CHARS = 200
NO_VERSION = 0  # of no session
_VISIBLE = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY_CHARS}}}")
_STRONG = re.compile(r'"([1-9][0-9]{0,18})"')  # a weak tag never matches in If-Match (RFC 9110, 13.1.1)


def etag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def is_current(call: Call, version: int) -> bool:
    """Whether the caller has this version already (If-None-Match)."""
    given = call.header(b"if-none-match")
    if given is None:
        return False
    return given.strip() == "*" or f'"{version}"' in [tag.strip().removeprefix("W/") for tag in given.split(",")]


async def write_to(call: Call, session_id: str) -> SessionManager:
    """The manager for one write to a session that the API key may see, as If-Match and Idempotency-Key have it."""
    sessions = await call.sessions_for(session_id)
    return await _conditional(call, sessions, await _expected_version(call, sessions, session_id))


async def write(call: Call) -> SessionManager:
    """The same, of a write that is about no one session."""
    if call.header(b"if-match") is not None:
        raise InvalidInput("if-match", "is for writes to one session")
    return await _conditional(call, call.caller.sessions, None)


async def _conditional(call: Call, sessions: SessionManager, expected: int | None) -> SessionManager:
    key = idempotency_key(call)
    if key is None and expected is None:
        return sessions
    if key is None:
        return sessions.conditional(expected_version=expected)
    own = sha256(msgspec.json.encode((call.caller.user, key))).hexdigest()
    return sessions.conditional(expected_version=expected, idempotency_key=own, fingerprint=await _fingerprint(call))


async def _expected_version(call: Call, sessions: SessionManager, session_id: str) -> int | None:
    """What If-Match names. Of several versions that which the session is at, so that the write holds on to it."""
    given = call.header(b"if-match")
    if given is None or given.strip() == "*":  # any: that there is none, the write itself finds out
        return None
    named = [int(found[1]) for tag in given.split(",") if (found := _STRONG.fullmatch(tag.strip()))]
    if len(named) == 1:
        return named[0]
    try:
        current = (await sessions.get_session(session_id)).version if named else NO_VERSION
    except UnknownSession:  # perhaps a delete that was done, and is answered again
        return NO_VERSION
    return current if current in named else NO_VERSION


def idempotency_key(call: Call) -> str | None:
    """As it is, or as a string of structured fields, in quotes."""
    key = call.header(b"idempotency-key")
    if key is not None and len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if key is not None and not _VISIBLE.fullmatch(key):
        raise InvalidInput("idempotency-key", f"must be 1 to {MAX_KEY_CHARS} visible ASCII characters, in quotes or not")
    return key


async def _fingerprint(call: Call) -> str:
    """Of all that makes the request what it is, but for its conditions, and of what the caller wants to be the same beside it."""
    beside = call.header(b"idempotency-fingerprint")
    parts = call.scope["method"], call.scope["path"], call.scope["query_string"].decode("latin-1"), await call.body(), beside
    return sha256(msgspec.json.encode(parts)).hexdigest()
