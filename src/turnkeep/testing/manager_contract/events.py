"""Events and figures."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.errors import InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.testing.manager_contract.case import Case, Clock, OpenManager, calls, chat, log, refused, turns


class Events(Case):
    """`record_tool_call`, `record_error`, `record_usage` and `get_events`."""

    async def test_events_are_kept_as_given(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager)
        await manager.record_tool_call(
            session.id, "look", duration_ms=12.5, outcome="error", tool_call_id="c1", data={"at": ["sky"]}
        )
        clock.advance(5)
        await manager.record_error(session.id, "Timeout", message="after 30 s", data={"tries": 3})
        await manager.record_usage(session.id, tokens_in=100, tokens_out=20, model="gpt-4o", duration_ms=900, data={"cached": 64})
        tool, error, usage = await manager.get_events(session.id)
        assert (tool.kind, tool.name, tool.duration_ms, tool.outcome, tool.tool_call_id) == (
            "tool_call",
            "look",
            12.5,
            "error",
            "c1",
        )
        assert tool.data == {"at": ["sky"]}
        assert (error.kind, error.name, error.data) == ("error", "Timeout", {"tries": 3, "message": "after 30 s"})
        assert (usage.kind, usage.name, usage.tokens_in, usage.tokens_out) == ("usage", "gpt-4o", 100, 20)
        assert (usage.duration_ms, usage.data) == (900.0, {"cached": 64})
        assert error.created_ms - tool.created_ms == 5000
        assert tool.number < error.number < usage.number

    async def test_pages_of_events(self, manager: SessionManager) -> None:
        session = await chat(manager)
        made = [(await manager.record_error(session.id, f"E{at}")).number for at in range(7)]
        other = await chat(manager, "other")
        await manager.record_error(other.id, "elsewhere")
        found: list[int] = []
        while page := await manager.get_events(session.id, after=found[-1] if found else 0, limit=3):
            assert len(page) <= 3
            found += [event.number for event in page]
        assert found == made
        assert await manager.get_events(session.id, after=10**9) == []

    async def test_a_call_in_the_log_is_counted_once(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "assistant", tool_calls=calls("c1", "c2"))
        await manager.record_tool_call(session.id, "look", tool_call_id="c1")
        await manager.record_tool_call(session.id, "look", tool_call_id="c1")
        assert (await manager.get_session(session.id)).tool_calls == 2
        await manager.record_tool_call(session.id, "look", tool_call_id="c3")
        await manager.record_tool_call(session.id, "look")
        assert (await manager.get_session(session.id)).tool_calls == 4

    async def test_a_failed_tool_is_an_error(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.record_tool_call(session.id, "look", outcome="error")
        await manager.record_tool_call(session.id, "look", outcome="ok")
        await manager.record_error(session.id, "Timeout")
        assert (await manager.get_session(session.id)).errors == 2

    async def test_a_closed_session_takes_events(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.deactivate_session(session.id)
        await manager.record_usage(session.id, tokens_in=1, tokens_out=2)
        assert (await manager.get_session_stats(session.id)).usage_out == 2

    async def test_bad_events_name_their_field(self, manager: SessionManager) -> None:
        session = await chat(manager)
        durations: list[Any] = [-1, float("nan"), float("inf"), "5", 10**400]
        for value in durations:
            async with refused(manager, session, InvalidInput, "duration_ms"):
                await manager.record_tool_call(session.id, "look", duration_ms=value)
        names: list[Any] = ["", None, 5, "x" * 513, "\0"]
        for value in names:
            async with refused(manager, session, InvalidInput, "name"):
                await manager.record_error(session.id, value)
        counts: list[Any] = [-1, 1.5, "1", True, 10**12 + 1]
        for value in counts:
            async with refused(manager, session, InvalidInput, "tokens_in"):
                await manager.record_usage(session.id, tokens_in=value, tokens_out=0)
        datas: list[Any] = [5, "ab", [1], {"a": object()}, {"a": "x" * 70_000}]
        for value in datas:
            async with refused(manager, session, InvalidInput, "data"):
                await manager.record_tool_call(session.id, "look", data=value)
            async with refused(manager, session, InvalidInput, "data"):
                await manager.record_error(session.id, "Timeout", data=value)
            async with refused(manager, session, InvalidInput, "data"):
                await manager.record_error(session.id, "Timeout", message="late", data=value)
        others: list[tuple[str, Any]] = [("outcome", ""), ("outcome", 5), ("tool_call_id", ""), ("tool_call_id", 5)]
        for field, value in others:
            async with refused(manager, session, InvalidInput, field):
                await manager.record_tool_call(session.id, "look", **{field: value})
        pages: list[tuple[str, Any]] = [("after", -1), ("after", True), ("limit", 0), ("limit", 1001)]
        for field, value in pages:
            async with refused(manager, session, InvalidInput, field):
                await manager.get_events(session.id, **{field: value})

    @pytest.mark.parametrize("after", [2**63 - 1, 2**63, 10**30])
    async def test_beyond_the_last_event_is_nothing(self, manager: SessionManager, after: int) -> None:
        session = await chat(manager)
        await manager.record_error(session.id, "Timeout")
        assert await manager.get_events(session.id, after=after) == []


class Figures(Case):
    """`get_session_stats` and `get_stats`."""

    async def test_a_sessions_figures(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, token_limit=5000)
        clock.advance(2)
        await manager.add_message(session.id, "system", "Be brief.")
        await turns(manager, session, 10)
        summary = await manager.summarize_session(session.id)
        clock.advance(1.5)
        await manager.add_message(session.id, "assistant", tool_calls=calls("c1", "c2"))
        await manager.add_message(session.id, "tool", "blue", tool_call_id="c1")
        await manager.record_tool_call(session.id, "look", tool_call_id="c1", outcome="error")
        await manager.record_tool_call(session.id, "other")
        await manager.record_error(session.id, "Timeout")
        await manager.record_usage(session.id, tokens_in=100, tokens_out=20)
        await manager.record_usage(session.id, tokens_in=50, tokens_out=7)
        clock.advance(60)
        stats = await manager.get_session_stats(session.id)
        stored = await log(manager, session)
        out = sum(message.tokens for message in stored if message.role == "assistant")
        window = [message for message in stored if summary is not None and message.seq > summary.to_seq]
        assert (stats.session_id, stats.status, stats.token_limit) == (session.id, "active", 5000)
        assert (stats.messages, stats.tool_calls, stats.errors, stats.summaries) == (23, 3, 2, 1)
        assert stats.tokens == sum(message.tokens for message in stored)
        assert (stats.tokens_in, stats.tokens_out) == (stats.tokens - out, out)
        assert (stats.usage_in, stats.usage_out) == (150, 27)
        assert (stats.window_messages, stats.window_tokens) == (len(window), sum(message.tokens for message in window))
        assert (stats.created_at, stats.duration) == (session.created_at, 3.5)
        assert stats.last_active.timestamp() == clock.now - 60

    async def test_a_new_sessions_figures(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=60)
        stats = await manager.get_session_stats(session.id)
        numbers = (
            stats.messages,
            stats.tool_calls,
            stats.errors,
            stats.tokens,
            stats.tokens_in,
            stats.tokens_out,
            stats.usage_in,
        )
        assert numbers == (0,) * 7
        assert (stats.usage_out, stats.summaries, stats.window_messages, stats.window_tokens, stats.duration) == (0, 0, 0, 0, 0.0)
        clock.advance(60)
        assert (await manager.get_session_stats(session.id)).status == "expired"

    async def test_no_figures(self, manager: SessionManager) -> None:
        stats = await manager.get_stats()
        assert (stats.total_sessions, stats.active_sessions, stats.total_messages, stats.total_tokens) == (0, 0, 0, 0)
        assert (stats.average_session_length, stats.tool_calls, stats.errors, dict(stats.by_interface)) == (0.0, 0, 0, {})
        assert (stats.cache_size, stats.cache_hit_rate) == (0, 0.0)

    async def test_the_figures_of_all(self, manager: SessionManager, clock: Clock) -> None:
        tokens = {"telegram": 0, "web": 0}
        for at, (kind, count) in enumerate([("telegram", 1), ("telegram", 2), ("web", 4), ("web", 0)]):
            session = await chat(manager, at, interface_type=kind, expires_in=None if at else 60)
            if count:
                tokens[kind] += sum(message.tokens for message in await turns(manager, session, count))
            await manager.record_tool_call(session.id, "look")
            if kind == "web":
                await manager.record_error(session.id, "Timeout")
        await manager.deactivate_session(session.id)
        stats = await manager.get_stats()
        assert (stats.total_sessions, stats.active_sessions, stats.total_messages) == (4, 3, 14)
        assert stats.total_tokens == sum(tokens.values())
        assert (stats.average_session_length, stats.tool_calls, stats.errors) == (3.5, 4, 2)
        shown = {name: (one.sessions, one.active, one.messages, one.tokens) for name, one in stats.by_interface.items()}
        assert shown == {"telegram": (2, 2, 6, tokens["telegram"]), "web": (2, 1, 8, tokens["web"])}
        clock.advance(60)
        later = await manager.get_stats()
        assert (later.active_sessions, later.by_interface["telegram"].active) == (2, 1)

    async def test_the_cache_counts_its_hits(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, cache_sessions=2)
        made = []
        for name in range(3):
            session = await chat(manager, name)
            made.append(session.id)
            await turns(manager, session, 1)
            await manager.build_context(session.id)
        for _ in range(3):
            await manager.build_context(session.id)
        stats = await manager.get_stats()
        assert stats.cache_size == 2
        assert stats.cache_hit_rate >= 0.5  # a store may hand over the window of a session that it opens
        await manager.build_context(made[0])  # has left the cache
        assert 0 < (await manager.get_stats()).cache_hit_rate < stats.cache_hit_rate
        bare = await open_manager(clock=clock, cache_sessions=0)
        await bare.build_context(session.id)
        stats = await bare.get_stats()
        assert (stats.cache_size, stats.cache_hit_rate) == (0, 0.0)
