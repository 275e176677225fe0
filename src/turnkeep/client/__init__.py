"""`turnkeep.client.SessionManager`: the calls of `turnkeep.SessionManager`, over the HTTP API.

Invariant: httpx2 is imported below this package only; without it the import says what to install.
"""

from __future__ import annotations

from turnkeep.errors import MissingExtra

try:
    from turnkeep.client.manager import SessionManager
except ModuleNotFoundError as error:
    if error.name != "httpx2":
        raise
    raise MissingExtra("The client", "client") from error

from turnkeep.client.errors import (
    Forbidden,
    RateLimited,
    ServerFailed,
    ServerUnreachable,
    TooManyStreams,
    TooManyStreamsOfKey,
    Unauthorized,
)

__all__ = [
    "Forbidden",
    "RateLimited",
    "ServerFailed",
    "ServerUnreachable",
    "SessionManager",
    "TooManyStreams",
    "TooManyStreamsOfKey",
    "Unauthorized",
]
