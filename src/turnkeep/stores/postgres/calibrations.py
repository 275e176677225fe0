"""The rows of calibrations: a change over a `Transaction`, a read over a `Reader`.

Invariant: the sums and the correction that follows from them are written by the commit of the report that they grew by.
"""

from __future__ import annotations

from msgspec.structs import astuple

from turnkeep.calibration import NONE, learned
from turnkeep.session import Calibration, Event, Session
from turnkeep.stores import rows, rules
from turnkeep.stores.postgres.reads import Reader
from turnkeep.stores.postgres.statements import places
from turnkeep.stores.postgres.transaction import Transaction
from turnkeep.tokens import is_exact

_ADD = (
    f"INSERT INTO calibrations AS c ({rows.CALIBRATION_COLUMNS}) VALUES ({places(8)})"
    " ON CONFLICT (app, tokenizer, model) DO UPDATE SET calls = c.calls + excluded.calls,"
    " counted_tokens = c.counted_tokens + excluded.counted_tokens, reported_tokens = c.reported_tokens + excluded.reported_tokens,"
    f" reported_ms = greatest(c.reported_ms, excluded.reported_ms) RETURNING {rows.CALIBRATION_COLUMNS}"
)
_CORRECT = "UPDATE calibrations SET correction = $1 WHERE app = $2 AND tokenizer = $3 AND model = $4"
_NEWEST = "SELECT correction FROM calibrations WHERE app = $1 AND tokenizer = $2 ORDER BY reported_ms DESC LIMIT 1"
_EVERY = (
    f"SELECT {rows.CALIBRATION_COLUMNS} FROM calibrations WHERE app = $1 ORDER BY calls DESC,"
    ' tokenizer COLLATE "C", model COLLATE "C" LIMIT $2'
)


async def add(tx: Transaction, session: Session, event: Event) -> int | None:
    """The correction after a usage report; None if it does not say what was counted."""
    report = rules.first_report(session, event)
    if report is None:
        return None
    [row] = await tx.query(_ADD, *astuple(report))
    known = Calibration(*row)
    after = learned(known)
    if after is not known:
        key = after.app, after.tokenizer, after.model
        await tx.execute(_CORRECT, after.correction, *key)
    return after.correction


async def newest(tx: Transaction, app: str, tokenizer: str) -> int:
    """The correction that a new session has."""
    found = [] if is_exact(tokenizer) else await tx.query(_NEWEST, app, tokenizer)
    return found[0][0] if found else NONE


async def every(reader: Reader, app: str, limit: int) -> list[Calibration]:
    return [Calibration(*row) for row in await reader.query(_EVERY, app, limit)]
