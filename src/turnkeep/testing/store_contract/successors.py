"""Successors: what a closed session hands to the next one of its key."""

from __future__ import annotations

import pytest

from turnkeep.errors import Conflict, UnknownSession
from turnkeep.session import Session, Summary
from turnkeep.stores.base import Store
from turnkeep.testing.builders import (
    APP,
    HOUR,
    NOW,
    log,
    message,
    new_session,
    opened,
    refused,
    said,
    summary,
    untouched,
)
from turnkeep.testing.store_contract.case import Case

LATER = NOW + HOUR


async def successor(store: Store, carry_over: str = "none", now_ms: int = LATER) -> Session:
    session, created = await store.open_session(new_session(carry_over=carry_over), now_ms)
    assert created
    return session


async def summed_up(store: Store, *methods: str) -> Session:
    """A session with two messages a summary, and one after them."""
    session = await said(store, await opened(store), *["hello"] * (2 * len(methods) + 1))
    for n, method in enumerate(methods):
        row = summary(2 * n + 1, 2 * n + 2, f"part {n}", method=method, tokens=n + 5, source="m")
        session = await store.add_summary(APP, session.id, row, generation=session.generation, now_ms=NOW)
    return session


class Successors(Case):
    """The next session of a key."""

    async def test_a_session_whose_time_is_up_is_closed_and_followed(self, store: Store) -> None:
        old = await said(store, await opened(store), "hello")
        found, created = await store.open_session(new_session(), LATER - 1)
        assert (found, created) == (old, False)
        new = await successor(store)
        assert new.predecessor == old.id
        assert (new.seq, new.tokens, new.version >= 1) == (0, 0, True)
        closed = await store.session(APP, old.id)
        assert closed.status == "expired"
        assert closed.closed_ms is not None
        assert closed.version > old.version
        assert [one.content for one in await log(store, closed)] == ["hello"]

    async def test_the_newest_closed_one_is_the_predecessor(self, store: Store) -> None:
        before: str | None = None
        for n in range(3):
            session = await successor(store, now_ms=NOW + n)
            assert session.predecessor == before
            before = session.id
            await store.deactivate(APP, session.id, NOW + n)
        await store.cleanup(APP, now_ms=NOW + 2, retention_ms=HOUR)
        assert (await successor(store)).predecessor == before

    async def test_a_deleted_one_is_no_predecessor(self, store: Store) -> None:
        first = await opened(store)
        await store.deactivate(APP, first.id, NOW)
        second = await opened(store)
        await store.delete(APP, second.id)
        assert (await successor(store)).predecessor == first.id

    async def test_the_session_state_stays_behind_and_the_users_comes_along(self, store: Store) -> None:
        old = await opened(store)
        await store.update_state(APP, old.id, "session", {"step": 1}, limit=100, now_ms=NOW)
        await store.update_state(APP, old.id, "user", {"likes": "tea"}, limit=100, now_ms=NOW)
        new = await successor(store)
        window = await store.window(APP, new.id)
        assert (window.session_state, window.user_state) == ({}, {"likes": "tea"})
        assert await store.state(APP, old.id, "session") == {"step": 1}

    # --- carrying over

    async def test_the_live_summaries_open_the_new_session(self, store: Store) -> None:
        old = await summed_up(store, "model", "extractive")
        new = await successor(store, "summary")
        first, second = carried = await store.summaries(APP, new.id)
        assert {(one.from_seq, one.to_seq, one.method, one.live, one.created_ms) for one in carried} == {
            (0, 0, "carried", True, LATER)
        }
        assert (first.text, second.text, second.tokens, second.counter) == ("part 0", "part 1", 6, "test")
        assert (new.summary_tokens, new.window_start, new.seq) == (first.tokens + 6, 1, 0)
        assert (await store.window(APP, new.id)).summaries == (first, second)
        assert await store.session(APP, new.id) == new
        assert [one.live for one in await store.summaries(APP, old.id)] == [True, True]

    async def test_nothing_is_carried_unless_asked_for(self, store: Store) -> None:
        await summed_up(store, "model")
        assert await store.summaries(APP, (await successor(store)).id) == []

    async def test_nothing_is_carried_when_there_is_nothing(self, store: Store) -> None:
        first = await successor(store, "summary", NOW)
        assert (await store.summaries(APP, first.id), first.summary_tokens) == ([], 0)
        assert await store.summaries(APP, (await successor(store, "summary")).id) == []

    async def test_a_truncation_is_not_carried(self, store: Store) -> None:
        await summed_up(store, "model", "truncation")
        new = await successor(store, "summary")
        [carried] = await store.summaries(APP, new.id)
        assert (carried.text, new.summary_tokens) == ("part 0", carried.tokens)

    async def test_what_is_no_longer_live_is_not_carried(self, store: Store) -> None:
        old = await summed_up(store, "model", "model")
        await store.retract(APP, old.id, 4, NOW)
        new = await successor(store, "summary")
        assert [one.text for one in await store.summaries(APP, new.id)] == ["part 0"]
        await store.clear(APP, new.id, keep_summaries=False, now_ms=LATER)
        third = await successor(store, "summary", LATER + HOUR)
        assert await store.summaries(APP, third.id) == []

    async def test_what_was_carried_is_carried_on(self, store: Store) -> None:
        await summed_up(store, "model")
        await successor(store, "summary")
        third = await successor(store, "summary", LATER + HOUR)
        assert [one.text for one in await store.summaries(APP, third.id)] == ["part 0"]

    async def test_a_carried_summary_stands_before_the_first_and_can_be_replaced(self, store: Store) -> None:
        await summed_up(store, "model")
        new = await said(store, await successor(store, "summary"), "a", "b", "c", now_ms=LATER)
        [carried] = await store.summaries(APP, new.id)
        new = await store.add_summary(APP, new.id, summary(1, 1), generation=0, now_ms=LATER)
        assert [one.from_seq for one in (await store.window(APP, new.id)).summaries] == [0, 1]
        live: list[Summary] = list((await store.window(APP, new.id)).summaries)
        whole, numbers = summary(0, 2, "all", tokens=3), [one.number for one in live]
        new = await store.add_summary(APP, new.id, whole, generation=0, now_ms=LATER, replaces=numbers)
        window = await store.window(APP, new.id)
        assert [one.text for one in window.summaries] == ["all"]
        assert [one.content for one in window.messages] == ["c"]
        assert (new.summary_tokens, new.window_start, carried.number in numbers) == (3, 3, True)

    # --- external ids across successors

    async def test_an_external_id_is_known_to_successors(self, store: Store) -> None:
        old = await said(store, await opened(store), "first", message(content="again", external_id="x"))
        new = await said(store, await successor(store), "other", now_ms=LATER)
        async with untouched(store, new):
            sent = [message(content="again", external_id="x")]
            answer = await store.append(APP, new.id, sent, now_ms=LATER)
        assert (answer.created, answer.session) == (0, new)
        assert answer.messages == tuple(await store.messages(APP, old.id, after=1, limit=1))
        async with refused(store, new, Conflict, "external_id"):
            await said(store, new, message(content="different", external_id="x"), now_ms=LATER)

    async def test_an_external_id_of_a_successor_is_known_to_its_predecessor(self, store: Store) -> None:
        old = await opened(store)
        new = await successor(store)
        await said(store, new, message("assistant", "late", external_id="x"), now_ms=LATER)
        answer = await store.append(APP, old.id, [message("assistant", "late", external_id="x")], now_ms=LATER)
        assert (answer.created, answer.session.seq) == (0, 0)

    async def test_an_external_id_of_a_deleted_predecessor_is_free(self, store: Store) -> None:
        old = await said(store, await opened(store), message(external_id="x"))
        new = await successor(store)
        await store.delete(APP, old.id)
        sent = [message(content="different", external_id="x")]
        assert (await store.append(APP, new.id, sent, now_ms=LATER)).created == 1

    @pytest.mark.parametrize("changes", [{"conversation_id": "other"}, {"interface_type": "web"}, {"app": "other"}], ids=str)
    async def test_an_external_id_belongs_to_its_key(self, store: Store, changes: dict[str, str]) -> None:
        await said(store, await opened(store), message(external_id="x"))
        other = await opened(store, **changes)
        assert (await said(store, other, message(content="different", external_id="x"))).seq == 1

    async def test_a_message_is_found_all_along_the_line(self, store: Store) -> None:
        old = await opened(store)
        first = (await store.append(APP, old.id, [message(external_id="x")], now_ms=NOW)).messages[0]
        second = await successor(store)
        third = await successor(store, now_ms=LATER + HOUR)
        later = (await store.append(APP, third.id, [message(content="y", external_id="y")], now_ms=LATER + HOUR)).messages[0]
        for session in (old, second, third):  # a predecessor finds what came after it, too: the id is the conversation's
            assert await store.find_message(APP, session.id, "x") == first
            assert await store.find_message(APP, session.id, "y") == later
        assert await log(store, second) == []

    async def test_what_a_deleted_predecessor_had_is_not_found(self, store: Store) -> None:
        old = await said(store, await opened(store), message(external_id="x"))
        new = await said(store, await successor(store), message(external_id="y"), now_ms=LATER)
        await store.delete(APP, old.id)
        with pytest.raises(UnknownSession):
            await store.find_message(APP, old.id, "x")
        assert await store.find_message(APP, new.id, "x") is None
        found = await store.find_message(APP, new.id, "y")
        assert found is not None
        assert found.seq == 1
