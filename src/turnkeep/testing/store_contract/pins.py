"""Pins: words that windows show until they are unpinned."""

from __future__ import annotations

import asyncio

import pytest

from turnkeep.errors import IdempotencyKeyReused, InvalidInput, PreconditionFailed, TooManyPins, UnknownPin, UnknownSession
from turnkeep.session import CarryOver, NewPin, Pin, Session
from turnkeep.stores.base import Guard, Store
from turnkeep.testing.builders import APP, HOUR, NOW, message, new_session, opened, pin, refused, said, summary, untouched
from turnkeep.testing.store_contract.case import Case


async def add(store: Store, session: Session, new: NewPin, most: int = 9, most_tokens: int = 99) -> Pin:
    return await store.pin(session.app, session.id, new, most=most, most_tokens=most_tokens)


async def shown(store: Store, session: Session) -> list[str]:
    """The pinned words, as a window has them; the store's other answers say the same."""
    window = await store.window(session.app, session.id)
    assert list(window.pins) == await store.pins(session.app, session.id)
    assert (window.session.pins, window.session.pin_tokens) == (len(window.pins), sum(one.tokens for one in window.pins))
    return [one.text for one in window.pins]


class Pins(Case):
    """`pin`, `unpin` and `pins`."""

    async def test_a_pin_is_in_every_window(self, store: Store) -> None:
        session = await said(store, await opened(store), message("user", "é 🙂", author_id="bob"), message("assistant"))
        new = pin("é 🙂", seq=1, role="user", author_id="bob", tokens=7)
        stored = await add(store, session, new)
        for field in new.__struct_fields__:
            assert getattr(stored, field) == getattr(new, field), field
        assert stored.source is None
        after = await store.session(APP, session.id)
        assert (after.version > session.version, after.generation, after.pins, after.pin_tokens) == (True, 0, 1, 7)
        second = await add(store, session, pin("a fact"))
        assert second.number > stored.number
        assert await shown(store, session) == ["é 🙂", "a fact"]
        await store.add_summary(APP, session.id, summary(1, 2), generation=0, now_ms=NOW)
        assert await shown(store, session) == ["é 🙂", "a fact"]

    async def test_an_unpinned_one_is_gone(self, store: Store) -> None:
        session = await said(store, await opened(store), "a")
        first, second = await add(store, session, pin("x")), await add(store, session, pin("y"))
        before = await store.version(APP, session.id)
        await store.unpin(APP, session.id, first.number)
        assert await store.version(APP, session.id) > before
        assert await shown(store, session) == ["y"]
        for number in (first.number, second.number + 100):
            async with refused(store, session, UnknownPin):
                await store.unpin(APP, session.id, number)

    async def test_what_is_pinned_already_is_left_as_it_is(self, store: Store) -> None:
        session = await said(store, await opened(store), "a")
        pins = [await add(store, session, one) for one in (pin("x"), pin("x", seq=1, role="user"))]
        async with untouched(store, session):
            assert await add(store, session, pin("x", author_id="bob"), most=2) == pins[0]
            assert await add(store, session, pin("x", seq=1, role="user"), most=0) == pins[1]

    async def test_limits_are_met_exactly(self, store: Store) -> None:
        session = await said(store, await opened(store), "a")
        for text in "xyz":
            await add(store, session, pin(text), 3, 15)
        for most, tokens in ((3, 99), (9, 19)):
            async with refused(store, session, TooManyPins, "pins"):
                await add(store, session, pin("one more"), most, tokens)

    async def test_pins_at_once_do_not_exceed_a_limit(self, store: Store) -> None:
        session = await opened(store)
        calls = [add(store, session, pin(f"pin {n}"), 3) for n in range(9)]
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(one, TooManyPins) for one in done) == 6
        assert len(await shown(store, session)) == 3

    @pytest.mark.parametrize("seq", [1, 3, 4, 5])
    async def test_a_message_that_is_not_to_be_seen_cannot_be_pinned(self, store: Store, seq: int) -> None:
        session = await said(store, await opened(store), "cleared")
        await store.clear(APP, session.id, keep_summaries=True, now_ms=NOW)
        session = await said(store, session, "ok", message(author_id="bob"), "retracted")
        await store.erase_user(APP, "bob", None, NOW)
        await store.retract(APP, session.id, 4, NOW)
        async with refused(store, session, InvalidInput, "seq"):
            await add(store, session, pin("x", seq=seq, role="user"))
        await add(store, session, pin("ok", seq=2, role="user"))

    async def test_a_retract_takes_the_pins_of_its_messages(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", "b", "c")
        for new in (pin("a", seq=1, role="user"), pin("b", seq=2, role="user"), pin("fact")):
            await add(store, session, new)
        await store.retract(APP, session.id, 2, NOW)
        assert await shown(store, session) == ["a", "fact"]

    @pytest.mark.parametrize("keep", [True, False])
    async def test_a_clear_leaves_pins_where_it_leaves_summaries(self, store: Store, keep: bool) -> None:
        session = await said(store, await opened(store), "a")
        await add(store, session, pin("a", seq=1, role="user"))
        await add(store, session, pin("fact"))
        await store.clear(APP, session.id, keep_summaries=keep, now_ms=NOW)
        assert await shown(store, session) == (["a", "fact"] if keep else [])

    @pytest.mark.parametrize("carry", ["summary", "none"])
    async def test_a_successor_may_open_with_them(self, store: Store, carry: CarryOver) -> None:
        first = await said(store, await opened(store), message(author_id="bob"))
        await add(store, first, pin("hi", seq=1, role="user", author_id="bob"))
        await add(store, first, pin("fact"))
        last = first
        for day in (1, 2):  # also what was carried over before
            last, created = await store.open_session(new_session(carry_over=carry), NOW + day * 24 * HOUR)
            assert created
        pins = await store.pins(APP, last.id)
        expected = [("hi", 0, "user", "bob", first.id), ("fact", 0, None, "ann", first.id)] if carry == "summary" else []
        assert [(one.text, one.seq, one.role, one.author_id, one.source) for one in pins] == expected
        assert len(await shown(store, last)) == len(pins)
        assert last == await store.session(APP, last.id)

    async def test_an_erasure_leaves_no_words_of_the_user(self, store: Store) -> None:
        session = await said(store, await opened(store), message(author_id="bob"), message("assistant"))
        await add(store, session, pin("hi", seq=1, role="user", author_id="bob"))
        await add(store, session, pin("bob's", author_id="bob"))
        await add(store, session, pin("fact"))
        await store.erase_user(APP, "bob", None, NOW)
        assert await shown(store, session) == ["fact"]

    async def test_an_erasure_leaves_nothing_that_was_carried_over_from_the_user(self, store: Store) -> None:
        first = await opened(store, external_user_id="ann")
        await add(store, first, pin("ann said so", author_id="carl"))
        new = new_session(carry_over="summary", external_user_id="eve")
        second, _ = await store.open_session(new, NOW + 24 * HOUR)
        assert await shown(store, second) == ["ann said so"]
        await store.erase_user(APP, "ann", None, NOW)
        assert await shown(store, second) == []

    async def test_of_another_interface_an_erasure_takes_nothing(self, store: Store) -> None:
        session = await said(store, await opened(store, interface_type="web"), "a")
        await add(store, session, pin("bob's", author_id="bob"))
        async with untouched(store, session):
            await store.erase_user(APP, "bob", "telegram", NOW)

    async def test_a_deleted_session_has_none(self, store: Store) -> None:
        session = await opened(store)
        await add(store, session, pin("fact"))
        await store.delete(APP, session.id)
        with pytest.raises(UnknownSession):
            await store.pins(APP, session.id)
        assert (await store.sizes())["pins"] == 0

    async def test_a_closed_session_can_be_changed(self, store: Store) -> None:
        session = await opened(store)
        await store.deactivate(APP, session.id, NOW)
        made = await add(store, session, pin("fact"))
        assert await shown(store, session) == ["fact"]
        await store.unpin(APP, session.id, made.number)
        assert await shown(store, session) == []

    async def test_another_apps_session_has_none(self, store: Store) -> None:
        session, other = await opened(store), await opened(store, app="other")
        made = await add(store, session, pin("fact"))
        async with untouched(store, session):
            with pytest.raises(UnknownSession):
                await store.pin("other", session.id, pin("x"), most=9, most_tokens=99)
            with pytest.raises(UnknownSession):
                await store.pins("other", session.id)
            with pytest.raises(UnknownSession):
                await store.unpin("other", session.id, made.number)
            with pytest.raises(UnknownPin):
                await store.unpin("other", other.id, made.number)

    async def test_under_a_key_each_is_done_once(self, store: Store) -> None:
        session = await opened(store)
        once, gone = Guard(key="k", now_ms=NOW), Guard(key="gone", now_ms=NOW)
        for _ in range(2):
            made = await store.pin(APP, session.id, pin("fact"), most=9, most_tokens=99, guard=once)
        assert [made] == await store.pins(APP, session.id)
        with pytest.raises(IdempotencyKeyReused):
            await store.pin(APP, session.id, pin("other"), most=9, most_tokens=99, guard=once)
        with pytest.raises(PreconditionFailed):
            await store.unpin(APP, session.id, made.number, guard=Guard(expected_version=1))
        for _ in range(2):
            await store.unpin(APP, session.id, made.number, guard=gone)
        assert await shown(store, session) == []
        with pytest.raises(IdempotencyKeyReused):
            await store.pin(APP, session.id, pin("fact"), most=9, most_tokens=99, guard=once)
