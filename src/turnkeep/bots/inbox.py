"""The store's inbox, as a bot sees it: its own structs in, its own structs out.

Invariant: `take_in` is durable when it returns.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from turnkeep.lifecycle import store_of
from turnkeep.manager import SessionManager
from turnkeep.session import Arrival

log = logging.getLogger("turnkeep.bots")
T = TypeVar("T")
Note = Callable[[tuple[str, ...]], Awaitable[None]]


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
