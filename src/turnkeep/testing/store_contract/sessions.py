"""Sessions: opened, found, listed, closed, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.errors import UnknownSession
from turnkeep.session import Session
from turnkeep.stores.base import Store
from turnkeep.testing.builders import (
    APP,
    HOUR,
    NOW,
    image,
    log,
    message,
    new_session,
    opened,
    said,
    untouched,
)
from turnkeep.testing.store_contract.case import Case


async def listed(store: Store, **changes: Any) -> list[str]:
    filters: dict[str, Any] = {"status": None, "interface_type": None, "user": None, "before": None, "limit": 100}
    found = await store.sessions(APP, **{**filters, "now_ms": NOW, **changes})
    return [session.id for session in found]


class Sessions(Case):
    """What a session is, and how it is found and lost again."""

    async def test_the_first_call_for_a_key_makes_a_session(self, store: Store) -> None:
        new = new_session(metadata={"a": [1, None, {"b": "ü"}]}, external_chat_id=None)
        session, created = await store.open_session(new, NOW)
        assert created
        for field in new.__struct_fields__:
            assert getattr(session, field) == getattr(new, field), field
        assert (session.created_ms, session.active_ms, session.expires_ms) == (NOW, NOW, NOW + HOUR)
        assert (session.status, session.closed_ms, session.predecessor) == ("active", None, None)
        assert (session.seq, session.tokens, session.window_start, session.generation) == (0, 0, 1, 0)
        assert await store.session(APP, session.id) == session

    async def test_the_active_session_of_a_key_is_returned_unchanged(self, store: Store) -> None:
        session = await said(store, await opened(store), "hello")
        other = new_session(external_user_id="bob", token_limit=1, lifetime_ms=None, metadata={"x": 1})
        async with untouched(store, session):
            assert await store.open_session(other, NOW + 1) == (session, False)
        with pytest.raises(UnknownSession):
            await store.session(APP, other.id)

    @pytest.mark.parametrize(
        "changes",
        [
            {"app": "other"},
            {"interface_type": "discord"},
            {"conversation_id": "124"},
            {"conversation_id": "0123"},
            {"conversation_id": "123 "},
            {"interface_type": "Telegram"},
        ],
        ids=str,
    )
    async def test_each_part_of_the_key_counts(self, store: Store, changes: dict[str, str]) -> None:
        first = await opened(store)
        second, created = await store.open_session(new_session(**changes), NOW)
        assert created
        assert second.id != first.id
        assert second.predecessor is None

    async def test_keys_tell_letters_and_scripts_apart(self, store: Store) -> None:
        names = ["straße", "strasse", "STRASSE", "é", "e\u0301", "שלום", "👩‍👩‍👧", "%", "_", "'", '"', "a\nb", "*"]
        made = [await opened(store, conversation_id=name) for name in names]
        assert len({session.id for session in made}) == len(names)
        for name, session in zip(names, made, strict=True):
            assert await store.find(APP, name, None, NOW) == session

    async def test_a_lifetime_of_none_never_ends(self, store: Store) -> None:
        session = await opened(store, lifetime_ms=None)
        assert session.expires_ms is None
        assert (await said(store, session, "hello")).expires_ms is None
        found, created = await store.open_session(new_session(), NOW + 10**12)
        assert (found.id, created) == (session.id, False)

    async def test_numbers_rise_and_are_never_reused(self, store: Store) -> None:
        numbers = []
        for _ in range(4):
            session = await opened(store)
            numbers.append(session.number)
            await store.delete(APP, session.id)
        assert numbers == sorted(set(numbers))

    @pytest.mark.parametrize("session_id", ["", "nobody", "x" * 10_000, "שלום", "1", "%"], ids=lambda one: ascii(one[:9]))
    async def test_an_unknown_session_is_an_error(self, store: Store, session_id: str) -> None:
        await opened(store)
        for call in (store.session, store.version, store.summaries, store.delete):
            with pytest.raises(UnknownSession):
                await call(APP, session_id)

    async def test_version_is_that_of_the_session(self, store: Store) -> None:
        session = await opened(store)
        assert await store.version(APP, session.id) == session.version
        session = await said(store, session, "hello")
        assert await store.version(APP, session.id) == session.version

    # --- find

    async def test_find_gives_the_newest_active_one(self, store: Store) -> None:
        telegram = await opened(store)
        assert await store.find(APP, "123", None, NOW) == telegram
        discord = await opened(store, interface_type="discord")
        assert await store.find(APP, "123", None, NOW) == discord
        assert await store.find(APP, "123", "telegram", NOW) == telegram
        assert await store.find(APP, "123", "web", NOW) is None
        assert await store.find(APP, "12", None, NOW) is None

    async def test_find_passes_over_what_is_closed_or_past_its_time(self, store: Store) -> None:
        telegram = await opened(store, lifetime_ms=HOUR)
        discord = await opened(store, interface_type="discord", lifetime_ms=HOUR - 1)
        assert await store.find(APP, "123", None, NOW + HOUR - 1) == telegram
        assert await store.find(APP, "123", "discord", NOW + HOUR - 1) is None
        assert await store.find(APP, "123", "discord", NOW + HOUR - 2) == discord
        await store.deactivate(APP, telegram.id, NOW)
        assert await store.find(APP, "123", "telegram", NOW) is None
        assert await store.find(APP, "123", None, NOW) == discord

    # --- lists

    async def test_lists_are_newest_first_and_paged_by_id(self, store: Store) -> None:
        ids = [(await opened(store, conversation_id=str(n))).id for n in range(5)][::-1]
        await said(store, await store.session(APP, ids[-1]), "still here", now_ms=NOW + 9)
        assert await listed(store) == ids
        assert await listed(store, limit=2) == ids[:2]
        assert await listed(store, limit=2, before=ids[1]) == ids[2:4]
        assert await listed(store, before=ids[-1]) == []

    async def test_a_list_before_an_unknown_session_is_an_error(self, store: Store) -> None:
        await opened(store)
        with pytest.raises(UnknownSession):
            await listed(store, before="nobody")

    async def test_lists_are_filtered(self, store: Store) -> None:
        a = await opened(store, conversation_id="a")
        b = await opened(store, conversation_id="b", external_user_id="bob")
        c = await opened(store, conversation_id="c", interface_type="web", external_user_id="bob")
        d = await opened(store, conversation_id="d", external_user_id=None)
        assert await listed(store, user="bob") == [c.id, b.id]
        assert await listed(store, interface_type="telegram") == [d.id, b.id, a.id]
        assert await listed(store, interface_type="telegram", user="bob") == [b.id]
        assert await listed(store, user="bo") == []
        assert await listed(store, user="bob", before=c.id) == [b.id]

    async def test_the_status_in_lists_goes_by_the_clock(self, store: Store) -> None:
        late = await opened(store, conversation_id="late", lifetime_ms=10)
        closed = await opened(store, conversation_id="closed", lifetime_ms=10)
        await store.deactivate(APP, closed.id, NOW)
        lives = await opened(store, conversation_id="lives")
        then = NOW + 10
        assert await listed(store, status="active") == [lives.id, late.id]
        assert await listed(store, status="active", now_ms=then) == [lives.id]
        assert await listed(store, status="expired", now_ms=then) == [late.id]
        assert await listed(store, status="inactive", now_ms=then) == [closed.id]
        assert await listed(store, status="expired") == []
        await store.cleanup(APP, now_ms=then, retention_ms=HOUR)
        assert await listed(store, status="expired", now_ms=then) == [late.id]
        assert await listed(store, status="active", now_ms=then, limit=1) == [lives.id]

    # --- closing and deleting

    async def test_deactivate_closes(self, store: Store) -> None:
        session = await opened(store)
        closed = await store.deactivate(APP, session.id, NOW + 5)
        assert (closed.status, closed.closed_ms) == ("inactive", NOW + 5)
        assert closed.version > session.version
        assert await store.session(APP, session.id) == closed

    async def test_a_closed_session_is_returned_as_it_is(self, store: Store) -> None:
        session = await opened(store)
        closed = await store.deactivate(APP, session.id, NOW + 5)
        async with untouched(store, closed):
            assert await store.deactivate(APP, session.id, NOW + 6) == closed
        late = await opened(store, conversation_id="late")
        await store.cleanup(APP, now_ms=NOW + HOUR, retention_ms=HOUR)
        expired = await store.session(APP, late.id)
        async with untouched(store, expired):
            assert await store.deactivate(APP, late.id, NOW + HOUR + 6) == expired

    async def test_a_session_past_its_time_is_not_closed_by_hand(self, store: Store) -> None:
        session = await opened(store, lifetime_ms=10)
        await store.deactivate(APP, session.id, NOW + 10)
        assert (await store.session(APP, session.id)).status_at(NOW + 10) == "expired"

    async def test_delete_removes_the_session_and_its_rows(self, store: Store) -> None:
        session = await self._full(store)
        other = await said(store, await opened(store, conversation_id="other"), "stays")
        before = await image(store, other)
        await store.delete(APP, session.id)
        for call in (store.session, store.version, store.summaries, store.delete, store.window):
            with pytest.raises(UnknownSession):
                await call(APP, session.id)
        with pytest.raises(UnknownSession):
            await store.messages(APP, session.id, after=0, limit=1)
        assert await listed(store) == [other.id]
        assert await store.find(APP, "123", None, NOW) is None
        assert await image(store, other) == before

    async def test_delete_leaves_no_row_behind(self, store: Store) -> None:
        session = await self._full(store)
        if (rows := await self.rows(store, session)) is not None:
            assert [row[0] for row in rows] == [1, 2]
        await store.delete(APP, session.id)
        await store.cleanup(None, now_ms=NOW, retention_ms=HOUR)  # a store may remove long logs in slices
        assert await self.rows(store, session) in (None, [])
        assert (await store.sizes()).get("messages", 0) == 0

    async def test_delete_frees_the_conversation_and_the_external_ids_and_keeps_the_users_state(self, store: Store) -> None:
        session = await self._full(store)
        await store.delete(APP, session.id)
        again, created = await store.open_session(new_session(), NOW)
        assert created
        assert (again.predecessor, again.seq) == (None, 0)
        assert await store.state(APP, again.id, "session") == {}
        assert await store.state(APP, again.id, "user") == {"likes": "tea"}
        await said(store, again, message(content="something else", external_id="x1"))
        assert [one.external_id for one in await log(store, again)] == ["x1"]

    async def _full(self, store: Store) -> Session:
        session = await opened(store)
        session = await said(store, session, message(external_id="x1"), message("assistant", "hello"))
        await store.update_state(APP, session.id, "user", {"likes": "tea"}, limit=1000, now_ms=NOW)
        await store.update_state(APP, session.id, "session", {"step": 1}, limit=1000, now_ms=NOW)
        return await store.session(APP, session.id)
