"""State: JSON variables in two scopes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from turnkeep.errors import InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.session import Scope
from turnkeep.testing.manager_contract.case import Case, Clock, OpenManager, chat, raises, refused, said

SCOPES: tuple[Scope, ...] = ("user", "session")
BOTH = pytest.mark.parametrize("scope", SCOPES)
# Appendix A of RFC 7396, each value under a key, since a state is an object
RFC_7396: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


class States(Case):
    """`get_state` and `update_state`."""

    @BOTH
    async def test_all_examples_of_the_rfc(self, manager: SessionManager, scope: Scope) -> None:
        for at, (before, patch, after) in enumerate(RFC_7396):
            session = await chat(manager, at, external_user_id=at)
            await manager.update_state(session.id, {"nested": before}, scope)
            assert (await manager.update_state(session.id, {"nested": patch}, scope))["nested"] == after, at
            if isinstance(before, dict) and isinstance(patch, dict):
                await manager.update_state(session.id, {"nested": None, **before}, scope)
                assert await manager.update_state(session.id, patch, scope) == after, at
                assert await manager.get_state(session.id, scope) == after, at

    @BOTH
    async def test_null_removes_the_key(self, manager: SessionManager, scope: Scope) -> None:
        session = await chat(manager)
        await manager.update_state(session.id, {"a": "foo", "b": 1}, scope)
        assert await manager.update_state(session.id, {"a": None, "never": None}, scope) == {"b": 1}
        assert await manager.update_state(session.id, {}, scope) == {"b": 1}

    async def test_the_scope_is_the_session_unless_said(self, manager: SessionManager) -> None:
        session = await chat(manager)
        assert await manager.update_state(session.id, {"a": 1}) == {"a": 1}
        assert (await manager.get_state(session.id), await manager.get_state(session.id, "user")) == ({"a": 1}, {})

    async def test_a_users_state_is_of_one_user_on_one_interface(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.update_state(session.id, {"name": "Ann"}, "user")
        assert await manager.get_state((await chat(manager, "other")).id, "user") == {"name": "Ann"}
        for stranger in (await chat(manager, 2, external_user_id="bob"), await chat(manager, interface_type="web")):
            assert await manager.get_state(stranger.id, "user") == {}

    async def test_without_a_user_there_is_no_user_state(self, manager: SessionManager) -> None:
        session = await chat(manager, external_user_id=None)
        async with refused(manager, session, InvalidInput, "scope"):
            await manager.update_state(session.id, {"a": 1}, "user")
        with raises(InvalidInput, "scope"):
            await manager.get_state(session.id, "user")

    async def test_a_closed_sessions_state_can_be_changed(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.deactivate_session(session.id)
        for scope in SCOPES:
            assert await manager.update_state(session.id, {"a": 1}, scope) == {"a": 1}

    @BOTH
    async def test_what_a_caller_changes_later_changes_no_state(self, manager: SessionManager, scope: Scope) -> None:
        session = await chat(manager)
        patch: dict[str, Any] = {"a": [1], "b": {"c": []}}
        answer = await manager.update_state(session.id, patch, scope)
        for copy in (patch, answer, await manager.get_state(session.id, scope)):
            copy["a"].append(2)
            copy["b"]["c"].append(3)
        assert await manager.get_state(session.id, scope) == {"a": [1], "b": {"c": []}}

    @BOTH
    async def test_the_limit_is_of_the_whole_state(self, open_manager: OpenManager, clock: Clock, scope: Scope) -> None:
        manager = await open_manager(clock=clock, max_state_bytes=24)
        session = await chat(manager)
        await manager.update_state(session.id, {"a": "12345"}, scope)
        async with refused(manager, session, InvalidInput, "state"):
            await manager.update_state(session.id, {"b": "é234"}, scope)
        async with refused(manager, session, InvalidInput, "patch"):
            await manager.update_state(session.id, {"b": "x" * 30}, scope)
        assert await manager.update_state(session.id, {"b": "é23"}, scope) == {"a": "12345", "b": "é23"}

    @BOTH
    async def test_bad_patches_store_nothing(self, manager: SessionManager, scope: Scope) -> None:
        session = await chat(manager)
        await manager.update_state(session.id, {"a": 1}, scope)
        bad: list[Any] = [None, [], "x", 5, {"a": "\0"}, {"\0": 1}, {"a": "\ud800"}, {"a": object()}, {"a": "x" * 70_000}]
        for patch in bad:
            async with refused(manager, session, InvalidInput, "patch"):
                await manager.update_state(session.id, patch, scope)
        assert await manager.get_state(session.id, scope) == {"a": 1}

    async def test_bad_scopes(self, manager: SessionManager) -> None:
        session = await chat(manager)
        bad: list[Any] = ["", "app", None, 5, ["user"]]
        for scope in bad:
            async with refused(manager, session, InvalidInput, "scope"):
                await manager.update_state(session.id, {"a": 1}, scope)
            with raises(InvalidInput, "scope"):
                await manager.get_state(session.id, scope)

    @BOTH
    async def test_patches_at_once_are_all_there(self, manager: SessionManager, scope: Scope) -> None:
        session = await chat(manager)
        await asyncio.gather(*(manager.update_state(session.id, {f"k{n}": n}, scope) for n in range(50)))
        assert await manager.get_state(session.id, scope) == {f"k{n}": n for n in range(50)}

    async def test_only_named_keys_reach_a_prompt(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, context_state=("name", "cart"))
        session = await chat(manager)
        await manager.add_message(session.id, "user", "hi")
        bare = await manager.build_context(session.id)
        assert bare.parts["state"] == 0
        await manager.update_state(session.id, {"name": "Ann", "secret": "tea"}, "user")
        await manager.update_state(session.id, {"cart": [1, 2], "note": "tea"})
        context = await manager.build_context(session.id)
        [state] = [text for text in said(context) if "Ann" in str(text)]
        assert "[1,2]" in state
        assert "tea" not in str(said(context))
        assert context.parts["state"] > 0
        assert context.tokens == bare.tokens + context.parts["state"]

    async def test_a_prompt_shows_the_state_of_now(self, open_manager: OpenManager, clock: Clock) -> None:
        """Also in other sessions of the user, closed ones too: what was kept of a window is not believed blindly."""
        manager = await open_manager(clock=clock, context_state=("name",))
        closed, gone, other = [await chat(manager, name) for name in ("closed", "expired", "other")]
        for session in (closed, gone, other):
            await manager.add_message(session.id, "user", "hi")
        await manager.deactivate_session(closed.id)
        clock.advance(25 * 3600)
        writer = await chat(manager, "writer")
        for name in ("Ann", "Anna", None):
            await manager.update_state(writer.id, {"name": name}, "user")
            for session in (closed, gone, other):
                shown = str(said(await manager.build_context(session.id)))
                assert (f'"{name}"' in shown) == (name is not None), (session.conversation_id, name)
                assert "state" in shown or name is None
