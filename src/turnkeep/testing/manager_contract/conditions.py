"""Conditional writes: at a version only, and once under a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from turnkeep.errors import (
    IdempotencyKeyReused,
    InvalidInput,
    ManagerClosed,
    PreconditionFailed,
    SessionClosed,
    UnknownSession,
)
from turnkeep.manager import SessionManager
from turnkeep.testing.manager_contract.case import (
    DAY,
    Case,
    Clock,
    OpenManager,
    chat,
    image,
    log,
    raises,
    refused,
    turns,
    untouched,
)

Write = Callable[[SessionManager, str], Awaitable[Any]]
WRITES: dict[str, Write] = {
    "add_message": lambda manager, name: manager.add_message(name, "user", "late"),
    "add_messages": lambda manager, name: manager.add_messages(name, [{"role": "user", "content": "a"}] * 2),
    "clear_messages": lambda manager, name: manager.clear_messages(name, keep_summaries=False),
    "retract": lambda manager, name: manager.retract(name, 2),
    "update_state": lambda manager, name: manager.update_state(name, {"a": 1}),
    "record_tool_call": lambda manager, name: manager.record_tool_call(name, "look", duration_ms=1.5),
    "record_error": lambda manager, name: manager.record_error(name, "Timeout", message="none", data={"n": 1}),
    "record_usage": lambda manager, name: manager.record_usage(name, tokens_in=1, tokens_out=2),
    "deactivate_session": lambda manager, name: manager.deactivate_session(name),
    "delete_session": lambda manager, name: manager.delete_session(name),
}


class Conditions(Case):
    """`conditional`."""

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    async def test_every_write_to_a_session_may_expect_its_version(self, manager: SessionManager, write: Write) -> None:
        session = await chat(manager)
        await turns(manager, session, 2)
        version = (await manager.get_session(session.id)).version
        async with refused(manager, session, PreconditionFailed, "expected_version"):
            await write(manager.conditional(expected_version=session.version), session.id)
        await write(manager.conditional(expected_version=version), session.id)

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    async def test_every_write_to_a_session_is_done_once_under_its_key(
        self, manager: SessionManager, clock: Clock, write: Write
    ) -> None:
        session = await chat(manager)
        await turns(manager, session, 2)
        version = (await manager.get_session(session.id)).version
        once = manager.conditional(idempotency_key="k", expected_version=version)
        first = await write(once, session.id)
        clock.advance(5)
        if write is WRITES["delete_session"]:
            assert await write(once, session.id) is None
            with raises(UnknownSession):
                await write(manager, session.id)
            return
        async with untouched(manager, session):
            assert await write(once, session.id) == first

    async def test_a_key_works_in_another_manager(self, open_manager: OpenManager, clock: Clock) -> None:
        one, two = await open_manager(clock=clock), await open_manager(clock=clock)
        session = await chat(one)
        managers = [sessions.conditional(idempotency_key="k") for sessions in (one, two) * 4]
        stored = await asyncio.gather(*[sessions.add_message(session.id, "user", "hi") for sessions in managers])
        assert {message.seq for message in stored} == {1}
        assert len(await log(two, session)) == 1

    async def test_of_writers_that_expect_one_version_one_wins(self, open_manager: OpenManager, clock: Clock) -> None:
        one, two = await open_manager(clock=clock), await open_manager(clock=clock)
        session = await chat(one)
        managers = [sessions.conditional(expected_version=session.version) for sessions in (one, two) * 4]
        calls = [sessions.update_state(session.id, {"winner": n}) for n, sessions in enumerate(managers)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        [won] = [one for one in results if not isinstance(one, BaseException)]
        assert {type(one) for one in results if isinstance(one, BaseException)} == {PreconditionFailed}
        assert await two.get_state(session.id) == won

    async def test_an_opening_is_done_once_under_its_key(self, manager: SessionManager) -> None:
        once = manager.conditional(idempotency_key="k")
        first, created = await once.open_session("web", 1)
        await manager.deactivate_session(first.id)
        again, created_again = await once.open_session("web", 1)
        assert (created, created_again, again.id, again.status) == (True, True, first.id, "inactive")
        assert (await once.get_or_create_session("web", 1)).id == first.id
        with raises(IdempotencyKeyReused, "idempotency_key"):
            await once.open_session("web", 2)
        assert (await manager.get_or_create_session("web", 1)).predecessor == first.id

    async def test_an_erasure_and_a_cleanup_tell_their_figures_again(self, manager: SessionManager, clock: Clock) -> None:
        await turns(manager, await chat(manager), 1)
        once = manager.conditional(idempotency_key="erase")
        first = await once.erase_user("ann")
        assert (first.sessions, first.messages) == (1, 2)
        assert await once.erase_user("ann") == first
        assert (await manager.erase_user("ann")).sessions == 0
        await chat(manager)
        clock.advance(2 * DAY)
        once = manager.conditional(idempotency_key="cleanup")
        cleaned = await once.cleanup()
        assert (cleaned.expired, await once.cleanup()) == (1, cleaned)
        assert (await once.cleanup(dry_run=True)).expired == (await manager.cleanup()).expired == 0

    async def test_a_key_is_not_taken_for_another_write(self, manager: SessionManager) -> None:
        session = await chat(manager)
        once = manager.conditional(idempotency_key="k", fingerprint="one")
        await once.add_message(session.id, "user", "hi")
        for call in (
            once.add_message(session.id, "user", "other"),
            once.add_message(session.id, "user", "hi", metadata={"a": 1}),
            once.update_state(session.id, {}),
            once.delete_session(session.id),
            manager.conditional(idempotency_key="k", fingerprint="two").add_message(session.id, "user", "hi"),
        ):
            async with refused(manager, session, IdempotencyKeyReused, "idempotency_key"):
                await call

    async def test_a_refused_write_does_not_use_up_its_key(self, manager: SessionManager) -> None:
        session = await chat(manager)
        once = manager.conditional(idempotency_key="k")
        with raises(InvalidInput):
            await once.add_message(session.id, "user", "")
        closed = await manager.deactivate_session(session.id)
        with raises(SessionClosed):
            await once.add_message(session.id, "user", "hi")
        assert (await once.record_usage(session.id, tokens_in=1, tokens_out=1)).tokens_in == 1
        assert (await manager.get_session(session.id)).version == closed.version + 1

    async def test_a_key_counts_for_its_lifetime(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, idempotency_lifetime=60.0)
        session = await chat(manager)
        once = manager.conditional(idempotency_key="k")
        seqs = []
        for seconds in (0, 59.5, 1, 59):
            clock.advance(seconds)
            seqs.append((await once.add_message(session.id, "user", "hi")).seq)
        assert seqs == [1, 1, 2, 2]

    async def test_a_key_of_one_app_is_none_of_another(self, open_manager: OpenManager, clock: Clock) -> None:
        for app in ("red", "blue"):
            manager = await open_manager(clock=clock, app=app)
            session = await chat(manager)
            once = manager.conditional(idempotency_key="k")
            assert {(await once.add_message(session.id, "user", app)).content for _ in range(2)} == {app}
            assert len(await log(manager, session)) == 1

    async def test_reads_and_summaries_take_no_heed(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 2)
        given = manager.conditional(expected_version=0, idempotency_key="k")
        assert await image(given, session) == await image(manager, session)
        assert (await given.build_context(session.id)).messages == (await manager.build_context(session.id)).messages
        assert await given.summarize_session(session.id) is None
        assert (await given.get_stats()).total_messages == 4

    async def test_what_it_takes(self, manager: SessionManager) -> None:
        bad: dict[str, list[Any]] = {"expected_version": [-1, True, "1", 1.0], "idempotency_key": ["", "x" * 513, 7, "a\0"]}
        for field, values in bad.items():
            for value in values:
                with raises(InvalidInput, field):
                    manager.conditional(**{field: value})
        for fingerprint in ("x" * 513, None):
            with raises(InvalidInput, "fingerprint"):
                manager.conditional(fingerprint=fingerprint)  # type: ignore[arg-type]  # None is what is to be refused
        given = manager.conditional(expected_version=1)
        for call in (given.get_or_create_session("web", 1), given.erase_user("ann"), given.cleanup()):
            with raises(InvalidInput, "expected_version"):
                await call
        assert await manager.list_sessions() == []

    async def test_it_ends_with_the_one_it_came_from_and_ends_nothing(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock)
        session = await chat(manager)
        first, second = manager.conditional(idempotency_key="a"), manager.conditional(idempotency_key="b")
        await first.close()
        with raises(ManagerClosed):
            await first.add_message(session.id, "user", "hi")
        assert (await second.add_message(session.id, "user", "hi")).seq == 1
        await manager.close()
        with raises(ManagerClosed):
            await second.add_message(session.id, "user", "hi")
        with raises(ManagerClosed):
            manager.conditional()
