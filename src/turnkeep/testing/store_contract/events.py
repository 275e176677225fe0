"""Events: tool calls, errors and usage reports, and what they add to the totals."""

from __future__ import annotations

import pytest

from turnkeep.errors import UnknownSession
from turnkeep.stores.base import Marks, Store
from turnkeep.testing.builders import APP, NOW, event, opened, said, summary, tool_use
from turnkeep.testing.store_contract.case import Case


class Events(Case):
    """`record` and `events`."""

    async def test_an_event_is_stored_as_it_is(self, store: Store) -> None:
        session = await opened(store)
        sent = event(
            "usage",
            "gpt é",
            created_ms=NOW - 5,
            duration_ms=12.25,
            outcome="ok",
            tool_call_id="none",
            tokens_in=3,
            tokens_out=4,
            data={"a": [None, 1.5]},
        )
        stored = await store.record(APP, session.id, sent)
        for field in sent.__struct_fields__:
            if field != "number":
                assert getattr(stored, field) == getattr(sent, field), field
        assert await store.events(APP, session.id, after=0, limit=10) == [stored]

    async def test_events_are_numbered_and_paged(self, store: Store) -> None:
        session, other = await opened(store), await opened(store, conversation_id="other")
        stored = []
        for n in range(5):
            stored.append(await store.record(APP, session.id, event(name=str(n))))
            await store.record(APP, other.id, event("error", "apart"))
        numbers = [one.number for one in stored]
        assert numbers == sorted(set(numbers))
        assert numbers[0] > 0
        assert await store.events(APP, session.id, after=0, limit=100) == stored
        assert await store.events(APP, session.id, after=0, limit=2) == stored[:2]
        assert await store.events(APP, session.id, after=numbers[1], limit=2) == stored[2:4]
        assert await store.events(APP, session.id, after=numbers[4], limit=2) == []

    async def test_events_add_to_the_totals(self, store: Store) -> None:
        session = await said(store, await opened(store), "hello")
        for one in (event(), event("error"), event("usage", tokens_in=5, tokens_out=7), event("usage", tokens_in=1)):
            await store.record(APP, session.id, one)
        after = await store.session(APP, session.id)
        assert (after.tool_calls, after.errors, after.usage_in, after.usage_out) == (1, 1, 6, 7)
        assert (after.seq, after.tokens, after.window_start) == (1, 10, 1)
        assert after.version >= session.version

    async def test_a_tool_call_of_the_log_was_counted_there(self, store: Store) -> None:
        session = await said(store, await opened(store), "look", tool_use("a", "b"))
        assert session.tool_calls == 2
        for name in ("a", "a", "b"):
            await store.record(APP, session.id, event(tool_call_id=name))
        assert (await store.session(APP, session.id)).tool_calls == 2
        await store.record(APP, session.id, event(tool_call_id="c"))
        await store.record(APP, session.id, event(tool_call_id=None))
        assert (await store.session(APP, session.id)).tool_calls == 4
        assert len(await store.events(APP, session.id, after=0, limit=10)) == 5

    async def test_the_calls_of_another_session_are_not_counted_here(self, store: Store) -> None:
        other = await said(store, await opened(store, conversation_id="other"), "look", tool_use("a"))
        session = await opened(store)
        await store.record(APP, session.id, event(tool_call_id="a"))
        assert (await store.session(APP, session.id)).tool_calls == 1
        assert (await store.session(APP, other.id)).tool_calls == 1

    async def test_marks_are_the_newest_of_each_kind(self, store: Store) -> None:
        session, other = await opened(store), await opened(store, conversation_id="other")
        assert await store.marks(APP, session.id) == Marks(session, 0, 0)
        session = await said(store, session, "one", "two", "three")
        number = (await store.record(APP, session.id, event())).number
        await store.record(APP, other.id, event())
        for last in (1, 2):
            await store.add_summary(APP, session.id, summary(last, last), generation=0, now_ms=NOW)
        numbers = [one.number for one in await store.summaries(APP, session.id)]
        marks = await store.marks(APP, session.id)
        assert (marks.session, marks.event, marks.summary) == (await store.session(APP, session.id), number, numbers[-1])
        for after, limit, found in ((0, 1, numbers[:1]), (numbers[0], None, numbers[1:]), (numbers[1], 5, [])):
            assert [one.number for one in await store.summaries(APP, session.id, after=after, limit=limit)] == found
        for app, name in ((APP, "ses_x"), ("other", session.id)):
            with pytest.raises(UnknownSession):
                await store.marks(app, name)

    async def test_a_closed_session_takes_events(self, store: Store) -> None:
        session = await opened(store)
        await store.deactivate(APP, session.id, NOW)
        await store.record(APP, session.id, event("error"))
        after = await store.session(APP, session.id)
        assert (after.errors, after.status, after.expires_ms) == (1, "inactive", session.expires_ms)

    async def test_events_go_with_their_session(self, store: Store) -> None:
        session = await opened(store)
        await store.record(APP, session.id, event())
        await store.delete(APP, session.id)
        with pytest.raises(UnknownSession):
            await store.events(APP, session.id, after=0, limit=1)
        with pytest.raises(UnknownSession):
            await store.record(APP, session.id, event())
