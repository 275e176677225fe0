"""Guarded writes: under a condition, and once under a key, whatever the call."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from turnkeep.errors import Conflict, IdempotencyKeyReused, InvalidInput, PreconditionFailed, UnknownSession
from turnkeep.session import Cleaned, Erased, Session
from turnkeep.stores.base import Guard, Store
from turnkeep.testing.builders import (
    APP,
    HOUR,
    NOW,
    event,
    image,
    listen,
    log,
    message,
    new_session,
    opened,
    pin,
    refused,
    said,
    summary,
    tool_result,
    untouched,
)
from turnkeep.testing.store_contract.case import Case

DAY = 24 * HOUR
Write = Callable[[Store, Session, Guard | None], Awaitable[Any]]


def key(name: str = "k", **changes: Any) -> Guard:
    return replace(Guard(key=name, fingerprint="f", now_ms=NOW, until_ms=NOW + DAY), **changes)


def at(version: int) -> Guard:
    return Guard(expected_version=version)


WRITES: dict[str, Write] = {
    "append": lambda store, s, g: store.append(s.app, s.id, [message(content="more")], now_ms=NOW, guard=g),
    "batch": lambda store, s, g: store.append(
        s.app, s.id, [message(external_id="x"), message("assistant"), message(external_id="y")], now_ms=NOW, guard=g
    ),
    "deactivate": lambda store, s, g: store.deactivate(s.app, s.id, NOW, guard=g),
    "delete": lambda store, s, g: store.delete(s.app, s.id, guard=g),
    "clear": lambda store, s, g: store.clear(s.app, s.id, keep_summaries=False, now_ms=NOW, guard=g),
    "retract": lambda store, s, g: store.retract(s.app, s.id, 2, NOW, guard=g),
    "state": lambda store, s, g: store.update_state(s.app, s.id, "session", {"n": 1}, limit=99, now_ms=NOW, guard=g),
    "user state": lambda store, s, g: store.update_state(s.app, s.id, "user", {"n": 2}, limit=99, now_ms=NOW, guard=g),
    "pin": lambda store, s, g: store.pin(s.app, s.id, pin("by heart"), most=9, most_tokens=99, guard=g),
    "record": lambda store, s, g: store.record(s.app, s.id, event("error", "Timeout", data={"n": 1}), guard=g),
}
KEPT = {name: write for name, write in WRITES.items() if name != "delete"}


async def talk(store: Store, **changes: Any) -> Session:
    return await said(store, await opened(store, **changes), message(external_id="x"), message("assistant"), message())


def of_session(answer: Any) -> Any:
    """An answer, but for what may have moved on since."""
    return answer.messages if hasattr(answer, "messages") else answer


class Guards(Case):
    """What `Guard` promises of every writing call."""

    # --- the condition

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    async def test_a_write_is_done_at_the_expected_version_and_at_no_other(self, store: Store, write: Write) -> None:
        session = await talk(store)
        for other in (session.version - 1, session.version + 1, 0):
            async with refused(store, session, PreconditionFailed, "expected_version"):
                await write(store, session, at(other))
        await write(store, session, at(session.version))

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    async def test_an_unknown_session_has_no_version(self, store: Store, write: Write) -> None:
        session = replace(await talk(store), id="nobody")
        with pytest.raises(UnknownSession):
            await write(store, session, at(1))

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    async def test_of_writers_at_once_with_one_version_one_wins(self, store: Store, write: Write) -> None:
        session = await talk(store)
        results = await asyncio.gather(*[write(store, session, at(session.version)) for _ in range(8)], return_exceptions=True)
        lost = "UnknownSession" if write is WRITES["delete"] else "PreconditionFailed"
        assert Counter(type(one).__name__ for one in results if isinstance(one, Exception)) == {lost: 7}

    async def test_of_two_stores_with_one_version_one_wins(self, store: Store) -> None:
        other = await self.another(store)
        session = await talk(store)
        stores = [store, other or store] * 4
        calls = [
            one.append(APP, session.id, [message(content=str(n))], now_ms=NOW, guard=at(session.version))
            for n, one in enumerate(stores)
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        if other is not None:
            await other.close()
        assert Counter(type(one).__name__ for one in results) == {"Appended": 1, "PreconditionFailed": 7}
        assert len(await log(store, session)) == 4

    async def test_a_message_sent_again_by_its_external_id_is_judged_by_the_version_first(self, store: Store) -> None:
        session = await talk(store)
        async with refused(store, session, PreconditionFailed):
            await store.append(APP, session.id, [message(external_id="x")], now_ms=NOW, guard=at(1))

    # --- the key

    @pytest.mark.parametrize("write", KEPT.values(), ids=KEPT)
    async def test_a_write_under_a_key_is_done_once_and_answered_again(self, store: Store, write: Write) -> None:
        session = await talk(store)
        first = await write(store, session, key())
        async with untouched(store, session):
            assert of_session(await write(store, session, key())) == of_session(first)
            assert of_session(await write(store, session, key(expected_version=1))) == of_session(first)

    async def test_the_answer_again_is_of_the_rows_as_they_are_now(self, store: Store) -> None:
        session = await talk(store)
        await WRITES["state"](store, session, key("state"))
        await WRITES["clear"](store, session, key("clear"))
        appended = await WRITES["batch"](store, session, key("batch"))
        await store.update_state(APP, session.id, "session", {"m": 2}, limit=99, now_ms=NOW)
        closed = await store.deactivate(APP, session.id, NOW)
        assert await WRITES["state"](store, session, key("state")) == {"n": 1, "m": 2}
        assert await WRITES["clear"](store, session, key("clear")) == closed
        again = await WRITES["batch"](store, session, key("batch"))
        assert (again.session, again.messages, again.created) == (closed, appended.messages, 0)

    async def test_an_opening_under_a_key_gives_its_session_though_it_is_closed(self, store: Store) -> None:
        for name in ("a", "b"):  # the first makes the session, the second finds it
            first, created = await store.open_session(new_session(), NOW, guard=key(name))
            assert created is (name == "a")
        await store.deactivate(APP, first.id, NOW)
        for name in ("a", "b"):
            again, created = await store.open_session(new_session(), NOW, guard=key(name))
            assert (again.id, again.status, created) == (first.id, "inactive", name == "a")
        assert (await store.open_session(new_session(), NOW, guard=key("c")))[0].predecessor == first.id

    async def test_a_delete_under_a_key_is_answered_though_its_session_is_gone(self, store: Store) -> None:
        session = await talk(store)
        for _ in range(3):
            await store.delete(APP, session.id, guard=key())
        with pytest.raises(UnknownSession):
            await store.delete(APP, session.id, guard=key("other"))
        with pytest.raises(UnknownSession):
            await store.delete(APP, session.id)

    async def test_an_erasure_and_a_cleanup_are_answered_by_their_figures(self, store: Store) -> None:
        await talk(store)
        for _ in range(2):
            assert await store.erase_user(APP, "ann", None, NOW, guard=key("e")) == Erased(sessions=1, messages=3)
        await opened(store, lifetime_ms=1)
        later = NOW + HOUR
        for _ in range(2):
            assert await store.cleanup(APP, now_ms=later, retention_ms=HOUR, guard=key("c")) == Cleaned(expired=1)
        dry = await store.cleanup(APP, now_ms=later, retention_ms=HOUR, dry_run=True, guard=key("c"))
        assert dry == Cleaned(dry_run=True)
        with pytest.raises(IdempotencyKeyReused):
            await store.cleanup(APP, now_ms=later, retention_ms=HOUR, guard=key("e"))

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    async def test_a_key_in_flight_many_times_is_one_write(self, store: Store, write: Write) -> None:
        session = await talk(store)
        before, commits = session.version, listen(store)
        answers = await asyncio.gather(*[write(store, session, key()) for _ in range(8)])
        assert len([one for one in commits if one.session_id == session.id]) == 1
        assert [of_session(one) for one in answers] == [of_session(answers[0])] * 8
        if write is not WRITES["delete"]:
            assert await store.version(APP, session.id) == before + 1

    async def test_a_key_is_one_write_in_another_store_too(self, store: Store) -> None:
        other = await self.another(store)
        if other is None:
            return
        session = await talk(store)
        calls = [WRITES["append"](one, session, key()) for one in (store, other) * 4]
        answers = await asyncio.gather(*calls)
        await other.close()
        assert len({one.messages[0].seq for one in answers}) == 1
        assert len(await log(store, session)) == 4

    async def test_a_key_makes_one_opening_of_many_at_once(self, store: Store) -> None:
        results = await asyncio.gather(*[store.open_session(new_session(), NOW, guard=key()) for _ in range(8)])
        assert len({session.id for session, _ in results}) == 1
        assert all(created for _, created in results)
        assert (await store.stats(APP, NOW)).total_sessions == 1

    # --- another request

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    async def test_a_key_is_not_taken_for_another_write(self, store: Store, write: Write) -> None:
        session, other = await talk(store), await talk(store, conversation_id="other")
        await write(store, other, key("used"))
        await store.record(APP, session.id, event(name="mine"), guard=key())
        async with refused(store, session, IdempotencyKeyReused, "idempotency_key"):
            await write(store, session, key())
        async with refused(store, session, IdempotencyKeyReused, "idempotency_key"):
            await write(store, session, key("used"))
        async with refused(store, session, IdempotencyKeyReused, "idempotency_key"):
            await write(store, other, key("used", fingerprint="another"))

    async def test_other_arguments_are_another_write(self, store: Store) -> None:
        session = await talk(store)
        await store.append(APP, session.id, [message(content="a", created_ms=1)], now_ms=NOW, guard=key("append"))
        await store.append(APP, session.id, [message(content="a", created_ms=2)], now_ms=NOW, guard=key("append"))
        await WRITES["state"](store, session, key("state"))
        await WRITES["retract"](store, session, key("retract"))
        await WRITES["clear"](store, session, key("clear"))
        others: list[Awaitable[Any]] = [
            store.append(APP, session.id, [message(content="b")], now_ms=NOW, guard=key("append")),
            store.append(APP, session.id, [message(content="a", metadata={"n": 1})], now_ms=NOW, guard=key("append")),
            store.update_state(APP, session.id, "session", {"n": 2}, limit=99, now_ms=NOW, guard=key("state")),
            store.update_state(APP, session.id, "user", {"n": 1}, limit=99, now_ms=NOW, guard=key("state")),
            store.retract(APP, session.id, 3, NOW, guard=key("retract")),
            store.clear(APP, session.id, keep_summaries=True, now_ms=NOW, guard=key("clear")),
            store.open_session(new_session(), NOW, guard=key("clear")),
        ]
        async with untouched(store, session):
            results = await asyncio.gather(*others, return_exceptions=True)
        assert {type(one) for one in results} == {IdempotencyKeyReused}

    # --- notes

    async def test_a_refused_write_leaves_no_note(self, store: Store) -> None:
        session = await talk(store)
        bad: list[tuple[type[Exception], Awaitable[Any]]] = [
            (PreconditionFailed, WRITES["append"](store, session, key(expected_version=1))),
            (InvalidInput, store.append(APP, session.id, [tool_result("none")], now_ms=NOW, guard=key())),
            (Conflict, store.append(APP, session.id, [message(content="z", external_id="x")], now_ms=NOW, guard=key())),
            (InvalidInput, store.retract(APP, session.id, 99, NOW, guard=key())),
            (InvalidInput, store.update_state(APP, session.id, "session", {"n": "long"}, limit=2, now_ms=NOW, guard=key())),
            (UnknownSession, store.delete(APP, "nobody", guard=key())),
        ]
        for error, call in bad:
            async with untouched(store, session):
                with pytest.raises(error):
                    await call
        assert (await WRITES["append"](store, session, key())).created == 1

    async def test_a_key_of_one_app_is_none_of_another(self, store: Store) -> None:
        for app in (APP, "other"):
            session = await talk(store, app=app)
            for created in (1, 0):
                assert (await WRITES["append"](store, session, key())).created == created
        assert await store.erase_user(APP, "ann", None, NOW, guard=key("e")) == Erased(sessions=1, messages=4)
        assert await store.erase_user("other", "ann", None, NOW, guard=key("e")) == Erased(sessions=1, messages=4)

    async def test_notes_go_with_their_session(self, store: Store) -> None:
        for end in ("delete", "erase", "cleanup"):
            session, _ = await store.open_session(new_session(conversation_id=end), NOW, guard=key(end))
            await WRITES["append"](store, session, key(f"{end} more"))
            if end == "delete":
                await store.delete(APP, session.id)
            elif end == "erase":
                await store.erase_user(APP, "ann", None, NOW)
            else:
                await store.deactivate(APP, session.id, NOW)
                await store.cleanup(APP, now_ms=NOW + 2, retention_ms=1)
            assert (await store.sizes())["idempotency_keys"] == 0
            again, created = await store.open_session(new_session(conversation_id=end), NOW, guard=key(end))
            assert (created, again.id != session.id) == (True, True)
            await store.delete(APP, again.id)

    async def test_a_note_counts_for_its_time_and_goes_with_the_next_cleanup(self, store: Store) -> None:
        session = await talk(store)
        for app in (APP, "other"):
            await store.erase_user(app, "nobody", None, NOW, guard=key())
        await WRITES["append"](store, session, key("more"))
        last, past = key("more", now_ms=NOW + DAY - 1), key("more", now_ms=NOW + DAY, until_ms=NOW + 2 * DAY)
        assert [(await WRITES["append"](store, session, guard)).created for guard in (last, past, past)] == [0, 1, 0]
        await store.cleanup(APP, now_ms=NOW + DAY - 1, retention_ms=DAY)
        assert (await store.sizes())["idempotency_keys"] == 3
        await store.cleanup(APP, now_ms=NOW + DAY, retention_ms=DAY)
        assert (await store.sizes())["idempotency_keys"] == 2
        await store.cleanup(None, now_ms=NOW + 2 * DAY, retention_ms=9 * DAY)
        assert (await store.sizes())["idempotency_keys"] == 0

    async def test_what_was_erased_is_not_written_again(self, store: Store) -> None:
        session = await talk(store, external_user_id=None)
        sent = [message(content="secret", author_id="bob", external_id="b"), message("assistant")]
        await store.append(APP, session.id, sent, now_ms=NOW, guard=key())
        await store.erase_user(APP, "bob", None, NOW)
        async with untouched(store, session):
            again = await store.append(APP, session.id, sent, now_ms=NOW, guard=key())
        assert [(one.seq, one.content, one.erased) for one in again.messages] == [(4, "", True), (5, "hi", False)]

    async def test_a_message_of_a_predecessor_is_answered_again_from_there(self, store: Store) -> None:
        old = await talk(store)
        await store.deactivate(APP, old.id, NOW)
        session = await opened(store)
        sent = [message(external_id="x"), message(content="new")]
        first = await store.append(APP, session.id, sent, now_ms=NOW, guard=key())
        again = await store.append(APP, session.id, sent, now_ms=NOW, guard=key())
        assert (first.created, again.created, again.messages) == (1, 0, first.messages)
        await store.delete(APP, old.id)
        async with refused(store, session, IdempotencyKeyReused, "idempotency_key"):
            await store.append(APP, session.id, sent, now_ms=NOW, guard=key())

    async def test_a_summary_between_does_not_disturb_a_key(self, store: Store) -> None:
        session = await talk(store)
        first = await WRITES["append"](store, session, key())
        await store.add_summary(APP, session.id, summary(1, 1), generation=0, now_ms=NOW)
        before = await image(store, session)
        assert (await WRITES["append"](store, session, key())).messages == first.messages
        assert await image(store, session) == before
