"""Lines of standard input for an event loop.

Invariant: reading holds no lock of the interpreter's own streams, so that the process can end while somebody could still type.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

CHUNK = 65_536


def _queued(line: str) -> bool:
    return False


class Lines:
    """`await lines.next()`: the next line without its end, or None when there is no more.

    `typed` hears each as it comes, and says whether it is done with.
    """

    def __init__(self, typed: Callable[[str], bool] = _queued) -> None:
        self._typed = typed
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        threading.Thread(target=self._read, name="turnkeep-stdin", daemon=True).start()

    async def next(self) -> str | None:
        return await self._queue.get()

    def end(self) -> None:
        """Let `next` give None, now."""
        self._queue.put_nowait(None)

    def _read(self) -> None:
        rest = b""
        while chunk := self._chunk():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                self._put(line.removesuffix(b"\r").decode("utf-8", "replace"))
        if rest:
            self._put(rest.decode("utf-8", "replace"))
        self._put(None)

    @staticmethod
    def _chunk() -> bytes:
        try:
            return os.read(0, CHUNK)
        except OSError:  # a terminal that went away
            return b""

    def _put(self, line: str | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._came, line)
        except RuntimeError:  # the loop is closed: nobody asks any more
            return

    def _came(self, line: str | None) -> None:
        if line is None or not self._typed(line):
            self._queue.put_nowait(line)
