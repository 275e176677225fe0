"""Guarded writes: any change, under a condition or once under a key, in the transaction of the change.

Invariant: a key's note and what it tells of are in one commit; a change that is answered from its note writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from turnkeep.session import Appended, Cleaned, Erased, Event, JsonObject, Message, NewMessage, NewPin, Pin, Scope, Session
from turnkeep.stores import guards, rows
from turnkeep.stores.base import Guard, NewSession
from turnkeep.stores.guards import Note
from turnkeep.stores.sqlite import appending, changes, pins, removal
from turnkeep.stores.sqlite.transaction import Transaction

Change = Callable[..., Any]
_NOTE = "INSERT OR REPLACE INTO idempotency_keys (app, key, request, session, result, until_ms) VALUES (?,?,?,?,?,?)"


def guarded(tx: Transaction, guard: Guard, request: bytes, change: Change, *args: Any) -> Any:
    """`change(tx, *args)`, as `Guard` has it."""
    done = known(tx, guard, request, change, *args)
    if done is not None:
        return _AGAIN[change](tx, done, *args)
    app = guards.app_of(change.__name__, args)
    if guards.expects_version(guard, change.__name__):
        guards.check_version(guard, tx.session(app, args[1]))
    result = change(tx, *args)
    if guard.key is not None:
        note = _NOTED[change](tx, result, *args)
        row = app, guards.kept_as(guard.key), request, note.session, rows.to_json(note.result), guard.until_ms
        tx.db.execute(_NOTE, row)
    return result


def known(tx: Transaction, guard: Guard, request: bytes, change: Change, *args: Any) -> Note | None:
    """The note of this very write, if it was done before."""
    if guard.key is None:
        return None
    found = tx.query(
        "SELECT request, session, result FROM idempotency_keys WHERE app = ? AND key = ? AND until_ms > ?",
        guards.app_of(change.__name__, args),
        guards.kept_as(guard.key),
        guard.now_ms,
    )
    if not found:
        return None
    noted, session, result = found[0]
    guards.check_same(noted, request)
    return Note(session, rows.from_json(result))


def cleanup(tx: Transaction, app: str | None, done: Cleaned) -> Cleaned:
    """The end of a cleanup, whose slices are committed: there is no more to do than to note it."""
    return done


# --- what is noted


def _of_session(tx: Transaction, result: Any, app: str, session_id: str, *args: Any) -> Note:
    return Note(tx.session(app, session_id).number, [])


def _opened(tx: Transaction, result: tuple[Session, bool], *args: Any) -> Note:
    session, created = result
    return Note(session.number, [created])


def _appended(tx: Transaction, result: Appended, *args: Any) -> Note:
    session = result.session

    def key(message: Message) -> int:
        if message.external_id is None:
            return rows.key(session.number, message.seq)
        found = "SELECT message FROM external_ids WHERE root = ? AND external_id = ?"  # perhaps a predecessor's
        return int(tx.query(found, session.root, message.external_id)[0][0])

    return Note(session.number, guards.ranges(map(key, result.messages)))


def _recorded(tx: Transaction, result: Event, app: str, session_id: str, event: Event) -> Note:
    return Note(tx.session(app, session_id).number, [result.number])


def _pinned(tx: Transaction, result: Pin, app: str, session_id: str, *args: Any) -> Note:
    return Note(tx.session(app, session_id).number, [result.number])


def _counted(tx: Transaction, result: Erased | Cleaned, *args: Any) -> Note:
    return guards.counted(result)


# --- what is answered again, from the rows as they are now


def _session(tx: Transaction, note: Note, app: str, session_id: str, *args: Any) -> Session:
    return tx.session(app, session_id)


def _open(tx: Transaction, note: Note, new: NewSession, now_ms: int) -> tuple[Session, bool]:
    [(session_id,)] = tx.query("SELECT id FROM sessions WHERE number = ?", note.session)
    return tx.session(new.app, session_id), bool(note.result[0])


def _append(
    tx: Transaction, note: Note, app: str, session_id: str, messages: Sequence[NewMessage], *conditions: int | None
) -> Appended:
    stored: list[Message] = []
    for first, last in zip(note.result[::2], note.result[1::2], strict=True):
        stored += _range(tx, first, last)
    if len(stored) != len(messages):
        raise guards.gone()
    return Appended(tx.session(app, session_id), tuple(stored), 0)


def _range(tx: Transaction, first: int, last: int) -> list[Message]:
    counters = dict(tx.query("SELECT number, name FROM counters"))
    found = tx.query(f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id BETWEEN ? AND ? ORDER BY id", first, last)
    return [rows.message(row, counters) for row in found]


def _state(tx: Transaction, note: Note, app: str, session_id: str, scope: Scope, *args: Any) -> JsonObject:
    return changes.state_of(tx, tx.session(app, session_id), scope)


def _event(tx: Transaction, note: Note, *args: Any) -> Event:
    return rows.event(tx.query(f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE number = ?", note.result[0])[0])


def _pin(tx: Transaction, note: Note, app: str, session_id: str, new: NewPin, *limits: int) -> Pin:
    for pin in pins.of_session(tx, tx.session(app, session_id)):
        if pin.number == note.result[0]:
            return pin
    raise guards.gone()


_NOTED: dict[Change, Callable[..., Note]] = {
    changes.open_session: _opened,
    changes.deactivate: _of_session,
    changes.clear: _of_session,
    changes.retract: _of_session,
    changes.update_state: _of_session,
    changes.record: _recorded,
    pins.pin: _pinned,
    pins.unpin: _of_session,
    appending.append: _appended,
    removal.delete: lambda *args: Note(None, []),
    removal.erase_user: _counted,
    cleanup: _counted,
}
_AGAIN: dict[Change, Callable[..., Any]] = {
    changes.open_session: _open,
    changes.deactivate: _session,
    changes.clear: _session,
    changes.retract: _session,
    changes.update_state: _state,
    changes.record: _event,
    pins.pin: _pin,
    pins.unpin: lambda *args: None,
    appending.append: _append,
    removal.delete: lambda *args: None,
    removal.erase_user: lambda tx, note, *args: Erased(*note.result),
    cleanup: lambda tx, note, *args: guards.cleaned(note),
}
