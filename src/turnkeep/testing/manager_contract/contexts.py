"""Contexts: within the budget, whole turns, and the same beginning from turn to turn."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.context import Context
from turnkeep.errors import BudgetTooSmall
from turnkeep.manager import SessionManager
from turnkeep.session import JsonObject
from turnkeep.testing.manager_contract.case import (
    Case,
    Clock,
    OpenManager,
    calls,
    chat,
    figures,
    raises,
    refused,
    said,
    turns,
)
from turnkeep.testing.rules import check_anthropic, check_gemini, check_openai
from turnkeep.tokens import PRIMING, count_message, count_tools, get_counter

TOOLS: list[JsonObject] = [
    {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}},
    }
]


def cost(context: Context, counter: str = "o200k", tools: list[JsonObject] | None = None) -> int:
    """What the prompt costs, counted again from its messages."""
    by = get_counter(counter)
    each = (
        count_message(by, m["role"], m.get("content"), m.get("tool_calls"), m.get("tool_call_id"), m.get("name"))
        for m in context.messages
    )
    return PRIMING + sum(each) + count_tools(by, tools)


def sound(context: Context, budget: int, counter: str = "o200k", tools: list[JsonObject] | None = None) -> None:
    """Within its budget by a count made again, its figures true, and taken by every provider."""
    assert cost(context, counter, tools) == context.tokens == sum(context.parts.values()) <= budget
    assert check_openai(context.to_openai()) == []
    assert check_anthropic(context.to_anthropic()) == []
    assert check_gemini(context.to_gemini()) == []


class Contexts(Case):
    """`build_context`."""

    async def test_all_of_a_short_conversation(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "system", "Be brief.")
        await manager.add_message(session.id, "user", "hello", name="Ann")
        await manager.add_message(session.id, "assistant", "hi")
        context = await manager.build_context(session.id)
        assert context.messages == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hello", "name": "Ann"},
            {"role": "assistant", "content": "hi"},
        ]
        assert (context.session_id, context.left_out) == (session.id, ())
        assert context.version == (await manager.get_session(session.id)).version
        sound(context, 4000)

    async def test_an_empty_session(self, manager: SessionManager) -> None:
        session = await chat(manager)
        context = await manager.build_context(session.id)
        assert (context.messages, context.left_out) == ([], ())
        assert context.tokens == PRIMING
        assert (await manager.build_context(session.id, system="Be brief.")).messages == [
            {"role": "system", "content": "Be brief."}
        ]

    async def test_system_takes_the_place_of_the_logs(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "system", "Be brief.")
        await manager.add_message(session.id, "user", "hello")
        assert said(await manager.build_context(session.id, system="Be kind.")) == ["Be kind.", "hello"]
        assert said(await manager.build_context(session.id, system="")) == ["hello"]
        assert said(await manager.build_context(session.id)) == ["Be brief.", "hello"]

    async def test_building_changes_nothing(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 3)
        before = await manager.get_session(session.id)
        first = await manager.build_context(session.id, system="Be kind.", tools=TOOLS)
        first.messages[1]["content"] = "changed by the caller"
        first.messages.clear()
        again = await manager.build_context(session.id, system="Be kind.", tools=TOOLS)
        assert said(again)[1] == "question 1:" + " why" * 8
        assert figures(await manager.get_session(session.id)) == figures(before)

    async def test_tools_are_counted(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "hello")
        bare, with_tools = await manager.build_context(session.id), await manager.build_context(session.id, tools=TOOLS)
        assert with_tools.tokens == bare.tokens + with_tools.parts["tools"] > bare.tokens
        assert with_tools.messages == bare.messages
        sound(with_tools, 4000, tools=TOOLS)

    @pytest.mark.parametrize("counter", ["o200k", "cl100k", "estimate"])
    @pytest.mark.parametrize("limit", [60, 150, 600, 4000])
    async def test_never_over_budget(self, open_manager: OpenManager, clock: Clock, counter: str, limit: int) -> None:
        manager = await open_manager(clock=clock, compaction="manual")
        session = await chat(manager, token_limit=limit, tokenizer=counter)
        for turn in range(12):
            await manager.add_message(session.id, "user", f"{turn}: " + "où est-il ? 🙂 " * (turn % 5) * 20)
            sound(await manager.build_context(session.id), limit, counter)
            await manager.add_message(session.id, "assistant", tool_calls=calls(f"a{turn}", f"b{turn}"))
            await manager.add_message(session.id, "tool", "là " * 50 * (turn % 3), tool_call_id=f"b{turn}")
            context = await manager.build_context(session.id, max_messages=7)
            sound(context, limit, counter)
            newest = [message for message in context.messages if message["role"] == "user"][-1]["content"]
            assert newest.startswith(f"{turn}: ") or limit < 150
            await manager.add_message(session.id, "assistant", "Voilà. " * (turn + 1))
            for budget in (limit // 2 + 20, limit, 10 * limit):
                sound(await manager.build_context(session.id, token_budget=budget), min(budget, limit), counter)

    async def test_a_budget_below_the_limit(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 20)
        whole = await manager.build_context(session.id)
        half = await manager.build_context(session.id, token_budget=whole.tokens // 2)
        sound(half, whole.tokens // 2)
        assert said(half)[-1] == said(whole)[-1]
        [left] = half.left_out
        assert (left.reason, left.from_seq) == ("budget", 1)
        assert left.messages + len([m for m in half.messages if m["role"] != "system"]) == 40
        assert (await manager.build_context(session.id, token_budget=10**9)).messages == whole.messages

    async def test_no_room_for_a_message_is_a_typed_error(self, manager: SessionManager) -> None:
        session = await chat(manager, token_limit=300)
        await manager.add_message(session.id, "user", "hello")
        async with refused(manager, session, BudgetTooSmall, "token_limit"):
            await manager.build_context(session.id, system="word " * 300)
        async with refused(manager, session, BudgetTooSmall, "token_limit"):
            await manager.build_context(session.id, tools=TOOLS * 20)
        async with refused(manager, session, BudgetTooSmall, "token_budget"):
            await manager.build_context(session.id, token_budget=10)
        with pytest.raises(BudgetTooSmall) as caught:
            await manager.build_context(session.id, system="word " * 300, token_budget=200)
        assert caught.value.limit == 200
        assert caught.value.size is not None
        assert caught.value.size > 300

    # --- max_messages

    @pytest.mark.parametrize("most", [1, 2, 3, 8, 21, 1000])
    async def test_max_messages_caps_the_logs_messages(self, manager: SessionManager, most: int) -> None:
        session = await chat(manager, token_limit=100_000)
        for turn in range(1, 26):
            await turns(manager, session, 1, first=turn)
            context = await manager.build_context(session.id, max_messages=most)
            shown = [m for m in context.messages if m["role"] != "system"]
            assert len(shown) <= max(most, 2)  # the newest turn may exceed it
            assert shown[0]["role"] == "user"
            assert shown[-1]["content"].startswith(f"answer {turn}:")
            if 2 * turn <= most:
                assert len(shown) == 2 * turn
            elif most > 4:
                assert len(shown) > most // 2 - 2

    async def test_the_newest_turn_is_whole(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 5)
        await manager.add_message(session.id, "user", "look around")
        for number in range(6):
            await manager.add_message(session.id, "assistant", tool_calls=calls(f"c{number}"))
            await manager.add_message(session.id, "tool", f"found {number}", tool_call_id=f"c{number}")
        context = await manager.build_context(session.id, max_messages=4)
        shown = [m for m in context.messages if m["role"] != "system"]
        assert (len(shown), shown[0]["content"]) == (13, "look around")
        assert [left.reason for left in context.left_out] == ["max_messages"]

    # --- the prefix

    @pytest.mark.parametrize("most", [None, 8, 20])
    async def test_the_beginning_stays_and_moves_in_big_steps(
        self, open_manager: OpenManager, clock: Clock, most: int | None
    ) -> None:
        manager = await open_manager(clock=clock, compaction="manual", context_state=("mood",))
        session = await chat(manager, token_limit=1000)
        await manager.add_message(session.id, "system", "Be brief.")
        before: list[Any] = []
        moves = 0
        for turn in range(1, 61):
            await manager.add_message(session.id, "user", f"question {turn}:" + " why" * 10)
            await manager.update_state(session.id, {"mood": turn})
            context = await manager.build_context(session.id, max_messages=most)
            stable = context.messages[:-2]  # behind it: the state, and the newest turn
            assert f'{{"mood":{turn}}}' in context.messages[-2]["content"]
            moves += stable[: len(before)] != before
            before = stable
            await manager.add_message(session.id, "assistant", f"answer {turn}:" + " so" * 10)
        by_messages = 0 if most is None else 120 // (most // 2)  # steps of half of them
        by_tokens = 120 * 17 // 250  # steps of a quarter of the budget; a message has about 17
        assert 0 < moves <= by_messages + by_tokens + 1

    async def test_the_same_log_gives_the_same_bytes(self, open_manager: OpenManager, clock: Clock) -> None:
        """Whether a window was kept, grew in the cache, or was read anew; with the cache and without."""
        warm = await open_manager(clock=clock, compaction="manual")
        session = await chat(warm, token_limit=500)
        for turn in range(1, 31):
            await turns(warm, session, 1, first=turn)
            for most in (None, 6, 15):
                held = await warm.build_context(session.id, max_messages=most)
                if turn % 5 == 0:
                    cold = await open_manager(clock=clock, compaction="manual", cache_sessions=0)
                    assert (await cold.build_context(session.id, max_messages=most)).messages == held.messages

    # --- tool calls

    async def test_results_stand_right_behind_their_calls(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "sun and moon?")
        await manager.add_message(session.id, "assistant", tool_calls=calls("sun", "moon"))
        await manager.add_message(session.id, "user", "and hurry", author_id="bob")
        await manager.add_message(session.id, "tool", "moon is up", tool_call_id="moon")
        await manager.add_message(session.id, "tool", "sun is down", tool_call_id="sun")
        context = await manager.build_context(session.id)
        assert said(context) == ["sun and moon?", None, "sun is down", "moon is up", "and hurry"]
        assert context.messages[1]["tool_calls"] == calls("sun", "moon")
        sound(context, 4000)

    async def test_a_dangling_call_has_an_unknown_outcome(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "sun and moon?")
        await manager.add_message(session.id, "assistant", tool_calls=calls("sun", "moon"))
        await manager.add_message(session.id, "tool", "sun is down", tool_call_id="sun")
        context = await manager.build_context(session.id)
        assert "outcome is unknown" in said(context)[3]
        sound(context, 4000)
        await manager.add_message(session.id, "tool", "moon is up", tool_call_id="moon")
        late = await manager.build_context(session.id)
        assert said(late)[2:] == ["sun is down", "moon is up"]
        assert late.messages[:3] == context.messages[:3]

    async def test_what_is_too_large_for_any_prompt_is_shown_in_part(self, manager: SessionManager) -> None:
        session = await chat(manager, token_limit=500)
        await manager.add_message(session.id, "user", "begin " + "middle " * 3000 + "end")
        context = await manager.build_context(session.id)
        [shown] = [text for text in said(context) if "begin" in text]
        assert shown.endswith("end")
        assert [left.reason for left in context.left_out] == ["shortened"]
        sound(context, 500)
        with raises(BudgetTooSmall):
            await manager.build_context(session.id, token_budget=20)
