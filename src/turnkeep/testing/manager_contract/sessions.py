"""Sessions: made on first use, found again, listed, closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from turnkeep.errors import InvalidInput, SessionClosed, UnknownSession
from turnkeep.manager import SessionManager
from turnkeep.testing.manager_contract.case import HOUR, Case, Clock, OpenManager, calls, chat, figures, raises, untouched

BAD: dict[str, list[Any]] = {
    "interface_type": ["", None, 5, "x" * 513, "a\0b", "\ud800", []],
    "conversation_id": ["", None, True, 1.5, b"x", "x" * 513, "é" * 257, "a\0", "\udfff", 10**600, 10**5000],
    "external_user_id": ["", True, 1.5, "x" * 513, 10**5000],
    "external_chat_id": ["", False, 1.5, "\0"],
    "token_limit": [0, -1, 1.5, "8000", True, 10**9 + 1],
    "expires_in": [0, -1, timedelta(0), timedelta(seconds=-1), "1h", True, float("nan"), float("inf"), 10**400],
    "tokenizer": ["gpt2", "O200K"],
    "carry_over": ["all", "", 1, True],
    "metadata": [[], "x", 5, {"a": object()}, {"a": "\0"}, {"\0": 1}, {"a": "x" * 70_000}],
}


class Sessions(Case):
    """`get_or_create_session`, `open_session`, `get_session` and `deactivate_session`."""

    async def test_a_session_is_what_was_asked_for(self, manager: SessionManager, clock: Clock) -> None:
        session = await manager.get_or_create_session(
            interface_type="telegram",
            conversation_id=123,
            external_user_id="user123",
            external_chat_id="chat456",
            token_limit=8000,
            expires_in=timedelta(hours=1),
            metadata={"lang": "fr", "deep": [1, None, {"é": 1.5}]},
        )
        assert (session.app, session.interface_type, session.conversation_id) == ("default", "telegram", "123")
        assert (session.external_user_id, session.external_chat_id) == ("user123", "chat456")
        assert (session.token_limit, session.tokenizer, session.status) == (8000, "o200k", "active")
        assert (session.seq, session.tokens, session.tool_calls, session.errors) == (0, 0, 0, 0)
        assert session.metadata == {"lang": "fr", "deep": [1, None, {"é": 1.5}]}
        assert session.created_at == session.last_active
        assert session.created_at.timestamp() == clock.now
        assert session.created_at.utcoffset() == timedelta(0)
        assert session.expires_at == session.created_at + timedelta(hours=1)
        assert (session.closed_at, session.predecessor) == (None, None)
        assert isinstance(session.id, str)
        assert figures(await manager.get_session(session.id)) == figures(session)

    async def test_the_defaults_are_the_settings(self, open_manager: OpenManager, clock: Clock) -> None:
        plain = await chat(await open_manager(clock=clock))
        assert (plain.token_limit, plain.tokenizer, plain.carry_over) == (4000, "o200k", "none")
        assert plain.expires_at == plain.created_at + timedelta(hours=24)
        own = await open_manager(clock=clock, token_limit=900, tokenizer="cl100k", expires_in=60.0, carry_over="summary")
        session = await chat(own, "another")
        assert (session.token_limit, session.tokenizer, session.carry_over) == (900, "cl100k", "summary")
        assert session.expires_at == session.created_at + timedelta(minutes=1)

    async def test_an_existing_session_is_returned_unchanged(self, manager: SessionManager, clock: Clock) -> None:
        first = await chat(manager, token_limit=500, metadata={"a": 1})
        await manager.add_message(first.id, "user", "hello")
        first = await manager.get_session(first.id)
        clock.advance(10)
        again = await chat(
            manager,
            token_limit=900,
            metadata={"b": 2},
            external_user_id="bob",
            expires_in=5,
            tokenizer="cl100k",
            carry_over="summary",
        )
        assert figures(again) == figures(first)
        assert (again.token_limit, again.metadata, again.external_user_id) == (500, {"a": 1}, "ann")
        assert (again.tokenizer, again.carry_over) == (first.tokenizer, first.carry_over)

    async def test_open_session_says_whether_it_made_one(self, manager: SessionManager) -> None:
        first, made = await manager.open_session("telegram", 1)
        again, made_again = await manager.open_session("telegram", 1)
        assert (made, made_again, again.id) == (True, False, first.id)

    @pytest.mark.parametrize(("one", "same"), [(123, "123"), (-5, "-5"), (0, "0"), (2**70, str(2**70))])
    async def test_an_int_and_its_digits_are_one_conversation(self, manager: SessionManager, one: int, same: str) -> None:
        session = await chat(manager, one)
        assert session.conversation_id == same
        assert (await chat(manager, same)).id == session.id
        found = await manager.find_by_conversation(one)
        assert found is not None
        assert found.id == session.id

    @pytest.mark.parametrize("name", ["x", " ", "été 🙂", "a/b:c?d#e%", "0123", "a\nb", "x" * 512])
    async def test_any_string_names_a_conversation(self, manager: SessionManager, name: str) -> None:
        session = await chat(manager, name)
        assert session.conversation_id == name
        assert (await chat(manager, name)).id == session.id
        assert (await chat(manager, name[:-1] + "~")).id != session.id

    async def test_ids_of_platforms_may_be_ints(self, manager: SessionManager) -> None:
        session = await chat(manager, external_user_id=77, external_chat_id=-100)
        assert (session.external_user_id, session.external_chat_id) == ("77", "-100")
        assert [one.id for one in await manager.list_sessions(external_user_id=77)] == [session.id]

    async def test_each_interface_has_its_own(self, manager: SessionManager) -> None:
        telegram, web = await chat(manager), await chat(manager, interface_type="web")
        assert telegram.id != web.id
        assert (await chat(manager)).id == telegram.id
        assert (await chat(manager, interface_type="web")).id == web.id

    @pytest.mark.parametrize(
        ("given", "tokenizer"),
        [
            ({}, "o200k"),
            ({"model": "gpt-4o-mini"}, "o200k"),
            ({"model": "openai/gpt-4.1"}, "o200k"),
            ({"model": "gpt-4"}, "cl100k"),
            ({"model": "gpt-3.5-turbo"}, "cl100k"),
            ({"model": "claude-sonnet-4"}, "claude"),
            ({"model": "nobody-knows-it"}, "o200k"),
            ({"tokenizer": "cl100k"}, "cl100k"),
            ({"model": "gpt-4o", "tokenizer": "estimate"}, "estimate"),
        ],
        ids=str,
    )
    async def test_the_model_picks_the_counter(self, manager: SessionManager, given: dict[str, Any], tokenizer: str) -> None:
        session = await chat(manager, **given)
        assert session.tokenizer == tokenizer
        assert (await manager.add_message(session.id, "user", "hello there")).counter == tokenizer

    async def test_none_is_never(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=None)
        assert session.expires_at is None
        clock.advance(10**9)
        await manager.add_message(session.id, "user", "still here?")
        assert (await manager.get_session(session.id)).status == "active"
        assert (await chat(manager)).id == session.id

    async def test_what_a_caller_changes_later_changes_no_session(self, manager: SessionManager) -> None:
        given = {"list": [1]}
        session = await chat(manager, metadata=given)
        given["list"].append(2)
        assert (await manager.get_session(session.id)).metadata == {"list": [1]}

    # --- closing

    async def test_a_session_closed_by_hand(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "hello")
        clock.advance(5)
        closed = await manager.deactivate_session(session.id)
        assert (closed.id, closed.status) == (session.id, "inactive")
        assert closed.closed_at is not None
        assert closed.closed_at.timestamp() == clock.now
        assert (await manager.get_session(session.id)).status == "inactive"
        assert await manager.find_by_conversation(123) is None

    async def test_closing_it_again_changes_nothing(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager)
        closed = await manager.deactivate_session(session.id)
        clock.advance(5)
        again = await manager.deactivate_session(session.id)
        assert (again.closed_at, figures(again)) == (closed.closed_at, figures(closed))

    async def test_a_closed_session_takes_no_user_message(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "hello")
        await manager.deactivate_session(session.id)
        for role in ("user", "system"):
            async with untouched(manager, session):
                with raises(SessionClosed):
                    await manager.add_message(session.id, role, "more")
                with raises(SessionClosed):
                    await manager.add_messages(
                        session.id, [{"role": "assistant", "content": "a"}, {"role": role, "content": "b"}]
                    )

    async def test_a_closed_session_takes_what_finishes_its_turn(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "user", "hello")
        await manager.deactivate_session(session.id)
        await manager.add_message(session.id, "assistant", tool_calls=calls("c1"))
        await manager.add_message(session.id, "tool", "blue", tool_call_id="c1")
        await manager.add_messages(session.id, [{"role": "assistant", "content": "It is blue."}])
        after = await manager.get_session(session.id)
        assert (after.seq, after.status) == (4, "inactive")

    async def test_the_next_turn_after_closing_opens_a_successor(self, manager: SessionManager) -> None:
        old = await chat(manager)
        await manager.deactivate_session(old.id)
        new, made = await manager.open_session("telegram", 123)
        assert (made, new.predecessor, new.status) == (True, old.id, "active")
        assert (await manager.get_session(old.id)).status == "inactive"

    # --- strangers

    @pytest.mark.parametrize("name", ["nobody", "ses_", "é🙂", "x" * 512])
    async def test_an_unknown_id_is_a_typed_error(self, manager: SessionManager, name: str) -> None:
        for call in (
            manager.get_session(name),
            manager.deactivate_session(name),
            manager.delete_session(name),
            manager.add_message(name, "user", "hello"),
            manager.add_messages(name, [{"role": "user", "content": "hello"}]),
            manager.get_messages(name),
            manager.build_context(name),
            manager.summarize_session(name),
            manager.get_summaries(name),
            manager.clear_messages(name),
            manager.retract(name, 1),
            manager.get_state(name),
            manager.update_state(name, {"a": 1}),
            manager.record_tool_call(name, "look"),
            manager.record_error(name, "Timeout"),
            manager.record_usage(name, tokens_in=1, tokens_out=1),
            manager.get_events(name),
            manager.get_session_stats(name),
            manager.list_sessions(before=name),
        ):
            with raises(UnknownSession):
                await call
        assert (await manager.get_stats()).total_sessions == 0

    @pytest.mark.parametrize("field", BAD)
    async def test_bad_input_names_its_field(self, manager: SessionManager, field: str) -> None:
        for value in BAD[field]:
            with raises(InvalidInput, field):
                await manager.get_or_create_session(**{"interface_type": "telegram", "conversation_id": 123, field: value})
        assert (await manager.get_stats()).total_sessions == 0

    async def test_a_model_or_tokenizer_of_another_kind(self, manager: SessionManager) -> None:
        bad: list[tuple[str, Any]] = [("model", 5), ("model", ["gpt-4o"]), ("tokenizer", ["o200k"]), ("tokenizer", 5)]
        for field, value in bad:
            with raises(InvalidInput, field):
                await manager.get_or_create_session("telegram", 123, **{field: value})

    async def test_limits_are_met_exactly(self, manager: SessionManager) -> None:
        session = await chat(manager, "é" * 256, token_limit=10**9, expires_in=0.001)
        assert (session.token_limit, len(session.conversation_id)) == (10**9, 256)
        assert session.expires_at == session.created_at + timedelta(milliseconds=1)
        assert (await chat(manager, 2, expires_in=HOUR)).expires_at == session.created_at + timedelta(hours=1)
