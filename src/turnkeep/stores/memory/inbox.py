"""The inbox, by (app, interface, external id), oldest first.

Invariant: an id stands once, whatever becomes of what arrived under it.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from turnkeep.session import Arrival, Session
from turnkeep.stores.base import KNOWN_MS


class Inbox:
    """See `Store.take_in` and what follows it."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], Arrival] = {}

    def take_in(self, arrival: Arrival) -> bool:
        key = arrival.app, arrival.interface_type, arrival.external_id
        return self.rows.setdefault(key, arrival) is arrival

    def waiting(self, app: str, interface_type: str) -> list[Arrival]:
        return [row for row in self.rows.values() if (row.app, row.interface_type, row.done_ms) == (app, interface_type, None)]

    def change(self, app: str, interface_type: str, external_id: str, **changes: str | int) -> None:
        key = app, interface_type, external_id
        row = self.rows.get(key)
        if row is not None and row.done_ms is None:
            self.rows[key] = replace(row, **changes)

    def remove(self, session: Session) -> None:
        """What waits in the session's conversation."""
        key = session.app, session.interface_type, session.conversation_id
        self._drop(lambda row: (row.app, row.interface_type, row.conversation_id) == key and row.done_ms is None)

    def erase(self, app: str, user: str, interface_type: str | None) -> None:
        self._drop(lambda row: (row.app, row.external_user_id) == (app, user) and interface_type in (None, row.interface_type))

    def forget(self, app: str | None, now_ms: int) -> None:
        self._drop(lambda row: app in (None, row.app) and row.done_ms is not None and row.done_ms < now_ms - KNOWN_MS)

    def _drop(self, gone: Callable[[Arrival], bool]) -> None:
        self.rows = {key: row for key, row in self.rows.items() if not gone(row)}
