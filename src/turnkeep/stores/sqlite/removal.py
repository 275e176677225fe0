"""What takes rows away: delete, erase, cleanup.

Invariant: a session's row and its rows elsewhere go in one commit, but its log may be long: the log is put on the `garbage` list in that
commit, out of everybody's sight, and its rows are removed in slices, so that no commit is long. What a crash leaves on the
list the next cleanup removes.
"""

from __future__ import annotations

import time
from typing import cast

from msgspec.structs import replace

from turnkeep.session import Cleaned, Erased, Session, Summary
from turnkeep.stores import rows, rules
from turnkeep.stores.sqlite import changes, inbox, pins
from turnkeep.stores.sqlite.transaction import Transaction

SLICE_ROWS = 200


def delete(tx: Transaction, app: str, session_id: str) -> None:
    session = tx.session(app, session_id)
    unlink(tx, session)
    inbox.remove(tx, session)


def unlink(tx: Transaction, session: Session) -> None:
    """Remove the session, and put its log on the list."""
    number = (session.number,)
    for table in ("summaries", "events", "session_states", "pins", "idempotency_keys"):
        tx.db.execute(f"DELETE FROM {table} WHERE session = ?", number)
    tx.db.execute("DELETE FROM sessions WHERE number = ?", number)
    tx.db.execute("INSERT INTO garbage VALUES (?)", number)
    first, last = rows.log_range(session.number)
    tx.db.execute("DELETE FROM external_ids WHERE root = ? AND message BETWEEN ? AND ?", (session.root, first, last))
    tx.gone(session.id)


def collect(tx: Transaction) -> bool:
    """Remove a slice of unlinked rows; whether any are left."""
    found = tx.query("SELECT log FROM garbage LIMIT 1")
    if not found:
        return False
    log = found[0][0]
    first, last = rows.log_range(log)
    tx.db.execute(
        "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id BETWEEN ? AND ? LIMIT ?)", (first, last, SLICE_ROWS)
    )
    if tx.db.changes() < SLICE_ROWS:
        tx.db.execute("DELETE FROM calls WHERE log = ?", (log,))
        tx.db.execute("DELETE FROM garbage WHERE log = ?", (log,))
    return True


def forget_keys(tx: Transaction, app: str | None, now_ms: int) -> bool:
    """Remove a slice of the idempotency keys that are past their time; whether there was one."""
    tx.db.execute(
        "DELETE FROM idempotency_keys WHERE (app, key) IN"
        " (SELECT app, key FROM idempotency_keys WHERE until_ms <= ? AND app = coalesce(?, app) LIMIT ?)",
        (now_ms, app, SLICE_ROWS),
    )
    return tx.db.changes() > 0


def erase_user(tx: Transaction, app: str, user: str, interface_type: str | None, now_ms: int) -> Erased:
    own = tx.query(
        "SELECT id, seq FROM sessions WHERE app = ? AND external_user_id = ? AND interface_type = coalesce(?, interface_type)",
        app,
        user,
        interface_type,
    )
    for session_id, _ in own:
        _drop_carried(tx, tx.session(app, session_id), None)
        unlink(tx, tx.session(app, session_id))
    tx.db.execute(
        "DELETE FROM user_states WHERE app = ? AND external_user_id = ? AND interface_type = coalesce(?, interface_type)",
        (app, user, interface_type),
    )
    states = tx.db.changes()
    inbox.erase(tx, app, user, interface_type)
    pins.erase(tx, app, user, interface_type, [session_id for session_id, _ in own])
    if interface_type is None:
        tx.db.execute("DELETE FROM api_keys WHERE app = ? AND external_user_id = ?", (app, user))
    authored = tx.query(
        "SELECT s.id, m.id, m.role, m.tokens, m.tool_calls FROM messages m JOIN sessions s ON s.number = m.id >> 32"
        " WHERE m.author_id = ? AND s.app = ? AND s.interface_type = coalesce(?, s.interface_type)",
        user,
        app,
        interface_type,
    )
    by_session: dict[str, list[rows.Row]] = {}
    for session_id, *message in authored:
        by_session.setdefault(session_id, []).append(tuple(message))
    for session_id, messages in by_session.items():
        _bury(tx, tx.session(app, session_id), messages, user)
    _drop_told(tx, app, user, interface_type)
    return Erased(len(own), sum(seq for _, seq in own) + len(authored), states)


