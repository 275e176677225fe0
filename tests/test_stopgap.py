"""What stands for messages that had to leave a prompt before their summary was ready."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from turnkeep import SessionManager
from turnkeep.session import Message, Session
from turnkeep.stopgap import BLOCK, RESTART, TEXTS, Missing, Stopgap
from turnkeep.summarizers import Extractive

PLACES = ("Porto", "Lisbon", "Madrid", "Vienna", "Prague", "Oslo", "Athens", "Dublin")


@pytest_asyncio.fixture
async def manager() -> AsyncIterator[SessionManager]:
    """On the loop: a worker process that gets no time has prompts say less."""
    async with SessionManager.open("memory://", compaction="manual", compaction_process=False, cleanup_interval=0) as opened:
        yield opened


async def talked(manager: SessionManager, turns: int, first: int = 1, **changes: Any) -> str:
    session = await manager.get_or_create_session("web", 1, **({"token_limit": 600} | changes))
    for turn in range(first, first + turns):
        said = f"I need a room for {turn + 10} people in {PLACES[turn % 8]} at {turn % 24}:15."
        batch = [{"role": "user", "content": said}, {"role": "assistant", "content": f"Noted, that is request {turn}."}]
        await manager.add_messages(session.id, batch)
    return session.id


def head(messages: Sequence[dict[str, Any]]) -> str:
    return str(messages[0]["content"]) if messages[0]["role"] == "system" else ""


async def test_what_left_is_told_and_nothing_is_stored(manager: SessionManager) -> None:
    name = await talked(manager, 30)
    built = await manager.build_context(name)
    [left] = built.left_out
    text = head(built.messages)
    assert text.startswith(f"Summary of earlier messages 1-{left.to_seq}:\nuser: ")
    assert "Lisbon at 1:15" in text
    assert built.messages[1]["role"] == "user"
    assert 0 < built.parts["gap"] <= 600 // 8
    assert built.tokens <= 600
    assert await manager.get_summaries(name) == []
    assert (await manager.build_context(name)).messages == built.messages


async def test_in_the_background_the_summary_itself_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words for one prompt would be made again for the summary."""
    monkeypatch.setattr("turnkeep.compactor.Compactor._calm", lambda _: False)
    async with SessionManager.open("memory://", compaction="background", compaction_process=False, cleanup_interval=0) as manager:
        name = await talked(manager, 30)
        assert await manager.get_summaries(name) == []
        built = await manager.build_context(name)
        summary, *_ = await manager.get_summaries(name)
        assert summary.live
        assert head(built.messages).startswith(f"Summary of earlier messages 1-{summary.to_seq}:\nuser: ")
        small = await manager.build_context(name, token_budget=150)  # less than what compaction is there for
        assert small.left_out
        assert small.tokens <= 150


async def test_the_words_stay_until_the_cut_moves(manager: SessionManager) -> None:
    name = await talked(manager, 10)
    heads, before = set(), list[dict[str, Any]]()
    for turn in range(11, 71):
        await talked(manager, 1, first=turn)
        built = await manager.build_context(name)
        cut = built.left_out[0].to_seq if built.left_out else 0
        heads.add((cut, head(built.messages)))
        if before and head(built.messages) == head(before):
            assert built.messages[: len(before) - 1] == before[:-1]
        before = built.messages
    assert len(heads) == len({cut for cut, _ in heads}) < 20


