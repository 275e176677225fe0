"""Group commit: appends that wait in this instance travel together, in one round trip and one commit.

Invariants: a session's commits are told in their order, before their callers go on, and whether or not these are still there. What
a batch passed over, or what another's fault took down with it, is done again in a transaction of its own, so that one bad append
never fails its neighbours. A batch whose answer was lost is never sent again.

A commit costs the database as much as a dozen appends. So those who append all the time make two crowds: one is served here while the
database writes the other's batch, and a batch does not go before its crowd is together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from turnkeep.errors import TurnkeepError
from turnkeep.session import Appended, NewMessage, Session
from turnkeep.stores.base import Commit
from turnkeep.stores.postgres import statements
from turnkeep.stores.postgres.batch import Batch, Waiting
from turnkeep.stores.postgres.connection import Database, Kept, lost, translate, unknown
from turnkeep.stores.postgres.lanes import Lanes

MAX_FLIGHTS = 2  # batches under way
MAX_ROWS = 512  # of a batch
MIN_BATCH = 16
ONES_OWN = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, asyncpg.DeadlockDetectedError, ValueError)


class GroupWriter:
    """`heads` are the sessions as last seen; `again` does an append by itself."""

    def __init__(
        self,
        database: Database,
        lanes: Lanes,
        heads: dict[str, Session],
        counters: dict[str, int],
        publish: Callable[[Commit], None],
        again: Callable[[Waiting], None],
    ) -> None:
        self._database, self._lanes, self._heads, self._counters = database, lanes, heads, counters
        self._publish, self._again = publish, again
        lanes.freed = self.start
        self._loop = asyncio.get_running_loop()
        self._collected: list[Waiting] = []
        self._flying = 0
        self._shared = False  # whether other instances write to the same sessions: then batches would wait for each other's locks
        self._expected = 0  # of those last served who have not come again
        self._connections = Kept(database, MAX_FLIGHTS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled = False

    @property
    def waiting(self) -> int:
        return len(self._collected) + self._flying

    @property
    def unused(self) -> int:
        """Connections that it has kept, and does not use just now."""
        return self._connections.unused

    def append(
        self, head: Session, messages: Sequence[NewMessage], now_ms: int, fixed_tokens: int | None
    ) -> asyncio.Future[Appended]:
        future: asyncio.Future[Appended] = self._loop.create_future()
        self._collected.append(Waiting(head, messages, now_ms, fixed_tokens, future))
        if self._expected:
            self._expected -= 1
        self.start()
        return future

    def start(self) -> None:
        """What has come since the loop's last turn goes on its way with the next."""
        if not self._scheduled and self._collected and len(self._tasks) < MAX_FLIGHTS:
            self._scheduled = True
            self._loop.call_soon(self._take_off)

    async def idle(self) -> None:
        while self._collected or self._tasks:
            await asyncio.sleep(0) if not self._tasks else await asyncio.wait(self._tasks)

    async def close(self) -> None:
        await self._connections.close()

    # --- a batch

    def _take_off(self) -> None:
        self._scheduled = False
        crowds, flights = (1, 1) if self._shared else (2, MAX_FLIGHTS)
        most = max(MIN_BATCH, -(-(len(self._collected) + self._flying + self._expected) // crowds))
        if not self._collected or len(self._tasks) >= flights or (self._tasks and 4 * len(self._collected) < 3 * most):
            return
        batch, taken = self._next(most)
        if batch:
            self._flying += len(batch)
            self._tasks.add(self._loop.create_task(self._fly(batch, taken)))
            self.start()

    def _next(self, most: int) -> tuple[list[Waiting], set[str]]:
        """The next batch, and the sessions that it takes."""
        batch: list[Waiting] = []
        left: list[Waiting] = []
        taken: set[str] = set()
        passed: set[str] = set()
        ids: set[tuple[int, str]] = set()  # one that comes twice is known when it comes again
        room = MAX_ROWS
        for waiting in self._collected:
            name = waiting.head.id
            full = len(batch) >= most or room <= 0
            if full or name in passed or not ids.isdisjoint(waiting.ids) or not (name in taken or self._lanes.try_take(name)):
                passed.add(name)
                left.append(waiting)
            else:
                taken.add(name)
                ids.update(waiting.ids)
                batch.append(waiting)
                room -= len(waiting.messages)
        self._collected = left
        return batch, taken

    async def _fly(self, waiting: list[Waiting], taken: set[str]) -> None:
        done: list[tuple[Waiting, Appended]] = []
        left, error, others = waiting, None, 0
        try:
            done, left, others = await self._do(waiting)
        except Exception as failure:
            error = failure
        self._flying -= len(waiting)
        self._expected = len(waiting)
        self._shared = 2 * others > len(done)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.discard(task)
        for one, appended in done:
            self._publish(Commit(appended.session.id, appended.session, appended.messages))
            if not one.future.done():  # else its caller was cancelled; it is stored all the same
                one.future.set_result(appended)
        self._lanes.release(taken)
        self._not_done(left, error)

    async def _do(self, waiting: list[Waiting]) -> tuple[list[tuple[Waiting, Appended]], list[Waiting], int]:
        """Those that are done, with what they came to, those that cannot be done with others, and how many sessions another
        instance has written to."""
        batch = Batch(waiting, self._heads, self._counters)
        try:
            seqs, changed = await self._send(batch)
        except asyncpg.UniqueViolationError:  # another instance stored one of the external ids meanwhile, which is known now
            seqs, changed = await self._send(batch)
        return *batch.done(seqs, changed), len(changed) - changed.count(None)

    async def _send(self, batch: Batch) -> Any:
        db = await self._connections.take()
        answer = None
        try:
            answer = await db.fetchrow(statements.APPEND_BATCH, *batch.arguments)
        except Exception as error:
            if lost(error):
                raise unknown(error) from error
            raise
        finally:
            await self._connections.give_back(db, well=answer is not None)
        return answer

    def _not_done(self, others: list[Waiting], error: BaseException | None) -> None:
        """Those that were refused, or all of a batch that failed: for one's own fault the others must not suffer."""
        if error is not None and not isinstance(error, TurnkeepError) and not isinstance(error, ONES_OWN):
            error = translate(error)
        for waiting in others:
            if not isinstance(error, TurnkeepError):
                self._again(waiting)
            elif not waiting.future.done():
                waiting.future.set_exception(error)
