"""Apps: to one, the rows of another do not exist, whatever is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from turnkeep.errors import UnknownSession
from turnkeep.session import Cleaned, Erased, Session
from turnkeep.stores.base import Store
from turnkeep.testing.builders import (
    APP,
    HOUR,
    NOW,
    event,
    message,
    new_session,
    opened,
    said,
    summary,
    tool_use,
    untouched,
)
from turnkeep.testing.store_contract.case import Case

Call = Callable[[Store, str], Awaitable[Any]]
BY_ID: dict[str, Call] = {
    "session": lambda store, name: store.session("other", name),
    "version": lambda store, name: store.version("other", name),
    "deactivate": lambda store, name: store.deactivate("other", name, NOW),
    "delete": lambda store, name: store.delete("other", name),
    "append": lambda store, name: store.append("other", name, [message()], now_ms=NOW),
    "append known": lambda store, name: store.append("other", name, [message(external_id="x")], now_ms=NOW),
    "append none": lambda store, name: store.append("other", name, [], now_ms=NOW),
    "messages": lambda store, name: store.messages("other", name, after=0, limit=10),
    "window": lambda store, name: store.window("other", name),
    "window part": lambda store, name: store.window("other", name, messages=1),
    "add_summary": lambda store, name: store.add_summary("other", name, summary(1, 1), generation=0, now_ms=NOW),
    "summaries": lambda store, name: store.summaries("other", name),
    "clear": lambda store, name: store.clear("other", name, keep_summaries=True, now_ms=NOW),
    "retract": lambda store, name: store.retract("other", name, 2, NOW),
    "retract badly": lambda store, name: store.retract("other", name, 99, NOW),
    "state": lambda store, name: store.state("other", name, "session"),
    "user state": lambda store, name: store.state("other", name, "user"),
    "update_state": lambda store, name: store.update_state("other", name, "session", {}, limit=9, now_ms=NOW),
    "update user state": lambda store, name: store.update_state("other", name, "user", {"a": 1}, limit=9, now_ms=NOW),
    "record": lambda store, name: store.record("other", name, event()),
    "events": lambda store, name: store.events("other", name, after=0, limit=10),
    "sessions before": lambda store, name: listed(store, before=name),
}


async def listed(store: Store, **changes: Any) -> list[Session]:
    filters: dict[str, Any] = {"status": None, "interface_type": None, "user": None, "before": None, "limit": 100}
    return await store.sessions("other", now_ms=NOW, **{**filters, **changes})


async def full(store: Store) -> Session:
    session = await opened(store)
    await said(store, session, message(external_id="x", author_id="ann"), tool_use("a"), "more")
    await store.update_state(APP, session.id, "user", {"u": 1}, limit=100, now_ms=NOW)
    await store.update_state(APP, session.id, "session", {"s": 1}, limit=100, now_ms=NOW)
    await store.record(APP, session.id, event())
    return await store.add_summary(APP, session.id, summary(1, 1), generation=0, now_ms=NOW)


class Isolation(Case):
    """Every call, with the id of another app's session or the names it uses."""

    @pytest.mark.parametrize("call", BY_ID.values(), ids=BY_ID)
    async def test_a_session_of_another_app_is_unknown(self, store: Store, call: Call) -> None:
        session = await full(store)
        await opened(store, app="other")
        await store.window(APP, session.id)
        async with untouched(store, session):
            with pytest.raises(UnknownSession):
                await call(store, session.id)

    async def test_other_apps_find_list_and_count_nothing(self, store: Store) -> None:
        session = await full(store)
        async with untouched(store, session):
            assert await store.find("other", "123", None, NOW) is None
            assert await store.find("other", "123", "telegram", NOW) is None
            assert await listed(store) == await listed(store, user="ann") == []
            assert (await store.stats("other", NOW)).total_sessions == 0
            assert (await store.stats("other", NOW)).by_interface == {}

    async def test_other_apps_clean_and_erase_nothing(self, store: Store) -> None:
        session = await full(store)
        group = await said(store, await opened(store, conversation_id="g"), message(author_id="ann"))
        async with untouched(store, session, group):
            assert await store.erase_user("other", "ann", None, NOW) == Erased()
            assert await store.cleanup("other", now_ms=NOW + HOUR, retention_ms=0) == Cleaned()
            assert await store.cleanup("other", now_ms=NOW + HOUR, retention_ms=0, dry_run=True) == Cleaned(dry_run=True)

    async def test_the_same_names_in_another_app_are_others(self, store: Store) -> None:
        session = await full(store)
        async with untouched(store, session):
            other, created = await store.open_session(new_session(app="other", carry_over="summary"), NOW)
            assert (created, other.predecessor, other.summary_tokens) == (True, None, 0)
        other = await said(store, other, message(content="different", external_id="x", author_id="ann"))
        assert other.seq == 1
        assert await store.state("other", other.id, "user") == {}
        await store.update_state("other", other.id, "user", {"o": 1}, limit=100, now_ms=NOW)
        assert await store.state(APP, session.id, "user") == {"u": 1}
        assert (await store.erase_user("other", "ann", None, NOW)).sessions == 1
        assert await store.state(APP, session.id, "user") == {"u": 1}
        assert (await store.session(APP, session.id)).seq == 3

    async def test_an_expired_session_of_another_app_stays_so(self, store: Store) -> None:
        session = await full(store)
        async with untouched(store, session):
            await store.open_session(new_session(app="other"), NOW + HOUR)
            assert await store.find("other", "123", None, NOW + HOUR) is not None
