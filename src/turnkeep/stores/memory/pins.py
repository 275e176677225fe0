"""Pins: words that stay in every prompt."""

from __future__ import annotations

from msgspec.structs import asdict

from turnkeep.session import NewPin, Pin
from turnkeep.stores import rules
from turnkeep.stores.base import Guard
from turnkeep.stores.memory.base import Base


class Pins(Base):
    """See `Store`."""

    async def pin(
        self, app: str, session_id: str, pin: NewPin, *, most: int, most_tokens: int, guard: Guard | None = None
    ) -> Pin:
        return self._write(guard, self._pin, app, session_id, pin, most, most_tokens)

    def _pin(self, app: str, session_id: str, new: NewPin, most: int, most_tokens: int) -> Pin:
        rows = self._rows(app, session_id)
        known = rules.same_pin(rows.pins, new)
        if known is not None:
            return known
        erased = 0 < new.seq <= len(rows.log) and rows.log[new.seq - 1].erased
        rules.check_pin(rows.session, new, erased, most, most_tokens)
        pin = Pin(**asdict(new), number=self._next("pins"))
        rows.pins = [*rows.pins, pin]
        self._put(rows, rules.pinned(rows.session, rows.pins), None)
        return pin

    async def unpin(self, app: str, session_id: str, number: int, *, guard: Guard | None = None) -> None:
        self._write(guard, self._unpin, app, session_id, number)

    def _unpin(self, app: str, session_id: str, number: int) -> None:
        rows = self._rows(app, session_id)
        gone = rules.find_pin(rows.pins, number)
        rows.pins = [pin for pin in rows.pins if pin is not gone]
        self._put(rows, rules.pinned(rows.session, rows.pins), None)

    async def pins(self, app: str, session_id: str) -> list[Pin]:
        return list(self._rows(app, session_id).pins)
