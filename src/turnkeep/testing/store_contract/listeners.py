"""Listeners: each commit is heard once, in order, on the loop, before its caller goes on."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from turnkeep.session import Session
from turnkeep.stores.base import Commit, Store
from turnkeep.testing.builders import (
    APP,
    HOUR,
    NOW,
    event,
    listen,
    message,
    new_session,
    opened,
    said,
    summary,
    tool_use,
)
from turnkeep.testing.store_contract.case import Case


class Listeners(Case):
    """`Commit`, as `publish` hands it out."""

    async def test_a_new_session_is_heard_of(self, store: Store) -> None:
        commits = listen(store)
        session = await opened(store)
        assert [(one.session_id, one.session) for one in commits] == [(session.id, session)]
        assert not commits[0].messages
        await opened(store)
        assert len(commits) == 1

    async def test_a_successor_and_the_closed_one_are_heard_of(self, store: Store) -> None:
        old = await opened(store)
        commits = listen(store)
        new, _ = await store.open_session(new_session(), NOW + HOUR)
        heard = {one.session_id: one.session for one in commits}
        assert heard == {old.id: await store.session(APP, old.id), new.id: new}

    async def test_an_append_is_heard_with_its_rows(self, store: Store) -> None:
        session = await opened(store)
        commits = listen(store)
        answer = await store.append(APP, session.id, [message(external_id="x"), tool_use("a")], now_ms=NOW)
        assert commits == [Commit(session.id, answer.session, answer.messages)]
        batch = [message("assistant"), message(external_id="x"), message("assistant")]
        answer = await store.append(APP, session.id, batch, now_ms=NOW)
        fresh = (answer.messages[0], answer.messages[2])
        assert commits[1:] == [Commit(session.id, answer.session, fresh)]

    async def test_a_change_of_figures_is_heard_with_no_rows(self, store: Store) -> None:
        session = await opened(store)
        commits = listen(store)
        happened = await store.record(APP, session.id, event())
        recorded = await store.session(APP, session.id)
        closed = await store.deactivate(APP, session.id, NOW)
        assert commits == [Commit(session.id, recorded, (), event=happened), Commit(session.id, closed, ())]

    async def test_a_moved_window_is_heard_as_such(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", "b", "c")
        commits = listen(store)
        changes: list[Session] = [
            await store.retract(APP, session.id, 3, NOW),
            await store.clear(APP, session.id, keep_summaries=True, now_ms=NOW),
        ]
        assert commits == [Commit(session.id, after, None) for after in changes]

    async def test_a_summary_is_heard_with_those_that_live(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", "b", "c", "d")
        await store.add_summary(APP, session.id, summary(1, 1), generation=0, now_ms=NOW)
        commits = listen(store)
        after = await store.add_summary(APP, session.id, summary(2, 3), generation=0, now_ms=NOW)
        live = (await store.window(APP, session.id)).summaries
        assert len(live) == 2
        assert commits == [Commit(session.id, after, (), live)]

    async def test_a_patched_state_is_heard_by_every_session_it_touches(self, store: Store) -> None:
        mine = [await opened(store, conversation_id=str(n)) for n in range(3)]
        await opened(store, conversation_id="bob's", external_user_id="bob")
        commits = listen(store)
        await store.update_state(APP, mine[0].id, "session", {"a": 1}, limit=100, now_ms=NOW)
        assert commits == [Commit(mine[0].id, await store.session(APP, mine[0].id), None)]
        await store.update_state(APP, mine[0].id, "user", {"a": 1}, limit=100, now_ms=NOW)
        heard = {one.session_id: one for one in commits[1:]}
        assert heard == {one.id: Commit(one.id, await store.session(APP, one.id), None) for one in mine}
        assert len(commits) == 4

    async def test_a_removed_session_is_heard_as_gone(self, store: Store) -> None:
        deleted = await said(store, await opened(store), "hello")
        cleaned = await store.deactivate(APP, (await opened(store, conversation_id="2")).id, NOW)
        erased = await opened(store, conversation_id="3", external_user_id="bob", lifetime_ms=None)
        commits = listen(store)
        await store.delete(APP, deleted.id)
        await store.cleanup(APP, now_ms=NOW + 10, retention_ms=5)
        await store.erase_user(APP, "bob", None, NOW)
        assert commits == [Commit(one.id, None, None) for one in (deleted, cleaned, erased)]

    async def test_a_tombstone_is_heard_as_a_moved_window(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", message(author_id="bob"))
        commits = listen(store)
        await store.erase_user(APP, "bob", None, NOW)
        assert commits == [Commit(session.id, await store.session(APP, session.id), None)]

    async def test_an_expiry_is_heard(self, store: Store) -> None:
        session = await opened(store)
        commits = listen(store)
        await store.cleanup(APP, now_ms=NOW + HOUR, retention_ms=HOUR)
        assert commits == [Commit(session.id, await store.session(APP, session.id), ())]

    async def test_commits_are_heard_in_order_on_the_loop_before_their_callers_go_on(self, store: Store) -> None:
        session, loops = await opened(store), set()
        commits = listen(store)
        store.listeners.append(lambda commit: loops.add(asyncio.get_running_loop()))

        async def one(n: int) -> None:
            answer = await store.append(APP, session.id, [message(content=str(n))], now_ms=NOW)
            assert Commit(session.id, answer.session, answer.messages) in commits

        await asyncio.gather(*[one(n) for n in range(60)])
        heard = [commit.session for commit in commits if commit.session]
        assert [after.seq for after in heard] == list(range(1, 61))
        assert all(a.version < b.version for a, b in pairwise(heard))
        assert [m.seq for commit in commits for m in commit.messages or ()] == list(range(1, 61))
        assert loops == {asyncio.get_running_loop()}

    async def test_all_listeners_hear_the_same_and_a_removed_one_nothing(self, store: Store) -> None:
        session = await opened(store)
        first, second = listen(store), listen(store)
        session = await said(store, session, "a")
        store.listeners.remove(first.append)
        await said(store, session, "b")
        assert first == second[:1]
        assert len(second) == 2
