"""What the server has open: one store, and over it a manager for each app that a key asks for.

Invariant: a manager is reached only by the app's name in a stored key, never by anything in a request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from turnkeep.keys import ApiKey, matches, new_key, parse
from turnkeep.manager import SessionManager
from turnkeep.server.streams import Streams
from turnkeep.settings import Settings
from turnkeep.stores import open_store


class Tenants:
    """Use it in `async with`."""

    def __init__(self, url: str | None, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.streams = Streams(settings)
        self.store = open_store(url or settings.database_url, settings)
        self._first = SessionManager(self.store, settings, clock=clock)
        self._managers: dict[str, SessionManager] = {}

    async def __aenter__(self) -> Self:
        self._managers[self.settings.app] = await self._first
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._first.close()

    def manager(self, app: str) -> SessionManager:
        found = self._managers.get(app)
        if found is None:
            found = self._managers[app] = self._first.for_app(app)
        return found

    async def find(self, shown: str) -> ApiKey | None:
        """The key that this text is, if it counts. Asked of the store each time, so that a revoked one ends at once."""
        name, secret = parse(shown) or ("", "")
        stored = await self.store.key(name)
        return stored if matches(secret, stored) else None

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
        """Whether the store does; else it raises."""
        await self.store.key("")
