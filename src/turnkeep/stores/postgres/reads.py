"""Reads, as functions over a connection.

Invariant: what must be of one moment is one statement, or stands in a transaction that sees one snapshot.
"""

from __future__ import annotations

from typing import Any, cast

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

_STATUS = {  # by the clock; $1 is now
    "active": "status = 'active' AND (expires_ms IS NULL OR expires_ms > $1)",
    "inactive": "status = 'inactive' AND $1::bigint IS NOT NULL",
    "expired": "(status = 'expired' OR (status = 'active' AND expires_ms <= $1))",
    None: "$1::bigint IS NOT NULL",
}
_NOTHING: JsonObject = {}  # shared: nobody changes a window's states
_PAGE = 256  # rows of a step back through a window
_FAR = 2**62  # more than any number that is given


class Reader:
    """A connection, and the names of token counters, which the whole store learns."""

    def __init__(self, db: Any, counters: dict[int, str]) -> None:
        self.db, self._counters = db, counters

    async def query(self, sql: str, *bindings: Any) -> list[Any]:
        return cast(list[Any], await self.db.fetch(sql, *bindings))

    async def messages(self, found: list[Any]) -> list[Message]:
        counters = self._counters
        try:
            return [rows.message(row, counters) for row in found]
        except KeyError:  # a counter that came after the last look
            counters.update(dict(await self.query("SELECT number, name FROM counters")))
            return [rows.message(row, counters) for row in found]


VERSION = "SELECT version, app FROM sessions WHERE number = $1"


async def version(reader: Reader, number: int) -> tuple[int, str] | None:
    """And the app: a session's number never changes and is never used again, so it may be remembered."""
    found = await reader.query(VERSION, number)
    return (found[0][0], found[0][1]) if found else None


async def counter(reader: Reader, name: str) -> int | None:
    found = await reader.query("SELECT number FROM counters WHERE name = $1", name)
    return int(found[0][0]) if found else None


_NEWEST = (
    f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE app = $1 AND conversation_id = $2 AND interface_type = $3"
    " ORDER BY number DESC LIMIT 1"
)


async def newest(reader: Reader, app: str, conversation_id: str, interface_type: str) -> Session | None:
    """Of the key, whatever its status."""
    found = await reader.query(_NEWEST, app, conversation_id, interface_type)
    return rows.session(found[0]) if found else None


_SESSION = f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE id = $1 AND app = $2"


async def session(reader: Reader, app: str, session_id: str) -> Session:
    found = await reader.query(_SESSION, session_id, app)
    if not found:
        raise UnknownSession(session_id)
    return rows.session(found[0])


_MARKS = f"""SELECT {rows.SESSION_COLUMNS},
    (SELECT max(number) FROM events WHERE session = s.number), (SELECT max(number) FROM summaries WHERE session = s.number)
    FROM sessions s WHERE id = $1 AND app = $2"""


async def marks(reader: Reader, app: str, session_id: str) -> Marks:
    found = await reader.query(_MARKS, session_id, app)
    if not found:
        raise UnknownSession(session_id)
    *row, event, summary = found[0]
    return Marks(rows.session(tuple(row)), event or 0, summary or 0)


async def find(reader: Reader, app: str, conversation_id: str, interface_type: str | None, now_ms: int) -> Session | None:
    found = await reader.query(
        f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE {_STATUS['active']} AND app = $2 AND conversation_id = $3"
        " AND interface_type = coalesce($4, interface_type) ORDER BY number DESC LIMIT 1",
        now_ms,
        app,
        conversation_id,
        interface_type,
    )
    return rows.session(found[0]) if found else None


