"""What this instance does of the work that any could do: asked for, kept while it lasts, and let go of.

Invariants: nobody waits for a lease but the work itself; what is asked for and let go of in a moment goes in one commit, and at most
one goes every `MOMENT`; what was not let go of is past its time after `TTL`, so that others find it. A lease spares work, it guards no
row: whoever has lost one unawares is refused by the store's own comparison.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Sequence

from turnkeep.errors import ManagerClosed, OutcomeUnknown, TurnkeepError
from turnkeep.stores import Store
from turnkeep.stores.base import Lease

TTL = 30.0
RENEW = 10.0
LOOK = 15.0  # seconds between two looks for what others have left: with `TTL` less than a minute
MOMENT = 0.02
LINGER = 0.5  # so long what is let go of may wait for company

log = logging.getLogger("turnkeep.leases")


class Leases:
    """One for each manager that opens a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.holder = secrets.token_urlsafe(12)
        self._asked: dict[Lease, asyncio.Future[bool]] = {}
        self._on_the_way: dict[Lease, asyncio.Future[bool]] = {}
        self._unwanted: set[Lease] = set()  # of those on the way
        self._held: set[Lease] = set()
        self._gone: set[Lease] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def ask(self, lease: Lease) -> asyncio.Future[bool]:
        """It is on its way; whether it is ours, a `TurnkeepError` where the store refuses."""
        found = self._asked.get(lease)
        if found is None or found.cancelled():
            found = asyncio.get_running_loop().create_future()
            if lease in self._held:
                found.set_result(True)
            else:
                self._gone.discard(lease)
                self._asked[lease] = found
                self._go_on()
        return found

    def let_go(self, lease: Lease) -> None:
        """The work is done: soon others may have it."""
        if lease in self._held:
            self._held.remove(lease)
            self._gone.add(lease)
            self._go_on()
        elif lease in self._asked:
            asked = self._asked.pop(lease)
            if not asked.done():  # else whoever waited was cancelled
                asked.set_result(False)
        elif lease in self._on_the_way:
            self._unwanted.add(lease)

    async def rest(self, lease: Lease, seconds: float) -> None:
        """The work is done, and nobody need do it again for so long."""
        self._held.discard(lease)
        await self._store.lease([lease], self.holder, ttl_ms=round(seconds * 1000))

    async def close(self) -> None:
        """What is held still is left to others: they find it when it is past its time."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._on_the_way, self._asked = self._asked, {}
        self._refuse(ManagerClosed())
        if self._gone:
            with contextlib.suppress(TurnkeepError):
                await self._store.lease([], self.holder, ttl_ms=0, release=[*self._gone])

    # --- in the background

    def _go_on(self) -> None:
        if self._asked:
            self._wake.set()
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
            self._keeper.add_done_callback(self._stopped)

    def _stopped(self, keeper: asyncio.Task[None]) -> None:
        self._keeper = None

    async def _keep(self) -> None:
        renewed = time.monotonic()
        while self._asked or self._held or self._gone:
            due = renewed + RENEW - time.monotonic()
            if due <= 0:
                renewed = time.monotonic()
            if self._asked or due <= 0:
                await self._exchange(renew=due <= 0)
                await asyncio.sleep(MOMENT)
            elif not await self._asked_within(min(due, LINGER) if self._gone else due) and self._gone:
                await self._exchange(renew=False)

    async def _asked_within(self, seconds: float) -> bool:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        return bool(self._asked)

    async def _exchange(self, *, renew: bool) -> None:
        asked, self._asked = self._asked, {}
        self._on_the_way = asked
        gone, self._gone = self._gone, set()
        old = set(self._held) if renew else set()
        try:
            ours = set(await self._take([*asked, *old], [*gone]))
        except TurnkeepError as error:
            self._gone |= gone - set(self._asked)
            self._refuse(error)
        except BaseException:
            self._gone |= gone
            self._refuse(ManagerClosed())
            raise
        else:
            self._answer(ours, old)

    async def _take(self, wanted: list[Lease], release: list[Lease]) -> Sequence[Lease]:
        """Those that are ours. Where the answer was lost, it is asked for again: nothing is done twice by that."""
        while True:
            with contextlib.suppress(OutcomeUnknown):
                return await self._store.lease(wanted, self.holder, ttl_ms=round(TTL * 1000), release=release)

    def _answer(self, ours: set[Lease], old: set[Lease]) -> None:
        asked, self._on_the_way = self._on_the_way, {}
        unwanted, self._unwanted = self._unwanted, set()
        self._held -= old - ours
        self._held |= (ours & set(asked)) - unwanted
        self._gone |= ours & unwanted
        for lease, answer in asked.items():
            if not answer.done():
                answer.set_result(lease in ours)

    def _refuse(self, error: TurnkeepError) -> None:
        log.debug("leases were refused: %s", error)
        asked, self._on_the_way = self._on_the_way, {}
        self._unwanted.clear()
        for answer in asked.values():
            if not answer.done():
                answer.set_exception(error)
                answer.exception()  # whoever waits has it; perhaps nobody does any more
