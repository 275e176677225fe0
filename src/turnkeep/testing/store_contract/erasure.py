"""Erasure: what one person left is really gone, and what others share stays whole."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.errors import Conflict, InvalidInput, UnknownSession
from turnkeep.session import Erased, NewMessage, Session
from turnkeep.stores.base import Store
from turnkeep.testing.builders import (
    APP,
    HOUR,
    NOW,
    image,
    log,
    message,
    new_session,
    opened,
    refused,
    said,
    summary,
    tool_result,
    tool_use,
    untouched,
)
from turnkeep.testing.store_contract.case import Case


def from_bob(content: str = "secret", **changes: Any) -> NewMessage:
    return message(content=content, author_id="bob", **{"tokens": 5, **changes})


async def shared(store: Store) -> Session:
    """Ann's group chat, in which bob speaks as 2 and 5."""
    bob = from_bob(external_id="x", name="Bob", metadata={"face": 1}, created_ms=NOW + 7)
    parts = [{"type": "text", "text": "more secrets"}]
    return await said(
        store,
        await opened(store, conversation_id="group"),
        message(author_id="ann"),
        bob,
        message("assistant", "hello", tokens=3),
        message(author_id="ann"),
        message(content=parts, author_id="bob", tokens=5),
        message("assistant", "bye", tokens=3),
    )


async def erase(store: Store, user: str = "bob", interface_type: str | None = None) -> Erased:
    return await store.erase_user(APP, user, interface_type, NOW + 9)


