"""Batches, external ids and expected numbers: all or nothing, and each message once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from turnkeep.errors import Conflict, InvalidInput, TurnkeepError, UnknownSession
from turnkeep.manager import SessionManager
from turnkeep.session import JsonObject
from turnkeep.testing.manager_contract.case import (
    Case,
    Clock,
    OpenManager,
    calls,
    chat,
    log,
    raises,
    refused,
    row,
    texts,
    untouched,
)

HI: JsonObject = {"role": "user", "content": "hi"}
OTHERS: list[JsonObject] = [
    {"content": "ho"},
    {"content": [{"type": "text", "text": "hi"}]},
    {"role": "system"},
    {"role": "assistant"},
    {"name": "Ann"},
    {"role": "assistant", "tool_calls": calls("c1")},
]


class Batches(Case):
    """`add_messages`."""

    async def test_a_batch_is_stored_in_its_order(self, manager: SessionManager) -> None:
        session = await chat(manager)
        batch: list[JsonObject] = [
            {"role": "system", "content": "Be brief."},
            HI,
            {"role": "assistant", "content": None, "tool_calls": calls("c1")},
            {"role": "tool", "content": "blue", "tool_call_id": "c1"},
            {"role": "assistant", "content": "blue"},
        ]
        stored = await manager.add_messages(session.id, batch)
        assert [message.seq for message in stored] == [1, 2, 3, 4, 5]
        assert texts(stored) == ["Be brief.", "hi", None, "blue", "blue"]
        assert [row(message) for message in await log(manager, session)] == [row(message) for message in stored]
        again = await manager.add_messages(session.id, tuple(batch[1:2]))
        assert [message.seq for message in again] == [6]

    async def test_a_thousand_and_no_more(self, manager: SessionManager) -> None:
        session = await chat(manager, token_limit=100_000)
        stored = await manager.add_messages(session.id, [HI] * 1000)
        assert [message.seq for message in stored] == list(range(1, 1001))
        async with refused(manager, session, InvalidInput):
            await manager.add_messages(session.id, [HI] * 1001)
        async with refused(manager, session, InvalidInput):
            await manager.add_messages(session.id, [])

    async def test_what_a_client_leaves_empty_is_passed_over(self, manager: SessionManager) -> None:
        session = await chat(manager)
        answer: JsonObject = {
            "role": "assistant",
            "content": "hi",
            "tool_calls": [],
            "refusal": None,
            "audio": None,
            "annotations": [],
            "flag": False,
        }
        [message] = await manager.add_messages(session.id, [answer])
        assert (message.content, message.tool_calls) == ("hi", None)

    @pytest.mark.parametrize("at", [0, 1, 2])
    async def test_one_bad_message_and_none_is_stored(self, manager: SessionManager, at: int) -> None:
        session = await chat(manager)
        bad: list[tuple[str, Any]] = [
            (".content", {"role": "user", "content": ""}),
            (".role", {"content": "hi"}),
            (".refusal", {**HI, "refusal": "I will not"}),
            (".tool_call_id", {"role": "tool", "content": "blue"}),
            ("", "hi"),
            ("", None),
            ("", ["role", "user"]),
        ]
        for field, message in bad:
            batch: list[Any] = [HI, HI, HI]
            batch[at] = message
            async with refused(manager, session, InvalidInput, f"messages[{at}]{field}"):
                await manager.add_messages(session.id, batch)

    async def test_what_only_the_log_can_tell_refuses_the_whole_batch(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "once", external_id="x1")
        stray: JsonObject = {"role": "tool", "content": "blue", "tool_call_id": "never"}
        early: list[JsonObject] = [
            {"role": "tool", "content": "", "tool_call_id": "c1"},
            {"role": "assistant", "tool_calls": calls("c1")},
        ]
        twice: list[JsonObject] = [{**HI, "external_id": "x2"}, {**HI, "external_id": "x2"}]
        for error, field, batch in (
            (InvalidInput, "tool_call_id", [HI, stray]),
            (InvalidInput, "tool_call_id", early),
            (Conflict, "external_id", [HI, {**HI, "external_id": "x1"}]),
            (Conflict, "external_id", twice),
        ):
            async with untouched(manager, session):
                with pytest.raises(error) as caught:
                    await manager.add_messages(session.id, batch)
                assert str(getattr(caught.value, "field", "")).rsplit(".", 1)[-1] == field
        assert (await manager.add_message(session.id, "user", "hi", external_id="x2")).seq == 2

    @pytest.mark.parametrize("messages", [None, "hi", b"hi", 5, HI, {"messages": []}], ids=str)
    async def test_what_is_no_list_of_dicts(self, manager: SessionManager, messages: Any) -> None:
        session = await chat(manager)
        async with refused(manager, session, InvalidInput, "messages"):
            await manager.add_messages(session.id, messages)

    async def test_a_bad_append_never_fails_its_neighbours(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "once", external_id="x")

        def call(number: int) -> Any:
            if number % 3 == 0:
                return manager.add_message(session.id, "user", "other", external_id="x")
            if number % 3 == 1:
                return manager.add_message(session.id, "tool", "blue", tool_call_id="never")
            return manager.add_message(session.id, "user", str(number))

        answers = await asyncio.gather(*(call(number) for number in range(60)), return_exceptions=True)
        for number, answer in enumerate(answers):
            assert isinstance(answer, TurnkeepError) == (number % 3 < 2)
        assert sorted(texts(await log(manager, session))) == sorted(["once", *(str(number) for number in range(2, 60, 3))])


class Once(Case):
    """`external_id` and `expected_seq`."""

    async def test_the_same_again_is_the_first_message(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager)
        first = await manager.add_message(session.id, **HI, external_id="tg:991", author_id="ann", metadata={"a": 1})
        clock.advance(60)
        async with untouched(manager, session):
            again = await manager.add_message(session.id, **HI, external_id="tg:991", metadata={"b": 2})
            assert row(again) == row(first)
            [batch] = await manager.add_messages(session.id, [{**HI, "external_id": "tg:991"}])
            assert row(batch) == row(first)

    @pytest.mark.parametrize("other", OTHERS, ids=str)
    async def test_other_content_is_a_conflict(self, manager: SessionManager, other: JsonObject) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, **HI, external_id="x")
        async with refused(manager, session, Conflict, "external_id"):
            await manager.add_message(session.id, **(HI | other), external_id="x")

    async def test_parts_and_calls_are_compared_by_value(self, manager: SessionManager) -> None:
        session = await chat(manager)
        one: JsonObject = {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}],
            "tool_calls": calls("c1"),
            "external_id": "x",
        }
        turned: JsonObject = {
            "role": "assistant",
            "content": [{"text": "a", "type": "text"}],
            "tool_calls": calls("c1"),
            "external_id": "x",
        }
        first = await manager.add_message(session.id, **one)
        again = await manager.add_message(session.id, **turned)
        assert again.seq == first.seq

    async def test_a_batch_of_known_and_new(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_messages(session.id, [{**HI, "external_id": "a"}, {**HI, "external_id": "b"}])
        mixed = await manager.add_messages(session.id, [{**HI, "external_id": "b"}, {**HI, "external_id": "c"}, HI])
        assert [message.seq for message in mixed] == [2, 3, 4]
        assert (await manager.get_session(session.id)).seq == 4

    async def test_each_conversation_has_its_own_ids(self, manager: SessionManager) -> None:
        for conversation, kind in ((1, "telegram"), (2, "telegram"), (1, "web")):
            session = await chat(manager, conversation, interface_type=kind)
            assert (await manager.add_message(session.id, "user", f"{kind} {conversation}", external_id="x")).seq == 1

    @pytest.mark.parametrize("closed", ["by time", "by hand"])
    async def test_once_across_successors(self, manager: SessionManager, clock: Clock, closed: str) -> None:
        old = await chat(manager)
        first = await manager.add_message(old.id, **HI, external_id="x")
        if closed == "by hand":
            await manager.deactivate_session(old.id)
        clock.advance(25 * 3600)
        new = await chat(manager)
        third = new
        async with untouched(manager, new):
            assert row(await manager.add_message(new.id, **HI, external_id="x")) == row(first)
            with raises(Conflict, "external_id"):
                await manager.add_message(new.id, "user", "other", external_id="x")
        for _ in range(2):
            clock.advance(25 * 3600)
            third = await chat(manager)
        assert row(await manager.add_message(third.id, **HI, external_id="x")) == row(first)
        assert (await manager.get_session(third.id)).seq == 0

    async def test_a_closed_session_still_answers_what_it_has(self, manager: SessionManager) -> None:
        session = await chat(manager)
        first = await manager.add_message(session.id, **HI, external_id="x")
        await manager.deactivate_session(session.id)
        assert row(await manager.add_message(session.id, **HI, external_id="x", expected_seq=77)) == row(first)

    async def test_a_message_is_found_by_its_external_id(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "no id")
        stored = await manager.add_message(session.id, **HI, external_id="tg:991", author_id="ann", metadata={"a": 1})
        call = await manager.add_message(session.id, "assistant", tool_calls=calls("c1"), external_id="call")
        async with untouched(manager, session):
            for message in (stored, call):
                found = await manager.find_message(session.id, str(message.external_id))
                assert found is not None
                assert row(found) == row(message)
            for name in ("tg:99", "TG:991", "tg:991 ", "c1", "ann", 991, -1):
                assert await manager.find_message(session.id, name) is None

    async def test_an_id_of_a_platform_may_be_a_number(self, manager: SessionManager) -> None:
        session = await chat(manager)
        stored = await manager.add_message(session.id, **HI, external_id=991)
        assert stored.external_id == "991"
        assert row(await manager.add_message(session.id, **HI, external_id="991")) == row(stored)
        [batch] = await manager.add_messages(session.id, [{**HI, "external_id": 991}])
        assert row(batch) == row(stored)
        for name in (991, "991"):
            found = await manager.find_message(session.id, name)
            assert found is not None
            assert row(found) == row(stored)
        for name in (-991, "0991", "991.0"):
            assert await manager.find_message(session.id, name) is None

    async def test_what_left_the_window_is_found_all_the_same(self, manager: SessionManager) -> None:
        session = await chat(manager)
        for name in "abc":
            await manager.add_message(session.id, "user", name, external_id=name)
        await manager.retract(session.id, 3)
        await manager.clear_messages(session.id, keep_summaries=False)
        await manager.deactivate_session(session.id)
        for seq, name in enumerate("abc", 1):
            found = await manager.find_message(session.id, name)
            assert found is not None
            assert (found.seq, found.content) == (seq, name)

    @pytest.mark.parametrize("closed", ["by time", "by hand"])
    async def test_a_successor_finds_what_its_predecessors_took(self, manager: SessionManager, clock: Clock, closed: str) -> None:
        old = await chat(manager)
        first = await manager.add_message(old.id, **HI, external_id="x")
        for _ in range(2):
            if closed == "by hand":
                await manager.deactivate_session((await chat(manager)).id)
            clock.advance(25 * 3600)
            new = await chat(manager)
            assert new.id != old.id
            found = await manager.find_message(new.id, "x")
            assert found is not None
            assert row(found) == row(first)
            assert await manager.find_message(new.id, "y") is None
            assert (await manager.get_session(new.id)).seq == 0

    async def test_the_answer_is_found_at_once_by_every_manager(self, open_manager: OpenManager, clock: Clock) -> None:
        one, two = await open_manager(clock=clock), await open_manager(clock=clock)
        session = await chat(one)
        for turn in range(5):
            await two.build_context(session.id)
            assert await two.find_message(session.id, f"answer {turn}") is None
            stored = await one.add_message(session.id, "assistant", f"so {turn}", external_id=f"answer {turn}")
            found = await two.find_message(session.id, f"answer {turn}")
            assert found is not None
            assert row(found) == row(stored)

    @pytest.mark.parametrize("bad", [None, "", True, 1.5, [], b"x", "x" * 513, "\0", "\ud800"], ids=ascii)
    async def test_what_is_no_external_id_is_refused(self, manager: SessionManager, bad: Any) -> None:
        session = await chat(manager)
        async with refused(manager, session, InvalidInput, "external_id"):
            await manager.find_message(session.id, bad)

    async def test_a_message_is_looked_for_in_a_known_session_only(
        self, manager: SessionManager, open_manager: OpenManager, clock: Clock
    ) -> None:
        session, other = await chat(manager), await chat(manager, "other")
        await manager.add_message(session.id, **HI, external_id="x")
        assert await manager.find_message(other.id, "x") is None
        with raises(UnknownSession):
            await manager.find_message("ses_unknown", "x")
        with raises(UnknownSession):
            await (await open_manager(clock=clock, app="another")).find_message(session.id, "x")

    async def test_once_however_many_deliver_it(self, open_manager: OpenManager, clock: Clock) -> None:
        managers = [await open_manager(clock=clock), await open_manager(clock=clock)]
        session = await chat(managers[0])
        answers = await asyncio.gather(
            *(managers[at % 2].add_message(session.id, **HI, external_id=f"x{at % 5}") for at in range(60))
        )
        assert len({message.seq for message in answers}) == 5
        assert sorted(str(message.external_id) for message in await log(managers[1], session)) == ["x0", "x1", "x2", "x3", "x4"]

    async def test_once_though_the_first_caller_was_cancelled(self, manager: SessionManager) -> None:
        session = await chat(manager)
        for steps in range(8):
            task = asyncio.create_task(manager.add_message(session.id, "user", f"try {steps}", external_id=f"x{steps}"))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await manager.add_message(session.id, "user", f"try {steps}", external_id=f"x{steps}")
        stored = await log(manager, session)
        assert texts(stored) == [f"try {steps}" for steps in range(8)]
        assert [m["content"] for m in (await manager.build_context(session.id)).messages] == texts(stored)

    async def test_the_expected_number(self, manager: SessionManager) -> None:
        session = await chat(manager)
        assert (await manager.add_message(session.id, "user", "one", expected_seq=0)).seq == 1
        for wrong in (0, 2, 10**6):
            async with refused(manager, session, Conflict, "expected_seq"):
                await manager.add_message(session.id, "user", "two", expected_seq=wrong)
            async with refused(manager, session, Conflict, "expected_seq"):
                await manager.add_messages(session.id, [HI, HI], expected_seq=wrong)
        assert [message.seq for message in await manager.add_messages(session.id, [HI, HI], expected_seq=1)] == [2, 3]
        bad: Sequence[Any] = (-1, "1", True, 1.5, 2**70)
        for value in bad:
            async with refused(manager, session, InvalidInput, "expected_seq"):
                await manager.add_message(session.id, "user", "two", expected_seq=value)

    async def test_of_many_who_expect_the_same_one_wins(self, manager: SessionManager) -> None:
        session = await chat(manager)
        tries = (manager.add_message(session.id, "user", str(n), expected_seq=0) for n in range(20))
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(answer, Conflict) for answer in answers) == 19
        assert (await manager.get_session(session.id)).seq == 1

    async def test_a_known_message_needs_no_expected_number(self, manager: SessionManager) -> None:
        session = await chat(manager)
        sent: Mapping[str, Any] = {**HI, "external_id": "x"}
        await manager.add_message(session.id, **sent, expected_seq=0)
        assert (await manager.add_message(session.id, **sent, expected_seq=0)).seq == 1
