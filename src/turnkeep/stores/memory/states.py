"""State and events of a session: what it keeps beside its log."""

from __future__ import annotations

from copy import deepcopy

import msgspec
from msgspec.structs import replace

from turnkeep.calibration import added
from turnkeep.session import Calibration, Event, JsonObject, Scope, Session
from turnkeep.stores import rules
from turnkeep.stores.base import Guard
from turnkeep.stores.memory.base import Base, Key


class States(Base):
    """See `Store`."""

    async def state(self, app: str, session_id: str, scope: Scope) -> JsonObject:
        return deepcopy(self._state(self._rows(app, session_id), scope))

    async def update_state(
        self,
        app: str,
        session_id: str,
        scope: Scope,
        patch: JsonObject,
        *,
        limit: int,
        now_ms: int,
        guard: Guard | None = None,
    ) -> JsonObject:
        return self._write(guard, self._update_state, app, session_id, scope, patch, limit)

    def _update_state(self, app: str, session_id: str, scope: Scope, patch: JsonObject, limit: int) -> JsonObject:
        rows = self._rows(app, session_id)
        state: JsonObject = deepcopy(rules.merge_patch(self._state(rows, scope), patch))
        rules.check_state(msgspec.json.encode(state).decode(), limit)
        touched = [rows]
        if scope == "session":
            rows.state = state
        else:
            owner = rules.owner(rows.session)
            self._user_states[owner] = state
            touched = [r for r in self._all(app) if _owned(r.session, owner) and (r.session.status == "active" or r is rows)]
        for one in touched:
            self._put(one, replace(one.session, version=one.session.version + 1), None)
        return deepcopy(state)

    # --- events

    async def record(self, app: str, session_id: str, event: Event, *, guard: Guard | None = None) -> Event:
        return self._write(guard, self._record, app, session_id, event)

    def _record(self, app: str, session_id: str, event: Event) -> Event:
        rows = self._rows(app, session_id)
        known = event.kind == "tool_call" and event.tool_call_id in rows.calls
        row = replace(event, number=self._next("events"), data=deepcopy(event.data))
        rows.events.append(row)
        if known:
            rows.uncounted += 1
        correction = self._calibrate(rules.first_report(rows.session, row))
        self._put(rows, rules.record(rows.session, row, known, correction), (), event=row)
        return row

    def _calibrate(self, report: Calibration | None) -> int | None:
        if report is None:
            return None
        key = report.app, report.tokenizer, report.model
        known = self._calibrations.get(key)
        after = self._calibrations[key] = report if known is None else added(known, report)
        return after.correction

    async def calibrations(self, app: str, limit: int) -> list[Calibration]:
        self.check_usable()
        found = [one for one in self._calibrations.values() if one.app == app]
        return sorted(found, key=lambda one: (-one.calls, one.tokenizer, one.model))[:limit]

    async def events(self, app: str, session_id: str, *, after: int, limit: int) -> list[Event]:
        return [event for event in self._rows(app, session_id).events if event.number > after][:limit]


def _owned(session: Session, owner: Key) -> bool:
    return (session.app, session.interface_type, session.external_user_id) == owner