class Erasure(Case):
    """`erase_user`."""

    async def test_the_users_sessions_and_state_are_removed(self, store: Store) -> None:
        own = [await opened(store, conversation_id=str(n), external_user_id="bob") for n in range(2)]
        for session in own:
            await said(store, session, from_bob(external_id="x"), message("assistant"))
        await store.deactivate(APP, own[0].id, NOW)
        await store.update_state(APP, own[0].id, "user", {"a": 1}, limit=100, now_ms=NOW)
        erased = await erase(store)
        assert (erased.sessions, erased.states) == (2, 1)
        for session in own:
            with pytest.raises(UnknownSession):
                await store.session(APP, session.id)
        again = await opened(store, conversation_id="1", external_user_id="bob")
        assert (again.predecessor, await store.state(APP, again.id, "user")) == (None, {})
        await said(store, again, from_bob("another", external_id="x"))

    async def test_what_the_user_said_in_others_sessions_becomes_tombstones(self, store: Store) -> None:
        session = await shared(store)
        before = await log(store, session)
        assert await erase(store) == Erased(sessions=0, messages=2, states=0)
        after = await log(store, session)
        assert [one.seq for one in after if one.erased] == [2, 5]
        assert [one for one in after if not one.erased] == [before[n] for n in (0, 2, 3, 5)]
        for stone, was in ((after[1], before[1]), (after[4], before[4])):
            assert (stone.seq, stone.role, stone.created_ms) == (was.seq, was.role, was.created_ms)
            assert (stone.content, stone.tokens, stone.external_id, stone.author_id) == ("", 0, None, None)
            assert (stone.name, stone.metadata, stone.tool_calls, stone.tool_call_id) == (None,) * 4

    async def test_nothing_of_it_is_left_in_the_rows(self, store: Store) -> None:
        session = await shared(store)
        await erase(store)
        if (rows := await self.rows(store, session)) is not None:
            assert [(seq, role) for seq, role, _ in rows] == [(m.seq, m.role) for m in await log(store, session)]
            assert "secret" not in str(rows)

    async def test_the_totals_shrink_and_seq_stays_dense(self, store: Store) -> None:
        session = await shared(store)
        bot = message("assistant", "I am bob", author_id="bob", tokens=4)
        session = await said(store, session, tool_use("a", "b", author_id="bob", tokens=6), tool_use("c"), bot)
        await erase(store)
        after = await store.session(APP, session.id)
        assert after.version > session.version
        assert after.generation > session.generation
        assert (after.seq, after.tokens, after.tokens_out) == (9, 36, 16)
        assert (after.tool_calls, after.window_tokens, after.window_start) == (1, 36, 1)
        assert (after.active_ms, after.expires_ms) == (session.active_ms, session.expires_ms)
        assert (await said(store, after, "next")).seq == 10

    async def test_the_external_id_is_free_again(self, store: Store) -> None:
        session = await shared(store)
        async with refused(store, session, Conflict, "external_id"):
            await said(store, session, message(content="other", external_id="x"))
        await erase(store)
        assert (await said(store, session, message(content="other", external_id="x"))).seq == 7

    async def test_an_erased_message_is_not_found(self, store: Store) -> None:
        session = await said(store, await shared(store), message("assistant", "stays", external_id="y"))
        assert await store.find_message(APP, session.id, "x") is not None
        await erase(store)
        assert await store.find_message(APP, session.id, "x") is None
        assert await store.find_message(APP, session.id, "y") is not None

    async def test_an_erased_call_takes_no_more_results(self, store: Store) -> None:
        session = await said(store, await opened(store), "look", tool_use("a", author_id="bob"), tool_use("b"))
        await erase(store)
        async with refused(store, await store.session(APP, session.id), InvalidInput, "tool_call_id"):
            await said(store, session, tool_result("a"))
        assert (await said(store, session, tool_result("b"))).seq == 4

    async def test_a_summary_that_covered_one_is_removed(self, store: Store) -> None:
        session = await shared(store)
        await store.add_summary(APP, session.id, summary(1, 1, "keep"), generation=0, now_ms=NOW)
        await store.add_summary(APP, session.id, summary(2, 3, "tells"), generation=0, now_ms=NOW)
        await erase(store)
        assert [(one.text, one.live) for one in await store.summaries(APP, session.id)] == [("keep", True)]
        window = await store.window(APP, session.id)
        assert [one.text for one in window.summaries] == ["keep"]
        assert [one.seq for one in window.messages if not one.erased] == [3, 4, 6]
        assert (window.session.window_start, window.session.summary_tokens) == (2, 7)

    async def test_one_no_longer_live_is_removed_too(self, store: Store) -> None:
        session = await shared(store)
        await store.add_summary(APP, session.id, summary(1, 3, "tells"), generation=0, now_ms=NOW)
        await store.clear(APP, session.id, keep_summaries=False, now_ms=NOW)
        await erase(store)
        assert await store.summaries(APP, session.id) == []
        assert (await store.window(APP, session.id)).messages == ()

    async def test_what_a_removed_summary_covered_is_uncovered_although_later_ones_stand(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", from_bob(), "c", "d", "e")
        await store.add_summary(APP, session.id, summary(1, 2, "tells"), generation=0, now_ms=NOW)
        await store.add_summary(APP, session.id, summary(3, 4, "does not"), generation=0, now_ms=NOW)
        await erase(store)
        window = await store.window(APP, session.id)
        covered = {n for one in window.summaries for n in range(one.from_seq, one.to_seq + 1)}
        shown = [one.seq for one in window.messages if not one.erased]
        assert "tells" not in [one.text for one in await store.summaries(APP, session.id)]
        assert sorted([*covered, *shown]) == sorted({1, 3, 4, 5, *covered})

    async def test_a_summary_carried_over_from_it_is_removed(self, store: Store) -> None:
        first = await said(store, await opened(store), from_bob("I am bob"), "b")
        await store.add_summary(APP, first.id, summary(1, 1, "he is bob"), generation=0, now_ms=NOW)
        texts = []
        for n in (1, 2):
            session, _ = await store.open_session(new_session(carry_over="summary"), NOW + n * HOUR)
            texts.append([one.text for one in await store.summaries(APP, session.id)])
        await erase(store)
        assert texts == [["he is bob"], ["he is bob"]]
        after = await store.session(APP, session.id)
        assert (await store.summaries(APP, session.id), after.summary_tokens) == ([], 0)
        assert after.version > session.version

    async def test_carried_summaries_whose_authors_are_known_go_with_these_alone(self, store: Store) -> None:
        first = await said(store, await opened(store), from_bob("I am bob"), message(author_id="eve"), "c")
        await store.add_summary(APP, first.id, summary(1, 1, "he is bob", authors=("bob",)), generation=0, now_ms=NOW)
        await store.add_summary(APP, first.id, summary(2, 2, "she is eve", authors=("eve",)), generation=0, now_ms=NOW)
        second, _ = await store.open_session(new_session(carry_over="summary"), NOW + HOUR)
        third, _ = await store.open_session(new_session(carry_over="summary"), NOW + 2 * HOUR)
        await store.delete(APP, second.id)
        await store.delete(APP, first.id)
        assert [one.authors for one in await store.summaries(APP, third.id)] == [("bob",), ("eve",)]
        before = await store.session(APP, third.id)
        await erase(store)
        assert [one.text for one in await store.summaries(APP, third.id)] == ["she is eve"]
        after = await store.session(APP, third.id)
        assert (after.summary_tokens, after.version > before.version) == (7, True)

    async def test_a_summary_folded_with_a_carried_one_goes_and_what_it_covered_comes_back(self, store: Store) -> None:
        first = await said(store, await opened(store), from_bob("I am bob"), "b")
        await store.add_summary(APP, first.id, summary(1, 1, "he is bob", authors=("bob",)), generation=0, now_ms=NOW)
        second, _ = await store.open_session(new_session(carry_over="summary"), NOW + HOUR)
        second = await said(store, second, "1", "2", "3", now_ms=NOW + HOUR)
        [carried] = await store.summaries(APP, second.id)
        whole = summary(0, 2, "all", authors=("bob",))
        await store.add_summary(APP, second.id, whole, generation=0, now_ms=NOW, replaces=[carried.number])
        await store.delete(APP, first.id)
        await erase(store)
        window = await store.window(APP, second.id)
        assert ([one.content for one in window.messages], window.summaries) == (["1", "2", "3"], ())

    async def test_a_summary_carried_over_from_the_users_own_session_is_removed(self, store: Store) -> None:
        own = await said(store, await opened(store, external_user_id="bob"), from_bob(), "b")
        await store.add_summary(APP, own.id, summary(1, 1, "he is bob"), generation=0, now_ms=NOW)
        anns, _ = await store.open_session(new_session(carry_over="summary"), NOW + HOUR)
        assert len(await store.summaries(APP, anns.id)) == 1
        await erase(store)
        assert await store.summaries(APP, anns.id) == []

    async def test_an_erased_message_leaves_the_window_of_the_retracted_alone(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", "b", from_bob(), "d")
        await store.retract(APP, session.id, 3, NOW)
        await erase(store)
        after = await store.session(APP, session.id)
        assert [one.seq for one in (await store.window(APP, session.id)).messages] == [1, 2]
        assert (after.window_tokens, after.tokens, after.hides(3)) == (20, 30, True)

    async def test_others_stay_as_they_are(self, store: Store) -> None:
        ann = await said(store, await opened(store, conversation_id="a"), message(author_id="ann", external_id="x"))
        named = await said(store, await opened(store, conversation_id="b"), message(author_id="bo"), "bob")
        await store.update_state(APP, ann.id, "user", {"a": 1}, limit=100, now_ms=NOW)
        await shared(store)
        before = [await image(store, ann), await image(store, named)]
        await erase(store)
        assert [await image(store, ann), await image(store, named)] == before

    async def test_one_interface_only(self, store: Store) -> None:
        kept, gone = [
            await said(store, await opened(store, interface_type=kind, conversation_id="p", external_user_id="bob"), from_bob())
            for kind in ("telegram", "web")
        ]
        for session in (kept, gone):
            await store.update_state(APP, session.id, "user", {"a": 1}, limit=100, now_ms=NOW)
        group = await shared(store)
        kept = await store.session(APP, kept.id)
        async with untouched(store, kept, group):
            erased = await erase(store, interface_type="web")
        assert (erased.sessions, erased.states) == (1, 1)
        assert await store.state(APP, kept.id, "user") == {"a": 1}

    async def test_nobody_to_erase(self, store: Store) -> None:
        session = await shared(store)
        async with untouched(store, session):
            assert await erase(store, "carol") == Erased()
            assert await erase(store, "bob", "web") == Erased()

    async def test_a_second_erasure_finds_nothing(self, store: Store) -> None:
        session = await shared(store)
        await erase(store)
        async with untouched(store, session):
            assert await erase(store) == Erased()
