"""One thread that commits for everybody: all changes waiting are done in one transaction and acknowledged after its commit.

Invariants: a change is acknowledged only after the commit that holds it; a change that fails undoes itself alone; an
acknowledgement never runs before those of earlier commits. Durability thus costs one fsync for all who wait, not one for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import apsw

from turnkeep.errors import StoreError, TurnkeepError
from turnkeep.stores.base import Commit
from turnkeep.stores.sqlite.connection import translate
from turnkeep.stores.sqlite.transaction import Transaction

Change = Callable[..., Any]
MAX_BATCH = 512  # changes in one commit: bounds the time a commit holds the file's lock


class Waiting:
    """A change on its way: what to do, and whom to tell."""

    __slots__ = ("args", "change", "commits", "error", "future", "result")

    def __init__(self, change: Change, args: tuple[Any, ...], future: asyncio.Future[Any]) -> None:
        self.change, self.args, self.future = change, args, future
        self.result: Any = None
        self.error: BaseException | None = None
        self.commits: list[Commit] = []


class GroupWriter:
    """Takes changes on the loop's thread, runs them on its own, and answers on the loop's thread."""

    def __init__(self, transaction: Transaction, publish: Callable[[Commit], None]) -> None:
        self._transaction = transaction
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._collected: list[Waiting] = []
        self._queue: SimpleQueue[list[Waiting] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="turnkeep-writer", daemon=True)
        self._thread.start()

    def submit(self, change: Change, *args: Any) -> asyncio.Future[Any]:
        """Have `change(transaction, *args)` committed. What is submitted in one turn of the loop travels together."""
        future = self._loop.create_future()
        if not self._collected:
            self._loop.call_soon(self._hand_over)
        self._collected.append(Waiting(change, args, future))
        return future

    def _hand_over(self) -> None:
        if self._collected:
            self._queue.put(self._collected)
            self._collected = []

    async def close(self) -> None:
        """Commit what was submitted, answer it, and end the thread."""
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)  # the last acknowledgements are in the loop's queue before this wakes

    # --- on the writer's thread

    def _run(self) -> None:
        batch: list[Waiting] | None
        while (batch := self._queue.get()) is not None:
            last = False
            with contextlib.suppress(Empty):
                while len(batch) < MAX_BATCH:
                    more = self._queue.get_nowait()
                    if more is None:
                        last = True
                        break
                    batch.extend(more)
            self._commit(batch)
            if last:
                return

    def _commit(self, batch: list[Waiting]) -> None:
        try:
            self._attempt(batch)
        except Exception as error:  # the transaction is rolled back: find out whose fault it was
            if len(batch) > 1:
                for waiting in batch:
                    self._commit([waiting])
                return
            batch[0].error = translate(error) if isinstance(error, apsw.Error) else error
            batch[0].commits.clear()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(self._acknowledge, batch)

    def _attempt(self, batch: list[Waiting]) -> None:
        transaction = self._transaction
        transaction.begin()
        try:
            for waiting in batch:
                waiting.error = None
                try:
                    waiting.result = waiting.change(transaction, *waiting.args)
                except StoreError:
                    raise
                except TurnkeepError as error:  # refused before it wrote anything: see Transaction
                    waiting.error = error
                waiting.commits = transaction.take_commits()
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise

    # --- on the loop's thread again

    def _acknowledge(self, batch: list[Waiting]) -> None:
        for waiting in batch:
            for commit in waiting.commits:
                self._publish(commit)
            future = waiting.future
            if future.done():  # its caller was cancelled; the change is stored all the same
                continue
            if waiting.error is None:
                future.set_result(waiting.result)
            else:
                future.set_exception(waiting.error)