def _bury(tx: Transaction, session: Session, messages: list[rows.Row], user: str) -> None:
    """Make tombstones of these messages (id, role, tokens, tool_calls), and drop every summary that may tell of them."""
    erased = {message[0] & rows.SEQ_MASK for message in messages}
    for key, *_ in messages:
        tx.db.execute(
            "UPDATE messages SET content = '', tokens = 0, external_id = NULL, parts = NULL, tool_calls = NULL, tool_call_id = NULL,"
            " name = NULL, author_id = NULL, metadata = NULL, erased = 1 WHERE id = ?",
            (key,),
        )
        tx.db.execute("DELETE FROM external_ids WHERE root = ? AND message = ?", (session.root, key))
        tx.db.execute("DELETE FROM calls WHERE log = ? AND seq = ?", (session.number, key & rows.SEQ_MASK))
    telling = [s for s in changes.summaries(tx, session) if any(s.from_seq <= seq <= s.to_seq for seq in erased)]
    tx.db.executemany("DELETE FROM summaries WHERE number = ?", [(summary.number,) for summary in telling])
    after = replace(
        session,
        tokens=session.tokens - sum(tokens for _, _, tokens, _ in messages),
        tokens_out=session.tokens_out - sum(tokens for _, role, tokens, _ in messages if role == rows.ASSISTANT),
        tool_calls=session.tool_calls - sum(len(rows.from_json(calls)) for *_, calls in messages if calls),
    )
    changes.rewind(tx, after, [summary for summary in telling if summary.live])
    _drop_carried(tx, session, user)


def _drop_carried(tx: Transaction, session: Session, user: str | None) -> None:
    """A summary that successors were opened with may tell of what was erased, too: of that user, if its authors are known."""
    for (session_id,) in tx.query("SELECT id FROM sessions WHERE predecessor = ? AND root = ?", session.id, session.root):
        successor = tx.session(session.app, session_id)
        if _drop(tx, successor, [one for one in changes.summaries(tx, successor) if rules.may_tell_of(one, user)]):
            _drop_carried(tx, successor, user)


def _drop_told(tx: Transaction, app: str, user: str, interface_type: str | None) -> None:
    """What was carried over from sessions that are no longer there."""
    found = tx.query(
        "SELECT DISTINCT s.id FROM summaries m JOIN sessions s ON s.number = m.session WHERE m.from_seq = 0 AND s.app = ?"
        " AND s.interface_type = coalesce(?, s.interface_type) AND EXISTS (SELECT 1 FROM json_each(m.authors) WHERE value = ?)",
        app,
        interface_type,
        user,
    )
    for (session_id,) in found:
        session = tx.session(app, session_id)
        told = [one for one in changes.summaries(tx, session) if one.from_seq == 0 and user in (one.authors or ())]
        _drop(tx, session, told)


def _drop(tx: Transaction, session: Session, dropped: list[Summary]) -> bool:
    """Remove these summaries; whether there were any."""
    if dropped:
        tx.db.executemany("DELETE FROM summaries WHERE number = ?", [(summary.number,) for summary in dropped])
        changes.rewind(tx, session, [summary for summary in dropped if summary.live])
    return bool(dropped)


def sweep(tx: Transaction, app: str | None, now_ms: int, retention_ms: int, seconds: float) -> tuple[Cleaned, bool]:
    """Clean up for at most about `seconds`; what was done, and whether there may be more."""
    deadline = time.perf_counter() + seconds
    expired = deleted = 0
    while time.perf_counter() < deadline:
        if collect(tx) or forget_keys(tx, app, now_ms) or inbox.forget(tx, app, now_ms, SLICE_ROWS):
            continue
        found = _due(tx, app, now_ms, retention_ms)
        if not found:
            return Cleaned(expired, deleted), False
        session = tx.session(*found)
        if session.status != "active":
            unlink(tx, session)
            deleted += 1
        elif session.status_at(now_ms) == "expired":
            tx.save(rules.close(session, "expired", now_ms), reread=False)
            expired += 1
        else:  # appends have slid its expiry: look again then
            tx.db.execute("UPDATE sessions SET sweep_ms = ? WHERE number = ?", (session.expires_ms, session.number))
    return Cleaned(expired, deleted), True


def _due(tx: Transaction, app: str | None, now_ms: int, retention_ms: int) -> tuple[str, str] | None:
    long_ago = now_ms - retention_ms - 1
    for status, until in (("active", now_ms), ("inactive", long_ago), ("expired", long_ago)):
        found = tx.query(
            "SELECT app, id FROM sessions WHERE status = ? AND sweep_ms <= ? AND app = coalesce(?, app) LIMIT 1",
            status,
            until,
            app,
        )
        if found:
            return cast(tuple[str, str], found[0])
    return None
