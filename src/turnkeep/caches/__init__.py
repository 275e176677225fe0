"""What instances tell each other beside the database. `open_cache` picks by the URL's scheme, and imports that driver only then.

Invariant: what is told is a hint, never the truth: whoever hears it looks into the database, and whoever does not is late, not wrong.
"""

from __future__ import annotations

from turnkeep.caches.base import Hints
from turnkeep.errors import InvalidInput, MissingExtra

__all__ = ["Hints", "open_cache"]


def open_cache(url: str) -> Hints:
    """The hints of `redis://host:port/0`, or `rediss://` with TLS; not yet opened. No error shows the URL: it may hold a password."""
    if url.partition("://")[0] not in ("redis", "rediss"):
        raise InvalidInput("cache_url", "must be redis://host:port/number, or rediss:// with TLS")
    try:
        from turnkeep.caches.redis import RedisHints
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "redis":
            raise
        raise MissingExtra("A cache_url", "redis") from error
    return RedisHints(url)
