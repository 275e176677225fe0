"""The variables of a session and of its user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnkeep import checks
from turnkeep.lifecycle import Lifecycle
from turnkeep.session import JsonObject, Scope


class States(Lifecycle):
    """The calls about state."""

    async def get_state(self, session_id: str, scope: Scope = "session") -> JsonObject:
        """The variables of the session, or (`scope="user"`) of its external user on this interface."""
        checks.one_of("scope", scope, ("session", "user"))
        return await self._store.state(self._app, self._ready(session_id), scope)

    async def update_state(self, session_id: str, patch: Mapping[str, Any], scope: Scope = "session") -> JsonObject:
        """Change them by a merge patch (RFC 7396: null removes a key) and return all of them."""
        checks.one_of("scope", scope, ("session", "user"))
        limit = self._settings.max_state_bytes
        clean = checks.json_object("patch", patch, limit)
        return await self._store.update_state(
            self._app, self._ready(session_id), scope, clean, limit=limit, now_ms=self._now_ms(), guard=self._guard()
        )
