"""What a provider reports: its cache, how far our count was off, and the budgets that follow."""

from __future__ import annotations

from typing import Any

from turnkeep.calibration import CALLS
from turnkeep.errors import BudgetTooSmall, InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.session import Session
from turnkeep.testing.manager_contract.case import Case, OpenManager, chat, raises, refused, turns

LIMIT = 2000


async def used(manager: SessionManager, session: Session, percent: int, times: int = CALLS, model: str = "m") -> None:
    """The provider counts so much of what is counted here."""
    for _ in range(times):
        await manager.record_usage(session.id, tokens_in=10 * percent, tokens_out=5, counted_tokens=1000, model=model)


class Usage(Case):
    """`record_usage`, and what `build_context` makes of it."""

    async def test_cached_tokens_are_summed(self, manager: SessionManager) -> None:
        session, other = await chat(manager), await chat(manager, "other")
        await manager.record_usage(session.id, tokens_in=100, tokens_out=1, cache_read_tokens=64)
        told = await manager.record_usage(session.id, tokens_in=50, tokens_out=2, cache_read_tokens=50, counted_tokens=48)
        await manager.record_usage(other.id, tokens_in=7, tokens_out=3)
        assert (told.cache_read_tokens, told.counted_tokens) == (50, 48)
        assert [event.cache_read_tokens for event in await manager.get_events(session.id)] == [64, 50]
        assert (await manager.get_session(session.id)).usage_cache_read == 114
        assert (await manager.get_session_stats(session.id)).usage_cache_read == 114
        stats = await manager.get_stats()
        assert (stats.usage_in, stats.usage_out, stats.usage_cache_read) == (157, 6, 114)

    async def test_the_figures_say_how_far_off_it_was(self, manager: SessionManager) -> None:
        session = await chat(manager, tokenizer="claude")
        await manager.record_usage(session.id, tokens_in=120, tokens_out=5, counted_tokens=100, model="claude-x")
        await manager.record_usage(session.id, tokens_in=30, tokens_out=5, counted_tokens=60, model="claude-x")
        await manager.record_usage(session.id, tokens_in=30, tokens_out=5, model="claude-y")
        [one] = (await manager.get_stats()).models
        assert (one.model, one.tokenizer, one.calls) == ("claude-x", "claude", 2)
        assert (one.counted_tokens, one.reported_tokens, one.ratio, one.correction) == (160, 150, 0.9375, 100)

    async def test_a_context_keeps_to_the_budget_by_the_providers_count(self, open_manager: OpenManager) -> None:
        manager = await open_manager(compaction="manual")
        session = await chat(manager, tokenizer="estimate", token_limit=LIMIT)
        await turns(manager, session, 40, words=40)
        before = await manager.build_context(session.id)
        assert before.correction == 100
        assert LIMIT // 2 < before.tokens <= LIMIT
        await used(manager, session, 160)
        after = await manager.build_context(session.id)
        assert after.correction == 160
        assert LIMIT // 2 < after.tokens * after.correction / 100 <= LIMIT
        narrow = await manager.build_context(session.id, token_budget=900)
        assert narrow.tokens * 1.6 <= 900
        assert after.tokens == sum(after.parts.values())

    async def test_a_count_that_is_too_high_leaves_more_room(self, open_manager: OpenManager) -> None:
        manager = await open_manager(compaction="manual")
        session = await chat(manager, tokenizer="estimate", token_limit=LIMIT)
        await turns(manager, session, 60, words=40)
        await used(manager, session, 60)
        context = await manager.build_context(session.id)
        assert LIMIT < context.tokens <= LIMIT / 0.6
        assert context.tokens * context.correction / 100 <= LIMIT

    async def test_counts_in_the_log_stay_as_they_were(self, manager: SessionManager) -> None:
        session = await chat(manager, tokenizer="estimate", token_limit=LIMIT)
        [first, *_] = await turns(manager, session, 2)
        await used(manager, session, 200)
        await turns(manager, session, 2, first=3)
        found = await manager.get_messages(session.id)
        assert [one.counter for one in found] == ["estimate"] * 8
        assert (found[0].tokens, found[4].tokens) == (first.tokens, first.tokens)
        assert (await manager.get_session(session.id)).tokens == sum(one.tokens for one in found)

    async def test_an_exact_counter_and_too_little_known_correct_nothing(self, manager: SessionManager) -> None:
        exact = await chat(manager, "exact", tokenizer="o200k")
        await used(manager, exact, 150)
        short = await chat(manager, "short", tokenizer="estimate")
        for _ in range(CALLS):  # what a provider adds to each prompt, however short, is not by its length
            await manager.record_usage(short.id, tokens_in=60, tokens_out=1, counted_tokens=30, model="short")
        few = await chat(manager, "few", tokenizer="estimate")
        await used(manager, few, 150, CALLS - 1, "few")
        for session in (exact, short, few):
            await manager.add_message(session.id, "user", "hi")
            assert (await manager.build_context(session.id)).correction == 100
            assert (await manager.get_session(session.id)).correction == 100

    async def test_the_prefix_stays_while_the_ratio_wanders(self, open_manager: OpenManager) -> None:
        manager = await open_manager(compaction="manual")
        session = await chat(manager, tokenizer="estimate", token_limit=LIMIT)
        await turns(manager, session, 20, words=40)
        await used(manager, session, 121)
        first = await manager.build_context(session.id)
        for percent in (124, 118, 119, 123, 121, 117, 122):
            await used(manager, session, percent, 1)
            again = await manager.build_context(session.id)
            assert (again.messages, again.correction) == (first.messages, first.correction)

    async def test_another_manager_and_a_new_session_know_it(self, open_manager: OpenManager) -> None:
        one, two = await open_manager(compaction="manual"), await open_manager(compaction="manual")
        session = await chat(one, tokenizer="estimate", token_limit=LIMIT)
        await turns(one, session, 40, words=40)
        await two.build_context(session.id)
        await used(one, session, 140)
        assert (await two.build_context(session.id)).correction == 140
        await used(two, session, 180, 20 * CALLS)
        assert (await one.build_context(session.id)).correction == (await one.get_session(session.id)).correction > 140
        fresh = await chat(two, "fresh", tokenizer="estimate")
        assert fresh.correction > 140

    async def test_what_the_fixed_parts_leave_no_room_for_is_told_in_the_providers_tokens(self, manager: SessionManager) -> None:
        session = await chat(manager, tokenizer="estimate", token_limit=LIMIT)
        await manager.add_message(session.id, "user", "hi")
        await used(manager, session, 200)
        system = "word " * (LIMIT // 2)
        with raises(BudgetTooSmall, "token_limit"):
            await manager.build_context(session.id, system=system)
        assert (await manager.build_context(session.id, system=system[: len(system) // 2])).tokens * 2 <= LIMIT

    async def test_compaction_is_due_by_the_providers_count(self, open_manager: OpenManager) -> None:
        manager = await open_manager(compaction="inline")
        plain, twice = [await chat(manager, name, tokenizer="estimate", token_limit=LIMIT) for name in ("plain", "twice")]
        await used(manager, twice, 200)
        for session in (plain, twice):
            await turns(manager, session, 15, words=24)
        assert await manager.get_summaries(plain.id) == []
        assert len(await manager.get_summaries(twice.id)) == 1
        context = await manager.build_context(twice.id)
        assert context.parts["summaries"] > 0 and context.left_out == ()

    async def test_bad_counts_name_their_field(self, manager: SessionManager) -> None:
        session = await chat(manager)
        bad: list[tuple[str, Any]] = [
            *(("cache_read_tokens", value) for value in (-1, 1.5, None, "1", True, 11, 10**13)),
            *(("counted_tokens", value) for value in (0, -1, 1.5, "1", True, 10**13)),
        ]
        for field, value in bad:
            async with refused(manager, session, InvalidInput, field):
                await manager.record_usage(session.id, tokens_in=10, tokens_out=0, **{field: value})
