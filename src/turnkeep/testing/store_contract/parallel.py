"""Many callers at once: dense, once, all or nothing, each for itself; and callers that go away."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from turnkeep.errors import Conflict, InvalidInput, SessionClosed, UnknownSession
from turnkeep.session import Appended
from turnkeep.stores.base import Store
from turnkeep.testing.builders import (
    APP,
    HOUR,
    NOW,
    image,
    listen,
    log,
    message,
    new_session,
    opened,
    said,
    tool_result,
    tool_use,
)
from turnkeep.testing.store_contract.case import Case


class Parallel(Case):
    """What holds while calls are in flight together."""

    async def test_200_appends_over_5_sessions(self, store: Store) -> None:
        sessions = [await opened(store, conversation_id=str(n)) for n in range(5)]
        calls = [
            store.append(APP, sessions[n % 5].id, [message(content=str(n), external_id=f"x{n}")], now_ms=NOW) for n in range(200)
        ]
        answers = await asyncio.gather(*calls)
        for position, session in enumerate(sessions):
            rows = await log(store, session)
            assert [one.seq for one in rows] == list(range(1, 41))
            assert {one.content for one in rows} == {str(n) for n in range(position, 200, 5)}
            assert sorted(m.seq for a in answers[position::5] for m in a.messages) == list(range(1, 41))
            assert (await store.session(APP, session.id)).tokens == 400

    async def test_the_appends_of_one_caller_keep_their_order(self, store: Store) -> None:
        session = await opened(store)

        async def talk(name: str) -> None:
            for n in range(10):
                await said(store, session, f"{name} {n}")

        await asyncio.gather(*[talk(name) for name in "abcd"])
        texts = [str(one.content) for one in await log(store, session)]
        for name in "abcd":
            assert [text for text in texts if text[0] == name] == [f"{name} {n}" for n in range(10)]

    async def test_a_batch_stays_together(self, store: Store) -> None:
        session = await opened(store)
        batches = [[f"{n}-{m}" for m in range(7)] for n in range(20)]
        await asyncio.gather(*[said(store, session, *batch) for batch in batches])
        texts = [one.content for one in await log(store, session)]
        assert sorted(texts[n : n + 7] for n in range(0, 140, 7)) == sorted(batches)

    async def test_openings_of_one_key_at_once_make_one_session(self, store: Store) -> None:
        results = await asyncio.gather(*[store.open_session(new_session(), NOW) for _ in range(20)])
        assert len({session.id for session, _ in results}) == 1
        assert sum(created for _, created in results) == 1
        assert (await store.stats(APP, NOW)).total_sessions == 1

    async def test_openings_after_the_expiry_make_one_successor(self, store: Store) -> None:
        old = await opened(store)
        results = await asyncio.gather(*[store.open_session(new_session(), NOW + HOUR) for _ in range(9)])
        assert {(session.predecessor, session.seq) for session, _ in results} == {(old.id, 0)}
        assert (await store.stats(APP, NOW + HOUR)).total_sessions == 2

    async def test_one_external_id_in_flight_many_times_gives_one_row(self, store: Store) -> None:
        session = await opened(store)
        sent = [message(external_id="x")]
        answers = await asyncio.gather(*[store.append(APP, session.id, sent, now_ms=NOW) for _ in range(30)])
        assert sum(answer.created for answer in answers) == 1
        [row] = await log(store, session)
        assert all(answer.messages == (row,) for answer in answers)

    async def test_one_external_id_with_two_contents_in_flight(self, store: Store) -> None:
        session = await opened(store)
        calls = [said(store, session, message(content="ab"[n % 2], external_id="x")) for n in range(10)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert Counter(type(result).__name__ for result in results) == {"Session": 5, "Conflict": 5}
        assert len(await log(store, session)) == 1

    async def test_one_expected_seq_is_won_by_one(self, store: Store) -> None:
        session = await said(store, await opened(store), "hello")
        calls = [store.append(APP, session.id, [message(content=str(n))], now_ms=NOW, expected_seq=1) for n in range(10)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert Counter(type(result).__name__ for result in results) == {"Appended": 1, "Conflict": 9}
        assert (await store.session(APP, session.id)).seq == 2

    async def test_one_bad_append_does_not_fail_its_neighbours(self, store: Store) -> None:
        good = await said(store, await opened(store), message(external_id="x"), tool_use("a"))
        closed = await opened(store, conversation_id="closed")
        await store.deactivate(APP, closed.id, NOW)
        bad: list[tuple[type[Exception], Any]] = [
            (UnknownSession, store.append(APP, "nobody", [message()], now_ms=NOW)),
            (UnknownSession, store.append("other", good.id, [message()], now_ms=NOW)),
            (SessionClosed, said(store, closed, "late")),
            (Conflict, said(store, good, "new", message(content="other", external_id="x"))),
            (Conflict, store.append(APP, good.id, [message()], now_ms=NOW, expected_seq=10**6)),
            (InvalidInput, said(store, good, "new", tool_result("none"))),
        ]
        calls: list[Any] = []
        for n, (_, call) in enumerate(bad):
            calls += [said(store, good, f"before {n}"), call, said(store, good, f"after {n}")]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in results[1::3]] == [error for error, _ in bad]
        texts = [one.content for one in (await log(store, good))[2:]]
        assert sorted(map(str, texts)) == sorted(f"{when} {n}" for n in range(6) for when in ("before", "after"))
        assert await log(store, closed) == []

    async def test_all_kinds_of_changes_at_once(self, store: Store) -> None:
        session = await said(store, await opened(store), message("system"), "hello")
        commits = listen(store)
        calls: list[Any] = []
        for n in range(20):
            calls += [
                said(store, session, f"text {n}"),
                store.update_state(APP, session.id, "session", {f"k{n}": n}, limit=10_000, now_ms=NOW),
                store.update_state(APP, session.id, "user", {f"k{n}": n}, limit=10_000, now_ms=NOW),
                store.window(APP, session.id, messages=3),
            ]
            if n % 5 == 4:
                calls += [
                    store.clear(APP, session.id, keep_summaries=False, now_ms=NOW),
                    store.retract(APP, session.id, 2, NOW),
                ]
        await asyncio.gather(*calls)
        after = await store.session(APP, session.id)
        versions = [one.session.version for one in commits if one.session]
        assert versions == sorted(set(versions))
        assert commits[-1].session == after
        assert after.seq == 22
        assert len(await store.state(APP, session.id, "session")) == 20
        assert len(await store.state(APP, session.id, "user")) == 20

    async def test_a_delete_among_appends(self, store: Store) -> None:
        session = await opened(store)
        calls: list[Any] = [said(store, session, str(n)) for n in range(20)]
        calls.insert(10, store.delete(APP, session.id))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(one).__name__ for one in results} <= {"Session", "NoneType", "UnknownSession"}
        with pytest.raises(UnknownSession):
            await store.session(APP, session.id)
        assert (await opened(store)).seq == 0

    # --- callers that go away

    @pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8])
    async def test_a_cancelled_append_is_stored_once_or_not_at_all(self, store: Store, steps: int) -> None:
        session = await opened(store)
        commits = listen(store)
        sent = [message(content=str(n), external_id=f"x{n}") for n in range(3)]
        task = asyncio.ensure_future(store.append(APP, session.id, sent, now_ms=NOW))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        [result] = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(result, Appended | asyncio.CancelledError)
        await said(store, session, "settles")
        rows = await log(store, session)
        assert [one.content for one in rows] in (["settles"], ["0", "1", "2", "settles"])
        assert [m for commit in commits for m in commit.messages or ()] == rows
        assert commits[-1].session == await store.session(APP, session.id)
        answer = await store.append(APP, session.id, sent, now_ms=NOW)
        assert answer.created == 4 - len(rows)
        assert answer.session.seq == 4

    async def test_cancelled_callers_do_not_disturb_the_others(self, store: Store) -> None:
        session = await opened(store)
        commits = listen(store)
        tasks = [asyncio.ensure_future(said(store, session, str(n))) for n in range(40)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert not any(isinstance(result, BaseException) for result in results[1::2])
        await said(store, session, "settles")
        rows = await log(store, session)
        texts = [one.content for one in rows]
        assert len(set(texts)) == len(texts)
        assert {str(n) for n in range(1, 40, 2)} <= set(map(str, texts))
        assert [m for commit in commits for m in commit.messages or ()] == rows

    async def test_other_cancelled_calls_happen_or_not(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", "b")
        tasks = [
            asyncio.ensure_future(call)
            for call in (
                store.retract(APP, session.id, 2, NOW),
                store.update_state(APP, session.id, "session", {"a": 1}, limit=100, now_ms=NOW),
                store.window(APP, session.id),
                store.deactivate(APP, session.id, NOW),
                store.open_session(new_session(conversation_id="new"), NOW),
            )
        ]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await said(store, session, message("assistant", "settles"))
        after = await store.session(APP, session.id)
        window = await store.window(APP, session.id)
        assert [one.seq for one in window.messages] == ([1, 3] if after.retracted else [1, 2, 3])
        assert window.session_state in ({}, {"a": 1})
        assert after.status in {"active", "inactive"}
        assert (await image(store, session))[0] == after
        found, _ = await store.open_session(new_session(conversation_id="new"), NOW)
        assert await store.find(APP, "new", None, NOW) == found
