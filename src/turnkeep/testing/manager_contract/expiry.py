"""Time: what slides the expiry, and what comes after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from turnkeep.errors import SessionClosed
from turnkeep.manager import SessionManager
from turnkeep.session import Session
from turnkeep.testing.manager_contract.case import (
    HOUR,
    Case,
    Clock,
    OpenManager,
    calls,
    chat,
    covers,
    raises,
    said,
    texts,
    turns,
    untouched,
)

Call = Callable[[SessionManager, Session], Awaitable[Any]]

NOT_APPENDS: dict[str, Call] = {
    "get_session": lambda manager, session: manager.get_session(session.id),
    "get_or_create_session": lambda manager, session: chat(manager),
    "find_by_conversation": lambda manager, session: manager.find_by_conversation(123),
    "get_messages": lambda manager, session: manager.get_messages(session.id),
    "build_context": lambda manager, session: manager.build_context(session.id),
    "summarize_session": lambda manager, session: manager.summarize_session(session.id),
    "clear_messages": lambda manager, session: manager.clear_messages(session.id),
    "retract": lambda manager, session: manager.retract(session.id, 3),
    "update_state": lambda manager, session: manager.update_state(session.id, {"a": 1}),
    "update_state of the user": lambda manager, session: manager.update_state(session.id, {"a": 1}, scope="user"),
    "record_tool_call": lambda manager, session: manager.record_tool_call(session.id, "look"),
    "record_error": lambda manager, session: manager.record_error(session.id, "Timeout"),
    "record_usage": lambda manager, session: manager.record_usage(session.id, tokens_in=1, tokens_out=1),
    "get_session_stats": lambda manager, session: manager.get_session_stats(session.id),
    "cleanup": lambda manager, session: manager.cleanup(),
    "the same external_id again": lambda manager, session: manager.add_message(session.id, "user", "once", external_id="x"),
}


class Expiry(Case):
    """Sliding expiry, successors and what they take along."""

    async def test_every_append_slides_it(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=HOUR)
        kinds: dict[str, Any] = {"user": {}, "assistant": {"tool_calls": calls("c")}, "tool": {"tool_call_id": "c"}, "system": {}}
        for role, more in kinds.items():
            clock.advance(HOUR - 1)
            await manager.add_message(session.id, role, "text", **more)
            seen = await manager.get_session(session.id)
            assert seen.status == "active"
            assert seen.last_active.timestamp() == clock.now
            assert seen.expires_at == seen.last_active + timedelta(hours=1)
        clock.advance(HOUR - 1)
        await manager.add_messages(session.id, [{"role": "user", "content": "a"}])
        assert (await manager.get_session(session.id)).last_active.timestamp() == clock.now

    @pytest.mark.parametrize("call", NOT_APPENDS.values(), ids=NOT_APPENDS)
    async def test_nothing_else_slides_it(self, manager: SessionManager, clock: Clock, call: Call) -> None:
        session = await chat(manager, expires_in=HOUR)
        await manager.add_message(session.id, "user", "once", external_id="x")
        await turns(manager, session, 12)
        before = await manager.get_session(session.id)
        clock.advance(60)
        await call(manager, session)
        after = await manager.get_session(session.id)
        assert (after.expires_at, after.last_active) == (before.expires_at, before.last_active)

    async def test_the_end_is_sharp(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=HOUR)
        clock.advance(HOUR - 0.001)
        await manager.add_message(session.id, "user", "just in time")
        clock.advance(HOUR)
        async with untouched(manager, session):
            with raises(SessionClosed):
                await manager.add_message(session.id, "user", "too late")
        assert (await manager.get_session(session.id)).status == "expired"

    async def test_an_expired_session_takes_what_finishes_its_turn(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=HOUR)
        await manager.add_message(session.id, "user", "hello")
        clock.advance(2 * HOUR)
        await manager.add_message(session.id, "assistant", tool_calls=calls("c1"))
        await manager.add_message(session.id, "tool", "", tool_call_id="c1")
        await manager.add_message(session.id, "assistant", "hi")
        assert (await manager.get_session(session.id)).status == "expired"
        assert (await chat(manager)).id != session.id

    async def test_what_finishes_a_turn_does_not_bring_it_back(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=HOUR)
        await manager.add_message(session.id, "user", "hello")
        clock.advance(HOUR)
        await manager.add_message(session.id, "assistant", "hi")
        with raises(SessionClosed):
            await manager.add_message(session.id, "user", "are you there?")

    async def test_the_next_turn_opens_a_successor(self, manager: SessionManager, clock: Clock) -> None:
        old = await chat(manager, expires_in=HOUR)
        await manager.add_message(old.id, "user", "hello")
        clock.advance(HOUR)
        new = await chat(manager, expires_in=HOUR)
        assert (new.id != old.id, new.predecessor, new.seq, new.status) == (True, old.id, 0, "active")
        assert new.created_at.timestamp() == clock.now
        before = await manager.get_session(old.id)
        assert before.status == "expired"
        assert before.closed_at is not None
        assert texts(await manager.get_messages(old.id)) == ["hello"]
        assert await manager.get_messages(new.id) == []
        clock.advance(HOUR)
        assert (await chat(manager)).predecessor == new.id

    async def test_deactivating_an_expired_session_leaves_it_expired(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=HOUR)
        clock.advance(HOUR)
        assert (await manager.deactivate_session(session.id)).status == "expired"
        assert (await manager.get_session(session.id)).status == "expired"

    async def test_calls_that_change_an_expired_session_say_that_it_is(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=HOUR)
        await turns(manager, session, 2)
        clock.advance(HOUR)
        assert (await manager.retract(session.id, 3)).status == "expired"
        assert (await manager.clear_messages(session.id)).status == "expired"

    async def test_user_state_is_there_and_session_state_is_not(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, context_state=("name", "cart"))
        old = await chat(manager)
        await manager.update_state(old.id, {"name": "Ann"}, scope="user")
        await manager.update_state(old.id, {"cart": 5})
        clock.advance(25 * HOUR)
        new = await chat(manager)
        assert await manager.get_state(new.id, scope="user") == {"name": "Ann"}
        assert await manager.get_state(new.id) == {}
        await manager.add_message(new.id, "user", "me again")
        prompt = str(said(await manager.build_context(new.id)))
        assert "Ann" in prompt
        assert "cart" not in prompt
        assert await manager.get_state(old.id) == {"cart": 5}

    @pytest.mark.parametrize("closed", ["by time", "by hand"])
    @pytest.mark.parametrize("carry_over", ["none", "summary"])
    async def test_the_last_summary_is_carried_if_asked(
        self, manager: SessionManager, clock: Clock, carry_over: Any, closed: str
    ) -> None:
        old = await chat(manager)
        await turns(manager, old, 4)
        if not await self.summarized(manager, old, 4, "They asked why, thrice."):
            return
        if closed == "by hand":
            await manager.deactivate_session(old.id)
        clock.advance(25 * HOUR)
        new = await chat(manager, carry_over=carry_over)
        await manager.add_message(new.id, "user", "and now?")
        shown = "They asked why, thrice." in str(said(await manager.build_context(new.id)))
        carried = [covers(one)[:4] for one in await manager.get_summaries(new.id)]
        if carry_over == "summary":
            assert (shown, carried) == (True, [(0, 0, "They asked why, thrice.", "carried")])
            assert new.summary_tokens > 0
        else:
            assert (shown, carried, new.summary_tokens) == (False, [], 0)
        assert [one.live for one in await manager.get_summaries(old.id)] == [True]

    async def test_the_setting_says_what_is_carried(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, carry_over="summary")
        old = await chat(manager)
        await turns(manager, old, 4)
        if not await self.summarized(manager, old, 4, "Whys."):
            return
        await manager.deactivate_session(old.id)
        new = await chat(manager)
        assert [covers(one)[:4] for one in await manager.get_summaries(new.id)] == [(0, 0, "Whys.", "carried")]
        clock.advance(25 * HOUR)
        third = await chat(manager)  # what was carried is carried on
        assert [covers(one)[:4] for one in await manager.get_summaries(third.id)] == [(0, 0, "Whys.", "carried")]
        clock.advance(25 * HOUR)
        assert await manager.get_summaries((await chat(manager, carry_over="none")).id) == []
