"""The hottest change: messages at the end of a log.

Invariant: one row a message (plus one for its external id and one for each tool call) and one update of the session, whatever the
session's length; everything that can be refused is looked up before the first row is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnkeep.errors import Conflict, TurnkeepError
from turnkeep.session import Appended, Message, NewMessage, Session
from turnkeep.stores import rows, rules
from turnkeep.stores.sqlite import statements
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
    if len(messages) == 1:
        return _append_one(tx, app, session_id, messages, now_ms, expected_seq, fixed_tokens)
    session = tx.session(app, session_id)
    known = _known(tx, session, messages)
    fresh = [message for message in messages if message.external_id not in known] if known else messages
    if not fresh:
        return Appended(session, tuple(known[m.external_id] for m in messages), 0)
    _check(tx, session, fresh, now_ms, expected_seq)
    stored = tuple([rules.at_seq(message, seq) for seq, message in enumerate(fresh, session.seq + 1)])
    after = rules.append(session, fresh, now_ms, fixed_tokens)
    for message in stored:
        if message.external_id is not None:
            tx.db.execute(_NEW_EXTERNAL_ID, (session.root, message.external_id, rows.key(session.number, message.seq)))
        tx.add(session, message)
    tx.appended(after, stored)
    if known:
        new = iter(stored)
        stored = tuple(known[m.external_id] if m.external_id in known else next(new) for m in messages)
    return Appended(after, stored, len(fresh))


_NEW_EXTERNAL_ID = "INSERT INTO external_ids VALUES (?,?,?) ON CONFLICT DO NOTHING"


def _append_one(
    tx: Transaction,
    app: str,
    session_id: str,
    messages: Sequence[NewMessage],
    now_ms: int,
    expected_seq: int | None,
    fixed_tokens: int | None,
) -> Appended:
    """The same for one message, whose external id need not be looked up: its row tells whether it is new."""
    session, message = tx.session(app, session_id), messages[0]
    if expected_seq is not None or message.role == "tool" or session.status_at(now_ms) != "active":
        try:
            _check(tx, session, messages, now_ms, expected_seq)
        except TurnkeepError:
            if known := _known(tx, session, messages):
                return Appended(session, (known[message.external_id],), 0)
            raise
    seq = session.seq + 1
    if message.external_id is not None:
        tx.db.execute(_NEW_EXTERNAL_ID, (session.root, message.external_id, session.number << rows.SHIFT | seq))
        if not tx.db.changes():
            return Appended(session, (_known(tx, session, messages)[message.external_id],), 0)
    stored = (rules.at_seq(message, seq),)
    after = rules.append(session, messages, now_ms, fixed_tokens)
    tx.add(session, stored[0])
    tx.appended(after, stored)
    return Appended(after, stored, 1)


def _check(tx: Transaction, session: Session, messages: Sequence[NewMessage], now_ms: int, expected_seq: int | None) -> None:
    if expected_seq is not None:
        rules.check_expected(session, expected_seq)
    rules.check_open(session, messages, now_ms)
    _check_calls(tx, session, messages)


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
        found = tx.query("SELECT message FROM external_ids WHERE root = ? AND external_id = ?", session.root, external_id)
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
        elif (
            message.role == "tool"
            and message.tool_call_id not in batch
            and not tx.query(statements.KNOWN_CALL, session.number, message.tool_call_id)
        ):
            raise rules.unknown_call()
