"""Hints by Redis or Valkey: changes by its channels, shared limits by a script of it.

Invariants: one task keeps the connection that listens, and alone decides that Redis is there again; whoever finds that it is not makes
everybody else stop asking, so that a Redis which is gone, or hangs, costs one short time-out and not one for each. What could not be
told is dropped, not kept. When Redis is there again, anything may have been missed. The URL is shown nowhere: it may hold a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, RedisError

from turnkeep.caches.base import Hints
from turnkeep.errors import InvalidInput

PREFIX = "turnkeep:"
CHANGES = PREFIX + "changes:"  # and the app
PATIENCE = 0.25  # seconds for an answer
CONNECT = 2.0
QUIET = 1.0  # seconds without a word after which Redis is asked whether it is there
LONGEST_PAUSE = 5.0  # between two tries to reach it
MOMENT = 0.005  # in which what is told goes together
MOST = 1000  # sessions in one go; of more it is said that any may have changed
GONE = (RedisError, OSError, TimeoutError)

# A bucket is kept as the time at which it is full again, as `TokenBuckets` does; by the clock of Redis, which all instances share.
TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local full = tonumber(redis.call('GET', KEYS[1]) or '0')
if full < now then full = now end
full = full + tonumber(ARGV[1])
local wait = full - now - tonumber(ARGV[2])
if wait > 0.001 then return string.format('%.3f', wait) end
redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil(full - now) + 1)
return '0'
"""

OLDEST = {"Redis": 7, "Valkey": 8}

T = TypeVar("T")
log = logging.getLogger("turnkeep.caches")


def supported(info: Mapping[str, Any]) -> str:
    """The server that tells this of itself; `InvalidInput` if it is older than what Turnkeep is tried with."""
    kind = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get(f"{kind.lower()}_version", ""))
    major = version.partition(".")[0]
    if major.isdecimal() and int(major) < OLDEST[kind]:
        raise InvalidInput("cache_url", f"names a {kind} {version}: Redis 7 or newer, or Valkey 8 or newer, is needed")
    return f"{kind} {version}".rstrip()


class _News(msgspec.Struct, array_like=True):
    """What goes over a channel: who tells, and what is new."""

    teller: str
    sessions: list[tuple[str, int]]


class RedisHints(Hints):
    """See `Hints`. `url` is redis-py's."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._name = secrets.token_hex(8)
        self._news: dict[tuple[str, str], int] = {}
        self._is_new = asyncio.Event()
        self._up = self._said = False  # whether it is there; whether it was said that it is not
        self._over = False  # a cancellation alone may be lost: where redis-py cleans up after it, its own errors take its place
        self._tasks: list[asyncio.Task[None]] = []
        try:
            where = urlsplit(url)
            self.place = f"{where.hostname or '127.0.0.1'}:{where.port or 6379}"
            self._redis: Redis = Redis.from_url(
                url,
                socket_timeout=CONNECT,
                socket_connect_timeout=CONNECT,
                retry=Retry(NoBackoff(), 0),
                max_connections=64,
                protocol=2,
            )
        except (ValueError, TypeError, RedisError):
            raise InvalidInput("cache_url", "must be redis://host:port/number, or rediss:// with TLS") from None
        self._take = self._redis.register_script(TAKE)

    @property
    def up(self) -> bool:
        return self._up

    async def open(self) -> None:
        self._over = False
        self._tasks = [asyncio.create_task(self._listen_for_ever()), asyncio.create_task(self._tell_for_ever())]

    async def close(self) -> None:
        self._over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tell_all()
        with contextlib.suppress(*GONE):
            await self._redis.aclose()

    # --- asking

    async def take(self, name: str, rate: float, burst: int) -> float | None:
        if not self._up:
            return None
        took: Any = self._take(keys=[PREFIX + "limit:" + name], args=[1000 / rate, 1000 * burst / rate])
        wait = await self._ask(took)
        return None if wait is None else float(wait) / 1000

    async def server(self) -> str | None:
        try:
            async with asyncio.timeout(CONNECT):
                return await self._known()
        except GONE:
            return None

    async def _known(self) -> str:
        """What it is; `InvalidInput` if that is too old."""
        try:
            found = await self._redis.info("server")
        except NoPermissionError:  # then this user is not to know
            await self._redis.ping()
            return "Redis"
        return supported(found)

    async def _ask(self, question: Awaitable[T]) -> T | None:
        """Its answer; None if there is none in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await question
        except GONE as error:
            self._is_gone(error)
            return None

    def _is_gone(self, error: BaseException) -> None:
        self._is_useless(f"does not answer ({type(error).__name__})")

    def _is_useless(self, why: str) -> None:
        self._up = False
        self._news.clear()
        if not self._said:  # once, until it is there again
            self._said = True
            log.warning("Redis at %s is done without for now, since it %s", self.place, why)

    def _is_there(self) -> None:
        self._up = True
        if self._said:
            self._said = False
            log.info("Redis at %s answers", self.place)
        for listener in self.listeners:  # what was told meanwhile is lost
            listener(None)

    # --- telling

    def tell(self, app: str, session_id: str, version: int) -> None:
        if self._up:
            self._news[app, session_id] = version
            self._is_new.set()

    async def _tell_for_ever(self) -> None:
        while not self._over:
            await self._is_new.wait()
            await asyncio.sleep(MOMENT)
            self._is_new.clear()
            await self._tell_all()

    async def _tell_all(self) -> None:
        news, self._news = self._news, {}
        if not news or not self._up:
            return
        by_app: dict[str, list[tuple[str, int]]] = {}
        for (app, session_id), version in news.items():
            by_app.setdefault(app, []).append((session_id, version))
        pipe = self._redis.pipeline(transaction=False)
        for app, sessions in by_app.items():
            told = _News(self._name, sessions if len(sessions) <= MOST else [])
            pipe.publish(CHANGES + app, msgspec.json.encode(told))
        await self._ask(pipe.execute())

    # --- hearing

    async def _listen_for_ever(self) -> None:
        pause = 0.1
        while not self._over:
            began = time.monotonic()
            try:
                await self._listen()
            except GONE as error:
                self._is_gone(error)
            except InvalidInput as error:
                self._is_useless(f"is too old: {error}")
            pause = 0.1 if time.monotonic() - began > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            if not self._over:
                await asyncio.sleep(pause)

    async def _listen(self) -> None:
        """Until Redis is gone, which is an error."""
        async with self._redis.pubsub() as channels:
            async with asyncio.timeout(CONNECT):
                await channels.psubscribe(CHANGES + "*")
                await channels.get_message(timeout=CONNECT)
                await self._known()
            self._is_there()
            asked = False
            while self._up:
                message = await channels.get_message(timeout=QUIET)
                if message is None and asked:
                    raise TimeoutError
                asked = message is None
                if message is None:
                    await channels.ping()
                elif message["type"] == "pmessage":
                    self._heard(message["data"])

    def _heard(self, data: bytes) -> None:
        try:
            news = msgspec.json.decode(data, type=_News)
        except msgspec.DecodeError:
            return  # of another program
        if news.teller == self._name:
            return
        changed: list[str | None] = [name for name, _ in news.sessions]
        for session_id in changed or [None]:
            for listener in self.listeners:
                listener(session_id)
