"""Appends judged ahead of their commit, and written by one statement for all of them.

The loop's thread judges an append against its session as it will be once the appends before it are committed; the writer's thread
executes one `INSERT` for the whole batch. Outside of a transaction that one call of SQLite begins, writes, commits and waits for the
disk, without the interpreter's lock: the two threads work side by side, where a statement for each row would have them fight for it.

Invariants: `judge` accepts only what is stored by inserting its rows, and leaves all else to `appending`: what may have to be refused,
what may be there already. What it took for granted the statement proves again: that each session's row has the version it was
judged by, that no external id is taken. Where that fails, nothing of the batch is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw

from turnkeep.errors import UnknownSession
from turnkeep.session import Appended, Message, NewMessage, Session
from turnkeep.stores import rows, rules
from turnkeep.stores.sqlite import reads, statements
from turnkeep.stores.sqlite.reads import Reader
from turnkeep.stores.sqlite.transaction import Transaction

MOST_ROWS = 64  # of a statement
STEP = 8  # statements are for 1, 2, 4, 8, 16, 24, ... rows, so that they stay prepared; NULLs fill them up
STALE = "another version of the session"

_CALLS = "INSERT INTO calls SELECT DISTINCT NEW.id >> 32, value ->> 'id', NEW.id & 0xffffffff FROM json_each(NEW.tool_calls)"
_TARGET = f"""
CREATE TEMP VIEW appended ({statements.APPENDED_COLUMNS}) AS SELECT {", ".join(["NULL"] * statements.APPENDED_WIDTH)};
CREATE TEMP TRIGGER append_row INSTEAD OF INSERT ON appended WHEN NEW.id IS NOT NULL BEGIN
    {statements.HEAD_OF_APPENDED};
    SELECT RAISE(ABORT, '{STALE}') WHERE NEW.session IS NOT NULL AND changes() = 0;
    {statements.MESSAGE_OF_APPENDED};
    INSERT INTO external_ids SELECT NEW.root, NEW.external_id, NEW.id WHERE NEW.external_id IS NOT NULL;
    {_CALLS};
END
"""


def prepare(db: apsw.Connection) -> None:
    """Give the connection what `write` inserts into. It is temporary: the file does not know it."""
    db.execute(_TARGET).fetchall()


# --- on the loop's thread


class Judge:
    """`fresh` gives a connection to read by."""

    def __init__(self, transaction: Transaction, fresh: Callable[[], Reader]) -> None:
        self._transaction, self._fresh = transaction, fresh

    def judge(
        self,
        app: str,
        session_id: str,
        messages: Sequence[NewMessage],
        now_ms: int,
        expected_seq: int | None,
        fixed_tokens: int | None,
    ) -> tuple[Appended, list[rows.Row]] | None:
        """What the append comes to, if all before it are committed, and its rows. None: nothing has happened, `appending` must see."""
        heads, counters = self._transaction.heads, self._transaction.counters
        session = heads.get(session_id) or self._look_up(app, session_id)
        if session is None or session.app != app or session.status_at(now_ms) != "active":
            return None
        if expected_seq is not None and expected_seq != session.seq:
            return None
        after = rules.append(session, messages, now_ms, fixed_tokens)
        stored: list[Message] = []
        made: list[rows.Row] = []
        for message in messages:
            counter = counters.get(message.counter)
            if counter is None or (message.role == "tool" and not self._called(session, message, stored)):
                return None
            one = rules.at_seq(message, session.seq + 1 + len(stored))
            made.append(statements.appended_row(one, after, counter, first=not stored))
            stored.append(one)
        heads[session_id] = after
        return Appended(after, tuple(stored), len(stored)), made

    def _look_up(self, app: str, session_id: str) -> Session | None:
        try:
            return self._transaction.remember(reads.session(self._fresh(), app, session_id))
        except (UnknownSession, apsw.Error):
            return None

    def _called(self, session: Session, result: NewMessage, before: list[Message]) -> bool:
        """Whether the call is known: from this append, or from the file."""
        if any(call["id"] == result.tool_call_id for message in before for call in message.tool_calls or ()):
            return True
        try:
            return bool(self._fresh().query(statements.KNOWN_CALL, (session.number, result.tool_call_id)))
        except apsw.Error:
            return False


# --- on either thread, outside of a transaction


def write(db: apsw.Connection, made: Sequence[rows.Row]) -> None:
    """Store all these rows, durably, or raise and store none."""
    if len(made) <= MOST_ROWS:
        _insert(db, made)
        return
    db.execute("BEGIN IMMEDIATE").fetchall()
    for start in range(0, len(made), MOST_ROWS):
        _insert(db, made[start : start + MOST_ROWS])
    db.execute("COMMIT").fetchall()


def _insert(db: apsw.Connection, made: Sequence[rows.Row]) -> None:
    rare = max(map(len, made)) > statements.PLAIN_WIDTH
    width = statements.APPENDED_WIDTH if rare else statements.PLAIN_WIDTH
    values: list[Any] = []
    for row in made:
        values += row
        if len(row) < width:
            values += statements.NOTHING_RARE
    count = _room(len(made))
    values += [None] * (width * count - len(values))
    db.execute(_statement(count, rare), values).fetchall()


def _room(count: int) -> int:
    return 1 << (count - 1).bit_length() if count <= STEP else -(-count // STEP) * STEP


def _statement(count: int, rare: bool) -> str:
    found = _statements.get((count, rare))
    if found is None:
        columns = statements.APPENDED_COLUMNS if rare else statements.APPENDED_PLAIN
        width = statements.APPENDED_WIDTH if rare else statements.PLAIN_WIDTH
        row = f"({','.join('?' * width)})"
        found = _statements[count, rare] = f"INSERT INTO appended ({columns}) VALUES {','.join([row] * count)}"
    return found


_statements: dict[tuple[int, bool], str] = {}
