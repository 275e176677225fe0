"""The compactor at work, with a summarizer that waits for a sign."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from turnkeep.compaction import is_due
from turnkeep.compactor import Compactor
from turnkeep.errors import Conflict, StoreError, UnknownSession
from turnkeep.leases import Leases
from turnkeep.manager import SessionManager
from turnkeep.session import Message, NewMessage, Session
from turnkeep.settings import Settings
from turnkeep.stores import MemoryStore
from turnkeep.stores.base import Store
from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.summarizers import Ladder
from turnkeep.testing import APP, NOW, message, opened, said, summary

DEFAULTS = Settings()


def u(tokens: int = 10) -> NewMessage:
    return message("user", "why?", tokens=tokens)


def a(tokens: int = 10) -> NewMessage:
    return message("assistant", "so.", tokens=tokens)


class Slow:
    """A summarizer that begins, then waits until it is told to go on."""

    method = "model"
    source = "test"

    def __init__(self, text: str = "In short.") -> None:
        self.text = text
        self.began, self.go = asyncio.Event(), asyncio.Event()
        self.running = self.most = self.calls = 0
        self.deaf = False  # whether it swallows its cancellation

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            if not self.deaf:
                raise
            await self.go.wait()
        finally:
            self.running -= 1
        return self.text


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "turnkeep.db")
    await store.open()
    yield store
    assert await store.check() == []
    await store.close()


def compactor(store: Store, summarizer: Any, **settings: Any) -> Compactor:
    made = Settings(**settings)
    return Compactor(store, made, lambda: NOW, Ladder(summarizer, parallel=made.compaction_parallel), leases=Leases(store))


async def grown(store: Store, turns: int = 10, **changes: Any) -> Session:
    """A session whose compaction is due."""
    made = await opened(store, token_limit=turns * 20, tokenizer="estimate", **changes)
    return await said(store, made, *[u(), a()] * turns)


async def finished(work: Compactor) -> None:
    async with asyncio.timeout(10):
        await work.settle()


async def test_background_returns_at_once(store: Store) -> None:
    of, slow = await grown(store), Slow()
    work = compactor(store, slow)
    await work.due(of)
    await work.due(of)  # one at a time for each session
    async with asyncio.timeout(10):
        await slow.began.wait()
    assert await store.summaries(APP, of.id) == []
    slow.go.set()
    await finished(work)
    [made] = await store.summaries(APP, of.id)
    assert (made.from_seq, made.to_seq, made.text, made.method, made.source) == (1, 14, "In short.", "model", "test")
    assert slow.calls == 1


async def test_who_cannot_wait_has_it_made_at_once(store: Store) -> None:
    """However busy it is and however many run: once, for all who ask."""
    of = await grown(store)
    work = Compactor(store, Settings(compaction_parallel=1), lambda: NOW, Ladder(), lambda: True, leases=Leases(store))
    work._tasks["another"] = other = asyncio.create_task(asyncio.sleep(60))
    await work.due(of)
    async with asyncio.timeout(10):
        assert all(await asyncio.gather(work.at_once(of), work.at_once(of)))
    [made] = await store.summaries(APP, of.id)
    assert (made.from_seq, made.to_seq, made.method) == (1, 14, "extractive")
    assert not await work.at_once(await store.session(APP, of.id))  # it is no longer due
    other.cancel()
    del work._tasks["another"]
    await finished(work)


@pytest.mark.parametrize("compaction", ["inline", "manual"])
async def test_at_once_is_for_the_background_only(store: Store, compaction: str) -> None:
    of = await grown(store)
    assert not await compactor(store, None, compaction=compaction).at_once(of)
    assert await store.summaries(APP, of.id) == []


async def test_nobody_waits_for_a_model(store: Store) -> None:
    of = await grown(store)
    assert not await compactor(store, Slow()).at_once(of)


async def test_inline_waits_for_it(store: Store) -> None:
    of, slow = await grown(store), Slow()
    waiting = asyncio.create_task(compactor(store, slow, compaction="inline").due(of))
    await slow.began.wait()
    assert not waiting.done()
    slow.go.set()
    await waiting
    assert len(await store.summaries(APP, of.id)) == 1


async def test_manual_does_nothing_by_itself(store: Store) -> None:
    of, slow = await grown(store), Slow()
    slow.go.set()
    work = compactor(store, slow, compaction="manual")
    await work.due(of)
    await finished(work)
    assert (slow.calls, await store.summaries(APP, of.id)) == (0, [])
    assert await work.compact(APP, of.id) is not None


async def test_what_is_no_longer_due_is_not_done(store: Store) -> None:
    of, slow = await grown(store), Slow()
    work = compactor(store, slow)
    await store.clear(APP, of.id, keep_summaries=True, now_ms=NOW)
    await work.due(of)
    await finished(work)
    assert slow.calls == 0


async def test_an_append_during_it_is_simply_not_covered(store: Store) -> None:
    of, slow = await grown(store), Slow()
    work = compactor(store, slow)
    await work.due(of)
    await slow.began.wait()
    await said(store, of, u(), a(), u())
    await store.update_state(APP, of.id, "session", {"a": 1}, limit=100, now_ms=NOW)
    slow.go.set()
    await finished(work)
    [made] = await store.summaries(APP, of.id)
    after = await store.session(APP, of.id)
    assert (made.to_seq, after.window_start, after.window_messages) == (14, 15, 9)


@pytest.mark.parametrize("how", ["clear", "retract"])
async def test_what_moves_the_window_makes_it_fail(store: Store, how: str) -> None:
    of, slow = await grown(store), Slow()
    work = compactor(store, slow)
    await work.due(of)
    by_hand = asyncio.create_task(work.compact(APP, of.id))
    while slow.running < 2:
        await asyncio.sleep(0)
    if how == "clear":
        await store.clear(APP, of.id, keep_summaries=True, now_ms=NOW)
    else:
        await store.retract(APP, of.id, 19, NOW)
    await said(store, of, u())
    slow.go.set()
    await finished(work)
    with pytest.raises(Conflict):
        await by_hand
    assert await store.summaries(APP, of.id) == []


async def test_a_session_deleted_during_it(store: Store) -> None:
    of, slow = await grown(store), Slow()
    work = compactor(store, slow)
    await work.due(of)
    await slow.began.wait()
    await store.delete(APP, of.id)
    slow.go.set()
    await finished(work)
    with pytest.raises(UnknownSession):
        await work.compact(APP, of.id)


async def test_of_two_compactors_on_one_file_one_wins(tmp_path: Path) -> None:
    stores = [SQLiteStore(tmp_path / "turnkeep.db") for _ in range(2)]
    for one in stores:
        await one.open()
    of = await grown(stores[0])
    slows = [Slow("first"), Slow("second")]
    works = [compactor(one, slow) for one, slow in zip(stores, slows, strict=True)]
    tasks = [asyncio.create_task(work.compact(APP, of.id)) for work in works]
    for slow in slows:
        await slow.began.wait()
        slow.go.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Summary"]
    [made] = await stores[0].summaries(APP, of.id)
    assert replace(made, data=None, authors=None) in answers
    assert (await stores[1].session(APP, of.id)).window_messages == 6
    assert await stores[1].check() == []
    for one in stores:
        await one.close()


async def test_at_most_so_many_run_at_once(store: Store) -> None:
    sessions = [await grown(store, conversation_id=str(n)) for n in range(7)]
    slow = Slow()
    work = compactor(store, slow, compaction_parallel=3)
    for of in sessions:
        await work.due(of)
    while slow.running < 3:
        await asyncio.sleep(0)
    slow.go.set()
    await finished(work)
    assert (slow.most, slow.calls) == (3, 7)


async def test_a_failure_in_the_background_is_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise StoreError("disk I/O error")

    of, work = await grown(store), compactor(store, Slow())
    with monkeypatch.context() as patched:
        patched.setattr(store, "window", broken)
        await work.due(of)
        await finished(work)
    assert work.failures == 1
    assert "disk I/O error" in caplog.text


class Broken(Slow):
    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        self.calls += 1
        raise ZeroDivisionError("of the test")


@pytest.mark.parametrize("compaction", ["background", "inline"])
async def test_where_a_summarizer_raises_the_extractive_one_stands_in(
    store: Store, compaction: str, caplog: pytest.LogCaptureFixture
) -> None:
    of = await grown(store)
    work = compactor(store, Broken(), compaction=compaction)
    with caplog.at_level(logging.WARNING, "turnkeep.compaction"):
        await work.due(of)
        await finished(work)
    assert "of the test" in caplog.text
    [made] = await store.summaries(APP, of.id)
    assert (made.method, made.from_seq, made.to_seq) == ("extractive", 1, 14)


@pytest.mark.parametrize("text", ["", " ", "long " * 500, 7], ids=["nothing", "blank", "more than it may have", "no text"])
async def test_a_text_that_cannot_be_used_is_not_stored(store: Store, text: Any) -> None:
    of, slow = await grown(store), Slow(text)
    slow.go.set()
    made = await compactor(store, slow).compact(APP, of.id)
    assert made is not None and (made.method, slow.calls) == ("extractive", 1)


async def test_a_summary_that_saves_less_than_it_costs_is_not_stored(store: Store) -> None:
    made = await opened(store, token_limit=40, tokenizer="estimate")
    of = await said(store, made, *[u(2), a(2)] * 10)
    work = compactor(store, Slow("It is so."), compaction_keep=0.9)
    work._ladder._given.go.set()  # type: ignore[union-attr]
    assert await work.compact(APP, of.id) is None
    assert await store.summaries(APP, of.id) == []


async def test_in_the_background_it_waits_for_a_calm_moment(store: Store) -> None:
    busy, slow = [True], Slow()
    slow.go.set()
    work = Compactor(store, Settings(), lambda: NOW, Ladder(slow), lambda: busy[0], leases=Leases(store))
    of = await grown(store)
    await work.due(of)
    await asyncio.sleep(0.12)
    assert slow.calls == 0
    busy[0] = False
    async with asyncio.timeout(10):
        await slow.began.wait()
    await finished(work)
    assert len(await store.summaries(APP, of.id)) == 1


@pytest.mark.parametrize("why", ["a prompt is large", "the window grew very long", "somebody settles"])
async def test_it_does_not_wait_for_calm_for_ever(store: Store, why: str) -> None:
    slow = Slow()
    slow.go.set()
    work = Compactor(store, Settings(), lambda: NOW, Ladder(slow), lambda: True, leases=Leases(store))
    of = await grown(store)
    if why == "the window grew very long":
        of = await said(store, of, *[u(), a()] * 200)
    if why == "a prompt is large":
        await work.pressing(of)
    else:
        await work.due(of)
    if why == "somebody settles":
        await finished(work)
    else:
        async with asyncio.timeout(10):
            await slow.began.wait()
            while not await store.summaries(APP, of.id):
                await asyncio.sleep(0.01)
    assert len(await store.summaries(APP, of.id)) == 1


async def test_a_very_long_window_is_covered_in_parts(store: Store) -> None:
    slow = Slow()
    slow.go.set()
    of = await said(store, await grown(store), *[u(), a()] * 200)  # 210 turns of 20 tokens, the limit is 200
    work = compactor(store, slow)
    await work.due(of)
    await finished(work)
    made = await store.summaries(APP, of.id)
    ends = [0, *(one.to_seq for one in made)]
    assert all(0 < later - end <= 40 for end, later in pairwise(ends))  # two limits are 400 tokens
    assert slow.calls > 10
    after = await store.session(APP, of.id)
    assert not is_due(after, DEFAULTS)


async def test_after_a_backlog_nothing_is_due(store: Store) -> None:
    made = await opened(store, token_limit=400, tokenizer="estimate")
    of = await said(store, made, *[u(), a()] * 250)
    slow = Slow()
    slow.go.set()
    for mode in ("background", "inline"):
        work = compactor(store, slow, compaction=mode)
        await work.due(of)
        await finished(work)
        after = await store.session(APP, of.id)
        assert not is_due(after, DEFAULTS)
        assert after.window_tokens <= 0.3 * 400


async def test_a_log_of_notices_is_compacted_too(store: Store) -> None:
    made = await opened(store, token_limit=200, tokenizer="estimate")
    of = await said(store, made, *[message("assistant", f"Train {at} leaves at 19:{at}.", tokens=10) for at in range(10, 40)])
    work = compactor(store, None)
    await work.due(of)
    await finished(work)
    after = await store.session(APP, of.id)
    assert 0 < after.window_tokens <= 60
    assert "leaves at 19:" in (await store.summaries(APP, of.id))[-1].text


async def test_a_summarizer_may_add_messages_itself(tmp_path: Path) -> None:
    class Adds(Slow):
        async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
            self.calls += 1
            await manager.add_message(name, "assistant", "I am summing up.")
            return "In short."

    adds = Adds()
    async with SessionManager.open("memory://", token_limit=300, compaction="inline", summarizer=adds) as manager:
        name = (await manager.get_or_create_session("web", 1)).id
        for at in range(30):
            await manager.add_message(name, "user", f"message {at} of thirty that all say about as much as this one does")
        assert 0 < adds.calls < 30


async def test_a_marker_is_told_after_all_by_the_next_summary(store: Store) -> None:
    made = await opened(store, token_limit=400, tokenizer="estimate")
    talk = [message("user", f"A table for {at} people in Porto at 19:30, please.", tokens=15) for at in range(20)]
    of = await said(store, made, *talk)
    marker = summary(1, 10, "[Not shown here.]", method="truncation", tokens=9, counter="estimate")
    await store.add_summary(APP, of.id, marker, generation=0, now_ms=NOW)
    told = await compactor(store, None).compact(APP, of.id)
    assert told is not None
    assert (told.from_seq, told.method) == (1, "extractive")
    assert "Porto" in told.text and told.tokens_before >= 15 * 14
    assert [one.live for one in await store.summaries(APP, of.id)] == [False, True]


async def test_close_lets_it_end(store: Store) -> None:
    of, slow = await grown(store), Slow()
    work = compactor(store, slow)
    await work.due(of)
    await slow.began.wait()
    closing = asyncio.create_task(work.close(60))
    await asyncio.sleep(0)
    slow.go.set()
    async with asyncio.timeout(10):
        await closing
    assert len(await store.summaries(APP, of.id)) == 1
    await work.close(60)


@pytest.mark.parametrize("deaf", [False, True])
async def test_close_waits_a_bounded_time(store: Store, deaf: bool) -> None:
    of, slow = await grown(store), Slow()
    slow.deaf = deaf
    work = compactor(store, slow)
    await work.due(of)
    await slow.began.wait()
    async with asyncio.timeout(10):
        await work.close(0)
    assert await store.summaries(APP, of.id) == []
    slow.go.set()
    await finished(work)
    if not deaf:
        assert await store.summaries(APP, of.id) == []
        assert await work.compact(APP, of.id) is not None  # due again
