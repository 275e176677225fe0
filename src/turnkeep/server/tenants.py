"""What the server has open: one store, and over it a manager for each app that a key asks for.

Invariants: a manager is reached only by the app's name in a stored key, never by anything in a request; a key is looked up after the
request has come in, so that a revoked one ends at once.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from turnkeep.errors import StoreBusy
from turnkeep.keys import ApiKey, matches, new_key, parse
from turnkeep.lifecycle import hints_of, summarizer_of
from turnkeep.manager import SessionManager
from turnkeep.server.metrics import Readings
from turnkeep.server.prompts import MOST_BYTES, Prompts
from turnkeep.server.streams import Streams
from turnkeep.settings import Settings
from turnkeep.stores import CachedStore, open_store

READY_SECONDS = 2.0
COUNT_SECONDS = 60.0


class Tenants:
    """Use it in `async with`."""

    def __init__(self, url: str | None, settings: Settings, *, clock: Callable[[], float] | None = None) -> None:
        self.settings = settings
        self.streams = Streams(settings)
        self.store = open_store(url or settings.database_url, settings)
        self.cache = CachedStore(self.store, settings.cache_sessions) if settings.cache_sessions else None
        cached = (
            settings.cache_sessions and not settings.context_state
        )  # a user's state may change under a session that is closed
        self.prompts = Prompts(self.store, MOST_BYTES if cached else 0)
        self._first = SessionManager(self.cache or self.store, settings, clock=clock)
        self.hints = hints_of(self._first)
        self._managers: dict[str, SessionManager] = {}
        self._active, self._counted = 0, -math.inf
        self._found: dict[str, ApiKey | None] | None = None  # of this step of the loop

    async def __aenter__(self) -> Self:
        self._managers[self.settings.app] = await self._first
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._first.close()

    @property
    def operator(self) -> str:
        """The app whose keys may read what is about all apps."""
        return self.settings.metrics_app or self.settings.app

    async def count(self) -> None:
        """Count the sessions that are active, unless that was done a short while ago."""
        now = time.monotonic()
        if now - self._counted >= COUNT_SECONDS:
            self._counted = now
            self._active = await self.store.active_sessions()

    def readings(self) -> Readings:
        cache = self.cache
        return Readings(
            cache_hits=cache.hits.total() if cache else 0,
            cache_misses=cache.misses.total() if cache else 0,
            cache_sessions=cache.held if cache else 0,
            changes_waiting=self.store.waiting,
            event_streams=len(self.streams),
            sessions_active=self._active,
            failures=self._first.failures,
            summarizer=summarizer_of(self._first),
            redis_up=self.hints is not None and self.hints.up,
            pool=self.store.pool,
        )

    def manager(self, app: str) -> SessionManager:
        found = self._managers.get(app)
        if found is None:
            found = self._managers[app] = self._first.for_app(app)
        return found

    async def find(self, shown: str) -> ApiKey | None:
        """The key that this text is, if it counts. Requests that a step of the loop serves had come in before it, so they share a look.

        A look that takes longer than the step ends in what nobody reads any more.
        """
        if self._found is None:
            self._found = {}
            asyncio.get_running_loop().call_soon(self._forget)
        found = self._found
        if shown not in found:
            name, secret = parse(shown) or ("", "")
            stored = await self.store.key(name)
            found[shown] = stored if matches(secret, stored) else None
        return found[shown]

    def _forget(self) -> None:
        self._found = None

    async def counts(self, key: ApiKey) -> bool:
        """Whether a key that was found still counts."""
        return await self.store.key(key.id) == key

    async def first_key(self) -> str | None:
        """An admin key, shown this once, if there is no key yet."""
        if await self.store.keys():
            return None
        shown, key = new_key(self.settings.app, "admin", label="first start", now_ms=int(time.time() * 1000))
        await self.store.add_key(key)
        return shown

    async def answers(self) -> None:
        """Whether the store reads, and takes changes, in time; else it raises."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.store.ready()
        except TimeoutError:
            raise StoreBusy(f"the database took no change within {READY_SECONDS:g} s") from None