async def sessions(
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
    wanted: list[Any] = [now_ms, app, limit]
    where = f"{_STATUS[status]} AND app = $2"
    bound = (await session(reader, app, before)).number if before is not None else None
    for condition, value in (
        ("conversation_id = ", conversation_id),
        ("interface_type = ", interface_type),
        ("external_user_id = ", user),
        ("number < ", bound),
    ):
        if value is not None:
            wanted.append(value)
            where += f" AND {condition}${len(wanted)}"
    found = await reader.query(
        f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE {where} ORDER BY number DESC LIMIT $3", *wanted
    )
    return [rows.session(row) for row in found]


async def messages(reader: Reader, app: str, session_id: str, after: int, limit: int) -> list[Message]:
    head = await session(reader, app, session_id)
    if after >= head.seq:
        return []
    try:
        return await _dense(reader, head, after + 1, head.seq, limit)
    except StoreCorrupt:
        await session(reader, app, session_id)  # it may have been deleted in between
        raise


async def _dense(
    reader: Reader, head: Session, from_seq: int, to_seq: int, limit: int | None = None, order: str = "ASC"
) -> list[Message]:
    """A range of the log that must be there without a gap: a page that lost its rows would read as a shorter history."""
    found = await reader.messages(
        await reader.query(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id BETWEEN $1 AND $2 ORDER BY id {order} LIMIT $3",
            rows.key(head.number, from_seq),
            rows.key(head.number, to_seq),
            limit,
        )
    )
    length = to_seq - from_seq + 1
    if len(found) != (length if limit is None else min(limit, length)):
        raise StoreCorrupt(f"{StoreCorrupt.__doc__} (messages of session {head.id!r} are missing)")
    return found


async def find_message(reader: Reader, app: str, session_id: str, external_id: str) -> Message | None:
    root = (await session(reader, app, session_id)).root
    found = await reader.query(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id ="
        " (SELECT message FROM external_ids WHERE root = $1 AND external_id = $2)",
        root,
        external_id,
    )
    return (await reader.messages(found))[0] if found else None


async def summaries(reader: Reader, app: str, session_id: str, after: int, limit: int | None) -> list[Summary]:
    number = (await session(reader, app, session_id)).number
    found = await reader.query(
        f"SELECT {rows.SUMMARY_WITH_DATA} FROM summaries WHERE session = $1 AND number > $2 ORDER BY number LIMIT $3",
        number,
        min(after, _FAR),
        limit,
    )
    return [rows.summary(row) for row in found]


_PINS = f"SELECT {rows.PIN_COLUMNS} FROM pins WHERE session = $1 ORDER BY number"


async def pins(reader: Reader, app: str, session_id: str) -> list[Pin]:
    return await _pins(reader, await session(reader, app, session_id))


async def _pins(reader: Reader, head: Session) -> list[Pin]:
    return [rows.pin(row) for row in await reader.query(_PINS, head.number)] if head.pins else []


# In the words of the index, so that it is used.
_STAND_INS = """SELECT m.number, s.app, s.id FROM summaries m JOIN sessions s ON s.number = m.session
    WHERE m.live AND m.source LIKE '%, in place of %' AND m.number > $1 AND s.status = 'active' ORDER BY m.number LIMIT $2"""


async def stand_ins(reader: Reader, after: int, limit: int) -> list[StandIn]:
    return [StandIn(*row) for row in await reader.query(_STAND_INS, after, limit)]


_LIVE = f"SELECT {rows.SUMMARY_COLUMNS} FROM summaries WHERE session = $1 AND live ORDER BY from_seq, number"


_WINDOW_HEAD = f"""SELECT {rows.SESSION_COLUMNS},
    (SELECT value FROM session_states WHERE session = number),
    (SELECT value FROM user_states u
     WHERE u.app = s.app AND u.interface_type = s.interface_type AND u.external_user_id = s.external_user_id)
    FROM sessions s WHERE id = $1 AND app = $2"""


async def window(reader: Reader, app: str, session_id: str, tokens: int | None, count: int | None) -> Window:
    """One snapshot: the session with its states, then one range scan, and what is rare only where the session says it has it."""
    async with reader.db.transaction(isolation="repeatable_read", readonly=True):
        found = await reader.query(_WINDOW_HEAD, session_id, app)
        if not found:
            raise UnknownSession(session_id)
        *row, session_state, user_state = found[0]
        head = rows.session(tuple(row))
        shown = await _tail(reader, head, tokens, count)
        prompt = await _dense(reader, head, 1, head.prompt_seq) if head.prompt_seq else ()
        live = (
            [rows.summary(row) for row in await reader.query(_LIVE, head.number)]
            if head.window_start > head.prompt_seq + 1 or head.predecessor
            else ()
        )
        pinned = await _pins(reader, head)
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


async def _tail(reader: Reader, head: Session, tokens: int | None, count: int | None) -> list[Message]:
    """The newest part of the window that is enough by either measure, back to a user message; read backwards, page by page."""
    if (tokens is None or head.window_tokens <= tokens) and (count is None or head.window_messages <= count):
        found = await _dense(reader, head, head.window_start, head.seq) if head.window_messages else []
        return [message for message in found if not head.hides(message.seq)]
    tail = rules.Tail(head, tokens, count)
    upper = head.seq
    while upper >= head.window_start:
        page = await _dense(reader, head, head.window_start, upper, min(_PAGE, (count or _PAGE) + 8), "DESC")
        if tail.reaches(page):
            break
        upper = page[-1].seq - 1
    return tail.messages()


async def state(reader: Reader, app: str, session_id: str, scope: Scope) -> JsonObject:
    head = await session(reader, app, session_id)
    if scope == "session":
        found = await reader.query("SELECT value FROM session_states WHERE session = $1", head.number)
    else:
        found = await reader.query(
            "SELECT value FROM user_states WHERE app = $1 AND interface_type = $2 AND external_user_id = $3", *rules.owner(head)
        )
    value: Json = rows.from_json(found[0][0]) if found else {}
    return dict(value)


async def events(reader: Reader, app: str, session_id: str, after: int, limit: int) -> list[Event]:
    number = (await session(reader, app, session_id)).number
    found = await reader.query(
        f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE session = $1 AND number > $2 ORDER BY number LIMIT $3",
        number,
        min(after, _FAR),
        limit,
    )
    return [rows.event(row) for row in found]


async def due(reader: Reader, app: str | None, now_ms: int, retention_ms: int) -> tuple[int, int]:
    """How many sessions a cleanup would close, and how many it would delete."""
    found = await reader.query(
        "SELECT count(*) FILTER (WHERE status = 'active' AND expires_ms <= $1),"
        " count(*) FILTER (WHERE status <> 'active' AND closed_ms < $2)"
        " FROM sessions WHERE sweep_ms <= $1 AND app = coalesce($3, app)",
        now_ms,
        now_ms - retention_ms,
        app,
    )
    expired, deleted = found[0]
    return expired, deleted


async def active_sessions(reader: Reader) -> int:
    """By the index of the cleanup alone."""
    [(count,)] = await reader.query("SELECT count(*) FROM sessions WHERE status = 'active'")
    return int(count)


async def stats(reader: Reader, app: str, now_ms: int) -> StoreStats:
    found = await reader.query(
        f"SELECT interface_type, count(*), count(*) FILTER (WHERE {_STATUS['active']}), sum(seq)::bigint, sum(tokens)::bigint,"
        " sum(tool_calls)::bigint, sum(errors)::bigint, sum(usage_in)::bigint, sum(usage_out)::bigint,"
        " sum(usage_cache_read)::bigint FROM sessions WHERE app = $2 GROUP BY interface_type"
        ' ORDER BY interface_type COLLATE "C"',
        now_ms,
        app,
    )
    return rules.stats([tuple(row) for row in found])
