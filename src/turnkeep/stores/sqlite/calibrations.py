"""The rows of calibrations: a change over a `Transaction`, a read over a `Reader`.

Invariant: the sums and the correction that follows from them are written by the commit of the report that they grew by.
"""

from __future__ import annotations

from msgspec.structs import astuple

from turnkeep.calibration import NONE, learned
from turnkeep.session import Calibration, Event, Session
from turnkeep.stores import rows, rules
from turnkeep.stores.sqlite.reads import Reader
from turnkeep.stores.sqlite.transaction import Transaction
from turnkeep.tokens import is_exact

_ADD = (
    f"INSERT INTO calibrations AS c ({rows.CALIBRATION_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)"
    " ON CONFLICT (app, tokenizer, model) DO UPDATE SET calls = c.calls + excluded.calls,"
    " counted_tokens = c.counted_tokens + excluded.counted_tokens, reported_tokens = c.reported_tokens + excluded.reported_tokens,"
    f" reported_ms = max(c.reported_ms, excluded.reported_ms) RETURNING {rows.CALIBRATION_COLUMNS}"
)
_CORRECT = "UPDATE calibrations SET correction = ? WHERE app = ? AND tokenizer = ? AND model = ?"
_NEWEST = "SELECT correction FROM calibrations WHERE app = ? AND tokenizer = ? ORDER BY reported_ms DESC LIMIT 1"
_EVERY = f"SELECT {rows.CALIBRATION_COLUMNS} FROM calibrations WHERE app = ? ORDER BY calls DESC, tokenizer, model LIMIT ?"


def add(tx: Transaction, session: Session, event: Event) -> int | None:
    """The correction after a usage report; None if it does not say what was counted."""
    report = rules.first_report(session, event)
    if report is None:
        return None
    [row] = tx.query(_ADD, *astuple(report))
    known = Calibration(*row)
    after = learned(known)
    if after is not known:
        key = after.app, after.tokenizer, after.model
        tx.db.execute(_CORRECT, (after.correction, *key))
    return after.correction


def newest(tx: Transaction, app: str, tokenizer: str) -> int:
    """The correction that a new session has."""
    found = [] if is_exact(tokenizer) else tx.query(_NEWEST, app, tokenizer)
    return found[0][0] if found else NONE


def every(reader: Reader, app: str, limit: int) -> list[Calibration]:
    return [Calibration(*row) for row in reader.query(_EVERY, (app, limit))]
