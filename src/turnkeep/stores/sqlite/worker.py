"""The thread that commits, and how the loop's thread and it pass work and the interpreter's lock to each other.

Invariant: jobs are done in the order in which they were given, and what they tell the loop arrives in that order.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

HAND_OVER_SECONDS = 0.001


class Worker:
    """Made on the loop's thread. `begun` and `tell` are for the jobs, everything else is for the loop."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]] | None] = SimpleQueue()
        self._begun = threading.Lock()  # released when the job in hand goes to the disk
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, job: Callable[..., None], *args: Any) -> None:
        """Have `job(*args)` done on the thread."""
        self._jobs.put((job, args))

    def do_now(self, job: Callable[..., None], *args: Any) -> None:
        """The same while the thread is idle, and let it begin: it wants the interpreter's lock for that, and would only get it when
        the loop has nothing left to do."""
        self._begun.acquire(blocking=False)
        self._jobs.put((job, args))
        self._begun.acquire(timeout=HAND_OVER_SECONDS)

    async def close(self) -> None:
        """End the thread when it has done what it was given."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (given := self._jobs.get()) is not None:
            job, args = given
            job(*args)

    def begun(self) -> None:
        """The job goes to the disk: the loop may go on."""
        if self._begun.locked():
            self._begun.release()

    def tell(self, callback: Callable[..., None], *args: Any) -> None:
        """Have `callback(*args)` called on the loop."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(callback, *args)
