"""A manager used when, where or by whom it must not be: a typed error that says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.helpers import ask, contents, log, manager, opened, sound, url

from turnkeep import SessionManager, sync
from turnkeep.errors import ManagerClosed, TurnkeepError, WrongLoop
from turnkeep.tokens import get_counter


async def _change(m: SessionManager, session_id: str) -> Any:
    return await anext(m.listen(session_id))


CALLS: dict[str, Callable[[SessionManager, str], Any]] = {
    "get_or_create_session": lambda m, s: m.get_or_create_session("test", 1),
    "open_session": lambda m, s: m.open_session("test", 1),
    "get_session": lambda m, s: m.get_session(s),
    "find_by_conversation": lambda m, s: m.find_by_conversation(1),
    "list_sessions": lambda m, s: m.list_sessions(),
    "deactivate_session": lambda m, s: m.deactivate_session(s),
    "delete_session": lambda m, s: m.delete_session(s),
    "erase_user": lambda m, s: m.erase_user("u"),
    "add_message": lambda m, s: m.add_message(s, "user", "x"),
    "add_messages": lambda m, s: m.add_messages(s, [{"role": "user", "content": "x"}]),
    "get_messages": lambda m, s: m.get_messages(s),
    "find_message": lambda m, s: m.find_message(s, "x"),
    "build_context": lambda m, s: m.build_context(s),
    "summarize_session": lambda m, s: m.summarize_session(s),
    "resummarize_session": lambda m, s: m.resummarize_session(s),
    "get_summaries": lambda m, s: m.get_summaries(s),
    "recall": lambda m, s: m.recall(s),
    "pin": lambda m, s: m.pin(s, "x"),
    "pin_message": lambda m, s: m.pin_message(s, 1),
    "unpin": lambda m, s: m.unpin(s, 1),
    "get_pins": lambda m, s: m.get_pins(s),
    "clear_messages": lambda m, s: m.clear_messages(s),
    "retract": lambda m, s: m.retract(s, 1),
    "get_state": lambda m, s: m.get_state(s),
    "update_state": lambda m, s: m.update_state(s, {"a": 1}),
    "record_tool_call": lambda m, s: m.record_tool_call(s, "f"),
    "record_error": lambda m, s: m.record_error(s, "e"),
    "record_usage": lambda m, s: m.record_usage(s, tokens_in=1, tokens_out=1),
    "get_events": lambda m, s: m.get_events(s),
    "cleanup": lambda m, s: m.cleanup(),
    "get_stats": lambda m, s: m.get_stats(),
    "get_session_stats": lambda m, s: m.get_session_stats(s),
    "listen": _change,
    "settle": lambda m, s: m.settle(),
    "backup": lambda m, s: m.backup("/nowhere/x"),
    "check": lambda m, s: m.check(),
    "sizes": lambda m, s: m.sizes(),
}


def test_every_call_is_in_the_table() -> None:
    calls = (kind for kind in SessionManager.__mro__ if kind.__module__.startswith("turnkeep.manager."))
    assert set(CALLS) == {name for kind in calls for name in vars(kind) if not name.startswith("_")}
    assert set(CALLS) <= set(vars(sync.SessionManager))


@pytest.mark.parametrize("place", ["file", "memory"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_manager_that_is_not_open(tmp_path: Path, call: str, place: str) -> None:
    where = url(tmp_path / "chats.db") if place == "file" else "memory://"
    sessions = SessionManager.open(where, cleanup_interval=0, tokenizer="estimate")
    with pytest.raises(ManagerClosed, match="async with SessionManager"):
        await CALLS[call](sessions, "ses_x")
    async with sessions:
        session = await opened(sessions)
        await sessions.add_message(session.id, "user", "kept")
        await sessions.build_context(session.id)
    with pytest.raises(ManagerClosed, match="async with SessionManager"):
        await CALLS[call](sessions, session.id)
    await sessions.close()
    if place == "file":
        async with manager(tmp_path / "chats.db") as sessions:
            assert contents(await log(sessions, session.id)) == ["kept"]


@pytest.mark.parametrize("call", sorted(set(CALLS) - {"settle"}))
def test_another_loop(tmp_path: Path, call: str) -> None:
    get_counter("estimate")
    home = asyncio.new_event_loop()
    sessions: SessionManager = home.run_until_complete(_opened(tmp_path / "chats.db"))
    try:
        session = home.run_until_complete(_said(sessions))
        with pytest.raises(WrongLoop, match="one per loop"):
            asyncio.run(CALLS[call](sessions, session))
        home.run_until_complete(sound(sessions, session))
        assert contents(home.run_until_complete(log(sessions, session))) == ["kept"]
    finally:
        home.run_until_complete(sessions.close())
        home.run_until_complete(home.shutdown_default_executor())
        home.close()


def test_closing_from_another_loop(tmp_path: Path) -> None:
    """Refused, and the manager stays usable where it belongs."""
    home = asyncio.new_event_loop()
    sessions: SessionManager = home.run_until_complete(_opened(tmp_path / "chats.db", cleanup_interval=1000.0))
    try:
        session = home.run_until_complete(_said(sessions))
        with pytest.raises(WrongLoop, match="one per loop"):
            asyncio.run(sessions.close())
        assert contents(home.run_until_complete(log(sessions, session))) == ["kept"]
    finally:
        home.run_until_complete(sessions.close())
        home.run_until_complete(home.shutdown_default_executor())
        home.close()


async def _opened(path: Path, **options: Any) -> SessionManager:
    return await manager(path, **options)


async def _said(sessions: SessionManager) -> str:
    session = await opened(sessions)
    await sessions.add_message(session.id, "user", "kept")
    await sessions.build_context(session.id)
    return session.id


async def test_opening_twice(tmp_path: Path) -> None:
    async with manager(tmp_path / "chats.db") as sessions:
        session = await opened(sessions)
        with pytest.raises(TurnkeepError):
            await sessions
        await sessions.add_message(session.id, "user", "goes on")


@pytest.mark.parametrize("place", ["file", "memory"])
async def test_opening_a_closed_one(tmp_path: Path, place: str) -> None:
    """Refused: a new manager is what is wanted, and the old one stays closed."""
    where = url(tmp_path / "chats.db") if place == "file" else "memory://"
    sessions = await SessionManager.open(where, cleanup_interval=0, tokenizer="estimate")
    await opened(sessions)
    await sessions.close()
    for _ in range(2):
        with pytest.raises(ManagerClosed, match="async with SessionManager"):
            await sessions
        with pytest.raises(ManagerClosed, match="async with SessionManager"):
            async with sessions:
                pass
        with pytest.raises(ManagerClosed):
            await sessions.list_sessions()
        await sessions.close()
    if place == "file":
        async with manager(tmp_path / "chats.db") as sessions:
            assert len(await sessions.list_sessions()) == 1


async def test_closing_while_others_work(tmp_path: Path) -> None:
    """Each call in flight is answered: stored, or refused as closed."""
    path = tmp_path / "chats.db"
    sessions = await manager(path)
    session = await opened(sessions)

    async def talk(number: int) -> list[str]:
        told = []
        for turn in range(100):
            try:
                await sessions.add_message(session.id, "user", f"{number}.{turn}")
            except ManagerClosed:
                break
            told.append(f"{number}.{turn}")
        return told

    talks = [asyncio.ensure_future(talk(number)) for number in range(20)]
    while (await sessions.get_session(session.id)).seq < 100:
        await asyncio.sleep(0)
    await asyncio.gather(sessions.close(), sessions.close())
    told = {text for one in await asyncio.wait_for(asyncio.gather(*talks), 10) for text in one}
    async with manager(path) as sessions:
        assert set(map(str, contents(await log(sessions, session.id)))) == told
        await sound(sessions, session.id)


def test_after_a_fork(tmp_path: Path) -> None:
    """What was open at the fork is refused in the child, under whatever name it opens it; the parent goes on unharmed."""
    answers, code, texts, problems = ask("use_after_fork", tmp_path / "chats.db", timeout=20)
    assert code == 0
    (*inherited, closing), (*same_file, another_file) = answers
    assert [answer[0] for answer in (*inherited, *same_file)] == ["UsedAfterFork"] * 10
    for _, told in (*inherited, *same_file):
        assert "close the manager before the" in told
        assert "open one in each child" in told
    assert closing is None
    assert another_file == 1
    assert texts == ["before", "after"]
    assert problems == []


def test_a_fork_after_the_manager_was_closed(tmp_path: Path) -> None:
    """Is as good as a new program, until it forks again with the file open."""
    grandchild, code, texts, problems = ask("after_a_closed_manager", tmp_path / "chats.db", timeout=20)
    assert grandchild[0] == "UsedAfterFork"
    assert code == 0
    assert texts == ["before", "child", "child again", "after"]
    assert problems == []
