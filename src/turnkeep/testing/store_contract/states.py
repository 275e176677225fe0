"""State: JSON variables in two scopes, changed by merge patch."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.session import JsonObject, Scope, Session
from turnkeep.stores.base import Store
from turnkeep.testing.builders import APP, HOUR, NOW, opened, refused, said, untouched
from turnkeep.testing.store_contract.case import Case
from turnkeep.testing.store_contract.fidelity import JSON, exact

SCOPES: tuple[Scope, ...] = ("user", "session")
BOTH = pytest.mark.parametrize("scope", SCOPES)


async def patch(store: Store, session: Session, scope: Scope, change: JsonObject, limit: int = 100_000) -> JsonObject:
    return await store.update_state(session.app, session.id, scope, change, limit=limit, now_ms=NOW + 1)


class States(Case):
    """`state` and `update_state`."""

    @BOTH
    async def test_a_state_begins_empty(self, store: Store, scope: Scope) -> None:
        session = await opened(store)
        assert await store.state(APP, session.id, scope) == {}

    @BOTH
    @pytest.mark.parametrize(
        ("before", "change", "after"),
        [
            ({"a": "b"}, {"a": "c"}, {"a": "c"}),
            ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
            ({"a": "b"}, {"a": None}, {}),
            ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
            ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
            ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
            ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
            ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
            ({"a": "foo"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
            ({"a": [1, 2]}, {"a": {"b": None}}, {"a": {}}),
            ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
            ({"a": 1}, {}, {"a": 1}),
            ({"a": 1}, {"a": [None, {"b": None}]}, {"a": [None, {"b": None}]}),
            ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"c": None}}}, {"a": {"b": {"d": 2}}}),
        ],
        ids=str,
    )
    async def test_a_patch_merges_by_rfc_7396(
        self, store: Store, scope: Scope, before: JsonObject, change: JsonObject, after: JsonObject
    ) -> None:
        session = await opened(store)
        assert await patch(store, session, scope, before) == before
        assert await patch(store, session, scope, change) == after
        assert await store.state(APP, session.id, scope) == after
        window = await store.window(APP, session.id)
        assert (window.user_state if scope == "user" else window.session_state) == after

    @BOTH
    @pytest.mark.parametrize("value", JSON.values(), ids=JSON)
    async def test_any_json_comes_back(self, store: Store, scope: Scope, value: Any) -> None:
        session = await opened(store)
        sent = {"list": [value]}
        assert exact(await patch(store, session, scope, sent)) == exact(sent)
        assert exact(await store.state(APP, session.id, scope)) == exact(sent)

    @BOTH
    async def test_the_version_rises(self, store: Store, scope: Scope) -> None:
        session = await opened(store)
        await patch(store, session, scope, {"a": 1})
        assert await store.version(APP, session.id) > session.version

    @BOTH
    async def test_what_is_returned_is_a_copy(self, store: Store, scope: Scope) -> None:
        session = await opened(store)
        sent: JsonObject = {"a": {"b": [1]}}
        answer = await patch(store, session, scope, sent)
        for copy in (sent, answer, await store.state(APP, session.id, scope)):
            copy["a"]["b"].append(2)
            copy["c"] = 3
        assert await store.state(APP, session.id, scope) == {"a": {"b": [1]}}

    @BOTH
    async def test_over_the_limit_nothing_is_stored(self, store: Store, scope: Scope) -> None:
        session = await opened(store)
        await patch(store, session, scope, {"a": "é🙂"})
        session = await store.session(APP, session.id)
        limit = len(msgspec.json.encode({"a": "é🙂", "b": "x"}))
        async with refused(store, session, InvalidInput, "state"):
            await patch(store, session, scope, {"b": "xy"}, limit)
        async with refused(store, session, InvalidInput, "state"):
            await patch(store, session, scope, {"b": "é"}, limit)
        assert await patch(store, session, scope, {"b": "x"}, limit) == {"a": "é🙂", "b": "x"}

    async def test_a_large_state_within_its_limit(self, store: Store) -> None:
        session = await opened(store)
        value = {f"key {n}": "x" * 1000 for n in range(900)}
        assert await patch(store, session, "session", value, 2**20) == value
        assert await store.state(APP, session.id, "session") == value

    async def test_the_scopes_are_apart(self, store: Store) -> None:
        session = await opened(store)
        await patch(store, session, "user", {"a": 1})
        await patch(store, session, "session", {"a": 2})
        assert await store.state(APP, session.id, "user") == {"a": 1}
        assert await store.state(APP, session.id, "session") == {"a": 2}

    async def test_the_users_state_is_that_of_app_interface_and_user(self, store: Store) -> None:
        session = await opened(store)
        await patch(store, session, "user", {"a": 1})
        same = await opened(store, conversation_id="other")
        assert await store.state(APP, same.id, "user") == {"a": 1}
        for change in ({"external_user_id": "bob"}, {"interface_type": "web"}, {"app": "other"}):
            other = await opened(store, **{"conversation_id": "third", **change})
            assert await store.state(other.app, other.id, "user") == {}

    async def test_a_patch_of_the_users_state_raises_the_version_of_all_open_sessions(self, store: Store) -> None:
        names = [{"conversation_id": str(n)} for n in range(3)]
        mine = [await opened(store, **name) for name in names]
        apart = [
            await opened(store, **{"conversation_id": "9", **change})
            for change in ({"external_user_id": "bob"}, {"interface_type": "web"}, {"app": "other"})
        ]
        apart.append(await opened(store, conversation_id="10", external_user_id=None))
        async with untouched(store, *apart):
            pass
        before = [await store.version(one.app, one.id) for one in apart]
        await patch(store, mine[0], "user", {"a": 1})
        assert [await store.version(one.app, one.id) for one in apart] == before
        for one in mine:
            assert await store.version(APP, one.id) > one.version
            assert (await store.window(APP, one.id)).user_state == {"a": 1}

    async def test_the_window_of_a_closed_session_has_the_users_state_of_now(self, store: Store) -> None:
        old = await said(store, await opened(store), "hello")
        await store.deactivate(APP, old.id, NOW)
        assert (await store.window(APP, old.id)).user_state == {}
        new = await opened(store)
        await patch(store, new, "user", {"a": 1})
        assert (await store.window(APP, old.id)).user_state == {"a": 1}

    async def test_a_session_without_a_user_has_no_user_state(self, store: Store) -> None:
        session = await opened(store, external_user_id=None)
        async with refused(store, session, InvalidInput, "scope"):
            await patch(store, session, "user", {"a": 1})
        assert await patch(store, session, "session", {"a": 1}) == {"a": 1}

    async def test_a_user_named_by_nothing_is_a_user(self, store: Store) -> None:
        session = await opened(store, external_user_id="")
        assert await patch(store, session, "user", {"a": 1}) == {"a": 1}

    async def test_a_closed_sessions_own_state_can_be_changed(self, store: Store) -> None:
        session = await opened(store)
        closed = await store.deactivate(APP, session.id, NOW)
        assert await patch(store, closed, "session", {"a": 1}) == {"a": 1}
        after = await store.session(APP, session.id)
        assert (after.status, after.version > closed.version) == ("inactive", True)

    async def test_the_users_state_can_be_changed_through_a_closed_session(self, store: Store) -> None:
        session = await opened(store)
        await store.deactivate(APP, session.id, NOW)
        new = await opened(store)
        assert await patch(store, session, "user", {"a": 1}) == {"a": 1}
        assert await store.state(APP, new.id, "user") == {"a": 1}
        assert await store.version(APP, new.id) > new.version

    async def test_the_users_state_outlives_the_sessions(self, store: Store) -> None:
        session = await opened(store)
        await patch(store, session, "user", {"a": 1})
        await store.deactivate(APP, session.id, NOW)
        await store.cleanup(APP, now_ms=NOW + 2 * HOUR, retention_ms=HOUR)
        assert await store.state(APP, (await opened(store)).id, "user") == {"a": 1}

    @BOTH
    async def test_patches_at_once_are_all_there(self, store: Store, scope: Scope) -> None:
        sessions = [await opened(store, conversation_id=str(n)) for n in range(1 + 3 * (scope == "user"))]
        calls = [patch(store, sessions[n % len(sessions)], scope, {f"k{n}": n}) for n in range(60)]
        await asyncio.gather(*calls)
        assert await store.state(APP, sessions[0].id, scope) == {f"k{n}": n for n in range(60)}

    async def test_the_state_of_nobody_is_an_error(self, store: Store) -> None:
        for scope in SCOPES:
            with pytest.raises(UnknownSession):
                await store.state(APP, "nobody", scope)
            with pytest.raises(UnknownSession):
                await store.update_state(APP, "nobody", scope, {"a": 1}, limit=100, now_ms=NOW)
