"""Summaries: derived rows that cover a part of the log, by compare-and-set."""

from __future__ import annotations

import asyncio

import pytest

from turnkeep.errors import Conflict, UnknownSession
from turnkeep.session import IN_PLACE_OF, NewSummary, Session
from turnkeep.stores.base import Store
from turnkeep.testing.builders import APP, NOW, message, opened, refused, said, summary
from turnkeep.testing.store_contract.case import Case


async def ten(store: Store) -> Session:
    return await said(store, await opened(store), *[message(content=str(n), tokens=n) for n in range(1, 11)])


async def add(store: Store, session: Session, row: NewSummary, *replaces: int, generation: int | None = None) -> Session:
    wanted = session.generation if generation is None else generation
    return await store.add_summary(APP, session.id, row, generation=wanted, now_ms=NOW + 3, replaces=replaces)


class Summaries(Case):
    """`add_summary` and `summaries`."""

    async def test_a_summary_covers_the_start_of_the_window(self, store: Store) -> None:
        session = await ten(store)
        row = summary(1, 4, "é 🙂", method="extractive", tokens=3, duration_ms=1.5, source="v1", tokens_before=10)
        after = await add(store, session, row)
        assert after.version > session.version
        assert (after.generation, after.window_start, after.summary_tokens) == (session.generation, 5, 3)
        assert (after.window_messages, after.window_tokens) == (6, 45)
        assert (after.seq, after.tokens) == (10, 55)
        assert await store.session(APP, session.id) == after
        [stored] = await store.summaries(APP, session.id)
        for field in row.__struct_fields__:
            assert getattr(stored, field) == getattr(row, field), field
        assert (stored.live, stored.created_ms) == (True, NOW + 3)
        window = await store.window(APP, session.id)
        assert (window.summaries, [one.seq for one in window.messages]) == ((stored,), [5, 6, 7, 8, 9, 10])

    async def test_the_whole_log_can_be_covered(self, store: Store) -> None:
        after = await add(store, await ten(store), summary(1, 10))
        assert (after.window_start, after.window_messages, after.window_tokens) == (11, 0, 0)
        after = await said(store, after, "next")
        assert [one.seq for one in (await store.window(APP, after.id)).messages] == [11]

    async def test_the_prompt_is_never_covered(self, store: Store) -> None:
        session = await said(store, await opened(store), message("system"), "a", "b")
        async with refused(store, session, Conflict, "summary"):
            await add(store, session, summary(1, 2))
        session = await add(store, session, summary(2, 2))
        window = await store.window(APP, session.id)
        assert ([one.seq for one in window.prompt], [one.seq for one in window.messages]) == ([1], [3])

    async def test_retracted_messages_may_lie_in_between(self, store: Store) -> None:
        session = await ten(store)
        await store.retract(APP, session.id, 8, NOW)
        session = await said(store, session, "11", "12")
        after = await add(store, session, summary(1, 9))
        assert (after.window_messages, after.window_tokens, after.window_start) == (2, 20, 10)
        after = await add(store, after, summary(10, 11))
        assert (after.window_messages, after.window_tokens) == (1, 10)

    async def test_those_that_stand_in_for_another_are_found_across_sessions(self, store: Store) -> None:
        stand_in = f"extractive-1{IN_PLACE_OF}openai:m"
        first, second, closed = [
            await said(store, await opened(store, conversation_id=str(n)), *[message(tokens=9)] * 10) for n in range(3)
        ]
        await add(store, first, summary(1, 2, source="extractive-1"))
        first = await store.session(APP, first.id)
        first = await add(store, first, summary(3, 4, source=stand_in))
        second = await add(store, second, summary(1, 4, source=stand_in))
        closed = await add(store, closed, summary(1, 4, source=stand_in))
        await store.deactivate(APP, closed.id, NOW)
        found = await store.stand_ins(0, 10)
        assert [(one.app, one.session_id) for one in found] == [(APP, first.id), (APP, second.id)]
        assert [one.number for one in found] == sorted(one.number for one in found)
        assert await store.stand_ins(0, 1) == found[:1]
        assert await store.stand_ins(found[0].number, 10) == found[1:]
        await add(store, second, summary(1, 4, source="openai:m"), found[1].number)
        await store.clear(APP, first.id, keep_summaries=False, now_ms=NOW)
        assert await store.stand_ins(0, 10) == []

    async def test_summaries_are_all_there_oldest_first(self, store: Store) -> None:
        session = await ten(store)
        for n in (1, 3, 5):
            session = await add(store, session, summary(n, n + 1, f"from {n}"))
        first, second, third = await store.summaries(APP, session.id)
        assert [one.text for one in (first, second, third)] == ["from 1", "from 3", "from 5"]
        session = await add(store, session, summary(1, 7, "all"), first.number, second.number, third.number)
        rows = await store.summaries(APP, session.id)
        assert [(one.text, one.live) for one in rows] == [
            ("from 1", False),
            ("from 3", False),
            ("from 5", False),
            ("all", True),
        ]
        assert [one.number for one in rows] == sorted({one.number for one in rows})
        window = await store.window(APP, session.id)
        assert ([one.text for one in window.summaries], window.messages[0].seq) == (["all"], 8)
        assert (session.summary_tokens, session.window_tokens) == (7, 27)

    async def test_a_summary_may_replace_the_newest_ones_only_in_part(self, store: Store) -> None:
        session = await ten(store)
        for n in (1, 3, 5):
            session = await add(store, session, summary(n, n + 1, f"from {n}"))
        third = (await store.summaries(APP, session.id))[2]
        session = await add(store, session, summary(5, 8, "more"), third.number)
        window = await store.window(APP, session.id)
        assert [one.text for one in window.summaries] == ["from 1", "from 3", "more"]
        assert (session.window_start, session.summary_tokens) == (9, 21)

    async def test_a_summary_may_replace_without_covering_more(self, store: Store) -> None:
        session = await add(store, await ten(store), summary(1, 4, "long", tokens=50))
        [old] = await store.summaries(APP, session.id)
        session = await add(store, session, summary(1, 4, "short", tokens=5), old.number)
        assert (session.window_start, session.summary_tokens, session.window_messages) == (5, 5, 6)
        assert [one.live for one in await store.summaries(APP, session.id)] == [False, True]

    async def test_the_makers_data_is_kept_while_it_is_live_and_stands_in_no_window(self, store: Store) -> None:
        session = await add(store, await ten(store), summary(1, 2, "first", data="[1]"))
        session = await add(store, session, summary(3, 4, "second", data='["é"]'))
        first, second = await store.summaries(APP, session.id)
        assert (first.data, second.data) == ("[1]", '["é"]')
        window = await store.window(APP, session.id)
        assert [one.data for one in window.summaries] == [None, None]
        session = await add(store, session, summary(1, 6, "all", data="[2]"), first.number, second.number)
        assert [one.data for one in await store.summaries(APP, session.id)] == [None, None, "[2]"]
        [shown] = (await store.window(APP, session.id)).summaries
        assert shown.data is None
        await store.clear(APP, session.id, keep_summaries=False, now_ms=NOW)
        assert [one.data for one in await store.summaries(APP, session.id)] == [None, None, None]

    async def test_a_carried_summary_brings_its_data(self, store: Store) -> None:
        session = await add(store, await ten(store), summary(1, 2, "first", data="[1]"))
        await store.deactivate(APP, session.id, NOW)
        successor = await opened(store, carry_over="summary")
        [carried] = await store.summaries(APP, successor.id)
        assert (carried.method, carried.data) == ("carried", "[1]")
        [shown] = (await store.window(APP, successor.id)).summaries
        assert shown.data is None

    @pytest.mark.parametrize(
        ("from_seq", "to_seq"),
        [(1, 6), (2, 6), (4, 8), (6, 8), (0, 8), (11, 12), (5, 11), (5, 10**9), (5, 4), (5, 3), (5, 0)],
    )
    async def test_a_summary_that_does_not_fit_the_window_is_a_conflict(self, store: Store, from_seq: int, to_seq: int) -> None:
        session = await add(store, await ten(store), summary(1, 4))
        async with refused(store, session, Conflict, "summary"):
            await add(store, session, summary(from_seq, to_seq))

    async def test_a_summary_begun_before_clear_or_retract_is_a_conflict(self, store: Store) -> None:
        session = await ten(store)
        await store.retract(APP, session.id, 10, NOW)
        hidden = await store.session(APP, session.id)
        async with refused(store, hidden, Conflict, "summary"):
            await add(store, session, summary(1, 4))
        cleared = await store.clear(APP, session.id, keep_summaries=True, now_ms=NOW)
        async with refused(store, cleared, Conflict, "summary"):
            await add(store, hidden, summary(11, 11))
        cleared = await said(store, cleared, "new")
        async with refused(store, cleared, Conflict, "summary"):
            await add(store, cleared, summary(11, 11), generation=cleared.generation + 1)
        assert (await add(store, cleared, summary(11, 11))).window_start == 12

    async def test_what_it_replaces_must_be_live_and_its_sessions_own(self, store: Store) -> None:
        session = await add(store, await ten(store), summary(1, 4))
        [old] = await store.summaries(APP, session.id)
        other = await said(store, await opened(store, conversation_id="other"), "a", "b")
        other = await add(store, other, summary(1, 1))
        [foreign] = await store.summaries(APP, other.id)
        session = await add(store, session, summary(1, 5), old.number)
        for number in (old.number, foreign.number, 10**6, 0, -1):
            async with refused(store, session, Conflict, "summary"):
                await add(store, session, summary(1, 7), number)
        async with refused(store, session, Conflict, "summary"):
            await add(store, session, summary(6, 7), old.number)
        assert [one.live for one in await store.summaries(APP, other.id)] == [True]

    async def test_a_replacing_summary_starts_where_the_first_of_them_does(self, store: Store) -> None:
        session = await add(store, await add(store, await ten(store), summary(1, 2)), summary(3, 4))
        first, second = await store.summaries(APP, session.id)
        for from_seq, to_seq in ((3, 6), (5, 6), (0, 6), (1, 3), (1, 11)):
            async with refused(store, session, Conflict, "summary"):
                await add(store, session, summary(from_seq, to_seq), first.number, second.number)

    async def test_appends_do_not_disturb_a_summary_under_way(self, store: Store) -> None:
        session = await ten(store)
        later = await said(store, session, "meanwhile")
        after = await add(store, session, summary(1, 4))
        assert after.version > later.version
        assert (after.seq, after.window_messages) == (11, 7)

    async def test_of_two_summaries_at_once_one_wins(self, store: Store) -> None:
        session = await ten(store)
        rows = [summary(1, n, f"to {n}") for n in range(2, 10)]
        results = await asyncio.gather(*[add(store, session, row) for row in rows], return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 7 + ["Session"]
        [row] = await store.summaries(APP, session.id)
        assert (await store.session(APP, session.id)).window_start == row.to_seq + 1

    async def test_a_summary_of_nobody_is_an_error(self, store: Store) -> None:
        with pytest.raises(UnknownSession):
            await store.add_summary(APP, "nobody", summary(1, 1), generation=0, now_ms=NOW)
        with pytest.raises(UnknownSession):
            await store.summaries(APP, "nobody")
