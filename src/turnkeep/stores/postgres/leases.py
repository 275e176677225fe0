"""The rows of leases: a change over a `Transaction`, a read over a `Reader`.

Invariant: a lease has one holder at a time, by the database's own clock, which all instances share.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnkeep.stores.base import Lease
from turnkeep.stores.postgres.reads import Reader
from turnkeep.stores.postgres.transaction import Transaction

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_THESE = "unnest($1::text[], $2::text[], $3::text[]) AS t (work, app, subject)"
_RELEASE = (
    f"DELETE FROM leases l USING {_THESE} WHERE l.work = t.work AND l.app = t.app AND l.subject = t.subject AND l.holder = $4"
)
_TAKE = (
    f"INSERT INTO leases AS l SELECT DISTINCT t.work, t.app, t.subject, $4::text, {_NOW} + $5::bigint FROM {_THESE} ORDER BY 1, 2, 3"
    " ON CONFLICT (work, app, subject) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms"
    f" WHERE l.holder = excluded.holder OR l.until_ms <= {_NOW} RETURNING work, app, subject"
)
_ABANDONED = f"SELECT work, app, subject FROM leases WHERE work = $1 AND until_ms <= {_NOW} LIMIT $2"


async def lease(tx: Transaction, take: Sequence[Lease], holder: str, ttl_ms: int, release: Sequence[Lease]) -> list[Lease]:
    if release:
        await tx.execute(_RELEASE, *_columns(release), holder)
    if not take:
        return []
    held = {Lease(*row) for row in await tx.query(_TAKE, *_columns(take), holder, ttl_ms)}
    return [one for one in take if one in held]


def _columns(leases: Sequence[Lease]) -> tuple[list[str], list[str], list[str]]:
    return [one.work for one in leases], [one.app for one in leases], [one.subject for one in leases]


async def abandoned(reader: Reader, work: str, limit: int) -> list[Lease]:
    return [Lease(*row) for row in await reader.query(_ABANDONED, work, limit)]
