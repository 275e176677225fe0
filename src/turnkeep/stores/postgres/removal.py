"""What takes rows away: delete, erase, cleanup.

Invariant: a session's row and its rows elsewhere go in one commit, but its log may be long: the log is put on the `garbage` list in that
commit, out of everybody's sight, and its rows are removed in slices, so that no commit is long. What a crash leaves on the
list the next cleanup removes. Instances that clean up at once do not wait for each other: what one has locked the others pass over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from turnkeep.session import Cleaned, Erased, Session, Summary
from turnkeep.stores import rows, rules
from turnkeep.stores.postgres import changes, inbox, pins
from turnkeep.stores.postgres.transaction import Transaction

SLICE_ROWS = 1000
SLICE_SESSIONS = 100


async def delete(tx: Transaction, app: str, session_id: str) -> None:
    session = await tx.session(app, session_id)
    await unlink(tx, [session])
    await inbox.remove(tx, session)


async def unlink(tx: Transaction, sessions: Sequence[Session]) -> None:
    """Remove the sessions, and put their logs on the list."""
    numbers = [session.number for session in sessions]
    for table in ("summaries", "events", "session_states", "pins", "idempotency_keys"):
        await tx.execute(f"DELETE FROM {table} WHERE session = ANY ($1)", numbers)
    await tx.execute("DELETE FROM sessions WHERE number = ANY ($1)", numbers)
    await tx.execute("INSERT INTO garbage SELECT unnest($1::bigint[])", numbers)
    await tx.execute(
        "DELETE FROM external_ids x USING unnest($1::bigint[], $2::bigint[]) AS s (root, number)"
        " WHERE x.root = s.root AND x.message >> 32 = s.number",
        [session.root for session in sessions],
        numbers,
    )
    for session in sessions:
        tx.gone(session.id)


async def collect(tx: Transaction) -> bool:
    """Remove a slice of unlinked rows; whether any are left that nobody else is removing."""
    found = await tx.query("SELECT log FROM garbage LIMIT 1 FOR UPDATE SKIP LOCKED")
    if not found:
        return False
    log = found[0][0]
    first, last = rows.log_range(log)
    some = "SELECT id FROM messages WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3"
    if await tx.execute(f"DELETE FROM messages WHERE id IN ({some})", first, last, SLICE_ROWS) < SLICE_ROWS:
        await tx.execute("DELETE FROM calls WHERE log = $1", log)
        await tx.execute("DELETE FROM garbage WHERE log = $1", log)
    return True


async def forget_keys(tx: Transaction, app: str | None, now_ms: int) -> bool:
    """Remove a slice of the idempotency keys that are past their time; whether there was one."""
    old = "SELECT app, key FROM idempotency_keys WHERE until_ms <= $1 AND app = coalesce($2, app) LIMIT $3 FOR UPDATE SKIP LOCKED"
    return await tx.execute(f"DELETE FROM idempotency_keys WHERE (app, key) IN ({old})", now_ms, app, SLICE_ROWS) > 0


async def erase_user(tx: Transaction, app: str, user: str, interface_type: str | None, now_ms: int) -> Erased:
    own = await _lock_own(tx, app, user, interface_type)
    for session in own:
        await _drop_carried(tx, session, None)
    await unlink(tx, own)
    states = await tx.execute(
        "DELETE FROM user_states WHERE app = $1 AND external_user_id = $2 AND interface_type = coalesce($3, interface_type)",
        app,
        user,
        interface_type,
    )
    await inbox.erase(tx, app, user, interface_type)
    if interface_type is None:
        await tx.execute("DELETE FROM api_keys WHERE app = $1 AND external_user_id = $2", app, user)
    authored = await tx.query(
        "SELECT s.id, m.id, m.role, m.tokens, m.tool_calls FROM messages m JOIN sessions s ON s.number = m.id >> 32"
        " WHERE m.author_id = $1 AND s.app = $2 AND s.interface_type = coalesce($3, s.interface_type) ORDER BY m.id",
        user,
        app,
        interface_type,
    )
    by_session: dict[str, list[rows.Row]] = {}
    for session_id, *message in authored:
        by_session.setdefault(session_id, []).append(tuple(message))
    for session_id, messages in by_session.items():
        await _bury(tx, await tx.session(app, session_id), messages, user)
    await _drop_told(tx, app, user, interface_type)
    await pins.erase(tx, app, user, interface_type, [session.id for session in own])
    return Erased(len(own), sum(session.seq for session in own) + len(authored), states)


async def _lock_own(tx: Transaction, app: str, user: str, interface_type: str | None) -> list[Session]:
    """The user's own sessions; they and those in which the user wrote are locked, in the order of their numbers."""
    found = await tx.query(
        "SELECT id, external_user_id IS NOT DISTINCT FROM $2 FROM sessions WHERE app = $1"
        " AND interface_type = coalesce($3, interface_type)"
        " AND (external_user_id = $2 OR number IN (SELECT id >> 32 FROM messages WHERE author_id = $2))",
        app,
        user,
        interface_type,
    )
    own = {session_id for session_id, is_own in found if is_own}
    locked = await tx.lock([session_id for session_id, _ in found])
    return [session for session in locked if session.id in own]


