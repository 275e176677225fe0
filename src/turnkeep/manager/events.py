"""What happens in a session and is no message, and telling what changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from turnkeep import checks
from turnkeep.cursors import Cursor
from turnkeep.feed import Feed, Owner
from turnkeep.lifecycle import Lifecycle
from turnkeep.session import Event, EventKind
from turnkeep.stores.base import MAX_PAGE


class Events(Lifecycle):
    """The calls about events and live changes."""

    async def record_tool_call(
        self,
        session_id: str,
        name: str,
        *,
        duration_ms: float | None = None,
        outcome: Literal["ok", "error"] | str = "ok",
        tool_call_id: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        """Note that a tool ran. With the `tool_call_id` of a stored message it adds to that call and is not counted again."""
        return await self._record(
            session_id, "tool_call", name, duration_ms=duration_ms, outcome=outcome, tool_call_id=tool_call_id, data=data
        )

    async def record_error(
        self, session_id: str, name: str, *, message: str | None = None, data: Mapping[str, Any] | None = None
    ) -> Event:
        """Note that something failed; `name` is the kind of failure."""
        if message is not None:
            checks.text("message", message, self._settings.max_metadata_bytes)
            clean = {} if data is None else checks.json_object("data", data, self._settings.max_metadata_bytes)
            data = {**clean, "message": message}
        return await self._record(session_id, "error", name, data=data)

    async def record_usage(
        self,
        session_id: str,
        *,
        tokens_in: int,
        tokens_out: int,
        cache_read_tokens: int = 0,
        counted_tokens: int | None = None,
        model: str = "model",
        duration_ms: float | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        """Note the provider's own count of a call.

        `tokens_in`: of the whole prompt, `cache_read_tokens` of them from the provider's cache. `counted_tokens`: what was counted here for
        the same prompt (`Context.tokens`, and what was added to it since); it teaches how far the count is off for this `model`.
        """
        checks.usage(tokens_in, tokens_out, cache_read_tokens, counted_tokens)
        return await self._record(
            session_id,
            "usage",
            model,
            duration_ms=duration_ms,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cache_read_tokens=cache_read_tokens,
            counted_tokens=counted_tokens,
            data=data,
        )

    async def _record(
        self,
        session_id: str,
        kind: EventKind,
        name: str,
        *,
        duration_ms: float | None = None,
        outcome: str | None = None,
        tool_call_id: str | None = None,
        tokens_in: int = 0,
        tokens_out: int = 0,
        cache_read_tokens: int = 0,
        counted_tokens: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        event = Event(
            kind=kind,
            name=checks.identifier("name", name),
            created_ms=self._now_ms(),
            duration_ms=checks.milliseconds("duration_ms", duration_ms),
            outcome=checks.optional_identifier("outcome", outcome),
            tool_call_id=checks.optional_identifier("tool_call_id", tool_call_id),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cache_read_tokens=cache_read_tokens,
            counted_tokens=counted_tokens,
            data=None if data is None else checks.json_object("data", data, self._settings.max_metadata_bytes),
        )
        return await self._store.record(self._app, self._ready(session_id), event, guard=self._guard())

    async def get_events(self, session_id: str, after: int = 0, limit: int = 100) -> list[Event]:
        """Tool calls, errors and usage reports, oldest first; for the next page pass the last one's `number` as `after`."""
        self._ready(session_id)
        after, limit = checks.after("after", after), checks.page("limit", limit, 1, MAX_PAGE)
        return await self._store.events(self._app, session_id, after=after, limit=limit)

    def listen(self, session_id: str, after: str | None = None) -> Feed:
        """What changes from now on, also by other processes; or after that `cursor`: each change once, as the store has it.

        The first change from now on is the `session` as it is.
        """
        cursor = None if after is None else Cursor.parse(self._ready(session_id), after)
        owner = Owner(lambda: self._opened and not self._feeds.closed, self._seen)
        return self._feeds.listen(self._app, self._ready(session_id), cursor, owner)
