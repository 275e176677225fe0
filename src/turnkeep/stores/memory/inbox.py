"""The inbox, by (app, interface, external id), oldest first.

Invariant: an id stands once, whatever becomes of what arrived under it.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from turnkeep.session import Arrival, Session
from turnkeep.stores.base import KNOWN_MS
from turnkeep.stores.transfer import ArrivalRow

Key = tuple[str, str, str]


def key(arrival: Arrival) -> Key:
    return arrival.app, arrival.interface_type, arrival.external_id


class Inbox:
    """See `Store.take_in` and what follows it."""

    def __init__(self) -> None:
        self.rows: dict[Key, ArrivalRow] = {}

    def take_in(self, arrival: Arrival) -> bool:
        if key(arrival) in self.rows:
            return False
        last = next(reversed(self.rows.values())).number if self.rows else 0
        self.rows[key(arrival)] = ArrivalRow(last + 1, arrival)
        return True

    def waiting(self, app: str, interface_type: str) -> list[Arrival]:
        every = (row.arrival for row in self.rows.values())
        return [one for one in every if (one.app, one.interface_type, one.done_ms) == (app, interface_type, None)]

    def change(self, app: str, interface_type: str, external_id: str, **changes: str | int) -> None:
        found = self.rows.get((app, interface_type, external_id))
        if found is not None and found.arrival.done_ms is None:
            self.rows[key(found.arrival)] = replace(found, arrival=replace(found.arrival, **changes))

    def remove(self, session: Session) -> None:
        """What waits in the session's conversation."""
        of = session.app, session.interface_type, session.conversation_id
        self._drop(lambda row: (row.app, row.interface_type, row.conversation_id) == of and row.done_ms is None)

    def erase(self, app: str, user: str, interface_type: str | None) -> None:
        self._drop(lambda row: (row.app, row.external_user_id) == (app, user) and interface_type in (None, row.interface_type))

    def forget(self, app: str | None, now_ms: int) -> None:
        self._drop(lambda row: app in (None, row.app) and row.done_ms is not None and row.done_ms < now_ms - KNOWN_MS)

    def _drop(self, gone: Callable[[Arrival], bool]) -> None:
        self.rows = {name: row for name, row in self.rows.items() if not gone(row.arrival)}