async def _bury(tx: Transaction, session: Session, messages: list[rows.Row], user: str) -> None:
    """Make tombstones of these messages (id, role, tokens, tool_calls), and drop every summary that may tell of them."""
    keys = [message[0] for message in messages]
    erased = {key & rows.SEQ_MASK for key in keys}
    await tx.execute(
        "UPDATE messages SET content = '', tokens = 0, external_id = NULL, parts = NULL, tool_calls = NULL, tool_call_id = NULL,"
        " name = NULL, author_id = NULL, metadata = NULL, erased = 1 WHERE id = ANY ($1)",
        keys,
    )
    await tx.execute("DELETE FROM external_ids WHERE root = $1 AND message = ANY ($2)", session.root, keys)
    await tx.execute("DELETE FROM calls WHERE log = $1 AND seq = ANY ($2)", session.number, list(erased))
    telling = [s for s in await changes.summaries(tx, session) if any(s.from_seq <= seq <= s.to_seq for seq in erased)]
    await _remove(tx, telling)
    after = replace(
        session,
        tokens=session.tokens - sum(tokens for _, _, tokens, _ in messages),
        tokens_out=session.tokens_out - sum(tokens for _, role, tokens, _ in messages if role == rows.ASSISTANT),
        tool_calls=session.tool_calls - sum(len(rows.from_json(calls)) for *_, calls in messages if calls),
    )
    await changes.rewind(tx, after, [summary for summary in telling if summary.live])
    await _drop_carried(tx, session, user)


async def _drop_carried(tx: Transaction, session: Session, user: str | None) -> None:
    """A summary that successors were opened with may tell of what was erased, too: of that user, if its authors are known."""
    found = await tx.query("SELECT id FROM sessions WHERE predecessor = $1 AND root = $2", session.id, session.root)
    for (session_id,) in found:
        successor = await tx.session(session.app, session_id)
        if await _drop(tx, successor, [one for one in await changes.summaries(tx, successor) if rules.may_tell_of(one, user)]):
            await _drop_carried(tx, successor, user)


async def _drop_told(tx: Transaction, app: str, user: str, interface_type: str | None) -> None:
    """What was carried over from sessions that are no longer there."""
    found = await tx.query(
        "SELECT DISTINCT s.id FROM summaries m JOIN sessions s ON s.number = m.session WHERE m.from_seq = 0 AND s.app = $1"
        " AND s.interface_type = coalesce($2, s.interface_type)"
        " AND EXISTS (SELECT FROM jsonb_array_elements_text(m.authors::jsonb) a WHERE a = $3)",
        app,
        interface_type,
        user,
    )
    for (session_id,) in found:
        session = await tx.session(app, session_id)
        told = [one for one in await changes.summaries(tx, session) if one.from_seq == 0 and user in (one.authors or ())]
        await _drop(tx, session, told)


async def _drop(tx: Transaction, session: Session, dropped: list[Summary]) -> bool:
    """Remove these summaries; whether there were any."""
    if dropped:
        await _remove(tx, dropped)
        await changes.rewind(tx, session, [summary for summary in dropped if summary.live])
    return bool(dropped)


async def _remove(tx: Transaction, summaries: list[Summary]) -> None:
    await tx.execute("DELETE FROM summaries WHERE number = ANY ($1)", [summary.number for summary in summaries])


async def sweep(tx: Transaction, app: str | None, now_ms: int, retention_ms: int) -> tuple[Cleaned, bool]:
    """A slice of the cleanup; what was done, and whether there may be more."""
    if await collect(tx) or await forget_keys(tx, app, now_ms) or await inbox.forget(tx, app, now_ms, SLICE_ROWS):
        return Cleaned(), True
    late = await _due(tx, app, "status = 'active'", now_ms)
    expired = [session for session in late if session.status_at(now_ms) == "expired"]
    for session in expired:
        await tx.save(rules.close(session, "expired", now_ms), reread=False)
    slid = [(session.expires_ms, session.number) for session in late if session not in expired]  # by appends: look again then
    await tx.many("UPDATE sessions SET sweep_ms = $1 WHERE number = $2", slid)
    if late:
        return Cleaned(len(expired)), True
    old = await _due(tx, app, "status IN ('inactive', 'expired')", now_ms - retention_ms - 1)
    if old:
        await unlink(tx, old)
    return Cleaned(0, len(old)), bool(old)


async def _due(tx: Transaction, app: str | None, status: str, until_ms: int) -> list[Session]:
    found: list[Any] = await tx.query(
        f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE {status} AND sweep_ms <= $1 AND app = coalesce($2, app)"
        " LIMIT $3 FOR UPDATE SKIP LOCKED",
        until_ms,
        app,
        SLICE_SESSIONS,
    )
    return [tx.seen(row) for row in found]
