"""Every change but the append, as functions over a `Transaction`.

Invariant: what a change refuses, it refuses before its first write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import asdict, replace

from turnkeep.session import Event, Json, JsonObject, Message, NewSummary, Scope, Session, Summary, Window
from turnkeep.stores import rows, rules
from turnkeep.stores.base import NewSession
from turnkeep.stores.sqlite import calibrations, pins
from turnkeep.stores.sqlite.transaction import Transaction

_ADD_SUMMARY = (
    "INSERT INTO summaries (session, from_seq, to_seq, text, method, tokens, counter, tokens_before, duration_ms, source, data,"
    " authors, live, created_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,1,?)"
)

# --- sessions


def open_session(tx: Transaction, new: NewSession, now_ms: int) -> tuple[Session, bool]:
    predecessor = _newest(tx, new)
    if predecessor is not None and predecessor.status == "active":
        if predecessor.status_at(now_ms) == "active":
            return predecessor, False
        predecessor = tx.save(rules.close(predecessor, "expired", now_ms), reread=False)
    session = rules.new_session(new, 0, now_ms, predecessor, calibrations.newest(tx, new.app, new.tokenizer))
    carried, pinned = [], []
    if predecessor is not None and new.carry_over == "summary":
        carried = rules.carried(predecessor, summaries(tx, predecessor))
        pinned = [rules.carried_pin(pin, predecessor, 0) for pin in pins.of_session(tx, predecessor)]
    if not carried and not pinned:
        session = tx.insert(session, session.expires_ms)
        user_state = state_of(tx, session, "user") if session.external_user_id is not None else {}
        tx.opened(session, Window(session, (), (), (), 0, 0, user_state, {}))
        return session, True
    session = replace(rules.pinned(session, pinned), version=session.version)
    session = tx.insert(replace(session, summary_tokens=sum(one.tokens for one in carried)), session.expires_ms)
    for pin in pinned:
        pins.insert(tx, session, pin)
    for one in carried:
        _insert_summary(tx, session, one, now_ms)
    tx.opened(session, None)
    return session, True


def _newest(tx: Transaction, new: NewSession) -> Session | None:
    found = tx.query(
        f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE app = ? AND conversation_id = ? AND interface_type = ?"
        " ORDER BY number DESC LIMIT 1",
        new.app,
        new.conversation_id,
        new.interface_type,
    )
    return rows.session(found[0]) if found else None


def deactivate(tx: Transaction, app: str, session_id: str, now_ms: int) -> Session:
    session = tx.session(app, session_id)
    status = session.status_at(now_ms)
    if session.status != "active":
        return session
    return tx.save(rules.close(session, "inactive" if status == "active" else status, now_ms), reread=False)


# --- the window


def add_summary(
    tx: Transaction, app: str, session_id: str, summary: NewSummary, generation: int, now_ms: int, replaces: Sequence[int]
) -> Session:
    session = tx.session(app, session_id)
    live = live_summaries(tx, session)
    replaced = rules.check_summary(session, summary, generation, live, replaces)
    covered = visible(tx, session, session.window_start, summary.to_seq)
    _retire(tx, replaced)
    stored = _insert_summary(tx, session, summary, now_ms)
    left = sorted((*(old for old in live if old not in replaced), stored), key=lambda one: one.from_seq)
    return tx.save(rules.summarize(session, summary, replaced, covered), summaries=tuple(left))


def _insert_summary(tx: Transaction, session: Session, s: NewSummary, now_ms: int) -> Summary:
    tx.db.execute(_ADD_SUMMARY, (session.number, *rows.new_summary_row(s), now_ms))
    return Summary(**asdict(replace(s, data=None, authors=None)), number=tx.db.last_insert_rowid(), created_ms=now_ms)


def summaries(tx: Transaction, session: Session) -> list[Summary]:
    """All of them, with their data."""
    found = tx.query(f"SELECT {rows.SUMMARY_WITH_DATA} FROM summaries WHERE session = ? ORDER BY number", session.number)
    return [rows.summary(row) for row in found]


def live_summaries(tx: Transaction, session: Session) -> list[Summary]:
    """As a window has them."""
    found = tx.query(
        f"SELECT {rows.SUMMARY_COLUMNS} FROM summaries WHERE session = ? AND live = 1 ORDER BY from_seq, number", session.number
    )
    return [rows.summary(row) for row in found]


def _retire(tx: Transaction, summaries: Iterable[Summary]) -> None:
    tx.db.executemany("UPDATE summaries SET live = 0, data = NULL WHERE number = ?", [(summary.number,) for summary in summaries])


def visible(tx: Transaction, session: Session, from_seq: int, to_seq: int) -> list[Message]:
    """The messages of that range that are not retracted, with no more than the figures that totals need."""
    found = tx.query(
        "SELECT id, role, NULL, tokens, 0, created_ms, NULL, NULL, NULL, NULL, NULL, NULL, NULL, erased FROM messages"
        " WHERE id BETWEEN ? AND ?",
        rows.key(session.number, max(from_seq, session.prompt_seq + 1)),
        rows.key(session.number, to_seq),
    )
    messages = (rows.message(row, {0: ""}) for row in found)
    return [message for message in messages if not session.hides(message.seq)]


def clear(tx: Transaction, app: str, session_id: str, keep_summaries: bool) -> Session:
    session = tx.session(app, session_id)
    if not keep_summaries:
        _retire(tx, live_summaries(tx, session))
        tx.db.execute("DELETE FROM pins WHERE session = ?", (session.number,))
    return tx.save(rules.clear(session, keep_summaries))


def retract(tx: Transaction, app: str, session_id: str, from_seq: int) -> Session:
    session = tx.session(app, session_id)
    rules.check_retract(session, from_seq)
    stale = [summary for summary in live_summaries(tx, session) if summary.to_seq >= from_seq]
    held = pins.of_session(tx, session)
    after = replace(session, retracted=rules.retract(session, from_seq))
    if gone := [pin for pin in held if pin.seq >= from_seq]:
        after = pins.without(tx, after, held, gone)
    return rewind(tx, after, stale)


def rewind(tx: Transaction, session: Session, stale: Sequence[Summary]) -> Session:
    """Store the session with its window derived anew from the rows, after `stale` summaries stopped being live.

    Those that come after a stale one stop too: a window has one start, and what the stale one covered stands behind it again.
    """
    first = min((summary.from_seq for summary in stale if summary.to_seq), default=None)
    if first is not None:
        stale = [*stale, *(summary for summary in live_summaries(tx, session) if summary.from_seq > first)]
    _retire(tx, stale)
    live = live_summaries(tx, session)
    start = rules.rewound(session, live) if stale else session.window_start
    window = visible(tx, session, start, session.seq)
    return tx.save(rules.rederived(session, start, window, live))


# --- state


def update_state(tx: Transaction, app: str, session_id: str, scope: Scope, patch: JsonObject, limit: int) -> JsonObject:
    session = tx.session(app, session_id)
    state: JsonObject = rules.merge_patch(state_of(tx, session, scope), patch)
    text = rows.to_json(state) or ""
    rules.check_state(text, limit)
    if scope == "session":
        tx.db.execute("INSERT OR REPLACE INTO session_states VALUES (?,?)", (session.number, text))
        touched = [session]
    else:
        tx.db.execute("INSERT OR REPLACE INTO user_states VALUES (?,?,?,?)", (*rules.owner(session), text))
        touched = _open_sessions(tx, session)
    for one in touched:
        tx.save(replace(one, version=one.version + 1))
    return state


def state_of(tx: Transaction, session: Session, scope: Scope) -> JsonObject:
    if scope == "session":
        found = tx.query("SELECT value FROM session_states WHERE session = ?", session.number)
    else:
        found = tx.query(
            "SELECT value FROM user_states WHERE app = ? AND interface_type = ? AND external_user_id = ?", *rules.owner(session)
        )
    state: Json = rows.from_json(found[0][0]) if found else {}
    return dict(state)


def _open_sessions(tx: Transaction, session: Session) -> list[Session]:
    """The user's sessions on this interface that are not closed, and the one asked through."""
    found = tx.query(
        "SELECT id FROM sessions WHERE app = ? AND external_user_id = ? AND interface_type = ? AND (status = 'active' OR number = ?)",
        session.app,
        session.external_user_id,
        session.interface_type,
        session.number,
    )
    return [tx.session(session.app, session_id) for (session_id,) in found]


# --- events


def record(tx: Transaction, app: str, session_id: str, event: Event) -> Event:
    session = tx.session(app, session_id)
    known = bool(
        event.tool_call_id and tx.query("SELECT 1 FROM calls WHERE log = ? AND call_id = ?", session.number, event.tool_call_id)
    )
    tx.db.execute(
        f"INSERT INTO events (session, {rows.NEW_EVENT_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (session.number, *rows.event_row(event)),
    )
    number = tx.db.last_insert_rowid()
    stored = replace(event, number=number)
    correction = calibrations.add(tx, session, event)
    tx.save(rules.record(session, event, known, correction), reread=False, event=stored)
    return stored
