"""What an instance asks for, keeps and lets go of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from turnkeep import leases as leases_module
from turnkeep.errors import ManagerClosed, OutcomeUnknown, StoreBusy
from turnkeep.leases import LOOK, RENEW, TTL, Leases
from turnkeep.stores import MemoryStore
from turnkeep.stores.base import Lease
from turnkeep.stores.sqlite import SQLiteStore

ONE, TWO = Lease("compaction", "app", "ses_1"), Lease("compaction", "app", "ses_2")


class Counted(MemoryStore):
    """Its calls for leases: what was asked for, what was let go of."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[set[Lease], set[Lease]]] = []
        self.broken = self.mute = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def lease(self, take: Sequence[Lease], holder: str, *, ttl_ms: int, release: Sequence[Lease] = ()) -> list[Lease]:
        self.calls.append((set(take), set(release)))
        await self.gate.wait()
        if self.broken:
            raise StoreBusy
        done = await super().lease(take, holder, ttl_ms=ttl_ms, release=release)
        if self.mute:
            self.mute = False
            raise OutcomeUnknown
        return done


@pytest.fixture
async def store() -> AsyncIterator[Counted]:
    store = Counted()
    await store.open()
    yield store
    await store.close()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.002)


def test_what_an_instance_leaves_is_found_within_a_minute() -> None:
    assert 2 * RENEW < TTL
    assert TTL + LOOK < 55


async def test_where_the_answer_is_lost_it_is_asked_for_again(store: Counted) -> None:
    ours, theirs = Leases(store), Leases(store)
    store.mute = True
    assert await ours.ask(ONE)
    assert not await theirs.ask(ONE)
    assert store.calls[:2] == [({ONE}, set())] * 2
    ours.let_go(ONE)
    store.mute = True
    await until(lambda: store.calls[-2:] == [(set(), {ONE})] * 2)
    assert await theirs.ask(ONE)
    await theirs.close()


async def test_what_is_asked_for_together_goes_together(store: Counted) -> None:
    ours, theirs = Leases(store), Leases(store)
    asked = [ours.ask(lease) for lease in (ONE, TWO, ONE)]
    assert await asyncio.gather(*asked) == [True] * 3
    assert await ours.ask(ONE)
    assert store.calls == [({ONE, TWO}, set())]
    assert not await theirs.ask(ONE)
    ours.let_go(ONE)
    ours.let_go(TWO)
    await until(lambda: len(store.calls) == 3)
    assert store.calls[2] == (set(), {ONE, TWO})
    assert await theirs.ask(ONE)
    await until(lambda: ours._keeper is None)  # nothing is kept, nothing runs
    await theirs.close()


async def test_what_is_let_go_of_goes_with_what_is_asked_for(store: Counted) -> None:
    ours = Leases(store)
    await ours.ask(ONE)
    ours.let_go(ONE)
    assert await ours.ask(TWO)
    assert store.calls == [({ONE}, set()), ({TWO}, {ONE})]
    await ours.close()
    assert len(store.calls) == 2  # what is held is left to others


async def test_what_is_no_longer_wanted_is_not_kept(store: Counted) -> None:
    ours = Leases(store)
    asked = ours.ask(ONE)
    ours.let_go(ONE)
    assert not await asked
    store.gate.clear()
    asked = ours.ask(ONE)
    await until(lambda: store.calls)
    ours.let_go(ONE)
    store.gate.set()
    await asked
    await until(lambda: ours._keeper is None)
    assert await Leases(store).ask(ONE)


async def test_whoever_waits_may_be_cancelled(store: Counted) -> None:
    ours = Leases(store)
    await ours.ask(TWO)  # for a moment nothing else goes
    ours.ask(ONE).cancel()
    assert await ours.ask(ONE)
    ours.let_go(ONE)
    await until(lambda: store.calls[-1] == (set(), {ONE}))
    ours.ask(ONE).cancel()
    ours.let_go(ONE)
    await ours.close()
    assert (await Leases(store).ask(ONE), store.calls[-1]) == (True, ({ONE}, set()))


async def test_it_is_renewed_while_it_is_held(store: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases_module, "RENEW", 0.01)
    ours = Leases(store)
    await ours.ask(ONE)
    await until(lambda: store.calls.count(({ONE}, set())) > 3)
    store._leases.rows[ONE] = "somebody else", 10**12
    count = len(store.calls)
    await until(lambda: ours._keeper is None)  # it is known to be lost
    assert len(store.calls) <= count + 2
    assert not await ours.ask(ONE)


async def test_a_store_that_refuses_is_asked_again(store: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases_module, "LINGER", 0.01)
    ours = Leases(store)
    await ours.ask(ONE)
    store.broken = True
    with pytest.raises(StoreBusy):
        await ours.ask(TWO)
    ours.let_go(ONE)
    await until(lambda: len(store.calls) > 4)
    store.broken = False
    await until(lambda: ours._keeper is None)
    assert ONE not in store._leases.rows


async def test_whoever_waits_at_the_end_is_told(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "chats.db")
    await store.open()
    ours = Leases(store)
    assert await ours.ask(ONE)
    ours.let_go(ONE)
    asked = ours.ask(TWO)
    await ours.close()
    assert isinstance(asked.exception(), ManagerClosed)
    assert await Leases(store).ask(ONE)
    await store.close()
