"""The embedded store: one SQLite file, one writing thread, readers beside it."""

from turnkeep.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
