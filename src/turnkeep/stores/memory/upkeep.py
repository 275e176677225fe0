"""What belongs to no session: API keys, the inbox of bots, leases, cleaning up, figures and proofs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from turnkeep.errors import StoreError
from turnkeep.keys import ApiKey
from turnkeep.session import Arrival, Cleaned, StoreStats
from turnkeep.stores import rules
from turnkeep.stores.base import Guard, Lease
from turnkeep.stores.memory import rows as told
from turnkeep.stores.memory.sessions import Sessions


class Upkeep(Sessions):
    """See `Store`."""

    # --- API keys

    async def add_key(self, key: ApiKey) -> None:
        self.check_usable()
        if key.id in self._api_keys:
            raise StoreError("id: there is a key of this id already")
        self._api_keys[key.id] = key

    async def key(self, key_id: str) -> ApiKey | None:
        self.check_usable()
        return self._api_keys.get(key_id)

    async def keys(self, app: str | None = None) -> list[ApiKey]:
        self.check_usable()
        found = [key for key in self._api_keys.values() if app in (None, key.app)]
        return sorted(found, key=lambda key: (key.created_ms, key.id))

    async def revoke_key(self, app: str | None, key_id: str, now_ms: int) -> ApiKey | None:
        key = await self.key(key_id)
        if key is None or app not in (None, key.app):
            return None
        if key.revoked_ms is None:
            key = self._api_keys[key_id] = replace(key, revoked_ms=now_ms)
        return key

    # --- the inbox

    async def take_in(self, arrival: Arrival) -> bool:
        self.check_usable()
        return self._inbox.take_in(arrival)

    async def arrivals(self, app: str, interface_type: str) -> list[Arrival]:
        self.check_usable()
        return self._inbox.waiting(app, interface_type)

    async def note_progress(self, app: str, interface_type: str, external_id: str, progress: str) -> None:
        self.check_usable()
        self._inbox.change(app, interface_type, external_id, progress=progress)

    async def finish(self, app: str, interface_type: str, external_ids: Sequence[str], now_ms: int) -> None:
        self.check_usable()
        for external_id in external_ids:
            self._inbox.change(app, interface_type, external_id, payload="", progress="", done_ms=now_ms)

    # --- leases

    async def lease(self, take: Sequence[Lease], holder: str, *, ttl_ms: int, release: Sequence[Lease] = ()) -> list[Lease]:
        self.check_usable()
        return self._leases.lease(take, holder, ttl_ms, release)

    async def abandoned(self, work: str, limit: int) -> list[Lease]:
        self.check_usable()
        return self._leases.abandoned(work, limit)

    # --- upkeep

    async def cleanup(
        self,
        app: str | None,
        *,
        now_ms: int,
        retention_ms: int,
        dry_run: bool = False,
        guard: Guard | None = None,
    ) -> Cleaned:
        return self._write(None if dry_run else guard, self._cleanup, app, now_ms, retention_ms, dry_run)

    def _cleanup(self, app: str | None, now_ms: int, retention_ms: int, dry_run: bool) -> Cleaned:
        every = [(rows, rows.session) for rows in self._all(app)]
        late = [rows for rows, s in every if s.status == "active" and s.status_at(now_ms) == "expired"]
        old = [rows for rows, s in every if s.closed_ms is not None and now_ms - s.closed_ms > retention_ms]
        if not dry_run:
            for rows in late:
                self._put(rows, rules.close(rows.session, "expired", now_ms), ())
            for rows in old:
                self._remove(rows)
            self._keys.forget(app, now_ms)
            self._inbox.forget(app, now_ms)
        return Cleaned(expired=len(late), deleted=len(old), dry_run=dry_run)

    async def active_sessions(self) -> int:
        return sum(rows.session.status == "active" for rows in self._all(None))

    async def stats(self, app: str, now_ms: int) -> StoreStats:
        sessions = [rows.session for rows in self._all(app)]
        kinds = sorted({session.interface_type for session in sessions})
        total = told.figures(sessions, now_ms)
        return StoreStats(
            total_sessions=total.sessions,
            active_sessions=total.active,
            total_messages=total.messages,
            total_tokens=total.tokens,
            tool_calls=sum(session.tool_calls for session in sessions),
            errors=sum(session.errors for session in sessions),
            usage_in=sum(session.usage_in for session in sessions),
            usage_out=sum(session.usage_out for session in sessions),
            usage_cache_read=sum(session.usage_cache_read for session in sessions),
            by_interface={kind: told.figures([s for s in sessions if s.interface_type == kind], now_ms) for kind in kinds},
        )

    async def check(self) -> list[str]:
        sessions = [f"session {r.session.id}: {line}" for r in self._all(None) for line in told.unsound(r)]
        return sessions + [f"conversation {key}: {line}" for key, one in self._conversations.items() for line in one.unsound()]

    async def sizes(self) -> dict[str, int]:
        every = self._all(None)
        return {
            "sessions": len(every),
            "messages": sum(len(rows.log) for rows in every),
            "summaries": sum(len(rows.summaries) for rows in every),
            "events": sum(len(rows.events) for rows in every),
            "states": len(self._user_states) + sum(bool(rows.state) for rows in every),
            "pins": sum(len(rows.pins) for rows in every),
            "calibrations": len(self._calibrations),
            "api_keys": len(self._api_keys),
            "idempotency_keys": len(self._keys.notes),
            "inbox": len(self._inbox.rows),
            "leases": len(self._leases.rows),
        }

    async def backup(self, target: Path) -> None:
        raise StoreError("backup: a memory store has no file to copy; open a sqlite:/// store to have backups")