@pytest.mark.parametrize("turns", [BLOCK // 2, BLOCK + 3, BLOCK * 2])
async def test_a_manager_that_was_there_all_the_time_and_a_new_one_say_the_same(turns: int, tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/talk.db"
    async with SessionManager.open(url, compaction="manual", compaction_process=False) as old:
        for turn in range(1, turns + 1, 4):
            name = await talked(old, 4, first=turn)
            held = await old.build_context(name)
        async with SessionManager.open(url, compaction="manual", compaction_process=False, cache_sessions=0) as new:
            assert (await new.build_context(name)).messages == held.messages


async def test_of_very_many_messages_the_newest_are_told_and_the_rest_is_named(manager: SessionManager) -> None:
    turns = BLOCK * RESTART + BLOCK
    name = await talked(manager, turns)
    text = head((await manager.build_context(name)).messages)
    at = BLOCK * RESTART + 1
    assert text.startswith(f"[Earlier messages 1-{at - 1} are not shown here.]\nSummary of earlier messages {at}-")


async def test_budgets_beside_each_other_do_not_push_each_other_out(manager: SessionManager) -> None:
    name = await talked(manager, 60)
    budgets = range(200, 600, 25)
    assert len(budgets) <= TEXTS
    first = [(await manager.build_context(name, token_budget=budget)).messages for budget in budgets]
    again = await asyncio.gather(*(manager.build_context(name, token_budget=budget) for budget in budgets))
    assert [built.messages for built in again] == first
    assert all(built.tokens <= budget for built, budget in zip(again, budgets, strict=True))


async def test_builds_at_once_say_what_one_alone_says(manager: SessionManager) -> None:
    name = await talked(manager, BLOCK * 3)
    async with SessionManager.open("memory://", compaction="manual", compaction_process=False) as other:
        alone = (await other.build_context(await talked(other, BLOCK * 3))).messages
    together = await asyncio.gather(*(manager.build_context(name) for _ in range(8)))
    assert [built.messages for built in together] == [alone] * 8
    assert (await manager.build_context(name)).messages == alone


async def test_more_sessions_than_are_remembered_do_not_push_each_other_out(
    manager: SessionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnkeep.stopgap.SESSIONS", 4)
    made, make = list[int](), Stopgap.make

    async def counted(self: Stopgap, session: Session, missing: Missing, counter: Any) -> Any:
        made.append(missing.to_seq)
        return await make(self, session, missing, counter)

    monkeypatch.setattr(Stopgap, "make", counted)
    names = []
    for number in range(12):
        session = await manager.get_or_create_session("web", f"c{number}", token_limit=600)
        batch = [{"role": "user", "content": f"I need a room for {n + 10} people in Porto at {n % 24}:15."} for n in range(60)]
        await manager.add_messages(session.id, batch)
        names.append(session.id)
    built = await asyncio.gather(*(manager.build_context(name) for name in names))
    assert all("Porto" in head(one.messages) or ":15" in head(one.messages) for one in built)
    assert len(made) <= 3 * len(names)


async def test_few_messages_that_were_asked_for_have_a_marker_only(manager: SessionManager) -> None:
    name = await talked(manager, 10, token_limit=4000)
    built = await manager.build_context(name, max_messages=4)
    assert (
        head(built.messages)
        == f"[{built.left_out[0].messages} earlier messages (1-{built.left_out[0].to_seq}) are not shown here.]"
    )


async def test_after_a_clear_or_a_retract_nothing_of_before_is_told(manager: SessionManager) -> None:
    name = await talked(manager, 30)
    assert "Lisbon at 1:15" in head((await manager.build_context(name)).messages)
    await manager.retract(name, 3)
    assert head((await manager.build_context(name)).messages) == ""
    await manager.clear_messages(name)
    await talked(manager, 30, first=100)
    text = head((await manager.build_context(name)).messages)
    assert text.startswith("Summary of earlier messages 61-")
    assert "at 4:15" in text  # request 100
    assert "Lisbon at 1:15" not in text


async def test_where_it_cannot_be_made_the_marker_stands(
    manager: SessionManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("of the test")

    name = await talked(manager, 30)
    monkeypatch.setattr(Extractive, "steps", broken)
    with caplog.at_level(logging.ERROR, "turnkeep.compaction"):
        built = await manager.build_context(name)
    assert head(built.messages).endswith("are not shown here.]")
    assert "of the test" in caplog.text


class Never:
    method, source = "model", None

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        await asyncio.Event().wait()
        return ""


async def test_a_summarizer_that_hangs_holds_up_nobody_and_loses_nothing() -> None:
    async with SessionManager.open("memory://", summarizer=Never(), close_timeout=0) as manager:
        name = await talked(manager, 60)
        async with asyncio.timeout(5):
            built = await manager.build_context(name)
        [left] = built.left_out
        assert (left.from_seq, left.reason) == (1, "budget")
        assert f"messages 1-{left.to_seq}" in head(built.messages)
        assert await manager.get_summaries(name) == []
