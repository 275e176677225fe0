"""What stood in for a model's summary is written by it when it is back: from the rows, few at once, and never over what moved."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from turnkeep import SessionManager
from turnkeep.session import IN_PLACE_OF, Message, Session, Summary

SAID = "I am Hana Wójcik, and we talk about a table for 9 people in Porto, at a quarter past eight, by the harbour."
PROSE = "Hana Wójcik talks about a table for 9 people in Porto."


class Provider:
    """A model that is down, or answers."""

    method, source = "model", "test-1"
    ledger = False

    def __init__(self) -> None:
        self.down = True
        self.calls = self.running = self.most = 0
        self.go = asyncio.Event()
        self.go.set()

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.go.wait()
            await asyncio.sleep(0)
            if self.down:
                raise RuntimeError("down")
            return PROSE
        finally:
            self.running -= 1


async def talk(sessions: SessionManager, conversation: int, messages: int = 12) -> Session:
    session = await sessions.get_or_create_session("web", conversation, token_limit=400)
    for n in range(messages):
        await sessions.add_message(session.id, "assistant" if n % 2 else "user", f"{n}: {SAID}")
    await sessions.settle()
    return session


async def live(sessions: SessionManager, session: Session) -> list[Summary]:
    return [one for one in await sessions.get_summaries(session.id) if one.live]


async def marked(sessions: SessionManager, *of: Session) -> int:
    found = [one for session in of for one in await live(sessions, session)]
    return sum(IN_PLACE_OF in (one.source or "") for one in found)


def clock_of(sessions: SessionManager, now: list[float]) -> Any:
    """The rests by a clock of our own; and what writes anew."""
    sessions._ladder.rests._clock = lambda: now[0]
    assert sessions._rewriter is not None
    return sessions._rewriter


async def test_an_hour_without_the_model_costs_few_calls_and_leaves_nothing_marked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "turnkeep.compaction")
    now, provider = [0.0], Provider()
    async with SessionManager.open("memory://", summarizer=provider) as sessions:
        rewriter = clock_of(sessions, now)
        of = [await sessions.get_or_create_session("web", n, token_limit=400) for n in range(4)]
        for turn in range(240):  # one of each session every quarter of a minute
            for session in of:
                await sessions.add_message(session.id, "user", f"{turn}: {SAID}")
                await sessions.add_message(session.id, "assistant", "That is noted.")
                context = await sessions.build_context(session.id)
                assert context.tokens <= 400
            await sessions.settle()
            await rewriter.round()
            now[0] += 15
        down = provider.calls
        done = (await sessions.get_stats()).summarizer
        assert done is not None and (done.calls, done.failed, done.answers) == (down, {"other": down}, False)
        assert done.stood_in > 5 * down > 5 * done.rests > 0
        assert 5 <= down <= math.log2(3600) + 6  # the first ones of several sessions at once
        made = [one for session in of for one in await sessions.get_summaries(session.id)]
        assert len(made) > 5 * down  # so often it would have been asked
        assert await marked(sessions, *of) >= 4
        provider.down = False
        now[0] += 900
        assert await rewriter.round() >= 4
        assert await marked(sessions, *of) == 0
        done = (await sessions.get_stats()).summarizer
        assert done is not None and done.answers and done.written == done.rewritten >= 4
        for session in of:
            assert {one.method for one in await live(sessions, session)} == {"model"}
            assert (await sessions.build_context(session.id)).tokens <= 400
        assert await sessions.check() == []


async def test_when_the_model_is_back_few_ask_it_at_once_and_one_looks_first(caplog: pytest.LogCaptureFixture) -> None:
    now, provider = [0.0], Provider()
    async with SessionManager.open("memory://", summarizer=provider, compaction_parallel=3) as sessions:
        rewriter = clock_of(sessions, now)
        of = [await talk(sessions, n) for n in range(12)]
        assert await marked(sessions, *of) >= 12
        now[0], before = 10_000.0, provider.calls
        await rewriter.round()
        assert provider.calls == before + 1  # it is still down: one call finds that
        provider.down, provider.most = False, 0
        now[0] = 20_000.0
        await rewriter.round()
        assert await marked(sessions, *of) == 0
        assert provider.most <= 3


async def test_they_are_found_again_after_a_restart(tmp_path: Path) -> None:
    provider, url = Provider(), f"sqlite:///{tmp_path / 'a.db'}"
    async with SessionManager.open(url, summarizer=provider) as sessions:
        session = await talk(sessions, 1)
        before = await live(sessions, session)
        assert before and await marked(sessions, session)
    provider.down = False
    async with SessionManager.open(url, summarizer=provider) as sessions:
        async with asyncio.timeout(30):
            while await marked(sessions, session):
                await asyncio.sleep(0.02)
        after = await live(sessions, session)
        assert [(one.from_seq, one.to_seq) for one in after] == [(one.from_seq, one.to_seq) for one in before]
        assert {one.method for one in after} == {"model"}
        assert all(PROSE in one.text for one in after)
        assert await sessions.check() == []


async def test_what_was_cleared_meanwhile_is_not_written_over() -> None:
    now, provider = [0.0], Provider()
    async with SessionManager.open("memory://", summarizer=provider) as sessions:
        rewriter = clock_of(sessions, now)
        session = await talk(sessions, 1)
        provider.down, now[0] = False, 1000.0
        provider.go.clear()
        calls = provider.calls
        writing = asyncio.create_task(rewriter.round())
        while provider.calls == calls:
            await asyncio.sleep(0)
        await sessions.clear_messages(session.id, keep_summaries=False)
        provider.go.set()
        assert await writing == 0
        assert await live(sessions, session) == []


async def test_by_hand_nothing_is_written_in_the_background() -> None:
    async with SessionManager.open("memory://", summarizer=Provider(), compaction="manual") as sessions:
        assert sessions._rewriter is None


async def test_without_a_model_nothing_looks_for_marks() -> None:
    async with SessionManager.open("memory://") as sessions:
        assert sessions._rewriter is None
