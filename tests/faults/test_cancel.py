"""A caller that is cancelled, at any turn of the loop: stored once or not at all, and the cache agrees with the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.helpers import contents, log, manager, opened, sound, step_by_step, steps

from turnkeep import SessionManager
from turnkeep.tokens import get_counter

INLINE = {"compaction": "inline", "compaction_min_messages": 1, "compaction_threshold": 0.2, "summary_tokens": 16}
LONG = "a long text, counted in slices. " * 2500  # gives way to the loop while it is counted


async def agrees(sessions: SessionManager, path: Path, session_id: str) -> None:
    """What the cache shows is what a manager that has never seen the session reads from the file."""
    await sessions.settle()
    shown = await sessions.build_context(session_id, max_messages=50)
    head = await sessions.get_session(session_id)
    async with manager(path, cache_sessions=0) as fresh:
        read = await fresh.build_context(session_id, max_messages=50)
        assert (shown.messages, shown.tokens, shown.left_out) == (read.messages, read.tokens, read.left_out)
        assert await fresh.get_session(session_id) == head
        await sound(fresh, session_id)


TURNS: dict[str, Callable[[SessionManager, str, int], Any]] = {
    "one message": lambda m, s, k: m.add_message(s, "user", f"new {k}", external_id=f"x{k}"),
    "a long message": lambda m, s, k: m.add_message(s, "user", f"new {k} {LONG}", external_id=f"x{k}"),
    "a batch": lambda m, s, k: m.add_messages(
        s, [{"role": "user", "content": f"new {k}.{n}", "external_id": f"x{k}.{n}"} for n in range(3)]
    ),
}


@pytest.mark.parametrize("kind", TURNS)
@pytest.mark.parametrize("options", [{}, INLINE], ids=["background", "inline"])
async def test_an_append_cancelled_at_every_step(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    path = tmp_path / "chats.db"
    limit = 1_000_000 if "long" in kind else 300
    async with manager(path, **options) as sessions:
        session = await opened(sessions, token_limit=limit)
        await sessions.add_message(session.id, "user", "first")
        await sessions.build_context(session.id)
        stored = ["first"]
        outcomes = []
        for step in steps():
            before = len(stored)
            result = await step_by_step(lambda step=step: TURNS[kind](sessions, session.id, step), step)  # type: ignore[misc]
            await sessions.settle()
            await sessions.add_message(session.id, "assistant", f"settles {step}")
            texts = list(map(str, contents(await log(sessions, session.id))))
            new = texts[before:-1]
            assert texts[:before] == stored
            assert len(new) in ((0, 3) if kind == "a batch" else (0, 1))
            assert all(text.startswith(f"new {step}") for text in new)
            await agrees(sessions, path, session.id)
            again = await TURNS[kind](sessions, session.id, step)
            assert (again[0] if kind == "a batch" else again).seq == before + (1 if new else 2)
            stored = list(map(str, contents(await log(sessions, session.id))))
            assert len(stored) == before + 1 + (3 if kind == "a batch" else 1)
            outcomes.append((bool(new), isinstance(result, asyncio.CancelledError)))
            if not outcomes[-1][1]:
                break
        assert outcomes[0] == (False, True)
        assert outcomes[-1] == (True, False)


async def a_turn(sessions: SessionManager, session_id: str, told: list[str], number: int) -> None:
    """As a bot would; what a call has acknowledged is noted right after it."""

    async def add(role: str, text: str, **more: Any) -> None:
        message = await sessions.add_message(session_id, role, text, external_id=f"{number}:{text}", **more)
        told.append(str(message.content))

    await sessions.get_or_create_session("test", 1)
    await add("user", f"question {number}")
    await sessions.build_context(session_id, max_messages=10)
    call = {"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    await add("assistant", f"calls {number}", tool_calls=[call])
    await sessions.record_tool_call(session_id, "f", tool_call_id=f"c{number}")
    await add("tool", f"result {number}", tool_call_id=f"c{number}")
    await sessions.update_state(session_id, {"turn": number})
    await sessions.build_context(session_id, max_messages=10)
    await add("assistant", f"answer {number}")


@pytest.mark.parametrize("options", [{}, INLINE], ids=["background", "inline"])
async def test_a_whole_turn_cancelled_at_every_step(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, **options) as sessions:
        session = await opened(sessions, token_limit=300)
        length = 0
        for step in steps():
            told: list[str] = []
            result = await step_by_step(lambda told=told, step=step: a_turn(sessions, session.id, told, step), step)  # type: ignore[misc]
            ended = not isinstance(result, asyncio.CancelledError)
            assert result is None or not ended
            await sessions.settle()
            await sessions.add_message(session.id, "system", f"settles {step}")
            texts = contents(await log(sessions, session.id))[length:-1]
            assert texts[: len(told)] == told
            assert len(texts) - len(told) <= 1
            assert len(set(texts)) == len(texts)
            await agrees(sessions, path, session.id)
            length = (await sessions.get_session(session.id)).seq
            if ended:
                break
        assert step > 10
        assert (await sessions.get_state(session.id))["turn"] == step


@pytest.mark.parametrize(
    "call",
    [
        lambda m, s: m.clear_messages(s),
        lambda m, s: m.retract(s, 2),
        lambda m, s: m.update_state(s, {"a": 1}),
        lambda m, s: m.summarize_session(s),
        lambda m, s: m.deactivate_session(s),
        lambda m, s: m.erase_user("u"),
        lambda m, s: m.cleanup(),
        lambda m, s: m.build_context(s),
        lambda m, s: m.get_stats(),
        lambda m, s: m.check(),
    ],
    ids=["clear", "retract", "state", "summarize", "deactivate", "erase", "cleanup", "context", "stats", "check"],
)
async def test_other_calls_cancelled_at_every_step(tmp_path: Path, call: Callable[..., Any]) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, compaction="manual") as sessions:
        for step in steps():
            session = await opened(sessions, step)
            for text in ("one", "two", "three"):
                await sessions.add_message(session.id, "user", f"{text} " * 50, author_id="u" if text == "two" else None)
            await sessions.build_context(session.id)
            result = await step_by_step(lambda session=session: call(sessions, session.id), step)  # type: ignore[misc]
            await sessions.settle()
            await sessions.add_message(session.id, "assistant", "settles")
            await agrees(sessions, path, session.id)
            if not isinstance(result, asyncio.CancelledError):
                assert not isinstance(result, BaseException)
                break


async def test_an_opening_cancelled_at_every_step(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    for step in steps():
        result = await step_by_step(lambda: _open_and_close(path), step)
        if not isinstance(result, asyncio.CancelledError):
            assert result is None
            break
    async with manager(path) as sessions:
        await opened(sessions)
        await sound(sessions)


async def _open_and_close(path: Path) -> None:
    async with manager(path):
        pass


async def test_a_close_cancelled_at_every_step(tmp_path: Path) -> None:
    """What was acknowledged before is there; closing again ends what was left."""
    path = tmp_path / "chats.db"
    told: list[str] = []
    for step in steps():
        sessions = await manager(path)
        session = await opened(sessions)
        told.append(str((await sessions.add_message(session.id, "user", f"{step}")).content))
        result = await step_by_step(sessions.close, step)
        await sessions.close()
        assert list(tmp_path.iterdir()) == [path]  # the last one out takes the WAL away
        if not isinstance(result, asyncio.CancelledError):
            break
    async with manager(path) as sessions:
        assert contents(await log(sessions, session.id)) == told
        await sound(sessions, session.id)


async def test_time_outs_of_callers_under_load(tmp_path: Path) -> None:
    """A hundred callers, a third of which give up at different moments; all others are answered, and truly."""
    get_counter("estimate")
    path = tmp_path / "chats.db"
    async with manager(path) as sessions:
        session = await opened(sessions)
        calls = [asyncio.ensure_future(sessions.add_message(session.id, "user", f"{n}", external_id=f"x{n}")) for n in range(300)]
        for step in range(100):
            await asyncio.sleep(0)
            calls[step * 3].cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        rows = await log(sessions, session.id)
        by_text = {row.content: row for row in rows}
        assert len(by_text) == len(rows)
        for number, result in enumerate(results):
            if isinstance(result, asyncio.CancelledError):
                assert number % 3 == 0
            else:
                assert not isinstance(result, BaseException)
                assert by_text[f"{number}"] == result
        await sessions.settle()
        await agrees(sessions, path, session.id)
