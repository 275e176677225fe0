"""The rows of the inbox: changes over a `Transaction`, reads over a `Reader`.

Invariant: an `external_id` stands once on an interface, whatever becomes of what arrived under it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import astuple

from turnkeep.session import Arrival, Session
from turnkeep.stores.base import KNOWN_MS
from turnkeep.stores.postgres.reads import Reader
from turnkeep.stores.postgres.statements import places
from turnkeep.stores.postgres.transaction import Transaction

_FIELDS = Arrival.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)
_INSERT = f"INSERT INTO inbox ({_COLUMNS}) VALUES ({places(len(_FIELDS))}) ON CONFLICT DO NOTHING"
_OPEN = f"SELECT {_COLUMNS} FROM inbox WHERE app = $1 AND interface_type = $2 AND done_ms IS NULL ORDER BY number"


async def take_in(tx: Transaction, arrival: Arrival) -> bool:
    return await tx.execute(_INSERT, *astuple(arrival)) > 0


async def note_progress(tx: Transaction, app: str, interface_type: str, external_id: str, progress: str) -> None:
    one = "WHERE app = $2 AND interface_type = $3 AND external_id = $4 AND done_ms IS NULL"
    await tx.execute(f"UPDATE inbox SET progress = $1 {one}", progress, app, interface_type, external_id)


async def finish(tx: Transaction, app: str, interface_type: str, external_ids: Sequence[str], now_ms: int) -> None:
    these = "WHERE app = $2 AND interface_type = $3 AND external_id = ANY ($4) AND done_ms IS NULL"
    done = f"UPDATE inbox SET payload = '', progress = '', done_ms = $1 {these}"
    await tx.execute(done, now_ms, app, interface_type, list(external_ids))


async def waiting(reader: Reader, app: str, interface_type: str) -> list[Arrival]:
    return [Arrival(**dict(row)) for row in await reader.query(_OPEN, app, interface_type)]


async def remove(tx: Transaction, session: Session) -> None:
    """Whatever arrived in a session's conversation."""
    await tx.execute(
        "DELETE FROM inbox WHERE app = $1 AND interface_type = $2 AND conversation_id = $3 AND done_ms IS NULL",
        session.app,
        session.interface_type,
        session.conversation_id,
    )


async def erase(tx: Transaction, app: str, user: str, interface_type: str | None) -> None:
    await tx.execute(
        "DELETE FROM inbox WHERE app = $1 AND external_user_id = $2 AND interface_type = coalesce($3, interface_type)",
        app,
        user,
        interface_type,
    )


async def forget(tx: Transaction, app: str | None, now_ms: int, rows: int) -> bool:
    """Let ids go that were done long ago, a slice of them; whether there were any."""
    old = "SELECT number FROM inbox WHERE done_ms < $1 AND app = coalesce($2, app) LIMIT $3 FOR UPDATE SKIP LOCKED"
    return await tx.execute(f"DELETE FROM inbox WHERE number IN ({old})", now_ms - KNOWN_MS, app, rows) > 0
