"""Pins, as functions over a `Transaction`.

Invariant: the session's figures are those of its rows in every commit.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import asdict, replace

from turnkeep.session import NewPin, Pin, Session
from turnkeep.stores import rows, rules
from turnkeep.stores.postgres.statements import places
from turnkeep.stores.postgres.transaction import Transaction

_FIND = f"SELECT {rows.PIN_COLUMNS} FROM pins WHERE session = $1 ORDER BY number"
_INSERT = (
    "INSERT INTO pins (session, seq, role, text, tokens, counter, author_id, source, created_ms)"
    f" VALUES ({places(9)}) RETURNING number"
)


async def pin(tx: Transaction, app: str, session_id: str, new: NewPin, most: int, most_tokens: int) -> Pin:
    session = await tx.session(app, session_id)
    held = await of_session(tx, session)
    known = rules.same_pin(held, new)
    if known is not None:
        return known
    found = await tx.query("SELECT erased FROM messages WHERE id = $1", rows.key(session.number, new.seq))
    rules.check_pin(session, new, bool(found and found[0][0]), most, most_tokens)
    stored = await insert(tx, session, Pin(**asdict(new), number=0))
    await tx.save(rules.pinned(session, [*held, stored]))
    return stored


async def unpin(tx: Transaction, app: str, session_id: str, number: int) -> None:
    session = await tx.session(app, session_id)
    held = await of_session(tx, session)
    gone = rules.find_pin(held, number)
    await tx.save(await without(tx, session, held, [gone]))


async def insert(tx: Transaction, session: Session, pin: Pin) -> Pin:
    """The pin under the next number."""
    values = session.number, pin.seq, pin.role, pin.text, pin.tokens, pin.counter, pin.author_id, pin.source, pin.created_ms
    [(number,)] = await tx.query(_INSERT, *values)
    return replace(pin, number=number)


async def of_session(tx: Transaction, session: Session) -> list[Pin]:
    return [rows.pin(row) for row in await tx.query(_FIND, session.number)] if session.pins else []


async def without(tx: Transaction, session: Session, held: list[Pin], gone: list[Pin]) -> Session:
    """Remove these of those `held`; the session as it is then, still to be stored."""
    await tx.execute("DELETE FROM pins WHERE number = ANY ($1)", [pin.number for pin in gone])
    return rules.pinned(session, [pin for pin in held if pin not in gone])


async def erase(tx: Transaction, app: str, user: str, interface_type: str | None, sources: Collection[str]) -> None:
    """Those of the user's words, and those carried over from these sessions, which were the user's."""
    found = await tx.query(
        "SELECT s.id, p.number FROM pins p JOIN sessions s ON s.number = p.session WHERE p.source = ANY ($4)"
        " OR (p.author_id = $1 AND s.app = $2 AND s.interface_type = coalesce($3, s.interface_type)) ORDER BY p.session",
        user,
        app,
        interface_type,
        list(sources),
    )
    for session_id in dict.fromkeys(session_id for session_id, _ in found):
        session, numbers = await tx.session(app, session_id), {number for owner, number in found if owner == session_id}
        held = await of_session(tx, session)
        await tx.save(await without(tx, session, held, [pin for pin in held if pin.number in numbers]))
