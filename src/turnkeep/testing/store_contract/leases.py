"""Leases: one holder at a time, for a time."""

from __future__ import annotations

import asyncio

from turnkeep.stores.base import Lease, Store
from turnkeep.testing.store_contract.case import Case

ONE, TWO = Lease("compaction", "app", "ses_1"), Lease("compaction", "app", "ses_2")
LONG = 600_000


async def abandoned(store: Store, *leases: Lease) -> None:
    """Wait until these are past their time."""
    async with asyncio.timeout(30):
        found: set[Lease] = set()
        while found != set(leases):
            await asyncio.sleep(0.005)
            found = set(await store.abandoned("compaction", 100))


class Leasing(Case):
    """`lease` and `abandoned`."""

    async def test_a_lease_has_one_holder(self, store: Store) -> None:
        assert await store.lease([ONE], "a", ttl_ms=LONG) == [ONE]
        assert await store.lease([ONE, TWO], "b", ttl_ms=LONG) == [TWO]
        assert await store.lease([ONE, TWO], "a", ttl_ms=LONG) == [ONE]  # it is renewed
        assert await store.lease([], "a", ttl_ms=LONG) == []

    async def test_of_many_who_ask_one_gets_it(self, store: Store) -> None:
        stores = [store, await self.another(store) or store]
        asked = [stores[at % 2].lease([ONE], f"holder {at}", ttl_ms=LONG) for at in range(10)]
        assert sorted(map(len, await asyncio.gather(*asked))) == [0] * 9 + [1]
        if stores[1] is not store:
            await stores[1].close()

    async def test_what_is_let_go_is_free_at_once(self, store: Store) -> None:
        await store.lease([ONE], "a", ttl_ms=LONG)
        await store.lease([], "b", ttl_ms=LONG, release=[ONE])  # it is not b's to let go of
        assert await store.lease([ONE], "b", ttl_ms=LONG) == []
        assert await store.lease([TWO], "a", ttl_ms=LONG, release=[ONE, TWO]) == [TWO]
        assert await store.lease([ONE, TWO], "b", ttl_ms=LONG) == [ONE]

    async def test_past_its_time_it_is_anybodys(self, store: Store) -> None:
        await store.lease([ONE, TWO], "a", ttl_ms=1)
        await abandoned(store, ONE, TWO)
        assert len(await store.abandoned("compaction", 1)) == 1
        assert await store.abandoned("cleanup", 100) == []
        assert await store.lease([ONE], "b", ttl_ms=LONG) == [ONE]
        await abandoned(store, TWO)
        assert await store.lease([ONE, TWO], "a", ttl_ms=LONG, release=[ONE]) == [TWO]  # whoever was late has lost it

    async def test_a_renewal_counts_from_when_it_is_made(self, store: Store) -> None:
        await store.lease([ONE, TWO], "a", ttl_ms=1)
        await abandoned(store, ONE, TWO)
        assert await store.lease([ONE], "a", ttl_ms=LONG) == [ONE]
        assert await store.abandoned("compaction", 100) == [TWO]
        assert await store.lease([ONE], "b", ttl_ms=LONG) == []

    async def test_work_apps_and_subjects_are_apart(self, store: Store) -> None:
        leases = [ONE, TWO, Lease("compaction", "other", "ses_1"), Lease("cleanup", "app", "ses_1"), Lease("cleanup")]
        for at, one in enumerate(leases):
            assert await store.lease([one], f"{at}", ttl_ms=LONG) == [one]
