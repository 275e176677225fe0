"""The leases, by what they are for.

Invariant: a lease has one holder at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from turnkeep.stores.base import Lease


class Leases:
    """See `Store.lease`."""

    def __init__(self) -> None:
        self.rows: dict[Lease, tuple[str, float]] = {}  # its holder, and when its time is up

    def lease(self, take: Sequence[Lease], holder: str, ttl_ms: int, release: Sequence[Lease]) -> list[Lease]:
        now = time.monotonic()
        for one in release:
            if one in self.rows and self.rows[one][0] == holder:
                del self.rows[one]
        held = []
        for one in take:
            known = self.rows.get(one)
            if known is None or known[0] == holder or known[1] <= now:
                self.rows[one] = holder, now + ttl_ms / 1000
                held.append(one)
        return held

    def abandoned(self, work: str, limit: int) -> list[Lease]:
        now = time.monotonic()
        return [one for one, (_, until) in self.rows.items() if one.work == work and until <= now][:limit]
