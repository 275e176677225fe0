"""Compaction at work: takes plans from `compaction`, texts from a `Ladder`, and stores the result.

Invariants: no lock and no transaction is held while a summarizer works; the store's compare-and-set decides which summary counts, so
two compactors cannot both win and an append never disturbs one; at most one compaction of a session runs here at a time, and
at most `compaction_parallel` of all (`AHEAD` times as many, where a model writes) beside those that a prompt waits for, and in the
background only where a lease is had, so that of all instances one does it; what one has left undone another finds by its lease. In the
background it waits for a calm moment, unless prompts have become as large as it is due for; and a
window that has grown very long meanwhile gets a tenth of the time.
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
from turnkeep.errors import Conflict, ManagerClosed, TurnkeepError, UnknownSession
from turnkeep.leases import LOOK, Leases
from turnkeep.session import Message, NewSummary, Session, Summary, Window
from turnkeep.settings import Settings
from turnkeep.stores import Store
from turnkeep.stores.base import Lease
from turnkeep.summarizers import Draft, Ladder
from turnkeep.tokens import PER_MESSAGE, Counter, get_counter

LOOK_AGAIN = 8  # messages
AHEAD = 2  # times as many compactions as calls of a model
SHORTEST = 16  # tokens of a summary's text
MAX_REMEMBERED = 10_000
LONGEST = 16  # token limits that a window may grow to before it gets its part of a busy time
MOST_LEFT = 100  # sessions that one look takes over
PAUSE = 0.05  # seconds between two looks whether it is calm
REST = 9  # times as long as compaction took

log = logging.getLogger("turnkeep.compaction")


def never() -> bool:
    return False


def _lease(app: str, session_id: str) -> Lease:
    return Lease("compaction", app, session_id)


class Compactor:
    """One for each manager. `busy` says whether so many wait for the store that others' work should not begin."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        now_ms: Callable[[], int],
        ladder: Ladder,
        busy: Callable[[], bool] = never,
        *,
        leases: Leases,
    ) -> None:
        self._leases = leases
        self._store, self._settings, self._now_ms, self._busy = store, settings, now_ms, busy
        self._ladder, self.failures = ladder, 0
        self._waiting: dict[str, str] = {}  # the app of each session that is due
        self._inline: set[str] = set()
        self._urgent: set[str] = set()
        self._long: set[str] = set()
        self._rested = 0.0  # when a long window may be next
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._hurry = 0  # callers who wait for the end of all of it
        self._wake = asyncio.Event()  # a pause is over before its time
        self._later: dict[str, int] = {}  # the seq from which it is worth looking again, where nothing could be covered

    def start(self) -> None:
        if self._settings.compaction == "background":
            self._watch = asyncio.create_task(self._look_for_ever())

    async def due(self, session: Session, *, urgent: bool = False) -> None:
        """Compaction is due: do it now (`inline`), soon (`background`) or when asked to (`manual`).

        Never raises: what led here is stored.
        """
        if session.seq < self._later.get(session.id, 0):
            return
        if self._settings.compaction == "inline":
            if session.id not in self._inline:  # a summarizer may add messages itself
                self._inline.add(session.id)
                try:
                    await self._quietly(session.app, session.id)
                finally:
                    self._inline.discard(session.id)
        elif self._settings.compaction == "background":
            if session.window_tokens > LONGEST * session.counted_limit:
                self._long.add(session.id)
            self._wait(session.app, session.id, urgent=urgent)

    async def pressing(self, session: Session) -> None:
        """A prompt of the session was as large as compaction is there to prevent: do not wait for a calm moment, if it is due."""
        if self._settings.compaction == "background" and compaction.is_due(session, self._settings):
            await self.due(session, urgent=True)

    async def at_once(self, session: Session) -> bool:
        """A prompt of the session has no room for all that waits to be summarized: do that now, if it is due, takes no model, and has not
        to wait behind others. Whether it was done in time, so that it is worth looking again; else it goes on.

        Words for that one prompt would take as long, and the summary would take it once more.
        """
        due = session.seq >= self._later.get(session.id, 0) and compaction.is_due(session, self._settings)
        calm = self._ladder.is_extractive and not self._ladder.is_behind
        if not due or not calm or self._settings.compaction != "background":
            return False
        if session.id not in self._tasks:
            self._begin(session.app, session.id)
        return await self._ladder.in_time(self._tasks[session.id])

    # --- in the background

    def _wait(self, app: str, session_id: str, *, urgent: bool = False) -> None:
        if session_id in self._tasks:
            return
        self._waiting[session_id] = app
        self._leases.ask(_lease(app, session_id))  # on the way while it waits for a calm moment
        if urgent:
            self._urgent.add(session_id)
            self._wake.set()
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
            self._pump.add_done_callback(self._stopped)

    def _stopped(self, pump: asyncio.Task[None]) -> None:
        self._pump = None

    async def _run(self) -> None:
        """Starts what waits, as many as may run at once, when it is calm."""
        while self._waiting:
            if len(self._tasks) >= self._most():
                await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
            elif (session_id := self._next()) is None:
                await self._pause()
            else:
                self._begin(self._waiting[session_id], session_id, leased=True)

    def _most(self) -> int:
        """Compactions at once: where a model writes, others read and store meanwhile, so that each of its calls follows the one before."""
        return self._settings.compaction_parallel * (1 if self._ladder.is_extractive else AHEAD)

    def _next(self) -> str | None:
        """Whose turn it is; nobody's, if all can wait."""
        if self._urgent:
            return next(iter(self._urgent))
        if self._calm():
            return next(iter(self._waiting))
        if self._long and time.monotonic() >= self._rested:
            return next(iter(self._long))
        return None

    def _calm(self) -> bool:
        return self._hurry > 0 or not self._busy()

    async def _pause(self) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE):
                await self._wake.wait()

    def _begin(self, app: str, session_id: str, *, leased: bool = False) -> None:
        self._waiting.pop(session_id, None)
        self._urgent.discard(session_id)
        self._long.discard(session_id)
        task = asyncio.create_task(self._quietly(app, session_id, leased=leased))
        self._tasks[session_id] = task
        task.add_done_callback(lambda task: self._ended(app, session_id, task))

    def _ended(self, app: str, session_id: str, task: asyncio.Task[None]) -> None:
        del self._tasks[session_id]
        if not task.cancelled():  # else it is left to others, who find it by its lease
            self._leases.let_go(_lease(app, session_id))

    async def _look_for_ever(self) -> None:
        """Take over what other instances have begun, or meant to begin, and will not end."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                for lease in await self._store.abandoned("compaction", MOST_LEFT):
                    self._wait(lease.app, lease.subject)
            except TurnkeepError as error:
                log.warning("what other instances have left could not be read, and is looked for again: %s", error)

    async def _quietly(self, app: str, session_id: str, *, leased: bool = False) -> None:
        began = time.monotonic()
        try:
            if leased and not await self._leases.ask(_lease(app, session_id)):
                return  # another instance is at it
            while compaction.is_due(await self._store.session(app, session_id), self._settings):
                if await self.compact(app, session_id) is None or not self._calm():
                    break  # what remains of a very long window is found due at the next append
        except (Conflict, UnknownSession, ManagerClosed):
            pass  # the window moved, or is gone: what is due then is found again at the next append
        except Exception:
            self.failures += 1
            log.exception("compaction of session %s failed; it is tried again after the next message", session_id)
        finally:
            now = time.monotonic()
            self._rested = max(self._rested, now + REST * (now - began))

    def _look_again_later(self, session: Session) -> None:
        """A newest turn that fills the window alone would else have its window read at every append."""
        if len(self._later) >= MAX_REMEMBERED:
            del self._later[next(iter(self._later))]
        self._later[session.id] = session.seq + LOOK_AGAIN

    # --- one compaction

    async def compact(self, app: str, session_id: str) -> Summary | None:
        """Cover what the plan says; None if there is nothing to cover or nothing to gain. `Conflict` if the window moved."""
        return await self._compact(await self._store.window(app, session_id))

    async def _compact(self, window: Window) -> Summary | None:
        session, plan = window.session, compaction.plan(window, self._settings)
        if plan is None:
            self._look_again_later(session)
            return None
        again = await self._again(session, plan.again)
        previous = await self._whole(session, plan.replaces)
        made = await self._draft(session, [*again, *plan.messages], previous, plan.from_seq, plan.to_seq, plan.max_tokens)
        if not compaction.gains(made.tokens, plan):
            self._look_again_later(session)
            return None
        return await self._add(session, made, [summary.number for summary in plan.replaces])

    async def _draft(
        self,
        session: Session,
        messages: Sequence[Message],
        previous: Sequence[Summary],
        from_seq: int,
        to_seq: int,
        max_tokens: int,
    ) -> NewSummary:
        """A summary of that range in at most `max_tokens`, its heading included."""
        began = time.perf_counter()
        counter: Counter = get_counter(session.tokenizer)
        before = sum(message.tokens for message in messages) + sum(
            summary.tokens_before for summary in previous if summary.method != "truncation"
        )
        bare = NewSummary(
            from_seq=from_seq, to_seq=to_seq, text="", method="", tokens=0, counter=counter.name, tokens_before=before
        )
        room = max(max_tokens - counter.count(summary_text(bare)) - PER_MESSAGE, SHORTEST)
        draft: Draft = await self._ladder.draft(
            messages, previous, max_tokens=room, counter=counter, session=session.id, app=session.app
        )
        made = replace(bare, text=draft.text, method=draft.method, source=draft.source, data=draft.data)
        made = replace(made, authors=_authors(messages, previous))
        took = (time.perf_counter() - began) * 1000
        return replace(made, tokens=counter.count(summary_text(made)) + PER_MESSAGE, duration_ms=took)

    async def _add(self, session: Session, made: NewSummary, replaces: Sequence[int]) -> Summary | None:
        await self._store.add_summary(
            session.app, session.id, made, generation=session.generation, now_ms=self._now_ms(), replaces=replaces
        )
        live = (await self._store.window(session.app, session.id, messages=1)).summaries
        return next((stored for stored in live if stored.to_seq == made.to_seq), None)

    async def _whole(self, session: Session, summaries: Sequence[Summary]) -> list[Summary]:
        """With their data, which windows leave out."""
        if not summaries:
            return []
        numbers = {summary.number for summary in summaries}
        found = await self._store.summaries(session.app, session.id)
        return sorted((one for one in found if one.number in numbers), key=lambda one: one.from_seq)

    async def _again(self, session: Session, ranges: Sequence[tuple[int, int]]) -> list[Message]:
        """The messages of these ranges that are neither retracted nor erased, from the log."""
        found: list[Message] = []
        for first, last in ranges:
            found += await self._store.visible(session, first, last)
        return found

    async def resummarize(self, app: str, session_id: str) -> list[Summary]:
        """Make the live summaries anew from the log, each as large as it was; not what an earlier session left."""
        made = []
        for old in (await self._store.window(app, session_id)).summaries:
            if old.from_seq == 0:
                continue
            session = await self._store.session(app, session_id)
            messages = await self._again(session, [(old.from_seq, old.to_seq)])
            size = compaction.summary_size(sum(one.tokens for one in messages), session.counted_limit, self._settings)
            most = size if old.method == "truncation" else max(size, old.tokens)
            new = await self._draft(session, messages, [], old.from_seq, old.to_seq, most)
            stored = await self._add(session, new, [old.number])
            if stored is not None:
                made.append(stored)
        return made

    # --- the end

    async def settle(self) -> None:
        """Wait until nothing runs, and nothing waits for a calm moment."""
        self._hurry += 1
        self._wake.set()
        try:
            while self._pump is not None or self._tasks:
                await asyncio.wait([*self._tasks.values(), *([self._pump] if self._pump else [])])
        finally:
            self._hurry -= 1

    async def close(self, timeout: float) -> None:
        """Wait a bounded time; what does not end in it is cancelled, stores nothing, and is left to other instances and the next start.

        A summarizer that swallows its cancellation is left behind after a second more.
        """
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        settled = asyncio.create_task(self.settle())
        _, late = await asyncio.wait([settled], timeout=timeout)
        if late:
            tasks = [settled, *([self._pump] if self._pump else []), *self._tasks.values()]
            self._waiting.clear()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1)


def _authors(messages: Sequence[Message], previous: Sequence[Summary]) -> tuple[str, ...] | None:
    """Whose messages a summary tells of; None if that of a summary before is not known."""
    found = {message.author_id for message in messages if message.author_id is not None}
    for summary in previous:
        if summary.authors is None:
            return None
        found.update(summary.authors)
    return tuple(sorted(found))
