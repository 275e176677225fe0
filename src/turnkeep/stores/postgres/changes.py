"""Every change but the append, as functions over a `Transaction`.

Invariant: what a change touches of a session it has read under the session's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import asdict, replace

from turnkeep.session import Event, Json, JsonObject, Message, NewSummary, Scope, Session, Summary, Window
from turnkeep.stores import rows, rules
from turnkeep.stores.base import NewSession
from turnkeep.stores.postgres import calibrations, pins
from turnkeep.stores.postgres.statements import places
from turnkeep.stores.postgres.transaction import Transaction

_ADD_SUMMARY = (
    "INSERT INTO summaries (session, from_seq, to_seq, text, method, tokens, counter, tokens_before, duration_ms, source, data,"
    f" authors, live, created_ms) VALUES ({places(12)}, true, $13) RETURNING number"
)
_RECORD = f"INSERT INTO events (session, {rows.NEW_EVENT_COLUMNS}) VALUES ({places(12)}) RETURNING number"
_NEWEST = (
    f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE app = $1 AND conversation_id = $2 AND interface_type = $3"
    " ORDER BY number DESC LIMIT 1 FOR UPDATE"
)

# --- sessions


async def open_session(tx: Transaction, new: NewSession, now_ms: int) -> tuple[Session, bool]:
    await tx.alone("open", new.app, new.interface_type, new.conversation_id)
    if new.external_user_id is not None:  # a patch of the user's state finds this session, or this one's window has the patch
        await tx.alone("state", new.app, new.interface_type, new.external_user_id)
    found = await tx.query(_NEWEST, new.app, new.conversation_id, new.interface_type)
    predecessor = tx.seen(found[0]) if found else None
    if predecessor is not None and predecessor.status == "active":
        if predecessor.status_at(now_ms) == "active":
            return predecessor, False
        predecessor = await tx.save(rules.close(predecessor, "expired", now_ms), reread=False)
    session = rules.new_session(new, 0, now_ms, predecessor, await calibrations.newest(tx, new.app, new.tokenizer))
    carried, pinned = [], []
    if predecessor is not None and new.carry_over == "summary":
        carried = rules.carried(predecessor, await summaries(tx, predecessor))
        pinned = [rules.carried_pin(pin, predecessor, 0) for pin in await pins.of_session(tx, predecessor)]
    if not carried and not pinned:
        session = await tx.insert(session, session.expires_ms)
        user_state = await state_of(tx, session, "user") if session.external_user_id is not None else {}
        tx.opened(session, Window(session, (), (), (), 0, 0, user_state, {}))
        return session, True
    session = replace(rules.pinned(session, pinned), version=session.version)
    session = await tx.insert(replace(session, summary_tokens=sum(one.tokens for one in carried)), session.expires_ms)
    for one in carried:
        await _insert_summary(tx, session, one, now_ms)
    for pin in pinned:
        await pins.insert(tx, session, pin)
    tx.opened(session, None)
    return session, True


async def deactivate(tx: Transaction, app: str, session_id: str, now_ms: int) -> Session:
    session = await tx.session(app, session_id)
    status = session.status_at(now_ms)
    if session.status != "active":
        return session
    return await tx.save(rules.close(session, "inactive" if status == "active" else status, now_ms), reread=False)


# --- the window


async def add_summary(
    tx: Transaction, app: str, session_id: str, summary: NewSummary, generation: int, now_ms: int, replaces: Sequence[int]
) -> Session:
    session = await tx.session(app, session_id)
    live = await live_summaries(tx, session)
    replaced = rules.check_summary(session, summary, generation, live, replaces)
    covered = await visible(tx, session, session.window_start, summary.to_seq)
    await _retire(tx, replaced)
    stored = await _insert_summary(tx, session, summary, now_ms)
    left = sorted((*(old for old in live if old not in replaced), stored), key=lambda one: one.from_seq)
    return await tx.save(rules.summarize(session, summary, replaced, covered), summaries=tuple(left))


async def _insert_summary(tx: Transaction, session: Session, s: NewSummary, now_ms: int) -> Summary:
    [(number,)] = await tx.query(_ADD_SUMMARY, session.number, *rows.new_summary_row(s), now_ms)
    return Summary(**asdict(replace(s, data=None, authors=None)), number=number, created_ms=now_ms)


async def summaries(tx: Transaction, session: Session) -> list[Summary]:
    """All of them, with their data."""
    found = await tx.query(f"SELECT {rows.SUMMARY_WITH_DATA} FROM summaries WHERE session = $1 ORDER BY number", session.number)
    return [rows.summary(row) for row in found]


async def live_summaries(tx: Transaction, session: Session) -> list[Summary]:
    """As a window has them."""
    found = await tx.query(
        f"SELECT {rows.SUMMARY_COLUMNS} FROM summaries WHERE session = $1 AND live ORDER BY from_seq, number", session.number
    )
    return [rows.summary(row) for row in found]


async def _retire(tx: Transaction, summaries: Iterable[Summary]) -> None:
    numbers = [summary.number for summary in summaries]
    if numbers:
        await tx.execute("UPDATE summaries SET live = false, data = NULL WHERE number = ANY ($1)", numbers)


async def visible(tx: Transaction, session: Session, from_seq: int, to_seq: int) -> list[Message]:
    """The messages of that range that are not retracted, with no more than the figures that totals need."""
    found = await tx.query(
        "SELECT id, role, NULL, tokens, 0, created_ms, NULL, NULL, NULL, NULL, NULL, NULL, NULL, erased FROM messages"
        " WHERE id BETWEEN $1 AND $2 ORDER BY id",
        rows.key(session.number, max(from_seq, session.prompt_seq + 1)),
        rows.key(session.number, to_seq),
    )
    messages = (rows.message(row, {0: ""}) for row in found)
    return [message for message in messages if not session.hides(message.seq)]


async def clear(tx: Transaction, app: str, session_id: str, keep_summaries: bool) -> Session:
    session = await tx.session(app, session_id)
    if not keep_summaries:
        await _retire(tx, await live_summaries(tx, session))
        await tx.execute("DELETE FROM pins WHERE session = $1", session.number)
    return await tx.save(rules.clear(session, keep_summaries))


async def retract(tx: Transaction, app: str, session_id: str, from_seq: int) -> Session:
    session = await tx.session(app, session_id)
    rules.check_retract(session, from_seq)
    stale = [summary for summary in await live_summaries(tx, session) if summary.to_seq >= from_seq]
    held = await pins.of_session(tx, session)
    after = replace(session, retracted=rules.retract(session, from_seq))
    if gone := [pin for pin in held if pin.seq >= from_seq]:
        after = await pins.without(tx, after, held, gone)
    return await rewind(tx, after, stale)


async def rewind(tx: Transaction, session: Session, stale: Sequence[Summary]) -> Session:
    """Store the session with its window derived anew from the rows, after `stale` summaries stopped being live.

    Those that come after a stale one stop too: a window has one start, and what the stale one covered stands behind it again.
    """
    first = min((summary.from_seq for summary in stale if summary.to_seq), default=None)
    if first is not None:
        stale = [*stale, *(summary for summary in await live_summaries(tx, session) if summary.from_seq > first)]
    await _retire(tx, stale)
    live = await live_summaries(tx, session)
    start = rules.rewound(session, live) if stale else session.window_start
    window = await visible(tx, session, start, session.seq)
    return await tx.save(rules.rederived(session, start, window, live))


# --- state


async def update_state(tx: Transaction, app: str, session_id: str, scope: Scope, patch: JsonObject, limit: int) -> JsonObject:
    if scope == "user":
        return await _update_user_state(tx, app, session_id, patch, limit)
    session = await tx.session(app, session_id)
    state: JsonObject = rules.merge_patch(await state_of(tx, session, scope), patch)
    text = rows.to_json(state) or ""
    rules.check_state(text, limit)
    put = "INSERT INTO session_states VALUES ($1, $2) ON CONFLICT (session) DO UPDATE SET value = excluded.value"
    await tx.execute(put, session.number, text)
    await tx.save(replace(session, version=session.version + 1))
    return state


async def _update_user_state(tx: Transaction, app: str, session_id: str, patch: JsonObject, limit: int) -> JsonObject:
    asked = await tx.query("SELECT app, interface_type, external_user_id FROM sessions WHERE id = $1", session_id)
    await tx.alone("state", *(asked[0] if asked else ()))
    sessions = await tx.lock([session_id, *await _open_sessions(tx, session_id)])
    session = await tx.session(app, session_id)
    state: JsonObject = rules.merge_patch(await state_of(tx, session, "user"), patch)
    text = rows.to_json(state) or ""
    rules.check_state(text, limit)
    await tx.execute(
        "INSERT INTO user_states VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (app, interface_type, external_user_id) DO UPDATE SET value = excluded.value",
        *rules.owner(session),
        text,
    )
    for one in sessions:
        if one.status == "active" or one.id == session_id:
            await tx.save(replace(one, version=one.version + 1))
    return state


async def _open_sessions(tx: Transaction, session_id: str) -> list[str]:
    """Those of the session's user on its interface that are not closed."""
    found = await tx.query(
        "SELECT o.id FROM sessions s JOIN sessions o ON o.app = s.app AND o.external_user_id = s.external_user_id"
        " AND o.interface_type = s.interface_type AND o.status = 'active' WHERE s.id = $1",
        session_id,
    )
    return [one for (one,) in found]


async def state_of(tx: Transaction, session: Session, scope: Scope) -> JsonObject:
    if scope == "session":
        found = await tx.query("SELECT value FROM session_states WHERE session = $1", session.number)
    else:
        found = await tx.query(
            "SELECT value FROM user_states WHERE app = $1 AND interface_type = $2 AND external_user_id = $3",
            *rules.owner(session),
        )
    state: Json = rows.from_json(found[0][0]) if found else {}
    return dict(state)


# --- events


async def record(tx: Transaction, app: str, session_id: str, event: Event) -> Event:
    session = await tx.session(app, session_id)
    call = "SELECT 1 FROM calls WHERE log = $1 AND call_id = $2 LIMIT 1"
    known = bool(event.tool_call_id and await tx.query(call, session.number, event.tool_call_id))
    [(number,)] = await tx.query(_RECORD, session.number, *rows.event_row(event))
    stored = replace(event, number=number)
    correction = await calibrations.add(tx, session, event)
    await tx.save(rules.record(session, event, known, correction), reread=False, event=stored)
    return stored
