"""The window: summaries, clears and retracts, and what of it contexts show."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.errors import InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.session import Session, Summary
from turnkeep.testing.manager_contract.case import (
    Case,
    Clock,
    OpenManager,
    calls,
    chat,
    covers,
    figures,
    raises,
    refused,
    said,
    texts,
    turns,
)


async def shown(manager: SessionManager, session: Session) -> list[str]:
    """The first words of the log's messages in the context."""
    context = await manager.build_context(session.id)
    return [str(m["content"]).split(":", maxsplit=1)[0] for m in context.messages if m["role"] != "system"]


def named(first: int, last: int) -> list[str]:
    return [f"{kind} {turn}" for turn in range(first, last + 1) for kind in ("question", "answer")]


class Windows(Case):
    """`summarize_session`, `get_summaries`, `clear_messages` and `retract`."""

    async def test_a_summary_covers_the_older_turns(self, manager: SessionManager) -> None:
        session = await chat(manager)
        sent = await turns(manager, session, 10)
        summary = await manager.summarize_session(session.id)
        assert summary is not None
        assert (summary.from_seq, summary.to_seq, summary.live, summary.method) == (1, 14, True, "extractive")
        assert summary.tokens < summary.tokens_before == sum(message.tokens for message in sent[:14])
        after = await manager.get_session(session.id)
        assert (after.window_start, after.window_messages, after.summary_tokens) == (15, 6, summary.tokens)
        assert after.window_tokens == sum(message.tokens for message in sent[14:])
        assert (after.seq, after.tokens) == (20, sum(message.tokens for message in sent))
        assert await shown(manager, session) == named(8, 10)
        context = await manager.build_context(session.id)
        assert summary.text in said(context)[0]
        assert context.parts["summaries"] > 0
        assert [covers(one) for one in await manager.get_summaries(session.id)] == [covers(summary)]

    async def test_a_summary_stands_beside_the_one_before(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 10)
        first = await manager.summarize_session(session.id)
        await turns(manager, session, 10, first=11)
        second = await manager.summarize_session(session.id)
        assert first is not None
        assert second is not None
        assert (second.from_seq, second.to_seq > 20) == (15, True)
        assert [one.live for one in await manager.get_summaries(session.id)] == [True, True]
        assert (await manager.get_session(session.id)).summary_tokens == first.tokens + second.tokens
        shown = said(await manager.build_context(session.id))
        assert (first.text in shown[0], second.text in shown[1]) == (True, True)

    async def test_summaries_are_folded_when_they_outgrow_their_share(self, open_manager: OpenManager) -> None:
        manager = await open_manager(compaction="manual", summary_share=0.1)
        session = await chat(manager, token_limit=2000)
        live: list[Summary] = []
        for first in range(1, 200, 10):
            await turns(manager, session, 10, first=first)
            await manager.summarize_session(session.id)
            live = [one for one in await manager.get_summaries(session.id) if one.live]
            assert sum(one.tokens for one in live) <= 200
            assert (live[0].from_seq, [one.from_seq for one in live[1:]]) == (1, [one.to_seq + 1 for one in live[:-1]])
        assert len(await manager.get_summaries(session.id)) > len(live) + 3
        assert live[-1].to_seq > 380

    async def test_summaries_can_be_made_anew(self, manager: SessionManager) -> None:
        session = await chat(manager)
        for first in (1, 11):
            await turns(manager, session, 10, first=first)
            await manager.summarize_session(session.id)
        before = await manager.get_summaries(session.id)
        made = await manager.resummarize_session(session.id)
        assert [covers(one) for one in made] == [covers(one) for one in before]
        after = await manager.get_summaries(session.id)
        assert [one.live for one in after] == [False, False, True, True]
        now = await manager.get_session(session.id)
        assert now.window_start == before[1].to_seq + 1
        assert now.summary_tokens == sum(one.tokens for one in made)
        assert await manager.resummarize_session((await chat(manager, "new")).id) == []

    async def test_other_summaries_stay_side_by_side(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 6)
        if not await self.summarized(manager, session, 4, "First they met."):
            return
        await self.summarized(manager, session, 8, "Then they spoke.")
        assert await shown(manager, session) == named(5, 6)
        said_first, said_then = said(await manager.build_context(session.id))[:2]
        assert ("First they met." in said_first, "Then they spoke." in said_then) == (True, True)
        assert (await manager.get_session_stats(session.id)).summaries == 2

    async def test_nothing_to_cover_is_none(self, manager: SessionManager) -> None:
        session = await chat(manager)
        assert await manager.summarize_session(session.id) is None
        await turns(manager, session, 1)
        assert await manager.summarize_session(session.id) is None  # the newest turn is never covered
        await turns(manager, session, 10)
        assert await manager.summarize_session(session.id) is not None
        before = await manager.get_session(session.id)
        while await manager.summarize_session(session.id) is not None:
            assert (await manager.get_session(session.id)).window_messages >= 2
        assert figures(before)[0] == session.id

    async def test_nothing_to_gain_is_none(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 2, words=0)
        assert await manager.summarize_session(session.id) is None
        assert await manager.get_summaries(session.id) == []

    async def test_the_prompt_is_never_covered(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "system", "Be brief.")
        await turns(manager, session, 10)
        summary = await manager.summarize_session(session.id)
        assert summary is not None
        assert summary.from_seq == 2
        await manager.clear_messages(session.id)
        assert said(await manager.build_context(session.id))[0] == "Be brief."

    async def test_a_closed_session_can_be_summarized(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 10)
        await manager.deactivate_session(session.id)
        assert await manager.summarize_session(session.id) is not None

    async def test_background_compaction_settles(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock)
        session = await chat(manager, token_limit=400)
        await turns(manager, session, 20)
        await manager.settle()
        after = await manager.get_session(session.id)
        assert 0 < after.window_tokens < 280
        assert len(await manager.get_summaries(session.id)) == 1
        await manager.settle()

    @pytest.mark.parametrize(("compaction", "made"), [("inline", 1), ("manual", 0)])
    async def test_when_compaction_is_done(self, open_manager: OpenManager, clock: Clock, compaction: str, made: int) -> None:
        manager = await open_manager(clock=clock, compaction=compaction)
        session = await chat(manager, token_limit=400)
        await turns(manager, session, 20)
        assert len(await manager.get_summaries(session.id)) == made

    # --- clear

    @pytest.mark.parametrize("keep", [True, False])
    async def test_a_clear_empties_the_window(self, manager: SessionManager, keep: bool) -> None:
        session = await chat(manager)
        await turns(manager, session, 10)
        summary = await manager.summarize_session(session.id)
        assert summary is not None
        cleared = await manager.clear_messages(session.id, keep_summaries=keep)
        assert (cleared.window_messages, cleared.window_tokens, cleared.seq) == (0, 0, 20)
        assert cleared.summary_tokens == (summary.tokens if keep else 0)
        assert cleared.cleared_seq == 20
        context = await manager.build_context(session.id)
        assert (summary.text in "\n".join(said(context))) == keep
        assert context.parts["messages"] == 0
        assert [one.live for one in await manager.get_summaries(session.id)] == [keep]
        await manager.add_message(session.id, "user", "next:")
        assert await shown(manager, session) == ["next"]

    async def test_summaries_stay_unless_said(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 10)
        await manager.summarize_session(session.id)
        assert (await manager.clear_messages(session.id)).summary_tokens > 0

    async def test_clearing_an_empty_session(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.clear_messages(session.id)
        await manager.clear_messages(session.id, keep_summaries=False)
        await turns(manager, session, 1)
        assert await shown(manager, session) == named(1, 1)

    async def test_a_result_whose_call_was_cleared(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "look:")
        await manager.add_message(session.id, "assistant", tool_calls=calls("c1"))
        await manager.clear_messages(session.id)
        await manager.add_message(session.id, "tool", "blue", tool_call_id="c1")
        await manager.add_message(session.id, "user", "next:")
        context = await manager.build_context(session.id)
        assert [m["content"] for m in context.messages if m["role"] != "system"] == ["next:"]
        assert [left.from_seq for left in context.left_out] == [3]

    # --- retract

    async def test_a_retract_hides_the_newest_part(self, manager: SessionManager) -> None:
        session = await chat(manager)
        sent = await turns(manager, session, 5)
        after = await manager.retract(session.id, 7)
        assert (after.seq, after.window_messages) == (10, 6)
        assert after.window_tokens == sum(message.tokens for message in sent[:6])
        assert await shown(manager, session) == named(1, 3)
        await turns(manager, session, 1, first=9)
        assert await shown(manager, session) == named(1, 3) + named(9, 9)
        assert (await manager.get_session(session.id)).seq == 12
        assert len(await manager.get_messages(session.id)) == 12

    async def test_retracts_add_up(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 4)
        await manager.retract(session.id, 8)
        await manager.add_message(session.id, "assistant", "answer 4b:")
        await manager.retract(session.id, 9)
        assert await shown(manager, session) == [*named(1, 3), "question 4"]
        await manager.retract(session.id, 3)
        assert await shown(manager, session) == named(1, 1)
        assert (await manager.get_session(session.id)).window_messages == 2

    async def test_a_retract_into_a_summary_uncovers(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 10)
        summary = await manager.summarize_session(session.id)
        assert summary is not None
        after = await manager.retract(session.id, 5)
        assert (after.summary_tokens, after.window_start, after.window_messages) == (0, 1, 4)
        assert await shown(manager, session) == named(1, 2)
        assert [one.live for one in await manager.get_summaries(session.id)] == [False]

    async def test_a_retract_behind_a_summary_leaves_it(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 10)
        summary = await manager.summarize_session(session.id)
        assert summary is not None
        await manager.retract(session.id, summary.to_seq + 1)
        assert [one.live for one in await manager.get_summaries(session.id)] == [True]
        assert await shown(manager, session) == []

    async def test_a_retract_does_not_cross_a_clear(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 4)
        await manager.clear_messages(session.id)
        await turns(manager, session, 2, first=5)
        await manager.retract(session.id, 3)
        assert await shown(manager, session) == []
        await turns(manager, session, 1, first=7)
        assert await shown(manager, session) == named(7, 7)

    async def test_what_was_retracted_can_be_sent_again(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "helo", external_id="x:1")
        await manager.retract(session.id, 1)
        edited = await manager.add_message(session.id, "user", "hello", external_id="x:1/2")
        assert edited.seq == 2
        assert said(await manager.build_context(session.id)) == ["hello"]
        assert texts(await manager.get_messages(session.id)) == ["helo", "hello"]

    async def test_a_bad_number_retracts_nothing(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "system", "Be brief.")
        await turns(manager, session, 2)
        bad: list[Any] = [0, -1, 1, 6, 2**70, True, "2", None, 2.0]
        for value in bad:
            async with refused(manager, session, InvalidInput, "from_seq"):
                await manager.retract(session.id, value)
        with raises(InvalidInput, "from_seq"):
            await manager.retract((await chat(manager, "empty")).id, 1)
