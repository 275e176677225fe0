"""Group commit: all changes waiting are done in one transaction and acknowledged after its commit.

Invariants: a change is acknowledged only after the commit that holds it; a change that fails undoes itself alone; an
acknowledgement never runs before those of earlier commits. Durability thus costs one fsync for all who wait, not one for each.

Light changes run on the loop's thread, a few microseconds each, and only their COMMIT, which waits for the disk without holding the
interpreter's lock, on the writer's: two threads that both run Python and SQL would fight for that lock at every statement. While
one half of the callers waits for its commit, the other half is served. Heavy changes, and all of a batch that finds the
file locked by another process, run on the writer's thread. One or two changes that nobody else waits beside are committed where
they are, as long as the disk has been quick: a change of thread would cost more than the disk does.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import apsw
from msgspec import DecodeError

from turnkeep.errors import StoreError, TurnkeepError
from turnkeep.stores.base import Commit
from turnkeep.stores.sqlite.connection import Patience, translate
from turnkeep.stores.sqlite.transaction import Transaction

Change = Callable[..., Any]
HEAVY = 1_000_000  # the weight of a change that may take longer than the loop should wait
MAX_INLINE = 128  # rows to write on the loop's thread in one go: about a millisecond
MIN_BATCH = 16
FEW = 2  # changes that may be committed on the loop's thread
QUICK_SECONDS = 0.005  # a commit on a healthy disk takes less
HAND_OVER_SECONDS = 0.001
TRUST_AFTER = 8  # quick commits in a row, on the thread


class Waiting:
    """A change on its way: what to do, and whom to tell."""

    __slots__ = ("args", "change", "commits", "error", "future", "result", "weight")

    def __init__(self, change: Change, args: tuple[Any, ...], weight: int, future: asyncio.Future[Any]) -> None:
        self.change, self.args, self.weight, self.future = change, args, weight, future
        self.result: Any = None
        self.error: BaseException | None = None
        self.commits: list[Commit] | None = None


class GroupWriter:
    """Takes changes on the loop's thread and answers there. One batch is in work at a time."""

    def __init__(self, transaction: Transaction, patience: Patience, publish: Callable[[Commit], None]) -> None:
        self._transaction, self._patience, self._publish = transaction, patience, publish
        self._loop = asyncio.get_running_loop()
        self._collected: list[Waiting] = []
        self._in_work = 0  # changes in the batch that is being committed
        self._scheduled = False
        self._distrust = TRUST_AFTER  # quick commits still to be seen before one is done on the loop's thread
        self._idle = asyncio.Event()
        self._idle.set()
        self._jobs: SimpleQueue[tuple[Callable[[list[Waiting]], None], list[Waiting]] | None] = SimpleQueue()
        self._begun = threading.Lock()  # released by the writer's thread when a commit begins
        self._thread = threading.Thread(target=self._run, name="turnkeep-writer", daemon=True)
        self._thread.start()

    def submit(self, change: Change, args: tuple[Any, ...], weight: int) -> asyncio.Future[Any]:
        """Have `change(transaction, *args)` committed; `weight` is about the rows it writes. What comes together, travels together."""
        future = self._loop.create_future()
        self._collected.append(Waiting(change, args, weight, future))
        if not self._in_work and not self._scheduled:
            self._scheduled = True
            self._idle.clear()
            self._loop.call_soon(self._start, FEW)
        return future

    @property
    def waiting(self) -> int:
        """Changes that are submitted and not yet answered."""
        return len(self._collected) + self._in_work

    @property
    def busy(self) -> bool:
        """Whether the connection is in use: on the other thread, perhaps."""
        return self._in_work > 0

    async def close(self) -> None:
        """Commit what was submitted, answer it, and end the thread."""
        await self._idle.wait()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    # --- on the loop's thread

    def _start(self, few: int = 0) -> None:
        """Begin the next batch; `few`: how many changes may be committed right here."""
        self._scheduled = False
        batch = self._take()
        self._in_work = len(batch)
        if sum([waiting.weight for waiting in batch]) > MAX_INLINE or not self._begin():
            self._jobs.put((self._whole, batch))
            return
        try:
            self._apply(batch)
            here = len(batch) <= few and not self._distrust and not self._transaction.checkpoint_due()
            if here:
                self._commit()
        except Exception:
            self._transaction.rollback()
            self._jobs.put((self._whole, batch))
        else:
            if here:
                self._done(batch)
            else:
                self._begun.acquire(blocking=False)
                self._jobs.put((self._finish, batch))

    def _commit(self) -> None:
        began = time.perf_counter()
        self._transaction.commit()
        quick = time.perf_counter() - began < QUICK_SECONDS
        self._distrust = max(0, self._distrust - 1) if quick else TRUST_AFTER

    def _take(self) -> list[Waiting]:
        """About half of those who wait, so that the other half is served while this one's commit waits for the disk."""
        collected = self._collected
        size = max(MIN_BATCH, (len(collected) + self._in_work + 1) // 2)
        batch, self._collected = collected[:size], collected[size:]
        return batch

    def _begin(self) -> bool:
        """Whether the transaction could begin without waiting for another process."""
        self._patience.on = False
        try:
            self._transaction.begin()
        except apsw.Error:  # busy, or worse: the thread finds out, and may wait
            self._transaction.rollback()
            return False
        finally:
            self._patience.on = True
        return True

    def _apply(self, batch: list[Waiting]) -> None:
        transaction = self._transaction
        for waiting in batch:
            waiting.error = None
            try:
                waiting.result = waiting.change(transaction, *waiting.args)
            except StoreError:
                raise
            except TurnkeepError as error:  # refused before it wrote anything: see Transaction
                waiting.error = error
            waiting.commits = transaction.take_commits()
        transaction.flush()

    def _done(self, batch: list[Waiting]) -> None:
        self._next()  # first, so that its commit runs while those who are answered now go on
        if self._in_work:
            # The other thread wants the interpreter's lock to begin, and would only get it when this one has nothing left to do.
            self._begun.acquire(timeout=HAND_OVER_SECONDS)
        self._answer(batch)

    def _next(self) -> None:
        if self._collected:
            self._start()
        else:
            self._in_work = 0
            self._idle.set()

    def _answer(self, batch: list[Waiting]) -> None:
        for waiting in batch:
            for commit in waiting.commits or ():
                self._publish(commit)
            future = waiting.future
            if future.done():  # its caller was cancelled; the change is stored all the same
                continue
            if waiting.error is None:
                future.set_result(waiting.result)
            else:
                future.set_exception(waiting.error)

    # --- on the writer's thread

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, batch = job
            work(batch)
            if not self._transaction.checkpoint_due():
                self._tell(self._done, batch)
            else:
                self._tell(self._answer, batch)  # nobody waits for a checkpoint but the next commit
                self._transaction.checkpoint()
                self._tell(self._next)

    def _tell(self, callback: Callable[..., None], *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(callback, *args)

    def _finish(self, batch: list[Waiting]) -> None:
        if self._begun.locked():
            self._begun.release()
        try:
            self._commit()
        except Exception:
            self._transaction.rollback()
            self._whole(batch)

    def _whole(self, batch: list[Waiting]) -> None:
        """The batch in one transaction; if that fails, each change in one of its own, to find out whose fault it was. A file
        that stays locked is nobody's: one time-out is then for all, not one each."""
        try:
            self._transaction.begin()
            self._apply(batch)
            self._transaction.commit()
        except Exception as error:
            self._transaction.rollback()
            if len(batch) > 1 and not isinstance(error, apsw.BusyError):
                for waiting in batch:
                    self._whole([waiting])
                return
            for waiting in batch:
                waiting.commits = None
                waiting.error = translate(error) if isinstance(error, apsw.Error | UnicodeDecodeError | DecodeError) else error
