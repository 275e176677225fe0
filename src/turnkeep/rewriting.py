"""Summaries that stand in for a model's are written by it when it is back.

Which they are is derived from the rows, so a restart finds them again. Invariants: only live summaries of active sessions are written anew,
in at most the tokens that their range may have, and stored by compare-and-set; a model that rests is not asked, and one that is back is
asked about few at once, the oldest first; nobody waits for any of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from turnkeep import compaction
from turnkeep.context import summary_text
from turnkeep.errors import Conflict, TurnkeepError, UnknownSession
from turnkeep.leases import Leases
from turnkeep.session import IN_PLACE_OF, Message, NewSummary, Session, Summary
from turnkeep.settings import Settings
from turnkeep.stores import Store
from turnkeep.stores.base import Lease, StandIn
from turnkeep.summarizers import Ladder
from turnkeep.tokens import PER_MESSAGE, get_counter

LEASE = Lease("rewriting")
LAST = 400  # messages of a range that are shown; what was before them is told by the summary as it is
SHORTEST = 16  # tokens of a summary's text
LOOK = 300.0  # seconds between two looks for what others have left
MOMENT = 1.0  # seconds

log = logging.getLogger("turnkeep.compaction")


class Rewriter:
    """One for each manager that has a summarizer of somebody's."""

    def __init__(self, store: Store, settings: Settings, now_ms: Callable[[], int], ladder: Ladder, leases: Leases) -> None:
        self._store, self._settings, self._now_ms, self._ladder, self._leases = store, settings, now_ms, ladder, leases
        self._task: asyncio.Task[None] | None = None
        self._round: asyncio.Task[None] | None = None
        self.rewritten = self.failures = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            self._ladder.stood_in.clear()
            self._round = asyncio.create_task(self._quietly())
            await asyncio.wait([self._round])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._ladder.rests.seconds or LOOK):
                    await self._ladder.stood_in.wait()
            await asyncio.sleep(max(self._ladder.rests.seconds, MOMENT))

    async def _quietly(self) -> None:
        try:
            if await self._leases.ask(LEASE):  # else another instance asks
                await self.round()
        except TurnkeepError:
            self.failures += 1
            log.exception("summaries could not be written anew; it is tried again later")
        finally:
            self._leases.let_go(LEASE)

    async def round(self) -> int:
        """Write anew all that can be, as long as the model answers; how many were."""
        before, after = self.rewritten, 0
        rests, few = self._ladder.rests, self._settings.compaction_parallel
        while rests.seconds == 0:
            first = 1 if not rests.answers else few  # one looks whether it is back
            found = await self._store.stand_ins(after, first)
            if not found:
                break
            after = found[-1].number
            await asyncio.gather(*(self._one(one) for one in found if not rests.pauses(one.session_id)))
        return self.rewritten - before

    async def _one(self, place: StandIn) -> None:
        with contextlib.suppress(Conflict, UnknownSession):  # the window moved, or is gone
            session = await self._store.session(place.app, place.session_id)
            found = await self._store.summaries(place.app, place.session_id, after=place.number - 1, limit=1)
            if found and found[0].number == place.number and found[0].live and IN_PLACE_OF in (found[0].source or ""):
                await self._rewrite(session, found[0])

    async def _rewrite(self, session: Session, old: Summary) -> None:
        began, counter = time.perf_counter(), get_counter(session.tokenizer)
        first = max(old.from_seq, old.to_seq - LAST + 1, session.cleared_seq + 1, 1)
        messages: Sequence[Message] = await self._store.visible(session, first, old.to_seq) if old.to_seq >= first else ()
        whole = first == old.from_seq
        size = compaction.summary_size(old.tokens_before, session.counted_limit, self._settings)
        bare = NewSummary(
            from_seq=old.from_seq,
            to_seq=old.to_seq,
            text="",
            method="",
            tokens=0,
            counter=counter.name,
            tokens_before=old.tokens_before,
            authors=old.authors,
        )
        room = max(max(size, old.tokens) - counter.count(summary_text(bare)) - PER_MESSAGE, SHORTEST)
        draft = await self._ladder.rewritten(
            old, messages, whole=whole, max_tokens=room, counter=counter, session=session.id, app=session.app
        )
        if draft is None:
            return
        made = replace(bare, text=draft.text, method=draft.method, source=draft.source, data=draft.data)
        took = (time.perf_counter() - began) * 1000
        made = replace(made, tokens=counter.count(summary_text(made)) + PER_MESSAGE, duration_ms=took)
        await self._store.add_summary(
            session.app, session.id, made, generation=session.generation, now_ms=self._now_ms(), replaces=[old.number]
        )
        self.rewritten += 1
        self._ladder.used[session.app].rewritten += 1

    async def settle(self) -> None:
        """Wait for the round that runs."""
        if self._round is not None and not self._round.done():
            await asyncio.wait([self._round])

    async def close(self) -> None:
        """What is being written is left, and found again at the next start."""
        for task in (self._task, self._round):
            if task is not None:
                task.cancel()
                await asyncio.wait([task], timeout=1)
