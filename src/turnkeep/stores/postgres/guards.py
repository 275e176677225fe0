"""Guarded writes: any change, under a condition or once under a key, in the transaction of the change.

Invariant: a key's note and what it tells of are in one commit; a change that is answered from its note writes nothing; of two writes under
one key at once the second waits for the first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from turnkeep.session import Appended, Cleaned, Erased, Event, JsonObject, Message, NewMessage, NewPin, Pin, Scope, Session
from turnkeep.stores import guards, rows
from turnkeep.stores.base import Guard, NewSession
from turnkeep.stores.guards import Note
from turnkeep.stores.postgres import appending, changes, pins, removal
from turnkeep.stores.postgres.transaction import Transaction

Change = Callable[..., Awaitable[Any]]
_NOTE = (
    "INSERT INTO idempotency_keys (app, key, request, session, result, until_ms) VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT (app, key) DO UPDATE SET request = excluded.request, session = excluded.session, result = excluded.result,"
    " until_ms = excluded.until_ms"
)


async def guarded(tx: Transaction, guard: Guard, request: bytes, change: Change, *args: Any) -> Any:
    """`change(tx, *args)`, as `Guard` has it."""
    done = await known(tx, guard, request, change, *args)
    if done is not None:
        return await _AGAIN[change](tx, done, *args)
    app = guards.app_of(change.__name__, args)
    if guards.expects_version(guard, change.__name__):
        guards.check_version(guard, await tx.session(app, args[1]))
    result = await change(tx, *args)
    if guard.key is not None:
        note = await _NOTED[change](tx, result, *args)
        row = app, guards.kept_as(guard.key), request, note.session, rows.to_json(note.result), guard.until_ms
        await tx.execute(_NOTE, *row)
    return result


async def known(tx: Transaction, guard: Guard, request: bytes, change: Change, *args: Any) -> Note | None:
    """The note of this very write, if it was done before."""
    if guard.key is None:
        return None
    app, key = guards.app_of(change.__name__, args), guards.kept_as(guard.key)
    await tx.alone("key", app, key.hex())
    found = await tx.query(
        "SELECT request, session, result FROM idempotency_keys WHERE app = $1 AND key = $2 AND until_ms > $3",
        app,
        key,
        guard.now_ms,
    )
    if not found:
        return None
    noted, session, result = found[0]
    guards.check_same(noted, request)
    return Note(session, rows.from_json(result))


async def cleanup(tx: Transaction, app: str | None, done: Cleaned) -> Cleaned:
    """The end of a cleanup, whose slices are committed: there is no more to do than to note it."""
    return done


# --- what is noted


async def _of_session(tx: Transaction, result: Any, app: str, session_id: str, *args: Any) -> Note:
    return Note((await tx.session(app, session_id)).number, [])


async def _opened(tx: Transaction, result: tuple[Session, bool], *args: Any) -> Note:
    session, created = result
    return Note(session.number, [created])


async def _appended(tx: Transaction, result: Appended, *args: Any) -> Note:
    session = result.session
    names = [message.external_id for message in result.messages if message.external_id is not None]
    found = "SELECT external_id, message FROM external_ids WHERE root = $1 AND external_id = ANY ($2)"  # perhaps a predecessor's
    keys = dict(await tx.query(found, session.root, names)) if names else {}
    found_keys = [keys.get(message.external_id) or rows.key(session.number, message.seq) for message in result.messages]
    return Note(session.number, guards.ranges(found_keys))


async def _recorded(tx: Transaction, result: Event, app: str, session_id: str, event: Event) -> Note:
    return Note((await tx.session(app, session_id)).number, [result.number])


async def _pinned(tx: Transaction, result: Pin, app: str, session_id: str, *args: Any) -> Note:
    return Note((await tx.session(app, session_id)).number, [result.number])


async def _counted(tx: Transaction, result: Erased | Cleaned, *args: Any) -> Note:
    return guards.counted(result)


async def _gone(tx: Transaction, *args: Any) -> Note:
    return Note(None, [])


# --- what is answered again, from the rows as they are now


async def _session(tx: Transaction, note: Note, app: str, session_id: str, *args: Any) -> Session:
    return await tx.session(app, session_id)


async def _open(tx: Transaction, note: Note, new: NewSession, now_ms: int) -> tuple[Session, bool]:
    [(session_id,)] = await tx.query("SELECT id FROM sessions WHERE number = $1", note.session)
    return await tx.session(new.app, session_id), bool(note.result[0])


async def _append(
    tx: Transaction, note: Note, app: str, session_id: str, messages: Sequence[NewMessage], *conditions: int | None
) -> Appended:
    stored: list[Message] = []
    for first, last in zip(note.result[::2], note.result[1::2], strict=True):
        found = f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id BETWEEN $1 AND $2 ORDER BY id"
        stored += await tx.messages(await tx.query(found, first, last))
    if len(stored) != len(messages):
        raise guards.gone()
    return Appended(await tx.session(app, session_id), tuple(stored), 0)


async def _state(tx: Transaction, note: Note, app: str, session_id: str, scope: Scope, *args: Any) -> JsonObject:
    return await changes.state_of(tx, await tx.session(app, session_id), scope)


async def _event(tx: Transaction, note: Note, *args: Any) -> Event:
    return rows.event((await tx.query(f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE number = $1", note.result[0]))[0])


async def _pin(tx: Transaction, note: Note, app: str, session_id: str, new: NewPin, *limits: int) -> Pin:
    for pin in await pins.of_session(tx, await tx.session(app, session_id)):
        if pin.number == note.result[0]:
            return pin
    raise guards.gone()


async def _nothing(tx: Transaction, note: Note, *args: Any) -> None:
    return None


async def _erased(tx: Transaction, note: Note, *args: Any) -> Erased:
    return Erased(*note.result)


async def _cleaned(tx: Transaction, note: Note, *args: Any) -> Cleaned:
    return guards.cleaned(note)


_NOTED: dict[Change, Callable[..., Awaitable[Note]]] = {
    changes.open_session: _opened,
    changes.deactivate: _of_session,
    changes.clear: _of_session,
    changes.retract: _of_session,
    changes.update_state: _of_session,
    pins.pin: _pinned,
    pins.unpin: _of_session,
    changes.record: _recorded,
    appending.append: _appended,
    removal.delete: _gone,
    removal.erase_user: _counted,
    cleanup: _counted,
}
_AGAIN: dict[Change, Change] = {
    changes.open_session: _open,
    changes.deactivate: _session,
    changes.clear: _session,
    changes.retract: _session,
    changes.update_state: _state,
    pins.pin: _pin,
    pins.unpin: _nothing,
    changes.record: _event,
    appending.append: _append,
    removal.delete: _nothing,
    removal.erase_user: _erased,
    cleanup: _cleaned,
}
