"""Removal: deleted sessions, erased users, and what the cleanup takes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.manager import SessionManager
from turnkeep.testing.manager_contract.case import (
    DAY,
    HOUR,
    Case,
    Clock,
    OpenManager,
    calls,
    chat,
    figures,
    log,
    raises,
    said,
    texts,
    turns,
)

SECRET = "xyzzy-plugh-4711"


class Removal(Case):
    """`delete_session`, `erase_user` and `cleanup`."""

    async def test_a_deleted_session_is_unknown(self, manager: SessionManager) -> None:
        session, other = await chat(manager), await chat(manager, "other")
        for one in (session, other):
            await turns(manager, one, 10)
            await manager.summarize_session(one.id)
            await manager.build_context(one.id)
            await manager.update_state(one.id, {"a": 1})
            await manager.record_error(one.id, "Timeout")
        before = figures(await manager.get_session(other.id))
        assert await manager.delete_session(session.id) is None  # type: ignore[func-returns-value]  # that it is None is what is tested
        for call in (
            manager.get_session(session.id),
            manager.get_messages(session.id),
            manager.find_message(session.id, "x"),
            manager.build_context(session.id),
            manager.add_message(session.id, "user", "hello"),
            manager.add_messages(session.id, [{"role": "assistant", "content": "hi"}]),
            manager.get_state(session.id),
            manager.get_events(session.id),
            manager.get_summaries(session.id),
            manager.get_session_stats(session.id),
            manager.delete_session(session.id),
        ):
            with raises(UnknownSession):
                await call
        assert [one.id for one in await manager.list_sessions()] == [other.id]
        assert figures(await manager.get_session(other.id)) == before
        assert (await manager.get_stats()).total_sessions == 1

    async def test_after_a_delete_the_conversation_begins_anew(self, manager: SessionManager) -> None:
        old = await chat(manager)
        await manager.update_state(old.id, {"name": "Ann"}, "user")
        await manager.add_message(old.id, "user", "hello", external_id="x")
        await manager.delete_session(old.id)
        assert await manager.find_by_conversation(123) is None
        new = await chat(manager)
        assert (new.id != old.id, new.seq, new.predecessor) == (True, 0, None)
        assert (await manager.add_message(new.id, "user", "other", external_id="x")).seq == 1
        assert await manager.get_state(new.id, "user") == {"name": "Ann"}

    async def test_a_successor_outlives_its_predecessor(self, manager: SessionManager) -> None:
        old = await chat(manager)
        await manager.add_message(old.id, "user", "hello", external_id="x")
        await manager.deactivate_session(old.id)
        new = await chat(manager)
        await manager.add_message(new.id, "user", "again", external_id="y")
        assert await manager.find_message(new.id, "x") is not None
        await manager.delete_session(old.id)
        assert texts(await log(manager, new)) == ["again"]
        assert await manager.find_message(new.id, "x") is None
        assert await manager.find_message(new.id, "y") is not None
        assert (await manager.add_message(new.id, "user", "again", external_id="y")).seq == 1
        assert (await manager.add_message(new.id, "user", "free again", external_id="x")).seq == 2

    @pytest.mark.parametrize("way", ["delete", "erase", "cleanup"])
    async def test_what_is_removed_is_gone(self, manager: SessionManager, clock: Clock, way: str) -> None:
        session = await chat(manager, "other " + SECRET, external_user_id="ann " + SECRET, metadata={"a": SECRET})
        batch = [{"role": "user", "content": f"{number} {SECRET}", "external_id": f"{number}{SECRET}"} for number in range(60)]
        await manager.add_messages(session.id, [*batch, {"role": "assistant", "tool_calls": calls(SECRET)}])
        await manager.update_state(session.id, {"a": SECRET})
        await manager.record_error(session.id, SECRET)
        await self.summarized(manager, session, 30, f"All about {SECRET}.")
        await manager.build_context(session.id)
        assert await self.holds(manager, SECRET) in (True, None)
        if way == "delete":
            await manager.delete_session(session.id)
        elif way == "erase":
            await manager.erase_user("ann " + SECRET)
        else:
            await manager.deactivate_session(session.id)
            clock.advance(31 * DAY)
            assert (await manager.cleanup()).deleted == 1
        assert await manager.list_sessions() == []
        with raises(UnknownSession):
            await manager.build_context(session.id)
        assert await self.holds(manager, SECRET) in (False, None)

    # --- erase_user

    async def test_what_an_erased_user_said_is_not_found(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", SECRET, external_id="x", author_id="bob")
        await manager.add_message(session.id, "assistant", "Noted.", external_id="y")
        await manager.build_context(session.id)
        assert await manager.find_message(session.id, "x") is not None
        await manager.erase_user("bob")
        assert await manager.find_message(session.id, "x") is None
        found = await manager.find_message(session.id, "y")
        assert found is not None
        assert found.content == "Noted."

    async def test_an_erased_user_is_gone(self, manager: SessionManager) -> None:
        mine = [await chat(manager, 1), await chat(manager, 2), await chat(manager, 1, interface_type="web")]
        bobs = await chat(manager, 3, external_user_id="bob")
        for session in mine:
            await turns(manager, session, 1)
        await manager.update_state(mine[0].id, {"name": "Ann"}, "user")
        await manager.update_state(mine[2].id, {"name": "Ann"}, "user")
        await manager.update_state(bobs.id, {"name": "Bob"}, "user")
        erased = await manager.erase_user("ann")
        assert (erased.sessions, erased.messages, erased.states) == (3, 6, 2)
        assert [one.id for one in await manager.list_sessions()] == [bobs.id]
        assert await manager.get_state(bobs.id, "user") == {"name": "Bob"}
        again = await chat(manager, 1)
        assert (await manager.get_state(again.id, "user"), again.predecessor) == ({}, None)
        nothing = await manager.erase_user("ann", "web")
        assert (nothing.sessions, nothing.messages, nothing.states) == (0, 0, 0)

    async def test_erasing_on_one_interface(self, manager: SessionManager) -> None:
        telegram, web = await chat(manager), await chat(manager, interface_type="web")
        for session in (telegram, web):
            await manager.update_state(session.id, {"a": 1}, "user")
        assert (await manager.erase_user("ann", "web")).sessions == 1
        assert [one.id for one in await manager.list_sessions()] == [telegram.id]
        assert await manager.get_state(telegram.id, "user") == {"a": 1}

    async def test_what_they_wrote_elsewhere_leaves_tombstones(self, open_manager: OpenManager, clock: Clock) -> None:
        manager, other = await open_manager(clock=clock), await open_manager(clock=clock)
        group = await chat(manager, "group", external_user_id="bob")
        for number in range(4):
            await manager.add_message(
                group.id,
                "user",
                f"{SECRET} {number}",
                author_id="ann",
                external_id=f"x{number}",
                name="Ann",
                metadata={"a": SECRET},
            )
            await manager.add_message(group.id, "user", f"public {number}", author_id="bob")
            await manager.add_message(group.id, "assistant", f"answer {number}")
        assert SECRET in str(said(await manager.build_context(group.id)))
        assert SECRET in str(said(await other.build_context(group.id)))
        erased = await manager.erase_user("ann")
        assert (erased.sessions, erased.messages) == (0, 4)
        for one in (manager, other):
            stored = await log(one, group)
            assert [message.seq for message in stored] == list(range(1, 13))
            gone = [message for message in stored if message.erased]
            assert [message.seq for message in gone] == [1, 4, 7, 10]
            for message in gone:
                assert (message.role, message.content, message.tokens) == ("user", "", 0)
                assert (message.author_id, message.external_id, message.name, message.metadata) == (None, None, None, None)
            assert SECRET not in str(said(await one.build_context(group.id)))
            assert "public 0" in str(said(await one.build_context(group.id)))
        now = await manager.get_session(group.id)
        assert now.tokens == sum(message.tokens for message in stored)
        assert (await manager.add_message(group.id, "user", "anew", external_id="x0")).seq == 13
        assert await self.holds(manager, SECRET) in (False, None)

    async def test_summaries_that_told_of_them_are_removed(self, manager: SessionManager) -> None:
        group = await chat(manager, "group", external_user_id="bob")
        await turns(manager, group, 3)
        await manager.add_message(group.id, "user", "I am " + SECRET, author_id="ann")
        await turns(manager, group, 3, first=4)
        if not await self.summarized(manager, group, 4, "They asked."):
            return
        await self.summarized(manager, group, 9, f"Then came {SECRET}.")
        await manager.erase_user("ann")
        assert [one.text for one in await manager.get_summaries(group.id)] == ["They asked."]
        now = await manager.get_session(group.id)
        assert (now.window_start, now.window_messages) == (5, 9)
        assert SECRET not in str(said(await manager.build_context(group.id)))

    async def test_an_author_may_be_an_int(self, manager: SessionManager) -> None:
        group = await chat(manager, "group", external_user_id="bob")
        await manager.add_message(group.id, "user", "hi", author_id=7)
        assert (await manager.erase_user(7)).messages == 1

    async def test_bad_users(self, manager: SessionManager) -> None:
        await chat(manager)
        bad: list[Any] = [None, "", True, 1.5, []]
        for user in bad:
            with raises(InvalidInput, "external_user_id"):
                await manager.erase_user(user)
        with raises(InvalidInput, "interface_type"):
            await manager.erase_user("ann", "")
        assert (await manager.get_stats()).total_sessions == 1

    # --- cleanup

    async def test_the_cleanup_closes_then_deletes(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, retention=DAY)
        short = await chat(manager, 1, expires_in=HOUR)
        by_hand = await chat(manager, 2)
        alive = await chat(manager, 3, expires_in=None)
        await manager.deactivate_session(by_hand.id)

        async def cleaned(dry_run: bool = False) -> tuple[int, int, bool]:
            done = await manager.cleanup(dry_run=dry_run)
            return done.expired, done.deleted, done.dry_run

        assert await cleaned() == (0, 0, False)
        clock.advance(HOUR)
        assert await cleaned(dry_run=True) == (1, 0, True)
        assert await cleaned(dry_run=True) == (1, 0, True)
        assert await cleaned() == (1, 0, False)
        assert await cleaned() == (0, 0, False)
        clock.advance(DAY - HOUR)
        assert await cleaned() == (0, 0, False)  # closed a day ago, and not longer
        clock.advance(1)
        assert await cleaned(dry_run=True) == (0, 1, True)
        assert (await manager.get_session(by_hand.id)).status == "inactive"
        assert await cleaned() == (0, 1, False)
        clock.advance(HOUR)
        assert await cleaned() == (0, 1, False)
        assert [one.id for one in await manager.list_sessions()] == [alive.id]
        for gone in (short, by_hand):
            with raises(UnknownSession):
                await manager.get_session(gone.id)

    async def test_the_cleanup_leaves_user_state(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, retention=0.0)
        session = await chat(manager)
        await manager.update_state(session.id, {"name": "Ann"}, "user")
        await manager.deactivate_session(session.id)
        clock.advance(1)
        assert (await manager.cleanup()).deleted == 1
        assert await manager.get_state((await chat(manager)).id, "user") == {"name": "Ann"}

    async def test_the_cleanup_in_the_background(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock)
        session = await chat(manager, expires_in=HOUR)
        clock.advance(HOUR)
        await open_manager(clock=clock, cleanup_interval=3600.0)
        async with asyncio.timeout(30):
            while (await manager.get_session(session.id)).closed_at is None:  # noqa: ASYNC110
                await asyncio.sleep(0)
