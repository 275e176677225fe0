"""Where sessions live. `open_store` picks by the URL's scheme, and imports that store's driver only then."""

from __future__ import annotations

import re

from turnkeep.errors import InvalidInput
from turnkeep.settings import Settings
from turnkeep.stores.base import Store
from turnkeep.stores.cached import CachedStore
from turnkeep.stores.memory import MemoryStore

__all__ = ["CachedStore", "MemoryStore", "Store", "open_store"]


def open_store(url: str, settings: Settings) -> Store:
    """The store of `sqlite:///relative/path`, `sqlite:////absolute/path`, `postgresql://...` or `memory://`; not yet opened."""
    if not isinstance(url, str):
        raise InvalidInput("url", f"must be a string, not {type(url).__name__}")
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("sqlite", "memory", "postgresql", "postgres"):
        raise InvalidInput("url", "must be sqlite:///path/to/file.db, postgresql://user:password@host/database or memory://")
    if scheme == "memory":
        if settings.key() is not None:
            raise InvalidInput("encryption_key", "is set, and memory:// writes no file that it could encrypt")
        return MemoryStore()
    if scheme in ("postgresql", "postgres"):
        return _postgres(url, settings)
    if "?" in rest or "@" in rest:
        raise InvalidInput("url", "takes a path and nothing else; an encryption key comes from the environment or a file")
    if not re.fullmatch(r"/.+", rest) or rest.endswith("/") or rest == "/:memory:":
        raise InvalidInput("url", "needs a file after sqlite:///, four slashes for an absolute path; memory:// keeps no file")
    from turnkeep.stores.sqlite import SQLiteStore

    return SQLiteStore(rest[1:], key=settings.key(), busy_timeout=settings.busy_timeout)


def _postgres(url: str, settings: Settings) -> Store:
    if settings.key() is not None:
        raise InvalidInput("encryption_key", "is set, and encrypts SQLite files only: PostgreSQL would store plaintext")
    from turnkeep.stores.postgres import PostgresStore
    from turnkeep.stores.postgres.connection import Options

    options = Options(
        pool_size=settings.postgres_pool_size,
        timeout=settings.postgres_timeout,
        connect_timeout=settings.postgres_connect_timeout,
        tls=settings.postgres_tls,
        tls_ca=settings.postgres_tls_ca,
    )
    return PostgresStore(url, options)
