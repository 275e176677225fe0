"""The rows of leases: a change over a `Transaction`, a read over a `Reader`.

Invariant: a lease has one holder at a time, by SQLite's own clock, which all processes on the file share.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import astuple

from turnkeep.stores.base import Lease
from turnkeep.stores.sqlite.reads import Reader
from turnkeep.stores.sqlite.transaction import Transaction

_NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
_RELEASE = "DELETE FROM leases WHERE work = ? AND app = ? AND subject = ? AND holder = ?"
_TAKE = (
    f"INSERT INTO leases VALUES (?, ?, ?, ?, {_NOW} + ?) ON CONFLICT DO UPDATE SET holder = excluded.holder,"
    f" until_ms = excluded.until_ms WHERE holder = excluded.holder OR until_ms <= {_NOW}"
)
_ABANDONED = f"SELECT work, app, subject FROM leases WHERE work = ? AND until_ms <= {_NOW} LIMIT ?"


def lease(tx: Transaction, take: Sequence[Lease], holder: str, ttl_ms: int, release: Sequence[Lease]) -> list[Lease]:
    for one in release:
        tx.db.execute(_RELEASE, (*astuple(one), holder)).fetchall()
    held = []
    for one in take:
        tx.db.execute(_TAKE, (*astuple(one), holder, ttl_ms)).fetchall()
        if tx.db.changes():
            held.append(one)
    return held


def abandoned(reader: Reader, work: str, limit: int) -> list[Lease]:
    return [Lease(*row) for row in reader.query(_ABANDONED, (work, limit))]
