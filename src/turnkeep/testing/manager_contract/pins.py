"""Pins: words that stay in every prompt, whatever is summarized."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.errors import InvalidInput, TooManyPins, UnknownPin, UnknownSession
from turnkeep.manager import SessionManager
from turnkeep.testing.manager_contract.case import DAY, Case, Clock, OpenManager, calls, chat, raises, refused, said, turns

ALLERGY = "I am allergic to nuts — really: 🥜."


class Pins(Case):
    """`pin_message`, `pin`, `unpin` and `get_pins`, and what prompts make of them."""

    async def test_pins_survive_every_compaction_word_for_word(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, compaction="manual")
        session = await chat(manager, token_limit=600)
        message = await manager.add_message(session.id, "user", ALLERGY)
        await manager.pin_message(session.id, message.seq)
        await manager.pin(session.id, "The plan is Pro.")
        for first in range(1, 60, 10):
            await turns(manager, session, 10, first=first)
            await manager.summarize_session(session.id)
            context = await manager.build_context(session.id, system="Be kind.")
            assert said(context)[:3] == [
                "Be kind.",
                f"Pinned, word for word, message 1 (user):\n{ALLERGY}",
                "Pinned, word for word:\nThe plan is Pro.",
            ]
            assert context.tokens <= 600
            assert sum(context.parts.values()) == context.tokens
        assert len(await manager.get_summaries(session.id)) > 3

    async def test_a_pin_says_what_it_is(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", ALLERGY, author_id="bob")
        message, fact = await manager.pin_message(session.id, 1), await manager.pin(session.id, "fact", author_id=7)
        assert (message.seq, message.role, message.text, message.author_id) == (1, "user", ALLERGY, "bob")
        assert (fact.seq, fact.role, fact.text, fact.author_id) == (0, None, "fact", "7")
        assert await manager.get_pins(session.id) == [message, fact]
        context = await manager.build_context(session.id)
        assert context.parts["pins"] == message.tokens + fact.tokens
        after = await manager.get_session(session.id)
        assert (after.pins, after.pin_tokens) == (2, context.parts["pins"])

    async def test_pinning_and_unpinning_raise_the_version(self, manager: SessionManager) -> None:
        session = await chat(manager)
        first = await manager.build_context(session.id)
        pin = await manager.pin(session.id, "fact")
        second = await manager.build_context(session.id)
        await manager.unpin(session.id, pin.number)
        third = await manager.build_context(session.id)
        assert first.version < second.version < third.version
        assert (first.messages, second.parts["pins"]) == (third.messages, pin.tokens)

    async def test_what_is_pinned_already_is_returned(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 1)
        assert await manager.pin_message(session.id, 1) == await manager.pin_message(session.id, 1)
        assert await manager.pin(session.id, "fact") == await manager.pin(session.id, "fact")
        assert len(await manager.get_pins(session.id)) == 2

    async def test_the_texts_of_parts_are_pinned(self, manager: SessionManager) -> None:
        session = await chat(manager)
        picture = {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}
        await manager.add_message(session.id, "user", [{"type": "text", "text": "a"}, picture, {"type": "text", "text": "b"}])
        assert (await manager.pin_message(session.id, 1)).text == "a\nb"

    async def test_what_has_no_words_cannot_be_pinned(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "hi")
        await manager.add_message(session.id, "assistant", None, tool_calls=calls("c1"))
        async with refused(manager, session, InvalidInput, "seq"):
            await manager.pin_message(session.id, 2)

    @pytest.mark.parametrize("seq", [0, -1, 2**40, 4, "1", None, 1.5, True])
    async def test_a_message_that_is_not_there(self, manager: SessionManager, seq: Any) -> None:
        session = await chat(manager)
        await turns(manager, session, 1)
        async with refused(manager, session, InvalidInput, "seq"):
            await manager.pin_message(session.id, seq)

    @pytest.mark.parametrize("text", ["", None, 5, "a\0", "\ud800", "x" * (1_048_576 + 1)])
    async def test_a_text_that_cannot_be_pinned(self, manager: SessionManager, text: Any) -> None:
        session = await chat(manager)
        async with refused(manager, session, InvalidInput, "text"):
            await manager.pin(session.id, text)

    async def test_pins_have_limits(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, max_pins=2, pin_share=0.1)
        session = await chat(manager, token_limit=1000)
        async with refused(manager, session, TooManyPins, "pins"):
            await manager.pin(session.id, "word " * 101)
        await manager.pin(session.id, "word " * 50)
        async with refused(manager, session, TooManyPins, "pins"):
            await manager.pin(session.id, "again " * 50)
        await manager.pin(session.id, "a")
        async with refused(manager, session, TooManyPins, "pins"):
            await manager.pin(session.id, "b")

    async def test_the_budget_holds_whatever_is_pinned(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, pin_share=0.5)
        session = await chat(manager, token_limit=1000)
        await turns(manager, session, 3)
        for n in range(5):
            await manager.pin(session.id, f"{n}:" + " word" * 80)
        for budget in range(60, 1000, 47):
            context = await manager.build_context(session.id, token_budget=budget)
            assert context.tokens <= budget
            left = [entry for entry in context.left_out if entry.reason == "pin"]
            shown = [text for text in said(context) if text.startswith("Pinned")]
            assert len(left) + len(shown) == 5
            assert all(text.startswith(f"Pinned, word for word:\n{n}:") for n, text in enumerate(shown, len(left)))
            assert said(context)[-1].startswith("answer 3")

    async def test_unpinning_what_is_not_pinned(self, manager: SessionManager) -> None:
        session, other = await chat(manager), await chat(manager, "other")
        pin = await manager.pin(session.id, "fact")
        with raises(UnknownPin, "number"):
            await manager.unpin(other.id, pin.number)
        for number in (0, "1", None, True):
            async with refused(manager, session, InvalidInput, "number"):
                await manager.unpin(session.id, number)  # type: ignore[arg-type]  # what is no number is to be refused
        await manager.unpin(session.id, pin.number)
        with raises(UnknownPin, "number"):
            await manager.unpin(session.id, pin.number)

    async def test_an_unknown_session_has_no_pins(self, manager: SessionManager) -> None:
        for call in (manager.get_pins("no"), manager.pin("no", "x"), manager.pin_message("no", 1), manager.unpin("no", 1)):
            with raises(UnknownSession):
                await call

    async def test_a_retract_and_a_clear(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 2)
        for seq in (1, 3):
            await manager.pin_message(session.id, seq)
        await manager.retract(session.id, 3)
        assert [pin.seq for pin in await manager.get_pins(session.id)] == [1]
        async with refused(manager, session, InvalidInput, "seq"):
            await manager.pin_message(session.id, 3)
        await manager.clear_messages(session.id)
        assert [pin.seq for pin in await manager.get_pins(session.id)] == [1]
        await manager.clear_messages(session.id, keep_summaries=False)
        assert await manager.get_pins(session.id) == []
        async with refused(manager, session, InvalidInput, "seq"):
            await manager.pin_message(session.id, 1)

    async def test_a_successor_opens_with_them(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", ALLERGY)
        await manager.pin_message(session.id, 1)
        await manager.pin(session.id, "fact")
        clock.advance(2 * DAY)
        successor = await chat(manager, carry_over="summary")
        assert said(await manager.build_context(successor.id)) == [
            f"Pinned, word for word, from an earlier conversation (user):\n{ALLERGY}",
            "Pinned, word for word:\nfact",
        ]
        assert {pin.source for pin in await manager.get_pins(successor.id)} == {session.id}
        clock.advance(2 * DAY)
        assert await manager.get_pins((await chat(manager, carry_over="none")).id) == []

    async def test_an_erasure_leaves_no_pinned_words(self, manager: SessionManager) -> None:
        session = await chat(manager, external_user_id="ann")
        await manager.add_message(session.id, "user", "violet unicorn", author_id="bob")
        await manager.pin_message(session.id, 1)
        await manager.pin(session.id, "bob rides a violet unicorn", author_id="bob")
        await manager.pin(session.id, "ann's fact")
        await manager.erase_user("bob")
        assert [pin.text for pin in await manager.get_pins(session.id)] == ["ann's fact"]
        assert await self.holds(manager, "violet unicorn") in (False, None)

    async def test_under_a_key_a_pin_is_made_once(self, manager: SessionManager) -> None:
        session = await chat(manager)
        made = [await manager.conditional(idempotency_key="k").pin(session.id, "fact") for _ in range(2)]
        assert made == [made[0]] * 2
        for _ in range(2):
            await manager.conditional(idempotency_key="gone").unpin(session.id, made[0].number)
