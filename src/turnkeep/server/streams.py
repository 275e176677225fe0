"""Server-Sent Events: what a feed tells, sent as it comes, and the bounds of all streams together.

Invariants: a stream waits for its client before it reads on, so it holds a page of changes and the connection's buffer, whatever its
client does; one that takes nothing for `STALLED` heartbeats is cut off. A stream ends with its session, with its client, at the
first heartbeat after its key was revoked, and at once when the server ends; a client loses nothing by it, and comes back with the
id of the last event it had.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

from turnkeep.errors import ManagerClosed, TurnkeepError, UnknownSession
from turnkeep.feed import Feed
from turnkeep.keys import ApiKey
from turnkeep.server import answers
from turnkeep.server.problems import TooManyStreams, TooManyStreamsOfKey
from turnkeep.session import Change
from turnkeep.settings import Settings

log = logging.getLogger("turnkeep.server")

STALLED = 4  # heartbeats
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
RETRY = b"retry: 3000\n\n"  # milliseconds before a client comes back
HEARTBEAT = b": keep-alive\n\n"
_encode = msgspec.json.Encoder().encode
_LINE_ENDS = [(end.encode(), b"\\u%04x" % ord(end)) for end in "\x85\u2028\u2029"]  # JSON escapes the others anyway
_SHAPES: dict[str, Callable[[Any], Any]] = {"session": answers.session, "message": answers.message, "summary": answers.summary}


def render(change: Change, session_id: str) -> bytes:
    """One event, its data on one line: also to clients that take for a line's end what only Unicode does."""
    value = answers.Gone(session_id) if change.value is None else _SHAPES.get(change.kind, answers.event)(change.value)
    data = _encode(value)
    for end, escaped in _LINE_ENDS:
        data = data.replace(end, escaped)
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (change.cursor.encode(), change.kind.replace("_", "-").encode(), data)


class Streams:
    """Those that are open."""

    def __init__(self, settings: Settings) -> None:
        self.heartbeat = settings.stream_heartbeat
        self._most, self._most_of_key = settings.max_streams, settings.max_streams_per_key
        self._of_key: Counter[str] = Counter()
        self._open: set[EventStream] = set()
        self._ending = False

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def place(self, stream: EventStream) -> Iterator[None]:
        """A place among them while the block runs; refused if there is none."""
        name = stream.key.id
        if self._ending:
            raise ManagerClosed
        if len(self._open) >= self._most:
            raise TooManyStreams(self._most)
        if self._of_key[name] >= self._most_of_key:
            raise TooManyStreamsOfKey(self._most_of_key)
        self._open.add(stream)
        self._of_key[name] += 1
        try:
            yield
        finally:
            self._open.remove(stream)
            self._of_key -= Counter([name])  # what is zero leaves

    def end(self) -> None:
        """End all, and let no other begin."""
        self._ending = True
        for stream in self._open:
            stream.end()


class EventStream:
    """The answer. `counts` says whether the key still does."""

    def __init__(self, streams: Streams, feed: Feed, key: ApiKey, counts: Callable[[ApiKey], Awaitable[bool]]) -> None:
        self.key = key
        self._streams, self._feed, self._counts = streams, feed, counts
        self._abort: Callable[[], None] = lambda: None
        self._sending = False

    def end(self) -> None:
        """End it now; one whose client is not taking what is sent is cut off."""
        self._feed.close()
        if self._sending:
            self._abort()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._abort = scope.get("abort", self._abort)  # type: ignore[assignment]  # what LimitedProtocol puts there, ASGI does not know
        with self._streams.place(self):
            leaving = asyncio.create_task(self._until_left(receive))
            try:
                await self._answer(send)
            finally:
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)

    async def _until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._feed.close()

    async def _answer(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        try:
            await self._send(send, RETRY)
            await self._tell(send)
        except TimeoutError:
            self._abort()
        except UnknownSession:
            pass  # deleted since the request was let in: whoever comes back is told so
        except TurnkeepError as error:
            log.error("an event stream of session %s ends: %s", self._feed.session_id, error)
        with contextlib.suppress(TimeoutError):
            await self._send(send, b"", more=False)

    async def _tell(self, send: Send) -> None:
        clock, heartbeat = asyncio.get_running_loop().time, self._streams.heartbeat
        due = clock() + heartbeat
        while True:
            text = await self._next(due)
            if text is None:
                return
            if clock() >= due:
                if not await self._counts(self.key):
                    return
                due = clock() + heartbeat
            await self._send(send, text)

    async def _next(self, due: float) -> bytes | None:
        """The next event, or a heartbeat when it is due; None at the end."""
        waiting = asyncio.timeout_at(due)
        try:
            async with waiting:
                change = await anext(self._feed, None)
        except TimeoutError:
            return HEARTBEAT
        return None if change is None else render(change, self._feed.session_id)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        """`TimeoutError` if the client takes nothing for so long."""
        self._sending = True
        try:
            async with asyncio.timeout(STALLED * self._streams.heartbeat):
                await send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            self._sending = False
