"""API keys: what a caller over the network may do, and for whom.

Invariant: the key itself is shown once and stored nowhere; what is stored cannot be turned back into it. A key is
`tk_<id>_<secret>`: its `id` is no secret and finds the row, and the secret's hash is compared in constant time.
"""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime
from hashlib import sha256
from typing import Literal, TypeAlias

import msgspec

from turnkeep.session import to_datetime

Access: TypeAlias = Literal["read", "write", "admin"]

SCOPES: tuple[Access, ...] = ("read", "write", "admin")  # each may do what those before it may
_FORM = re.compile(r"tk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NOBODYS = bytes(32)  # compared with where there is no such key, so that this takes as long


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A stored key. With an `external_user_id` it reaches only the sessions of that user."""

    id: str
    digest: bytes
    app: str
    scope: Access
    external_user_id: str | None = None
    label: str | None = None
    created_ms: int
    revoked_ms: int | None = None

    @property
    def created_at(self) -> datetime:
        return to_datetime(self.created_ms)

    @property
    def revoked_at(self) -> datetime | None:
        return None if self.revoked_ms is None else to_datetime(self.revoked_ms)

    def allows(self, scope: Access) -> bool:
        """Whether the key's scope is that one, or one that includes it."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


def new_key(
    app: str, scope: Access, *, external_user_id: str | None = None, label: str | None = None, now_ms: int
) -> tuple[str, ApiKey]:
    """The key to show, this once, and what to store of it."""
    name, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    stored = ApiKey(
        id=f"key_{name}",
        digest=_digest(secret),
        app=app,
        scope=scope,
        external_user_id=external_user_id,
        label=label,
        created_ms=now_ms,
    )
    return f"tk_{name}_{secret}", stored


def parse(key: str) -> tuple[str, str] | None:
    """The id of a key and its secret; None for what is no key."""
    found = _FORM.fullmatch(key)
    return (f"key_{found[1]}", found[2]) if found else None


def matches(secret: str, stored: ApiKey | None) -> bool:
    """Whether this is the stored key's secret and the key still counts."""
    same = hmac.compare_digest(_digest(secret), _NOBODYS if stored is None else stored.digest)
    return same and stored is not None and stored.revoked_ms is None


def _digest(secret: str) -> bytes:
    # One plain hash is enough: the secret is 256 random bits, so there is no dictionary that a slow hash would have to slow
    # down, and a slow one would have to be paid for with each request.
    return sha256(secret.encode()).digest()
