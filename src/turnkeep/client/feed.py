"""Live changes of a session, read from a server.

Invariant: what is told is what the server has sent, each change once and in its order, over however many connections: each of them begins
behind the last change that was taken from the one before. A feed that is not asked holds `AHEAD` changes and reads no further.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from weakref import finalize

from httpx2 import ServerSentEvent

from turnkeep.client import answers, arguments
from turnkeep.client.connection import Ask, Connection
from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.session import Change

AHEAD = 32  # changes: one may be a megabyte


class Feed:
    """An async iterator over the `Change`s of a session. It ends after `deleted`, with its manager, and by `aclose()`.

    It may simply be let go of, and cancelling a step of it loses nothing. A step raises what a call raises, when no connection could be
    had for as long as a call may take; the next step tries again.
    """

    def __init__(self, connection: Connection, session_id: str, after: str | None) -> None:
        self.session_id = session_id
        self._reader = _Reader(connection, session_id, after)
        self._stop: finalize[..., Feed] | None = None  # ends the reader, also when this is let go of
        self._turn = asyncio.Lock()
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        async with self._turn:
            self._start()
            told = None if self._over else await self._reader.inbox.get()
            if told is None or self._over:
                raise StopAsyncIteration
            if isinstance(told, Exception):
                raise self._failed(told)
            self._over = told.kind == "deleted"
            return told

    async def begin(self) -> None:
        """Raise now what the first step would raise of the session and the cursor; nothing is told yet."""
        async with self._turn:
            self._start()
            if not self._over:
                await self._reader.stands.wait()
            error = self._reader.error
            if error is not None and self._reader.inbox.qsize() == 1:  # there is nothing before it
                raise self._failed(error)

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """End it, also for whoever waits for its next change."""
        self._over = True
        if self._stop is not None:
            self._stop()
        self._reader.forget()
        self._reader.stands.set()
        self._reader.inbox.put_nowait(None)

    def _start(self) -> None:
        if self._stop is None and not self._over:
            loop = asyncio.get_running_loop()
            self._stop = finalize(self, _cancel, loop, loop.create_task(self._reader.run()))
            self._stop.atexit = False

    def _failed(self, error: Exception) -> Exception:
        """The reader has ended with this; the next step begins with another, where it was."""
        if self._stop is not None:
            self._stop.detach()
            self._stop = None
        self._reader.forget()
        return error


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    """From any thread: what nobody holds any more is finalized in the one that happens to collect it."""
    with suppress(RuntimeError):  # the loop is closed, and its tasks with it
        loop.call_soon_threadsafe(task.cancel)


class _Reader:
    """Reads ahead of its feed, which it does not know: one that is let go of can leave."""

    def __init__(self, connection: Connection, session_id: str, after: str | None) -> None:
        self.inbox: asyncio.Queue[Change | Exception | None] = asyncio.Queue(AHEAD)  # None: there is nothing more
        self.stands = asyncio.Event()  # the server has agreed, or there is an error
        self.error: Exception | None = None
        self._connection, self._session_id, self._cursor = connection, session_id, after
        self._was_there = False

    async def run(self) -> None:
        """Until the session is deleted, or an error."""
        try:
            path = arguments.place(self._session_id) + "/events"
            await self._connection.follow(Ask("GET", path, about=self._session_id), self)
        except UnknownSession as error:
            if self._was_there and self._cursor is not None:  # deleted between two connections
                await self.inbox.put(Change("deleted", self._cursor, None))
            else:
                await self._fail(error)
        except InvalidInput as error:
            await self._fail(InvalidInput("after", error.reason) if error.field == "last-event-id" else error)
        except Exception as error:  # a bug, too, is raised where the change is waited for
            await self._fail(error)

    async def _fail(self, error: Exception) -> None:
        self.error = error
        await self.inbox.put(error)
        self.stands.set()

    def forget(self) -> None:
        """What was read and what went wrong."""
        self.error = None
        self.stands.clear()
        while not self.inbox.empty():
            self.inbox.get_nowait()

    # --- the listener of a stream

    def place(self) -> str | None:
        return self._cursor

    def begun(self) -> None:
        self._was_there = True
        self.stands.set()

    async def take(self, event: ServerSentEvent) -> bool:
        change = answers.change(self._session_id, event.event, event.id, event.data)
        if change is not None:
            await self.inbox.put(change)
        self._cursor = event.id
        return change is not None and change.kind == "deleted"
