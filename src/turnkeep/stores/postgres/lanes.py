"""Who may change which session, within this instance: one at a time.

Invariant: whoever holds a session here is alone with it until its commit is known and told, so that listeners hear a session's commits
in the order in which they were made; that other instances wait, the row's lock sees to. Nobody starves: what cannot begin
waits in a queue, and nothing passes it that needs what it needs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection

EVERYTHING = None


def _nobody() -> None:
    """Who is told before anybody wants to be."""


class Lanes:
    """`freed` is called whenever something has become free."""

    def __init__(self) -> None:
        self.freed: Callable[[], None] = _nobody
        self._taken: set[str] = set()
        self._alone = False
        self._queue: deque[tuple[Collection[str] | None, asyncio.Future[None]]] = deque()

    def try_take(self, name: str) -> bool:
        if self._alone or name in self._taken or (self._queue and self._awaited(name)):
            return False
        self._taken.add(name)
        return True

    def _awaited(self, name: str) -> bool:
        return any(names is EVERYTHING or name in names for names, _ in self._queue)

    async def take(self, names: Collection[str] | None) -> None:
        """Wait for these sessions, or for all of them (`EVERYTHING`)."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((names, future))
        self._hand_out()
        await future

    def release(self, names: Collection[str] | None) -> None:
        if names is EVERYTHING:
            self._alone = False
        else:
            self._taken.difference_update(names)
        self._hand_out()
        self.freed()

    def _hand_out(self) -> None:
        blocked: set[str] = set()
        left: deque[tuple[Collection[str] | None, asyncio.Future[None]]] = deque()
        while self._queue:
            names, future = self._queue.popleft()
            if self._alone or (names is EVERYTHING and (self._taken or left)):
                left.append((names, future))
                if names is EVERYTHING:
                    break
                continue
            if names is EVERYTHING:
                self._alone = True
            elif self._taken.isdisjoint(names) and blocked.isdisjoint(names):
                self._taken.update(names)
            else:
                blocked.update(names)
                left.append((names, future))
                continue
            future.set_result(None)
        self._queue.extendleft(reversed(left))
