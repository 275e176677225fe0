"""The store's inbox, as a bot sees it: its own structs in, its own structs out.

Invariant: `take_in` and `write` are durable when they return.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from turnkeep.errors import StoreError
from turnkeep.lifecycle import store_of
from turnkeep.manager import SessionManager
from turnkeep.session import Arrival

log = logging.getLogger("turnkeep.bots")
T = TypeVar("T")
Note = Callable[[tuple[str, ...]], Awaitable[None]]
FIRST_PAUSE, LAST_PAUSE = 0.5, 30.0  # seconds until something is tried again that failed for a reason that may pass


class Inbox:
    """Of one interface."""

    def __init__(self, sessions: SessionManager, interface_type: str) -> None:
        self._store, self._app, self._interface = store_of(sessions), sessions.app, interface_type

    async def take_in(self, received: Any) -> bool:
        """Whether it is new. `received` has `external_id` and `incoming`."""
        incoming = received.incoming
        user = incoming.author_id if incoming.external_user_id is None else incoming.external_user_id
        return await self._store.take_in(
            Arrival(
                app=self._app,
                interface_type=self._interface,
                external_id=received.external_id,
                conversation_id=str(incoming.conversation_id),
                external_user_id=None if user is None else str(user),
                payload=msgspec.json.encode(received).decode(),
                created_ms=int(time.time() * 1000),
            )
        )

    async def waiting(self, kind: type[T]) -> list[tuple[T, tuple[str, ...]]]:
        """What is not done, oldest first, with the ids of the messages that were sent for it."""
        found = []
        for arrival in await self._store.arrivals(self._app, self._interface):
            sent = msgspec.json.decode(arrival.progress, type=tuple[str, ...]) if arrival.progress else ()
            found.append((msgspec.json.decode(arrival.payload, type=kind), sent))
        return found

    def noting(self, external_id: str) -> Note:
        """By which a delivery notes the ids of what it has sent."""

        async def note(sent: tuple[str, ...]) -> None:
            told = msgspec.json.encode(sent).decode()
            await self._store.note_progress(self._app, self._interface, external_id, told)

        return note

    async def finish(self, external_ids: Sequence[str]) -> None:
        """What one turn has answered, all or none."""
        await self._store.finish(self._app, self._interface, external_ids, int(time.time() * 1000))


class Mark:
    """How far a bot has come, where its platform tells nothing twice: one text that stays.

    It is the progress of an arrival that is never done, on an interface of its own.
    """

    def __init__(self, sessions: SessionManager, interface_type: str) -> None:
        self._store, self._app, self._interface = store_of(sessions), sessions.app, f"{interface_type}-mark"

    async def read(self) -> str:
        """ "" if none was written yet."""
        return "".join(arrival.progress for arrival in await self._store.arrivals(self._app, self._interface))

    async def write(self, text: str) -> None:
        arrival = Arrival(
            app=self._app,
            interface_type=self._interface,
            external_id="mark",
            conversation_id="mark",
            external_user_id=None,
            payload="",
            progress=text,
            created_ms=int(time.time() * 1000),
        )
        if not await self._store.take_in(arrival):
            await self._store.note_progress(self._app, self._interface, "mark", text)


async def stored(work: Callable[[], Awaitable[T]], what: str) -> T:
    """Do it, and again while the database refuses."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await work()
        except StoreError as error:
            log.error("%s waits for the database, %g s: %s", what, pause, error)
            await asyncio.sleep(pause)
            pause = min(LAST_PAUSE, pause * 2)


async def until_stored(take: Callable[[], Awaitable[T]], what: str) -> T | None:
    """Take something in. A store that refuses for now is asked again, so that nothing is lost; what we fail at is logged: None."""
    try:
        return await stored(take, what)
    except Exception:
        log.exception("%s could not be read", what)
        return None
