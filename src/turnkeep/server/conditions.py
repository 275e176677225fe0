"""ETags and what depends on them, and the keys by which a write is done once.

Invariant: an ETag is the session's version. An append's If-Match is compared in the very transaction that appends; other writes'
just before theirs.
"""

from __future__ import annotations

import re

from turnkeep.errors import InvalidInput
from turnkeep.server.call import Call
from turnkeep.server.problems import PreconditionFailed

NEVER = 2**32  # the newest seq of no session
MAX_KEY_CHARS = 200
_VISIBLE = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY_CHARS}}}")


def etag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def _names(given: str, version: int) -> bool:
    return given.strip() == "*" or f'"{version}"' in [tag.strip().removeprefix("W/") for tag in given.split(",")]


def is_current(call: Call, version: int) -> bool:
    """Whether the caller has this version already (If-None-Match)."""
    given = call.header(b"if-none-match")
    return given is not None and _names(given, version)


async def check_match(call: Call, session_id: str) -> None:
    """`PreconditionFailed` unless the session is at a version that If-Match names."""
    given = call.header(b"if-match")
    if given is not None and not _names(given, (await call.visible(session_id)).version):
        raise PreconditionFailed


async def expected_seq(call: Call, session_id: str) -> int | None:
    """If-Match as the newest `seq` that an append expects: one that never is, where the version is another.

    So a message that is sent again under its `external_id` gets its answer, though its first sending has raised the version.
    """
    given = call.header(b"if-match")
    if given is None:
        return None
    session = await call.visible(session_id)
    return session.seq if _names(given, session.version) else NEVER


def idempotency_key(call: Call) -> str | None:
    key = call.header(b"idempotency-key")
    if key is not None and not _VISIBLE.fullmatch(key):
        raise InvalidInput("idempotency-key", f"must be 1 to {MAX_KEY_CHARS} visible ASCII characters")
    return key
