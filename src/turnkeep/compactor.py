"""Compaction at work: takes plans from `compaction`, texts from a summarizer, and stores the result.

Invariants: no lock and no transaction is held while a summarizer works; the store's compare-and-set decides which summary counts, so
two compactors cannot both win and an append never disturbs one; at most one compaction of a session runs here at a time, and
at most `compaction_parallel` of all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from msgspec.structs import replace

from turnkeep import compaction
from turnkeep.context import summary_text
from turnkeep.errors import Conflict, ManagerClosed, UnknownSession
from turnkeep.session import NewSummary, Session, Summary
from turnkeep.settings import Settings
from turnkeep.stores import Store
from turnkeep.summarizers import Summarizer, Truncation
from turnkeep.tokens import PER_MESSAGE, get_counter

LOOK_AGAIN = 8  # messages
MAX_REMEMBERED = 10_000

log = logging.getLogger("turnkeep.compaction")


class Compactor:
    """One for each manager."""

    def __init__(self, store: Store, settings: Settings, now_ms: Callable[[], int], summarizer: Summarizer | None = None) -> None:
        self._store, self._settings, self._now_ms = store, settings, now_ms
        self._summarizer: Summarizer = summarizer or Truncation()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(settings.compaction_parallel)
        self._later: dict[str, int] = {}  # the seq from which it is worth looking again, where nothing could be covered

    async def due(self, session: Session) -> None:
        """Compaction is due: do it now (`inline`), soon (`background`) or when asked to (`manual`).

        Never raises: what led here is stored.
        """
        if session.seq < self._later.get(session.id, 0):
            return
        if self._settings.compaction == "inline":
            await self._quietly(session.app, session.id)
        elif self._settings.compaction == "background" and session.id not in self._tasks:
            task = asyncio.create_task(self._quietly(session.app, session.id))
            self._tasks[session.id] = task
            task.add_done_callback(lambda _: self._tasks.pop(session.id, None))

    async def _quietly(self, app: str, session_id: str) -> None:
        try:
            async with self._slots:
                session = await self._store.session(app, session_id)
                if compaction.is_due(session, self._settings) and await self.compact(app, session_id) is None:
                    self._look_again_later(session)
        except (Conflict, UnknownSession, ManagerClosed):
            pass  # the window moved, or is gone: what is due then is found again at the next append
        except Exception:  # a summarizer may raise anything
            log.exception("compaction of session %s failed; it is tried again after the next message", session_id)

    def _look_again_later(self, session: Session) -> None:
        """A newest turn that fills the window alone would else have its window read at every append."""
        if len(self._later) >= MAX_REMEMBERED:
            del self._later[next(iter(self._later))]
        self._later[session.id] = session.seq + LOOK_AGAIN

    async def compact(self, app: str, session_id: str) -> Summary | None:
        """Cover what the plan says; None if there is nothing to cover or nothing to gain. `Conflict` if the window moved."""
        window = await self._store.window(app, session_id)
        plan = compaction.plan(window, self._settings)
        if plan is None:
            return None
        began = time.perf_counter()
        text = await self._summarizer.summarize(plan.messages, max_tokens=self._settings.summary_tokens)
        counter = get_counter(window.session.tokenizer)
        replaced = [summary for summary in window.summaries if summary.number in plan.replaces]
        before = plan.tokens + sum(summary.tokens for summary in replaced)
        summary = NewSummary(
            from_seq=plan.from_seq,
            to_seq=plan.to_seq,
            text=text,
            method=self._summarizer.method,
            tokens=0,
            counter=counter.name,
            tokens_before=before,
            duration_ms=(time.perf_counter() - began) * 1000,
            source=self._summarizer.source,
        )
        summary = replace(summary, tokens=counter.count(summary_text(summary)) + PER_MESSAGE)
        if not text or summary.tokens >= before:
            return None
        await self._store.add_summary(
            app,
            session_id,
            summary,
            generation=plan.generation,
            now_ms=self._now_ms(),
            replaces=plan.replaces,
        )
        live = (await self._store.window(app, session_id, messages=1)).summaries
        return next((stored for stored in live if stored.to_seq == plan.to_seq), None)

    async def settle(self) -> None:
        """Wait until nothing runs."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def close(self, timeout: float) -> None:
        """Wait a bounded time; what does not end in it is cancelled, stores nothing, and is due again at the next start.

        A summarizer that swallows its cancellation is left behind after a second more.
        """
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)
