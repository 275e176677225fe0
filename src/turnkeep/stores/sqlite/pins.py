"""Pins, as functions over a `Transaction`.

Invariants: what a change refuses, it refuses before its first write; the session's figures are those of its rows in every commit.
"""

from __future__ import annotations

from msgspec.structs import asdict, replace

from turnkeep.session import NewPin, Pin, Session
from turnkeep.stores import rows, rules
from turnkeep.stores.sqlite.transaction import Transaction

_FIND = f"SELECT {rows.PIN_COLUMNS} FROM pins WHERE session = ? ORDER BY number"
_INSERT = "INSERT INTO pins (session, seq, role, text, tokens, counter, author_id, source, created_ms) VALUES (?,?,?,?,?,?,?,?,?)"


def pin(tx: Transaction, app: str, session_id: str, new: NewPin, most: int, most_tokens: int) -> Pin:
    session = tx.session(app, session_id)
    held = of_session(tx, session)
    known = rules.same_pin(held, new)
    if known is not None:
        return known
    found = tx.query("SELECT erased FROM messages WHERE id = ?", rows.key(session.number, new.seq))
    rules.check_pin(session, new, bool(found and found[0][0]), most, most_tokens)
    stored = insert(tx, session, Pin(**asdict(new), number=0))
    tx.save(rules.pinned(session, [*held, stored]))
    return stored


def unpin(tx: Transaction, app: str, session_id: str, number: int) -> None:
    session = tx.session(app, session_id)
    held = of_session(tx, session)
    gone = rules.find_pin(held, number)
    tx.save(without(tx, session, held, [gone]))


def insert(tx: Transaction, session: Session, pin: Pin) -> Pin:
    """The pin under the next number."""
    tx.db.execute(
        _INSERT,
        (session.number, pin.seq, pin.role, pin.text, pin.tokens, pin.counter, pin.author_id, pin.source, pin.created_ms),
    )
    return replace(pin, number=tx.db.last_insert_rowid())


def of_session(tx: Transaction, session: Session) -> list[Pin]:
    return [rows.pin(row) for row in tx.query(_FIND, session.number)] if session.pins else []


def without(tx: Transaction, session: Session, held: list[Pin], gone: list[Pin]) -> Session:
    """Remove these of those `held`; the session as it is then, still to be stored."""
    tx.db.executemany("DELETE FROM pins WHERE number = ?", [(pin.number,) for pin in gone])
    return rules.pinned(session, [pin for pin in held if pin not in gone])


def erase(tx: Transaction, app: str, user: str, interface_type: str | None, sources: list[str]) -> None:
    """Those of the user's words, and those carried over from these sessions, which were the user's."""
    found = tx.query(
        "SELECT s.id, p.number FROM pins p JOIN sessions s ON s.number = p.session WHERE p.author_id = ? AND s.app = ?"
        " AND s.interface_type = coalesce(?, s.interface_type)",
        user,
        app,
        interface_type,
    )
    for source in sources:
        found += tx.query("SELECT s.id, p.number FROM pins p JOIN sessions s ON s.number = p.session WHERE p.source = ?", source)
    for session_id in {session_id for session_id, _ in found}:
        session, numbers = tx.session(app, session_id), {number for owner, number in found if owner == session_id}
        held = of_session(tx, session)
        tx.save(without(tx, session, held, [pin for pin in held if pin.number in numbers]))
