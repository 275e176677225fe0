"""Reads, as functions over a connection that only reads.

Invariant: every statement is read to its end (`fetchall`): a cursor left open pins a snapshot, and the WAL cannot be reset under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import apsw

from turnkeep.errors import StoreCorrupt, UnknownSession
from turnkeep.session import (
    Event,
    Json,
    JsonObject,
    Message,
    Pin,
    Scope,
    Session,
    Status,
    StoreStats,
    Summary,
    Window,
)
from turnkeep.stores import rows, rules
from turnkeep.stores.base import Marks, StandIn

_EXPIRED = "(status = 'expired' OR (status = 'active' AND expires_ms <= :now))"
_STATUS = {
    "active": "status = 'active' AND (expires_ms IS NULL OR expires_ms > :now)",
    "inactive": "status = 'inactive'",
    "expired": _EXPIRED,
    None: "1",
}
_NOTHING: JsonObject = {}  # shared: nobody changes a window's states
_PAGE = 256  # rows of a step back through a window


class Reader:
    """A read-only connection and what it has learnt: the names of token counters."""

    def __init__(self, db: apsw.Connection) -> None:
        self.db = db
        self._counters: dict[int, str] = {}

    def query(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        return cast(list[Any], self.db.execute(sql, bindings).fetchall())

    def messages(self, found: list[rows.Row]) -> list[Message]:
        counters = self._counters
        try:
            return [rows.message(row, counters) for row in found]
        except KeyError:  # a counter that came after the last look
            counters.update(self.query("SELECT number, name FROM counters"))
            return [rows.message(row, counters) for row in found]


VERSION = "SELECT version, app FROM sessions WHERE number = ?"


def session(reader: Reader, app: str, session_id: str) -> Session:
    found = reader.query(f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE id = ? AND app = ?", (session_id, app))
    if not found:
        raise UnknownSession(session_id)
    return rows.session(found[0])


_MARKS = f"""SELECT {rows.SESSION_COLUMNS},
    (SELECT max(number) FROM events WHERE session = s.number), (SELECT max(number) FROM summaries WHERE session = s.number)
    FROM sessions s WHERE id = ? AND app = ?"""


def marks(reader: Reader, app: str, session_id: str) -> Marks:
    found = reader.query(_MARKS, (session_id, app))
    if not found:
        raise UnknownSession(session_id)
    *row, event, summary = found[0]
    return Marks(rows.session(tuple(row)), event or 0, summary or 0)


def find(reader: Reader, app: str, conversation_id: str, interface_type: str | None, now_ms: int) -> Session | None:
    found = reader.query(
        f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE app = :app AND conversation_id = :conversation"
        f" AND interface_type = coalesce(:interface, interface_type) AND {_STATUS['active']} ORDER BY number DESC LIMIT 1",
        {"app": app, "conversation": conversation_id, "interface": interface_type, "now": now_ms},
    )
    return rows.session(found[0]) if found else None


def sessions(
    reader: Reader,
    app: str,
    status: Status | None,
    interface_type: str | None,
    user: str | None,
    before: str | None,
    limit: int,
    now_ms: int,
    conversation_id: str | None = None,
) -> list[Session]:
    bound = session(reader, app, before).number if before is not None else None
    conversation = "" if conversation_id is None else " AND conversation_id = :conversation"  # an index then finds them
    found = reader.query(
        f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE app = :app AND {_STATUS[status]}{conversation}"
        " AND (:interface IS NULL OR interface_type = :interface) AND (:user IS NULL OR external_user_id = :user)"
        " AND (:before IS NULL OR number < :before) ORDER BY number DESC LIMIT :limit",
        {
            "app": app,
            "interface": interface_type,
            "user": user,
            "conversation": conversation_id,
            "before": bound,
            "limit": limit,
            "now": now_ms,
        },
    )
    return [rows.session(row) for row in found]


def messages(reader: Reader, app: str, session_id: str, after: int, limit: int) -> list[Message]:
    head = session(reader, app, session_id)
    if after >= head.seq:
        return []
    try:
        return _dense(reader, head, after + 1, head.seq, limit)
    except StoreCorrupt:
        session(reader, app, session_id)  # it may have been deleted in between
        raise


def _dense(reader: Reader, head: Session, from_seq: int, to_seq: int, limit: int = -1, order: str = "ASC") -> list[Message]:
    """A range of the log that must be there without a gap: a page that lost its rows would read as a shorter history."""
    found = _range(reader, head.number, from_seq, to_seq, limit, order)
    length = to_seq - from_seq + 1
    if len(found) != (length if limit < 0 else min(limit, length)):
        raise StoreCorrupt(f"{StoreCorrupt.__doc__} (messages of session {head.id!r} are missing)")
    return found


def find_message(reader: Reader, app: str, session_id: str, external_id: str) -> Message | None:
    root = session(reader, app, session_id).root
    found = reader.query(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id ="
        " (SELECT message FROM external_ids WHERE root = ? AND external_id = ?)",
        (root, external_id),
    )
    return reader.messages(found)[0] if found else None


def _range(reader: Reader, log: int, from_seq: int, to_seq: int, limit: int = -1, order: str = "ASC") -> list[Message]:
    found = reader.query(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id BETWEEN ? AND ? ORDER BY id {order} LIMIT ?",
        (rows.key(log, from_seq), rows.key(log, to_seq), limit),
    )
    return reader.messages(found)


def summaries(reader: Reader, app: str, session_id: str, after: int, limit: int | None) -> list[Summary]:
    number = session(reader, app, session_id).number
    found = reader.query(
        f"SELECT {rows.SUMMARY_WITH_DATA} FROM summaries WHERE session = ? AND number > ? ORDER BY number LIMIT ?",
        (number, after, -1 if limit is None else limit),
    )
    return [rows.summary(row) for row in found]


# In the words of the index, so that it is used.
_STAND_INS = """SELECT m.number, s.app, s.id FROM summaries m JOIN sessions s ON s.number = m.session
    WHERE m.live = 1 AND m.source GLOB '*, in place of *' AND m.number > ? AND s.status = 'active' ORDER BY m.number LIMIT ?"""


def stand_ins(reader: Reader, after: int, limit: int) -> list[StandIn]:
    return [StandIn(*row) for row in reader.query(_STAND_INS, (after, limit))]


_LIVE = f"SELECT {rows.SUMMARY_COLUMNS} FROM summaries WHERE session = ? AND live = 1 ORDER BY from_seq, number"


_PINS = f"SELECT {rows.PIN_COLUMNS} FROM pins WHERE session = ? ORDER BY number"


def pins(reader: Reader, app: str, session_id: str) -> list[Pin]:
    return _pins(reader, session(reader, app, session_id))


def _pins(reader: Reader, head: Session) -> list[Pin]:
    return [rows.pin(row) for row in reader.query(_PINS, (head.number,))] if head.pins else []


_WINDOW_HEAD = f"""SELECT {rows.SESSION_COLUMNS},
    (SELECT value FROM session_states WHERE session = number),
    (SELECT value FROM user_states u
     WHERE u.app = s.app AND u.interface_type = s.interface_type AND u.external_user_id = s.external_user_id)
    FROM sessions s WHERE id = ? AND app = ?"""


def window(reader: Reader, app: str, session_id: str, tokens: int | None, count: int | None, most: int | None) -> Window | None:
    """One snapshot: the session with its states, then one range scan, and what is rare only where the session says it has it.

    None when more than `most` messages may have to be read.
    """
    reader.db.execute("BEGIN").fetchall()
    try:
        found = reader.query(_WINDOW_HEAD, (session_id, app))
        if not found:
            raise UnknownSession(session_id)
        *row, session_state, user_state = found[0]
        head = rows.session(tuple(row))
        if most is not None and min(head.window_messages, count or head.window_messages) > most:
            return None
        shown = _tail(reader, head, tokens, count)
        prompt = _dense(reader, head, 1, head.prompt_seq) if head.prompt_seq else ()
        live = (
            [rows.summary(row) for row in reader.query(_LIVE, (head.number,))]
            if head.window_start > head.prompt_seq + 1 or head.predecessor
            else ()
        )
        pinned = _pins(reader, head)
    finally:
        reader.db.execute("COMMIT").fetchall()
    return Window(
        head,
        tuple(prompt),
        tuple(live),
        tuple(shown),
        head.window_messages - len(shown),
        head.window_tokens - sum(message.tokens for message in shown),
        rows.from_json(user_state) or _NOTHING,
        rows.from_json(session_state) or _NOTHING,
        tuple(pinned),
    )


def _tail(reader: Reader, head: Session, tokens: int | None, count: int | None) -> list[Message]:
    """The newest part of the window that is enough by either measure, back to a user message; read backwards, page by page."""
    if (tokens is None or head.window_tokens <= tokens) and (count is None or head.window_messages <= count):
        found = _dense(reader, head, head.window_start, head.seq) if head.window_messages else []
        return [message for message in found if not head.hides(message.seq)]
    tail = rules.Tail(head, tokens, count)
    upper = head.seq
    while upper >= head.window_start:
        page = _dense(reader, head, head.window_start, upper, min(_PAGE, (count or _PAGE) + 8), "DESC")
        if tail.reaches(page):
            break
        upper = page[-1].seq - 1
    return tail.messages()


def state(reader: Reader, app: str, session_id: str, scope: Scope) -> JsonObject:
    head = session(reader, app, session_id)
    if scope == "session":
        found = reader.query("SELECT value FROM session_states WHERE session = ?", (head.number,))
    else:
        found = reader.query(
            "SELECT value FROM user_states WHERE app = ? AND interface_type = ? AND external_user_id = ?", rules.owner(head)
        )
    value: Json = rows.from_json(found[0][0]) if found else {}
    return dict(value)


def events(reader: Reader, app: str, session_id: str, after: int, limit: int) -> list[Event]:
    number = session(reader, app, session_id).number
    found = reader.query(
        f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE session = ? AND number > ? ORDER BY number LIMIT ?",
        (number, min(after, 2**62), limit),
    )
    return [rows.event(row) for row in found]


def due(reader: Reader, app: str | None, now_ms: int, retention_ms: int) -> tuple[int, int]:
    """How many sessions a cleanup would close, and how many it would delete."""
    found = reader.query(
        "SELECT coalesce(sum(status = 'active' AND expires_ms <= :now), 0),"
        " coalesce(sum(status <> 'active' AND closed_ms < :now - :retention), 0)"
        " FROM sessions WHERE sweep_ms <= :now AND app = coalesce(:app, app)",
        {"now": now_ms, "retention": retention_ms, "app": app},
    )
    return cast(tuple[int, int], found[0])


def active_sessions(reader: Reader) -> int:
    """By the index of the cleanup alone."""
    [(count,)] = reader.query("SELECT count(*) FROM sessions WHERE status = 'active'")
    return int(count)


def stats(reader: Reader, app: str, now_ms: int) -> StoreStats:
    found = reader.query(
        f"SELECT interface_type, count(*), sum({_STATUS['active']}), sum(seq), sum(tokens), sum(tool_calls), sum(errors),"
        " sum(usage_in), sum(usage_out), sum(usage_cache_read)"
        " FROM sessions WHERE app = :app GROUP BY interface_type ORDER BY interface_type",
        {"app": app, "now": now_ms},
    )
    return rules.stats(found)
