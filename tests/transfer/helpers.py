"""Ends of a migration: stores of each kind, and files around the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw

from turnkeep.settings import Settings
from turnkeep.stores import MemoryStore, Store, open_store
from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.transfer import Compared, Tally, migrate

KEY = bytes(range(32))
STORES = ("memory", "sqlite", "encrypted")


@asynccontextmanager
async def end(kind: str, path: Path) -> AsyncIterator[Store]:
    """A store of that kind, open; its rows at `path`, if it has a file."""
    store: Store = MemoryStore() if kind == "memory" else SQLiteStore(path, key=KEY if kind == "encrypted" else None)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def at(url: str) -> AsyncIterator[Store]:
    """The store of that URL, open."""
    store = open_store(url, Settings())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def moved(source: Store, target: Store, name: str = "the source") -> list[Compared]:
    return await migrate(source, target, name, Tally())


def sql(path: Path, statement: str, *bindings: Any) -> list[Any]:
    """Another program's look into a file, or its hand on it."""
    db = apsw.Connection(str(path))
    db.set_busy_timeout(10_000)
    try:
        return db.execute(statement, bindings).fetchall()
    finally:
        db.close()
