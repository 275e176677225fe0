"""A client's life: opening, closing, and the ways a call takes.

Invariant: nothing is sent before it is awaited or entered; opening it proves that the server is there and knows the key.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from weakref import WeakSet

from turnkeep import checks
from turnkeep.client import answers, arguments
from turnkeep.client.connection import Ask, Condition, Connection, Reply
from turnkeep.client.feed import Feed
from turnkeep.client.retries import Retries
from turnkeep.errors import InvalidInput, ManagerClosed, StoreError
from turnkeep.session import JsonObject

VARIABLES = {"url": "TURNKEEP_SERVER_URL", "key": "TURNKEEP_API_KEY"}


class Lifecycle:
    """What `SessionManager` stands on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._app = ""
        self._condition = Condition()
        self._opened = False
        self._feeds: WeakSet[Feed] = WeakSet()
        self._all_feeds = self._feeds  # those of what `conditional` lent, too
        self._owns = True  # the connection: not so where `conditional` lent it
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, url: str | None = None, *, key: str | None = None, timeout: float = 30.0) -> Self:
        """The sessions of the key's app on the server at `url`; what is not given is in TURNKEEP_SERVER_URL and TURNKEEP_API_KEY.

        `timeout`: seconds that a call may take, all its tries included; those that wait for a summarizer or read the whole database
        may take ten minutes. Nothing is sent until it is awaited or entered.
        """
        where = arguments.url(os.environ.get(VARIABLES["url"], "") if url is None else url)
        shown = arguments.key(os.environ.get(VARIABLES["key"]) if key is None else key)
        seconds = checks.lifetime("timeout", timeout) / 1000
        return cls(Connection(where, shown, seconds, Retries()))

    def __await__(self) -> Generator[Any, None, Self]:
        return self._start().__await__()

    async def _start(self) -> Self:
        if self._closing is not None:
            raise ManagerClosed
        if self._opened:
            raise InvalidInput("manager", "is open already")
        self._connection.start()
        try:
            self._app = answers.key(await self._read("/api/key")).app
        except BaseException:
            await self._connection.close()
            raise
        self._opened = True
        return self

    def conditional(
        self, *, expected_version: int | None = None, idempotency_key: str | None = None, fingerprint: str = ""
    ) -> Self:
        """See `turnkeep.SessionManager.conditional`."""
        self._ready()
        if expected_version is not None:
            checks.page("expected_version", expected_version, 0, None)
        other = copy(self)
        other._condition = Condition(
            expected_version, arguments.idempotency_key(idempotency_key), arguments.fingerprint(fingerprint)
        )
        other._owns, other._feeds = False, WeakSet()
        return other

    async def __aenter__(self) -> Self:
        return await self._start()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """End the feeds, let the calls under way end, each in its time, and give the connections back; a caller that is cancelled does
        not stop it."""
        opened, self._opened = self._opened, False
        for feed in list(self._all_feeds if self._owns else self._feeds):
            feed.close()
        if opened and self._owns:
            self._closing = asyncio.create_task(self._connection.close())
        if self._closing is not None:
            await asyncio.shield(self._closing)

    @property
    def app(self) -> str:
        """The app of the API key."""
        if not self._app:
            raise ManagerClosed
        return self._app

    # --- the ways of a call

    def _ready(self) -> None:
        if not self._opened:
            raise ManagerClosed
        self._connection.usable()

    async def _call(
        self, method: str, path: str, *, body: JsonObject | None = None, about: str = "", slow: bool = False
    ) -> Reply:
        return await self._connection.call(Ask(method, path, body=body, about=about, slow=slow))

    async def _read(self, path: str, query: JsonObject | None = None, about: str = "") -> bytes:
        return (await self._connection.call(Ask("GET", path, query or {}, about=about))).body

    async def _write(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        query: JsonObject | None = None,
        *,
        about: str = "",
    ) -> Reply:
        if self._condition.version is not None and not about:
            raise InvalidInput("expected_version", "is a session's, and this call is not about one")
        ask = Ask(method, path, query or {}, body, about, write=True, condition=self._condition)
        return await self._connection.call(ask)

    def _feed(self, session_id: str, after: str | None) -> Feed:
        feed = Feed(self._connection, session_id, after)
        self._feeds.add(feed)
        self._all_feeds.add(feed)
        return feed

    async def _download(self, path: str, target: Path) -> None:
        """Into a file that did not exist; when it fails, none does."""
        with _made(target) as file:
            await self._connection.download(Ask("GET", path, slow=True), file)


@contextmanager
def _made(target: Path) -> Iterator[BinaryIO]:
    """A new file, gone again if what is done with it fails."""
    try:
        file = target.open("xb")
    except FileExistsError:
        raise InvalidInput("target", f"{target} exists already: name a file that does not") from None
    except OSError as error:
        raise StoreError(f"target: {target}: {error.strerror}") from error
    try:
        with file:
            yield file
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreError(f"target: {target}: {error.strerror}") from error
        raise
