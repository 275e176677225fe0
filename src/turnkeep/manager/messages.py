"""The log: adding messages, reading and finding them.

Invariant: a message is judged and counted once, before it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from turnkeep import checks
from turnkeep.compaction import is_due
from turnkeep.errors import InvalidInput
from turnkeep.intake import count_all, count_long, count_now, to_store
from turnkeep.lifecycle import Known, Lifecycle
from turnkeep.session import Appended, Message, NewMessage
from turnkeep.stores.base import MAX_PAGE


class Messages(Lifecycle):
    """The calls about the log."""

    async def add_message(
        self,
        session_id: str,
        role: str,
        content: str | Sequence[Mapping[str, Any]] | None = None,
        *,
        tool_calls: Sequence[Mapping[str, Any]] | None = None,
        tool_call_id: str | None = None,
        name: str | None = None,
        external_id: int | str | None = None,
        author_id: int | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        created_at: datetime | None = None,
        expected_seq: int | None = None,
    ) -> Message:
        """Add one message at the end of the log; durable when this returns.

        `content`: a string or OpenAI's list of parts. `external_id`: the platform's id of the message, by which it is stored once
        however often it is delivered. `expected_seq`: the newest message's `seq`, or `Conflict`.
        """
        known = self._known_already(session_id) or await self._learn(session_id)
        settings, now_ms = self._settings, self._now_ms()
        draft = checks.message(
            role,
            content,
            tool_calls,
            tool_call_id,
            name,
            external_id,
            author_id,
            metadata,
            created_at,
            now_ms=now_ms,
            max_content=settings.max_content_bytes,
            max_metadata=settings.max_metadata_bytes,
        )
        tokens = count_now(draft, known.counter)
        message = to_store(draft, known.counter, await count_long(draft, known.counter) if tokens is None else tokens)
        appended = await self._append(session_id, known, (message,), now_ms, expected_seq)
        return appended.messages[0]

    async def add_messages(
        self, session_id: str, messages: Sequence[Mapping[str, Any]], *, expected_seq: int | None = None
    ) -> list[Message]:
        """Add up to 1000 messages, all or none: dicts with the arguments of `add_message` as keys."""
        known = self._known_already(session_id) or await self._learn(session_id)
        checks.batch("messages", messages)
        now_ms = self._now_ms()
        drafts = [self._draft(item, at, now_ms) for at, item in enumerate(messages)]
        counted = await count_all(drafts, known.counter)
        return list((await self._append(session_id, known, counted, now_ms, expected_seq)).messages)

    def _draft(self, item: object, at: int, now_ms: int) -> checks.Draft:
        fields = checks.fields(item, at)
        names = ("role", "content", "tool_calls", "tool_call_id", "name", "external_id", "author_id", "metadata", "created_at")
        try:
            return checks.message(
                *[fields.get(name) for name in names],
                now_ms=now_ms,
                max_content=self._settings.max_content_bytes,
                max_metadata=self._settings.max_metadata_bytes,
            )
        except InvalidInput as error:
            raise InvalidInput(f"messages[{at}].{error.field}", error.reason, size=error.size, limit=error.limit) from None

    async def _append(
        self, session_id: str, known: Known, messages: Sequence[NewMessage], now_ms: int, expected_seq: int | None
    ) -> Appended:
        if expected_seq is not None:
            checks.page("expected_seq", expected_seq, 0, 2**32)
        self._load.begin()
        try:
            appended = await self._store.append(
                self._app,
                session_id,
                messages,
                now_ms=now_ms,
                expected_seq=expected_seq,
                fixed_tokens=known.fixed_tokens,
                guard=self._guard(),
            )
        finally:
            self._load.end()
        if appended.created and is_due(appended.session, self._settings):
            await self._compactor.due(appended.session)
        return appended

    async def get_messages(self, session_id: str, after: int = 0, limit: int = 100) -> list[Message]:
        """The log after that `seq`, oldest first, at most 1000: also what a summary covers, a clear passed or a retract hides."""
        self._ready(session_id)
        after, limit = checks.after("after", after), checks.page("limit", limit, 1, MAX_PAGE)
        return await self._store.messages(self._app, session_id, after=after, limit=limit)

    async def find_message(self, session_id: str, external_id: int | str) -> Message | None:
        """The message of this conversation that was stored under this `external_id`, also if an earlier session took it.

        The way to tell a message that is delivered again, and to find the answer it already got.
        """
        wanted = checks.external("external_id", external_id)
        if wanted is None:
            raise InvalidInput("external_id", "is needed")
        return await self._store.find_message(self._app, self._ready(session_id), wanted)
