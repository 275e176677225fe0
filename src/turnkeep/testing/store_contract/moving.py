"""Rows as they are: what comes out by `dump` goes in by `load`, and the store is what it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from turnkeep.errors import MigrationDiffers, MigrationUnfinished
from turnkeep.session import Session
from turnkeep.stores.base import Guard, Store
from turnkeep.stores.transfer import KINDS, PAGE_BYTES, Row
from turnkeep.testing.builders import APP, NOW, image, log, message, opened, said
from turnkeep.testing.everything import filled
from turnkeep.testing.store_contract.case import Case


async def dumped(store: Store, kind: str, limit: int = 3) -> list[Row]:
    """All rows of a kind, page by page."""
    found: list[Row] = []
    after = KINDS[kind].start
    while page := await store.dump(kind, after, limit):
        assert len(page) <= limit
        found += page
        after = KINDS[kind].key(page[-1])
    return found


async def every_row(store: Store) -> dict[str, list[Row]]:
    return {kind: await dumped(store, kind) for kind in KINDS}


async def emptied(store: Store) -> None:
    for kind in KINDS:
        if kind != "numbers":
            await store.load(kind, (), gone=[KINDS[kind].key(row) for row in await dumped(store, kind)], mark=None)


async def loaded(store: Store, rows: dict[str, list[Row]], page: int = 2) -> None:
    for kind, each in rows.items():
        for start in range(0, len(each), page):
            await store.load(kind, each[start : start + page], mark="under way")
    await store.load("numbers", (), mark=None)


async def images(store: Store, sessions: Sequence[Session]) -> list[Any]:
    return [await image(store, one) for one in sessions]


def counts(sizes: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in sizes.items() if not name.endswith("_bytes")}


def of_a_session(rows: dict[str, list[Any]], number: int) -> dict[str, list[Any]]:
    return {kind: [row for row in found if getattr(row, "session", None) == number] for kind, found in rows.items()}


class Moving(Case):
    """`dump`, `load` and `mark`."""

    async def test_there_are_rows_of_every_kind_in_the_order_of_their_keys(self, store: Store) -> None:
        await filled(store)
        for kind, rows in (await every_row(store)).items():
            assert rows, kind
            keys = [KINDS[kind].key(row) for row in rows]
            assert keys == sorted(set(keys))
            assert {type(row) for row in rows} == {KINDS[kind].row}
            assert await dumped(store, kind, limit=1000) == rows

    async def test_a_store_made_of_another_ones_rows_is_the_same(self, store: Store) -> None:
        sessions = await filled(store)
        before, looks, sizes = await every_row(store), await images(store, sessions), await store.sizes()
        await emptied(store)
        assert all(not rows for kind, rows in (await every_row(store)).items() if kind != "numbers")
        assert await store.sessions(APP, status=None, interface_type=None, user=None, before=None, limit=9, now_ms=NOW) == []
        await loaded(store, before)
        assert await every_row(store) == before
        assert await images(store, sessions) == looks
        assert counts(await store.sizes()) == counts(sizes)
        assert await store.check() == []

    async def test_rows_that_are_there_already_change_nothing(self, store: Store) -> None:
        sessions = await filled(store)
        before, looks = await every_row(store), await images(store, sessions)
        await loaded(store, before, page=100)
        assert await every_row(store) == before
        assert await images(store, sessions) == looks

    async def test_a_session_goes_on_where_it_was(self, store: Store) -> None:
        _, session, *_ = await filled(store)
        rows = await every_row(store)
        await emptied(store)
        await loaded(store, rows)
        again = await store.append(APP, session.id, [message(external_id="tg:3"), message(external_id="tg:2")], now_ms=NOW)
        assert (again.created, [one.external_id for one in again.messages]) == (0, ["tg:3", "tg:2"])
        after = await said(store, session, message(content="new"))
        assert after.seq == session.seq + 1
        assert (await log(store, after))[-1].content == "new"
        numbers = [one.number for one in await store.summaries(APP, session.id)]
        fresh = await opened(store, conversation_id="fresh")
        assert fresh.number > max(one.number for one in rows["sessions"])  # type: ignore[union-attr]  # sessions
        assert len(numbers) == 1

    async def test_what_was_done_under_a_key_is_answered_as_before(self, store: Store) -> None:
        first, *_ = await filled(store)
        rows = await every_row(store)
        await emptied(store)
        await loaded(store, rows)
        key = {"fingerprint": "f", "now_ms": NOW, "until_ms": NOW + 1}
        again = [message(external_id="tg:1", author_id="ann", name="Ann", content="naïve 🙂"), message(content="again")]
        told = await store.append(APP, first.id, again, now_ms=NOW, guard=Guard(key="append", **key))  # type: ignore[arg-type]  # figures
        assert (told.created, [one.seq for one in told.messages]) == (0, [2, first.seq])
        erased = await store.erase_user(APP, "eve", None, NOW, guard=Guard(key="erase", **key))  # type: ignore[arg-type]  # figures
        assert (erased.sessions, erased.messages) == (0, 1)
        gone = await store.cleanup("other", now_ms=NOW, retention_ms=0, guard=Guard(key="cleanup", **key))  # type: ignore[arg-type]  # figures
        assert (gone.expired, gone.deleted) == (0, 0)

    async def test_no_number_is_given_twice(self, store: Store) -> None:
        gone = await opened(store, conversation_id="gone")
        await opened(store, conversation_id="kept")
        newest = await opened(store, conversation_id="newest")
        await store.delete(APP, newest.id)
        rows = await every_row(store)
        await emptied(store)
        await loaded(store, rows)
        assert (await opened(store, conversation_id="next")).number > newest.number > gone.number

    async def test_what_changed_takes_the_place_of_what_was(self, store: Store) -> None:
        _, session, *_ = await filled(store)
        rows = await every_row(store)
        after = await said(store, session, message(external_id="tg:4"))
        await store.update_state(APP, session.id, "session", {"new": 1}, limit=99, now_ms=NOW)
        changed = await every_row(store)
        for kind in KINDS:
            known = {KINDS[kind].key(row) for row in rows[kind]}
            gone = [KINDS[kind].key(row) for row in changed[kind] if KINDS[kind].key(row) not in known]
            await store.load(kind, rows[kind], gone=gone, mark=None)
        assert await every_row(store) == {**rows, "numbers": changed["numbers"]}
        assert (await store.session(APP, session.id)).seq == session.seq
        assert await store.find_message(APP, session.id, "tg:4") is None
        assert after.seq == session.seq + 1

    async def test_a_tombstone_in_the_place_of_a_message_frees_its_ids(self, store: Store) -> None:
        session = await said(store, await opened(store), message(external_id="x", content="secret", author_id="eve"), "other")
        await store.erase_user(APP, "eve", None, NOW)
        tombstone, session_row = (await dumped(store, "messages"))[:1], await dumped(store, "sessions")
        other = await said(store, await opened(store, conversation_id="2"), message(external_id="x", content="secret"), "other")
        moved = [replace(row, session=other.number) for row in tombstone]
        figures = replace(session_row[0], id=other.id, number=other.number, root=other.number, conversation_id="2")
        await store.load("sessions", [figures], mark=None)
        await store.load("messages", moved, mark=None)
        assert await store.find_message(APP, other.id, "x") is None
        assert [one.erased for one in await log(store, other)] == [True, False]
        assert session.seq == 2

    async def test_a_session_that_goes_takes_all_that_is_its_own(self, store: Store) -> None:
        first, *_ = await filled(store)
        assert any(of_a_session(await every_row(store), first.number).values())
        await store.load("sessions", (), gone=[(first.number,)], mark=None)
        assert not any(of_a_session(await every_row(store), first.number).values())

    async def test_the_mark_is_kept_until_it_is_taken_away(self, store: Store) -> None:
        assert await store.mark() is None
        await store.check_whole()
        for mark in ('{"at": 1}', '{"at": 2}'):
            await store.load("numbers", (), mark=mark)
            assert await store.mark() == mark
        with pytest.raises(MigrationUnfinished):
            await store.check_whole()
        await store.load("numbers", (), mark=None)
        await store.check_whole()

    async def test_rows_that_contradict_what_is_there_are_refused_whole(self, store: Store) -> None:
        session = await said(store, await opened(store), "hello")
        [row] = await dumped(store, "sessions")
        twin = replace(row, number=session.number + 1, id="twin")
        fine = replace(twin, number=session.number + 2, id="fine", conversation_id="2")
        before = await every_row(store)
        with pytest.raises(MigrationDiffers):
            await store.load("sessions", [fine, twin], mark="new")
        assert await every_row(store) == before
        assert await store.mark() is None


class Paging(Case):
    """Of stores whose rows are elsewhere: no page is larger than what memory has room for."""

    async def test_large_rows_make_small_pages(self, store: Store) -> None:
        session = await opened(store)
        for _ in range(6):
            await said(store, session, *["x" * (PAGE_BYTES // 64)] * 64)
        pages = []
        after = KINDS["messages"].start
        while page := await store.dump("messages", after, 1000):
            pages.append(len(page))
            after = KINDS["messages"].key(page[-1])
        assert sum(pages) == 6 * 64
        assert max(pages) <= 128
