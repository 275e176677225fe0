"""Looking up keys: once for requests that are served together, and never from before a request."""

import asyncio

import pytest
from tests.server.conftest import Running

from turnkeep.keys import ApiKey


class Looks:
    """The store's look-ups of keys, counted; each may take some steps of the loop."""

    def __init__(self, running: Running, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
        self.count, self.steps = 0, steps
        self.real = running.tenants.store.key
        monkeypatch.setattr(running.tenants.store, "key", self.look)

    async def look(self, key_id: str) -> ApiKey | None:
        self.count += 1
        found = await self.real(key_id)
        for _ in range(self.steps):
            await asyncio.sleep(0)
        return found


async def test_those_of_one_step_share_a_look(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    key, looks = await running.key(), Looks(running, monkeypatch, steps=0)
    for total in (1, 2):
        found = await asyncio.gather(*[running.tenants.find(key) for _ in range(10)])
        assert len(found) == 10
        assert None not in found
        assert looks.count == total


async def test_a_look_that_takes_longer_is_not_used_after_it(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    key, looks = await running.key(), Looks(running, monkeypatch, steps=3)
    first = asyncio.create_task(running.tenants.find(key))
    await asyncio.sleep(0)
    [stored] = await running.tenants.store.keys()
    await running.tenants.store.revoke_key(None, stored.id, 1)
    assert await running.tenants.find(key) is None
    assert looks.count == 2
    assert await first is not None


async def test_what_is_no_key_is_found_out_once_too(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(running, monkeypatch, steps=0)
    assert await asyncio.gather(*[running.tenants.find("tk_wrong") for _ in range(3)]) == [None] * 3
    assert looks.count == 1
