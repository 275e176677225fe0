"""The rows of the inbox: changes over a `Transaction`, reads over a `Reader`.

Invariant: an `external_id` stands once on an interface, whatever becomes of what arrived under it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import astuple

from turnkeep.session import Arrival, Session
from turnkeep.stores.base import KNOWN_MS
from turnkeep.stores.sqlite.reads import Reader
from turnkeep.stores.sqlite.transaction import Transaction

_FIELDS = Arrival.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)
_INSERT = f"INSERT OR IGNORE INTO inbox ({_COLUMNS}) VALUES ({','.join('?' * len(_FIELDS))})"
_OPEN = f"SELECT {_COLUMNS} FROM inbox WHERE app = ? AND interface_type = ? AND done_ms IS NULL ORDER BY number"
_ONE = "WHERE app = ? AND interface_type = ? AND external_id = ? AND done_ms IS NULL"


def take_in(tx: Transaction, arrival: Arrival) -> bool:
    tx.db.execute(_INSERT, astuple(arrival)).fetchall()
    return tx.db.changes() > 0


def note_progress(tx: Transaction, app: str, interface_type: str, external_id: str, progress: str) -> None:
    tx.db.execute(f"UPDATE inbox SET progress = ? {_ONE}", (progress, app, interface_type, external_id)).fetchall()


def finish(tx: Transaction, app: str, interface_type: str, external_ids: Sequence[str], now_ms: int) -> None:
    done = f"UPDATE inbox SET payload = '', progress = '', done_ms = ? {_ONE}"
    for external_id in external_ids:
        tx.db.execute(done, (now_ms, app, interface_type, external_id)).fetchall()


def waiting(reader: Reader, app: str, interface_type: str) -> list[Arrival]:
    return [Arrival(**dict(zip(_FIELDS, row, strict=True))) for row in reader.query(_OPEN, (app, interface_type))]


def remove(tx: Transaction, session: Session) -> None:
    """Whatever arrived in a session's conversation."""
    tx.db.execute(
        "DELETE FROM inbox WHERE app = ? AND interface_type = ? AND conversation_id = ? AND done_ms IS NULL",
        (session.app, session.interface_type, session.conversation_id),
    ).fetchall()


def erase(tx: Transaction, app: str, user: str, interface_type: str | None) -> None:
    tx.db.execute(
        "DELETE FROM inbox WHERE app = ? AND external_user_id = ? AND interface_type = coalesce(?, interface_type)",
        (app, user, interface_type),
    ).fetchall()


def forget(tx: Transaction, app: str | None, now_ms: int, rows: int) -> bool:
    """Let ids go that were done long ago, a slice of them; whether there were any."""
    tx.db.execute(
        "DELETE FROM inbox WHERE number IN (SELECT number FROM inbox WHERE done_ms < ? AND app = coalesce(?, app) LIMIT ?)",
        (now_ms - KNOWN_MS, app, rows),
    ).fetchall()
    return tx.db.changes() > 0
