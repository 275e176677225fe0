"""The hottest change: messages at the end of a log.

Invariant: one row a message (plus one for its external id and one for each tool call) and one update of the session, whatever the
session's length; everything that can be refused is looked up before the first row is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnkeep.errors import Conflict, InvalidInput
from turnkeep.session import Appended, Message, NewMessage, Session
from turnkeep.stores import rules
from turnkeep.stores.sqlite import rows
from turnkeep.stores.sqlite.transaction import Transaction


def append(
    tx: Transaction,
    app: str,
    session_id: str,
    messages: Sequence[NewMessage],
    now_ms: int,
    expected_seq: int | None,
    fixed_tokens: int | None,
) -> Appended:
    session = tx.session(app, session_id)
    known = _known(tx, session, messages)
    fresh = [message for message in messages if message.external_id not in known] if known else messages
    if not fresh:
        return Appended(session, tuple(known[m.external_id] for m in messages if m.external_id), 0)
    rules.check_expected(session, expected_seq)
    rules.check_open(session, fresh, now_ms)
    _check_calls(tx, session, fresh)
    stored = tuple(rules.at_seq(message, seq) for seq, message in enumerate(fresh, session.seq + 1))
    after = rules.append(session, fresh, now_ms, fixed_tokens)
    _write(tx, session, stored)
    tx.appended(after, stored)
    if known:
        new = iter(stored)
        stored = tuple(known[m.external_id] if m.external_id in known else next(new) for m in messages)  # type: ignore[index]
    return Appended(after, stored, len(fresh))


def _known(tx: Transaction, session: Session, messages: Sequence[NewMessage]) -> dict[str | None, Message]:
    """The stored messages whose external ids were sent again, saying the same."""
    known: dict[str | None, Message] = {}
    seen: dict[str, NewMessage] = {}
    for message in messages:
        external_id = message.external_id
        if external_id is None:
            continue
        if external_id in seen:
            raise Conflict("external_id", "two messages of the batch have the same")
        seen[external_id] = message
        found = tx.query(
            "SELECT message FROM external_ids WHERE root = ? AND external_id = ?", session.root, external_id
        )
        if found:
            known[external_id] = rules.check_same(_message(tx, found[0][0]), message)
    return known


def _message(tx: Transaction, key: int) -> Message:
    row = tx.query(f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id = ?", key)[0]
    name = tx.query("SELECT name FROM counters WHERE number = ?", row[4])[0][0]
    return rows.message(row, {row[4]: name})


def _check_calls(tx: Transaction, session: Session, messages: Sequence[NewMessage]) -> None:
    """A tool's result must name a call that stands before it."""
    batch: set[str] = set()
    for message in messages:
        if message.tool_calls:
            batch.update(call["id"] for call in message.tool_calls)
        elif message.role == "tool" and message.tool_call_id not in batch:
            known = "SELECT 1 FROM calls WHERE log = ? AND call_id = ? LIMIT 1"
            if not tx.query(known, session.number, message.tool_call_id):
                raise InvalidInput("tool_call_id", "names a tool call that this session never had")


def _write(tx: Transaction, session: Session, stored: Sequence[Message]) -> None:
    log, execute = session.number, tx.db.execute
    for message in stored:
        row = rows.message_row(message, log, tx.counter(message.counter))
        execute(rows.INSERT_MESSAGE, row)
        if message.external_id is not None:
            execute("INSERT INTO external_ids VALUES (?,?,?)", (session.root, message.external_id, row[0]))
        if message.tool_calls:
            calls = {call["id"] for call in message.tool_calls}
            tx.db.executemany("INSERT INTO calls VALUES (?,?,?)", [(log, call, message.seq) for call in calls])
