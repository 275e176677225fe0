"""What a prompt is built from: the context itself, summaries, and what moves the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnkeep import checks, context
from turnkeep.calibration import allowed
from turnkeep.context import Context
from turnkeep.errors import Conflict
from turnkeep.lifecycle import Known, Lifecycle
from turnkeep.session import Session, Summary
from turnkeep.settings import check_token_limit
from turnkeep.stopgap import Missing, Words

REACH = 4  # budgets that are read of a window whose tool results can be shortened


class Windows(Lifecycle):
    """The calls about the window."""

    async def build_context(
        self,
        session_id: str,
        *,
        system: str | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        max_messages: int | None = None,
        token_budget: int | None = None,
    ) -> Context:
        """The prompt for the next call of the model: at most `token_budget` (default: the session's limit) tokens, as the provider counts
        them, as far as that is known (`Context.correction`).

        `system` takes the place of the log's leading system messages. `tools` are the schemas you will send beside the messages:
        they are counted. `max_messages` caps messages of the log; the newest turn may exceed it.
        """
        known = self._known_already(session_id) or await self._learn(session_id)
        budget = self._judged(known, system, max_messages, token_budget)
        schemas = checks.schemas("tools", tools, self._settings.max_content_bytes)
        told: Words = {}
        hurried = False
        while True:
            room = allowed(budget, known.correction)
            window = await self._store.window(self._app, session_id, tokens=room, messages=max_messages)
            if window.earlier and max_messages is None and context.has_large_results(window, room):
                window = await self._store.window(self._app, session_id, tokens=REACH * room)
            session = window.session
            if session.correction != known.correction:  # a report came in between
                known.correction = session.correction
                continue
            try:
                built = context.build(
                    window,
                    known.counter,
                    system=system,
                    tools=schemas,
                    context_state=self._settings.context_state,
                    max_messages=max_messages,
                    budget=budget,
                    correction=known.correction,
                    gap=self._stopgap.gap(session, told),
                    field="token_limit" if budget == known.token_limit else "token_budget",
                )
            except Missing as missing:  # rare: more must leave than is summarized
                if hurried or not await self._compactor.at_once(session):
                    told |= await self._stopgap.make(session, missing, known.counter)
                    await self._compactor.pressing(session)
                hurried = True
            else:
                known.fixed_tokens = built.fixed_tokens
                if built.tokens >= self._settings.compaction_threshold * session.counted_limit:
                    await self._compactor.pressing(session)
                return built

    def _judged(self, known: Known, system: str | None, max_messages: int | None, token_budget: int | None) -> int:
        """The tokens that the prompt may have, as the provider counts."""
        if max_messages is not None:
            checks.page("max_messages", max_messages, 1, None)
        if system is not None:
            checks.text("system", system, self._settings.max_content_bytes)
        if token_budget is None:
            return known.token_limit
        return min(known.token_limit, check_token_limit("token_budget", token_budget))

    async def summarize_session(self, session_id: str) -> Summary | None:
        """Compact now. None when there is nothing to cover, or nothing to gain."""
        self._ready(session_id)
        try:
            return await self._compactor.compact(self._app, session_id)
        except Conflict:  # most likely the background was quicker: see what is left to do
            return await self._compactor.compact(self._app, session_id)

    async def resummarize_session(self, session_id: str) -> list[Summary]:
        """Make the live summaries anew from the log, as the summarizer and the settings are now; but for a carried one."""
        self._ready(session_id)
        return await self._compactor.resummarize(self._app, session_id)

    async def get_summaries(self, session_id: str) -> list[Summary]:
        """All summaries, oldest first; those that others have replaced are no longer `live`."""
        return await self._store.summaries(self._app, self._ready(session_id))

    async def clear_messages(self, session_id: str, keep_summaries: bool = True) -> Session:
        """Empty the window; the log stays. With `keep_summaries=False` the summaries leave it too."""
        self._ready(session_id)
        cleared = await self._store.clear(
            self._app, session_id, keep_summaries=keep_summaries, now_ms=self._now_ms(), guard=self._guard()
        )
        return self._seen(cleared)

    async def retract(self, session_id: str, from_seq: int) -> Session:
        """Hide the newest part, from this `seq` on, from the context (undo, retry, an edited message); the log stays."""
        checks.page("from_seq", from_seq, 1, None)
        self._ready(session_id)
        return self._seen(await self._store.retract(self._app, session_id, from_seq, self._now_ms(), guard=self._guard()))
