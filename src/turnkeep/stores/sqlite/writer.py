"""Group commit: all changes waiting are done in one transaction and acknowledged after its commit.

Invariants: a change is acknowledged, published and seen by readers only after the commit that holds it; a change that fails undoes
itself alone; changes are committed in the order in which they came, and an acknowledgement never runs before those of earlier
commits. Durability thus costs one fsync for all who wait, not one for each.

Appends are judged as they come and written by the other thread, one statement a batch (see `ahead`); while one batch is being
committed, the next is judged, and one may wait behind it. When a batch fails, nothing of it is stored: it comes back, with all that
was judged after it, and is done again in a transaction, where each append finds its own outcome. All other changes, and the appends
that come after them, wait until nothing is ahead.

In a transaction light changes run on the loop's thread, a few microseconds each, and only their COMMIT, which waits for the disk
without the interpreter's lock, on the writer's. While one half of the callers waits for its commit, the other half is served. A heavy
change, alone, and all of a batch that finds the file locked by another process, run on the writer's thread. While the loop is busy,
each statement there waits for the interpreter's lock, up to 5 ms: what is light never goes that way, however many wait. One or two
changes that nobody else waits beside are committed where they are, as long as the disk has been quick: a change of thread would
cost more than it does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import apsw
from msgspec import DecodeError

from turnkeep.errors import StoreError, TurnkeepError
from turnkeep.session import Appended
from turnkeep.stores import rows
from turnkeep.stores.base import Commit
from turnkeep.stores.sqlite import ahead, appending
from turnkeep.stores.sqlite.connection import Patience, translate
from turnkeep.stores.sqlite.transaction import Transaction
from turnkeep.stores.sqlite.worker import Worker

Change = Callable[..., Any]
HEAVY = 1_000_000  # the weight of a change that may take longer than the loop should wait
MAX_INLINE = 128  # rows to write on the loop's thread in one go: about a millisecond
MIN_BATCH = 16
FEW = 2  # changes that may be committed on the loop's thread
QUICK_SECONDS = 0.005  # a commit on a healthy disk takes less
TRUST_AFTER = 8  # quick commits in a row, on the thread; batches that no other process has written between


def _half(waiting: int) -> int:
    """Of so many about half, so that the others are served while these are committed: one batch for all, and the threads take turns."""
    return max(MIN_BATCH, (waiting + 1) // 2)


def _within(weight: int, waiting: list[Waiting]) -> int:
    """How many of these come to no more than that weight together; one, if the first alone is heavier."""
    total = 0
    for at, one in enumerate(waiting):
        total += one.weight
        if total > weight:
            return max(at, 1)
    return len(waiting)


class Waiting:
    """A change on its way: what to do, and whom to tell. An append that was judged ahead has its `rows`."""

    __slots__ = ("args", "change", "commits", "error", "future", "result", "rows", "weight")

    def __init__(self, change: Change, args: tuple[Any, ...], weight: int, future: asyncio.Future[Any]) -> None:
        self.change, self.args, self.weight, self.future = change, args, weight, future
        self.result: Any = None
        self.error: BaseException | None = None
        self.commits: list[Commit] | None = None
        self.rows: list[rows.Row] | None = None


class GroupWriter:
    """Takes changes on the loop's thread and answers there."""

    def __init__(
        self, transaction: Transaction, patience: Patience, publish: Callable[[Commit], None], judge: ahead.Judge
    ) -> None:
        self._transaction, self._patience, self._publish, self._judge = transaction, patience, publish, judge.judge
        self._loop = asyncio.get_running_loop()
        self._collected: list[Waiting] = []  # nothing passes what waits here
        self._in_work = 0  # of these, in the transaction that is being committed
        self._ahead: list[Waiting] = []  # judged, not yet on their way to the writer's thread
        self._flights = 0  # batches of those that are on their way
        self._flying = 0  # appends in them
        self._returned: list[Waiting] = []  # of a flight that failed, and of those behind it
        self._halted = False  # the thread passes on what is judged by what has failed
        self._foreign = 0  # transactions to go without another process's commit before appends are judged ahead again
        self._scheduled = False
        self._distrust = TRUST_AFTER  # quick commits still to be seen before one is done on the loop's thread
        self._idle = asyncio.Event()
        self._idle.set()
        self._worker = Worker("turnkeep-writer")

    def submit(self, change: Change, args: tuple[Any, ...], weight: int) -> asyncio.Future[Any]:
        """Have `change(transaction, *args)` committed; `weight` is about the rows it writes. What comes together, travels together."""
        future = self._loop.create_future()
        self._collect(Waiting(change, args, weight, future))
        return future

    def append(self, args: tuple[Any, ...], weight: int) -> asyncio.Future[Appended]:
        """`submit(appending.append, args, weight)`, judged ahead where that is possible."""
        future = self._loop.create_future()
        waiting = Waiting(appending.append, args, weight, future)
        if self._collected or self._in_work or not self._go_ahead(waiting):
            self._collect(waiting)
        elif not self._scheduled:
            self._schedule()
        return future

    def _collect(self, waiting: Waiting) -> None:
        self._collected.append(waiting)
        if not self.busy and not self._scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        self._idle.clear()
        self._loop.call_soon(self._start)

    @property
    def waiting(self) -> int:
        """Changes that are submitted and not yet answered."""
        return len(self._collected) + self._in_work + len(self._ahead) + self._flying + len(self._returned)

    @property
    def busy(self) -> bool:
        """Whether the connection is in use: on the other thread, perhaps."""
        return self._in_work > 0 or self._flights > 0

    async def close(self) -> None:
        """Commit what was submitted, answer it, and end the thread."""
        await self._idle.wait()
        await self._worker.close()

    # --- on the loop's thread

    def _start(self) -> None:
        """What has come since the loop's last turn goes on its way."""
        self._scheduled = False
        if self._ahead:
            self._take_off(FEW)
        elif self._collected and not self.busy:
            self._start_transaction(FEW)

    def _next(self) -> None:
        """Something has ended: what is to begin now."""
        if self._ahead:
            self._take_off()
        elif self.busy:
            return
        elif not self._collected:
            self._idle.set()
        elif self._go_ahead_again():
            self._take_off()
        else:
            self._start_transaction()

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

    # --- appends judged ahead

    def _go_ahead(self, waiting: Waiting) -> bool:
        """Whether the append could be judged: it is on its way then, behind those that were before."""
        if self._foreign or self._returned or not 0 < waiting.weight <= MAX_INLINE:
            return False
        judged = self._judge(*waiting.args)
        if judged is None:
            return False
        waiting.result, waiting.rows = judged
        self._ahead.append(waiting)
        return True

    def _go_ahead_again(self) -> bool:
        """The same for those that had to wait, up to the first that cannot, or that has failed that way."""
        collected, at = self._collected, 0
        while at < len(collected):
            waiting = collected[at]
            if waiting.change is not appending.append or waiting.rows is not None or not self._go_ahead(waiting):
                break
            at += 1
        del collected[:at]
        return at > 0

    def _take_off(self, few: int = 0) -> None:
        """Send on what is judged, half of those who wait; `few`: how many appends may be committed right here. While one
        batch is being committed the next is there for the thread to go on with."""
        if self._flights > 1 or (self._flights and len(self._ahead) < MIN_BATCH):
            return  # more will come until one has landed
        size = _within(ahead.MOST_ROWS, self._ahead[: _half(len(self._ahead) + self._flying)])
        batch, self._ahead = self._ahead[:size], self._ahead[size:]
        self._flights += 1
        self._flying += len(batch)
        if self._flights > 1:
            self._worker.do(self._fly, batch)
        elif len(batch) > few or self._distrust or self._transaction.checkpoint_due():
            self._worker.do_now(self._fly, batch)
        else:
            try:
                self._write(batch)
            except Exception as error:
                self._failed(batch, error)
            else:
                self._landed(batch)

    def _landed(self, batch: list[Waiting]) -> None:
        self._ended_ahead(batch)  # first, so that the next commit runs while those who are answered now go on
        self._answer_ahead(batch)

    def _ended_ahead(self, batch: list[Waiting]) -> None:
        self._flights -= 1
        self._flying -= len(batch)
        self._next()

    def _answer_ahead(self, batch: list[Waiting]) -> None:
        publish = self._publish
        for waiting in batch:
            appended = waiting.result
            session = appended.session
            publish(Commit(session.id, session, appended.messages))
            if not waiting.future.done():
                waiting.future.set_result(appended)

    def _failed(self, batch: list[Waiting], error: Exception | None) -> None:
        """Nothing of the batch is stored: it is done again in a transaction, and all that was judged by it, in the same order."""
        self._flights -= 1
        self._flying -= len(batch)
        self._returned += batch
        if isinstance(error, apsw.BusyError) or ahead.STALE in str(error):
            self._foreign = TRUST_AFTER
        if not self._flights:
            self._collected = [*self._returned, *self._ahead, *self._collected]
            self._returned, self._ahead = [], []
            self._halted = False
            self._transaction.rollback()
            self._next()

    # --- changes in a transaction

    def _start_transaction(self, few: int = 0) -> None:
        """`few`: how many changes may be committed right here."""
        size = _within(MAX_INLINE, self._collected[: _half(len(self._collected))])
        batch, self._collected = self._collected[:size], self._collected[size:]
        self._in_work = len(batch)
        if batch[0].weight > MAX_INLINE or not self._begin():
            self._worker.do(self._whole, batch)
            return
        try:
            self._apply(batch)
            here = len(batch) <= few and not self._distrust and not self._transaction.checkpoint_due()
            if here:
                self._commit(self._transaction.commit)
        except Exception:
            self._transaction.rollback()
            self._worker.do(self._whole, batch)
        else:
            if here:
                self._done(batch)
            else:
                self._worker.do_now(self._finish, batch)

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
        self._ended(batch)  # first, so that the next commit runs while those who are answered now go on
        self._answer(batch)

    def _ended(self, batch: list[Waiting]) -> None:
        self._in_work -= len(batch)
        if self._foreign:
            self._foreign = TRUST_AFTER if self._transaction.foreign else self._foreign - 1
        self._next()

    # --- on either thread

    def _commit(self, commit: Callable[..., None], *args: Any) -> None:
        began = time.perf_counter()
        commit(*args)
        quick = time.perf_counter() - began < QUICK_SECONDS
        self._distrust = max(0, self._distrust - 1) if quick else TRUST_AFTER

    def _write(self, batch: list[Waiting]) -> None:
        self._patience.on = False  # while another process writes, nothing is ahead of it
        try:
            self._commit(ahead.write, self._transaction.db, [row for waiting in batch for row in waiting.rows or ()])
        finally:
            self._patience.on = True

    # --- on the writer's thread

    def _fly(self, batch: list[Waiting]) -> None:
        if self._halted:
            self._worker.tell(self._failed, batch, None)
            return
        self._worker.begun()
        try:
            self._write(batch)
        except Exception as error:
            self._halted = True
            self._worker.tell(self._failed, batch, error)
            return
        if self._transaction.checkpoint_due():
            self._checkpoint(batch, self._answer_ahead, self._ended_ahead)
        else:
            self._worker.tell(self._landed, batch)

    def _finish(self, batch: list[Waiting]) -> None:
        self._worker.begun()
        try:
            self._commit(self._transaction.commit)
        except Exception:
            self._transaction.rollback()
            self._do_whole(batch)
        self._told(batch)

    def _told(self, batch: list[Waiting]) -> None:
        if self._transaction.checkpoint_due():
            self._checkpoint(batch, self._answer, self._ended)
        else:
            self._worker.tell(self._done, batch)

    def _checkpoint(
        self, batch: list[Waiting], answer: Callable[[list[Waiting]], None], ended: Callable[[list[Waiting]], None]
    ) -> None:
        self._worker.tell(answer, batch)  # nobody waits for a checkpoint but the next commit
        self._transaction.checkpoint(self._patience)
        self._worker.tell(ended, batch)

    def _whole(self, batch: list[Waiting]) -> None:
        self._do_whole(batch)
        self._told(batch)

    def _do_whole(self, batch: list[Waiting]) -> None:
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
                    self._do_whole([waiting])
                return
            for waiting in batch:
                waiting.commits = None
                waiting.error = translate(error) if isinstance(error, apsw.Error | UnicodeDecodeError | DecodeError) else error
