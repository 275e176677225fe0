"""Apps apart, managers together: who sees what, and many calls at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from turnkeep.errors import InvalidInput, ManagerClosed, UnknownSession
from turnkeep.manager import SessionManager
from turnkeep.testing.manager_contract.case import Case, Clock, OpenManager, chat, image, log, raises, said, texts, turns


class Apart(Case):
    """Isolation, concurrency and the manager's own life."""

    async def test_an_app_never_sees_anothers_rows(self, open_manager: OpenManager, clock: Clock) -> None:
        red, blue = await open_manager(clock=clock, app="red"), await open_manager(clock=clock, app="blue")
        assert (red.app, blue.app) == ("red", "blue")
        mine = await chat(red)
        await red.add_message(mine.id, "user", "red", external_id="x", author_id="ann")
        await red.update_state(mine.id, {"name": "Red"}, "user")
        await red.build_context(mine.id)
        before = await image(red, mine)
        assert await blue.find_by_conversation(123) is None
        assert await blue.list_sessions() == []
        assert (await blue.get_stats()).total_sessions == 0
        for call in (
            blue.get_session(mine.id),
            blue.deactivate_session(mine.id),
            blue.delete_session(mine.id),
            blue.add_message(mine.id, "user", "blue"),
            blue.add_messages(mine.id, [{"role": "assistant", "content": "blue"}]),
            blue.get_messages(mine.id),
            blue.find_message(mine.id, "x"),
            blue.build_context(mine.id),
            blue.summarize_session(mine.id),
            blue.get_summaries(mine.id),
            blue.clear_messages(mine.id),
            blue.retract(mine.id, 1),
            blue.get_state(mine.id),
            blue.get_state(mine.id, "user"),
            blue.update_state(mine.id, {"a": 1}),
            blue.record_tool_call(mine.id, "look"),
            blue.record_error(mine.id, "Timeout"),
            blue.record_usage(mine.id, tokens_in=1, tokens_out=1),
            blue.get_events(mine.id),
            blue.get_session_stats(mine.id),
            blue.list_sessions(before=mine.id),
        ):
            with raises(UnknownSession):
                await call
        theirs = await chat(blue)
        assert (theirs.id != mine.id, theirs.predecessor) == (True, None)
        assert (await blue.add_message(theirs.id, "user", "blue", external_id="x", author_id="ann")).seq == 1
        assert await blue.get_state(theirs.id, "user") == {}
        clock.advance(10)
        assert (await blue.erase_user("ann")).sessions == 1
        clock.advance(400 * 24 * 3600)
        done = await blue.cleanup()
        assert (done.expired, done.deleted) == (0, 0)
        clock.advance(-400 * 24 * 3600)
        assert await image(red, mine) == before
        assert (await red.get_stats()).total_messages == 1

    async def test_two_managers_of_one_app_agree(self, open_manager: OpenManager, clock: Clock) -> None:
        one, two = await open_manager(clock=clock), await open_manager(clock=clock)
        session = await chat(one)
        assert (await chat(two)).id == session.id
        for turn in range(1, 11):
            await turns(one if turn % 2 else two, session, 1, first=turn)
            contexts = [await manager.build_context(session.id, max_messages=4) for manager in (one, two)]
            assert contexts[0].messages == contexts[1].messages
            assert contexts[0].version == contexts[1].version
            assert said(contexts[0])[-1].startswith(f"answer {turn}:")
        await two.clear_messages(session.id)
        assert (await one.build_context(session.id)).parts["messages"] == 0
        await one.delete_session(session.id)
        with raises(UnknownSession):
            await two.build_context(session.id)
        with raises(UnknownSession):
            await two.add_message(session.id, "user", "hello")

    async def test_a_hundred_appends_at_once(self, manager: SessionManager) -> None:
        session = await chat(manager, token_limit=100_000)
        answers = await asyncio.gather(*(manager.add_message(session.id, "user", f"{n}") for n in range(100)))
        assert sorted(message.seq for message in answers) == list(range(1, 101))
        stored = await log(manager, session)
        assert {message.seq: message.content for message in answers} == {message.seq: message.content for message in stored}
        assert texts(stored) == said(await manager.build_context(session.id))
        now = await manager.get_session(session.id)
        assert (now.seq, now.tokens) == (100, sum(message.tokens for message in stored))

    async def test_batches_at_once_are_never_mixed(self, manager: SessionManager) -> None:
        session = await chat(manager, token_limit=100_000)
        await asyncio.gather(*(manager.add_messages(session.id, [{"role": "user", "content": f"{n}"}] * 5) for n in range(20)))
        stored = texts(await log(manager, session))
        assert len(stored) == 100
        assert all(len(set(stored[at : at + 5])) == 1 for at in range(0, 100, 5))

    async def test_many_sessions_at_once(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, cache_sessions=3)

        async def talk(name: int) -> list[Any]:
            session = await chat(manager, name)
            for turn in range(1, 6):
                await turns(manager, session, 1, first=turn)
                await manager.build_context(session.id)
            return texts(await log(manager, session))

        logs = await asyncio.gather(*(talk(name) for name in range(12)))
        assert all(one == logs[0] and len(one) == 10 for one in logs)

    async def test_of_many_who_begin_a_conversation_one_makes_it(self, open_manager: OpenManager, clock: Clock) -> None:
        managers = [await open_manager(clock=clock), await open_manager(clock=clock)]
        opened = await asyncio.gather(*(managers[at % 2].open_session("telegram", 1) for at in range(40)))
        assert len({session.id for session, _ in opened}) == 1
        assert sum(made for _, made in opened) == 1

    async def test_appends_builds_and_clears_at_once(self, manager: SessionManager) -> None:
        session = await chat(manager)

        async def build() -> None:
            context = await manager.build_context(session.id)
            assert context.tokens <= 4000

        await asyncio.gather(
            *(manager.add_message(session.id, "user", "x " * 50) for _ in range(60)),
            *(build() for _ in range(60)),
            *(manager.clear_messages(session.id, keep_summaries=bool(n % 2)) for n in range(5)),
        )
        await manager.settle()
        assert (await manager.get_session(session.id)).seq == 60
        await build()

    # --- its own life

    async def test_a_closed_manager_says_so(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock)
        session = await chat(manager)
        await manager.close()
        await manager.close()
        for call in (
            manager.get_or_create_session("telegram", 1),
            manager.get_session(session.id),
            manager.find_by_conversation(123),
            manager.list_sessions(),
            manager.deactivate_session(session.id),
            manager.delete_session(session.id),
            manager.erase_user("ann"),
            manager.add_message(session.id, "user", "hello"),
            manager.add_messages(session.id, [{"role": "user", "content": "hello"}]),
            manager.get_messages(session.id),
            manager.build_context(session.id),
            manager.summarize_session(session.id),
            manager.get_summaries(session.id),
            manager.clear_messages(session.id),
            manager.retract(session.id, 1),
            manager.get_state(session.id),
            manager.update_state(session.id, {}),
            manager.record_tool_call(session.id, "look"),
            manager.record_error(session.id, "Timeout"),
            manager.record_usage(session.id, tokens_in=1, tokens_out=1),
            manager.get_events(session.id),
            manager.cleanup(),
            manager.get_stats(),
            manager.get_session_stats(session.id),
            manager.settle(),
        ):
            with raises(ManagerClosed):
                await call

    async def test_closing_finishes_what_was_accepted(self, open_manager: OpenManager, clock: Clock) -> None:
        manager, witness = await open_manager(clock=clock), await open_manager(clock=clock)
        session = await chat(manager, token_limit=100_000)
        tasks = [asyncio.create_task(manager.add_message(session.id, "user", f"{n}")) for n in range(20)]
        await tasks[0]
        await manager.close()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(answer, ManagerClosed) for answer in answers if isinstance(answer, BaseException))
        kept = {str(answer.content) for answer in answers if not isinstance(answer, BaseException)}
        assert kept == set(texts(await log(witness, session)))

    @pytest.mark.parametrize("app", ["", "x" * 513, "a\0b"], ids=ascii)
    async def test_an_app_has_a_name(self, open_manager: OpenManager, app: str) -> None:
        with raises(InvalidInput, "app"):
            await open_manager(app=app)
