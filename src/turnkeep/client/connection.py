"""The wire: one pool of connections to one server, and every call's tries over it.

Invariants: a call ends within its time, with an answer or a `TurnkeepError`; a stream that breaks off is asked for again, and has as long
for that as a call; all tries of a write carry the same Idempotency-Key, and no
two writes the same; the API key goes to the one server only (redirects are not followed) and stands in no `repr` and no error.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import BinaryIO, Protocol, TypeVar

import httpx2
import msgspec

from turnkeep.client.errors import RateLimited, ServerFailed, ServerUnreachable
from turnkeep.client.problems import error_from
from turnkeep.client.retries import PASSING, Retries, retry_after
from turnkeep.errors import ManagerClosed, TurnkeepError, UsedAfterFork, WrongLoop
from turnkeep.session import JsonObject

T = TypeVar("T")

CONNECT = 5.0  # seconds to reach a host
PATIENCE = 600.0  # for calls that wait for a language model, or read the whole database
POOL = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=4.0)  # uvicorn's end after 5 s
STREAMS = httpx2.Limits(max_connections=None, max_keepalive_connections=0)  # each keeps its own: calls shall not wait for one
SILENCE = 60.0  # seconds after which a stream is taken for dead: four of the heartbeats that the server sends unless it was set otherwise
_GONE = "the connection was lost before the answer"


class Condition(msgspec.Struct, frozen=True):
    """Of a write: the version that its session must have, and the key under which it is done once."""

    version: int | None = None
    key: str | None = None
    fingerprint: str = ""


class Ask(msgspec.Struct, frozen=True):
    """One call: what every try of it sends. `about`: its session; `write`: it changes something; `slow`: it may take long."""

    method: str
    path: str
    query: JsonObject = {}
    body: JsonObject | None = None
    about: str = ""
    write: bool = False
    slow: bool = False
    condition: Condition = Condition()


class Reply(msgspec.Struct, frozen=True):
    """A good answer."""

    status: int
    body: bytes


class Listener(Protocol):
    """Whom the events of a stream are told."""

    def place(self) -> str | None:
        """The id of the last event that was taken."""

    def begun(self) -> None:
        """The server has agreed."""

    async def take(self, event: httpx2.ServerSentEvent) -> bool:
        """Whether it was the last."""


class _Again(Exception):
    """This try came to nothing; another may not."""

    def __init__(self, error: TurnkeepError, asked: float | None = None, *, silent: bool = False) -> None:
        self.error, self.asked, self.silent = error, asked, silent


class Connection:
    """Open from `start` to `close`, on one event loop."""

    def __init__(self, url: str, key: str, timeout: float, retries: Retries) -> None:
        self.url, self._key, self._timeout, self._retries = url, key, timeout, retries
        self._http: httpx2.AsyncClient | None = None
        self._streams: httpx2.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._under_way = 0
        self._idle = asyncio.Event()

    def start(self) -> None:
        # Without TLS no certificates are read, which takes longer than all else here; this context trusts none.
        tls = httpx2.create_ssl_context() if self.url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        headers = {"Authorization": f"Bearer {self._key}", "User-Agent": f"turnkeep/{version('turnkeep')}"}
        self._loop, self._pid = asyncio.get_running_loop(), os.getpid()
        self._http = httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(None, connect=CONNECT), limits=POOL, verify=tls)
        patience = httpx2.Timeout(None, connect=CONNECT, read=SILENCE)
        headers |= {"Accept": "text/event-stream", "Accept-Encoding": "identity", "Cache-Control": "no-store"}
        self._streams = httpx2.AsyncClient(headers=headers, timeout=patience, limits=STREAMS, verify=tls)

    async def close(self) -> None:
        """Refuse new calls, and wait for those under way: each of them ends in its time."""
        (http, self._http), (streams, self._streams) = (self._http, None), (self._streams, None)
        if http is None or streams is None or self._pid != os.getpid():
            return
        while self._under_way:
            self._idle.clear()
            await self._idle.wait()
        await http.aclose()
        await streams.aclose()

    def usable(self) -> httpx2.AsyncClient:
        if self._http is None:
            raise ManagerClosed
        if self._pid != os.getpid():
            raise UsedAfterFork
        if self._loop is not asyncio.get_running_loop():
            raise WrongLoop
        return self._http

    # --- calls

    async def call(self, ask: Ask) -> Reply:
        """The server's good answer, or the error that its problem stands for."""
        async with self._counted() as http:
            headers = _headers(ask)
            content = None if ask.body is None else msgspec.json.encode(ask.body)

            async def attempt(_: asyncio.Timeout) -> Reply:
                answer = await http.request(ask.method, self.url + ask.path, params=ask.query, content=content, headers=headers)
                _judge(answer.status_code, answer.headers, answer.content, ask.about)
                return Reply(answer.status_code, answer.content)

            return await self._tried(ask, attempt)

    async def download(self, ask: Ask, file: BinaryIO) -> None:
        """The answer's body into the file: all of it, or an error."""
        async with self._counted() as http:
            headers = _headers(ask)

            async def attempt(_: asyncio.Timeout) -> None:
                await asyncio.to_thread(_emptied, file)
                async with http.stream(ask.method, self.url + ask.path, headers=headers) as answer:
                    if answer.status_code != 200:
                        _judge(answer.status_code, answer.headers, await answer.aread(), ask.about)
                    async for chunk in answer.aiter_raw():
                        await asyncio.to_thread(file.write, chunk)

            await self._tried(ask, attempt)

    async def follow(self, ask: Ask, listener: Listener) -> None:
        """Tell the listener the events of a stream up to the last one. What breaks off goes on behind the last that was taken."""
        async with self._counted():

            async def attempt(waiting: asyncio.Timeout) -> bool:
                return await self._listened(ask, listener, waiting)

            while True:
                if await self._tried(ask, attempt):
                    return
                await asyncio.sleep(
                    self._retries.first * (1 + random.random()) / 2
                )  # not all that were cut off come back at once

    async def _listened(self, ask: Ask, listener: Listener, waiting: asyncio.Timeout) -> bool:
        """Whether it came to the last event. One that broke off before it brought anything, and soon, is a try that has failed."""
        began, brought, place = time.monotonic(), False, listener.place()
        try:
            async with self._stream(ask, {} if place is None else {"Last-Event-ID": place}) as answer:
                if answer.status_code != 200:
                    _judge(answer.status_code, answer.headers, await answer.aread(), ask.about)
                waiting.reschedule(None)
                async for event in httpx2.EventSource(answer, max_event_size=None):  # the server's settings say how large
                    listener.begun()
                    if event.data:
                        brought = True
                        if await listener.take(event):
                            return True
        except httpx2.SSEError as error:
            raise ServerFailed(f"{self.url}: {error}") from error
        except httpx2.TransportError:
            if not brought and time.monotonic() - began < self._retries.most:
                raise
            return False
        if not brought and time.monotonic() - began < self._retries.most:
            raise _Again(ServerUnreachable(f"{self.url}: {_GONE}. {_HINT}"))
        return False

    def _stream(self, ask: Ask, headers: dict[str, str]) -> AbstractAsyncContextManager[httpx2.Response]:
        if self._streams is None:
            raise ManagerClosed
        return self._streams.stream(ask.method, self.url + ask.path, headers=headers)

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[httpx2.AsyncClient]:
        http = self.usable()
        self._under_way += 1
        try:
            yield http
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _tried(self, ask: Ask, attempt: Callable[[asyncio.Timeout], Awaitable[T]]) -> T:
        """The tries of a call, until one has an answer or there is no time for another."""
        time_for_all = max(self._timeout, PATIENCE) if ask.slow else self._timeout
        ends, tried = time.monotonic() + time_for_all, 0
        said: TurnkeepError | None = None
        while True:
            tried += 1
            left = ends - time.monotonic()
            try:
                # At most half of the time, so that a connection that went dead leaves some for another.
                return await self._once(attempt, left if ask.slow or tried > 1 else left / 2)
            except _Again as failed:
                if said is None or not failed.silent:  # a last try that had no time left says less than those before
                    said = failed.error
                pause = self._retries.pause(tried, ends - time.monotonic(), failed.asked, random.random())
                if pause is None:
                    raise said from failed.__cause__
                await asyncio.sleep(pause)

    async def _once(self, attempt: Callable[[asyncio.Timeout], Awaitable[T]], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds) as waiting:
                return await attempt(waiting)
        except TimeoutError as error:
            raise _Again(ServerUnreachable(f"{self.url}: no answer within {seconds:.3g} s. {_HINT}"), silent=True) from error
        except httpx2.TransportError as error:
            raise _Again(ServerUnreachable(f"{self.url}: {str(error) or _GONE}. {_HINT}")) from error
        except httpx2.HTTPError as error:
            raise ServerUnreachable(f"{self.url}: {type(error).__name__}: {error}") from error


_HINT = "Does the server run there? A write may have been done or not."


def _headers(ask: Ask) -> dict[str, str]:
    headers = {} if ask.body is None else {"Content-Type": "application/json"}
    if ask.write:
        headers["Idempotency-Key"] = ask.condition.key or secrets.token_urlsafe(18)
        if ask.condition.fingerprint:
            headers["Idempotency-Fingerprint"] = ask.condition.fingerprint
        if ask.condition.version is not None:
            headers["If-Match"] = f'"{ask.condition.version}"'
    return headers


def _judge(status: int, headers: httpx2.Headers, body: bytes, about: str) -> None:
    """Raises unless the answer is a good one."""
    if 200 <= status < 300:
        return
    asked = retry_after(headers.get("retry-after"))
    error = error_from(status, body, about, asked)
    if status in PASSING:
        raise _Again(error, error.retry_after if isinstance(error, RateLimited) else asked)
    raise error


def _emptied(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()
