"""Upkeep: cleaning, counting, proving, copying, closing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from turnkeep.errors import InvalidInput, ManagerClosed, StoreError, UnknownSession
from turnkeep.session import Cleaned, InterfaceStats, Session, StoreStats
from turnkeep.stores.base import Store
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
    said,
    tool_use,
    untouched,
)
from turnkeep.testing.store_contract.case import Case

DAY = 24 * HOUR


async def clean(store: Store, now_ms: int, app: str | None = APP, dry_run: bool = False) -> Cleaned:
    return await store.cleanup(app, now_ms=now_ms, retention_ms=DAY, dry_run=dry_run)


async def gone(store: Store, session: Session) -> bool:
    try:
        await store.session(session.app, session.id)
    except UnknownSession:
        return True
    return False


class Upkeep(Case):
    """`cleanup`, `stats`, `check`, `sizes`, `backup` and `close`."""

    # --- cleanup

    async def test_cleanup_closes_what_is_expired(self, store: Store) -> None:
        late = await said(store, await opened(store, lifetime_ms=10), "hello")
        lives = await opened(store, conversation_id="lives", lifetime_ms=11)
        endless = await opened(store, conversation_id="endless", lifetime_ms=None)
        async with untouched(store, lives, endless):
            pass
        assert await clean(store, NOW + 10) == Cleaned(expired=1)
        closed = await store.session(APP, late.id)
        assert (closed.status, closed.closed_ms is not None, closed.version > late.version) == ("expired", True, True)
        assert len(await log(store, late)) == 1
        async with untouched(store, closed, lives, endless):
            assert await clean(store, NOW + 10) == Cleaned()

    async def test_an_append_puts_the_cleanup_off(self, store: Store) -> None:
        session = await opened(store, lifetime_ms=100)
        session = await said(store, session, "hello", now_ms=NOW + 60)
        async with untouched(store, session):
            assert await clean(store, NOW + 120) == Cleaned()
        assert await clean(store, NOW + 160) == Cleaned(expired=1)

    async def test_cleanup_deletes_what_was_closed_longer_than_the_retention_ago(self, store: Store) -> None:
        by_hand = await said(store, await opened(store, conversation_id="hand"), message(external_id="x"))
        await store.deactivate(APP, by_hand.id, NOW)
        by_time = await opened(store, conversation_id="time", lifetime_ms=10)
        assert await clean(store, NOW + 10) == Cleaned(expired=1)
        assert await clean(store, NOW + DAY) == Cleaned()
        assert not await gone(store, by_hand)
        assert await clean(store, NOW + DAY + 1) == Cleaned(deleted=1)
        assert [await gone(store, one) for one in (by_hand, by_time)] == [True, False]
        assert await clean(store, NOW + DAY + 11) == Cleaned(deleted=1)
        assert await gone(store, by_time)

    async def test_what_cleanup_deletes_is_deleted_whole(self, store: Store) -> None:
        old = await said(store, await opened(store), message(external_id="x"))
        await store.update_state(APP, old.id, "user", {"a": 1}, limit=100, now_ms=NOW)
        await store.deactivate(APP, old.id, NOW)
        new = await opened(store)
        await clean(store, NOW + DAY + 1)
        assert await self.rows(store, old) in (None, [])
        assert await store.state(APP, new.id, "user") == {"a": 1}
        found, _ = await store.open_session(new_session(), NOW + DAY + 1)
        assert (await said(store, found, message(content="different", external_id="x"), now_ms=NOW + DAY + 1)).seq == 1

    async def test_a_dry_run_says_the_same_and_does_nothing(self, store: Store) -> None:
        closed = await opened(store)
        closed = await store.deactivate(APP, closed.id, NOW)
        late = [await opened(store, conversation_id=str(n), lifetime_ms=10) for n in range(3)]
        async with untouched(store, closed, *late):
            counted = await clean(store, NOW + DAY + 1, dry_run=True)
        assert counted.dry_run
        done = await clean(store, NOW + DAY + 1)
        assert (counted.expired, counted.deleted) == (done.expired, done.deleted) == (3, 1)

    async def test_cleanup_of_one_app_or_of_all(self, store: Store) -> None:
        here = await opened(store, lifetime_ms=10)
        there = await opened(store, app="other", lifetime_ms=10)
        async with untouched(store, there):
            assert await clean(store, NOW + 10) == Cleaned(expired=1)
        again = await opened(store, conversation_id="again", lifetime_ms=10)
        assert await clean(store, NOW + 10, app=None) == Cleaned(expired=2)
        assert (await store.session("other", there.id)).status == "expired"
        assert await clean(store, NOW + 2 * DAY, app=None, dry_run=True) == Cleaned(deleted=3, dry_run=True)
        assert await clean(store, NOW + 2 * DAY, app=None) == Cleaned(deleted=3)
        assert [await gone(store, one) for one in (here, there, again)] == [True, True, True]

    async def test_cleanup_of_many(self, store: Store) -> None:
        for n in range(150):
            session = await opened(store, conversation_id=str(n), lifetime_ms=10)
        await said(store, session, *["hello"] * 1000)
        assert await clean(store, NOW + 10) == Cleaned(expired=150)
        assert await clean(store, NOW + 2 * DAY) == Cleaned(deleted=150)
        assert (await store.stats(APP, NOW)).total_sessions == 0

    # --- figures

    async def test_stats_are_the_sums_of_an_app(self, store: Store) -> None:
        assert await store.stats(APP, NOW) == StoreStats(0, 0, 0, 0, 0, 0, 0, 0, 0, {})
        chat = await said(store, await opened(store), "hello", tool_use("a"), message(tokens=1))
        await store.record(APP, chat.id, event("error"))
        closed = await said(store, await opened(store, conversation_id="closed"), "hello")
        await store.deactivate(APP, closed.id, NOW)
        await opened(store, conversation_id="late", interface_type="web", lifetime_ms=10)
        await said(store, await opened(store, app="other"), "not mine")
        stats = await store.stats(APP, NOW + 10)
        assert (stats.total_sessions, stats.active_sessions) == (3, 1)
        assert (stats.total_messages, stats.total_tokens, stats.tool_calls, stats.errors) == (4, 31, 1, 1)
        assert dict(stats.by_interface) == {
            "telegram": InterfaceStats(sessions=2, active=1, messages=4, tokens=31),
            "web": InterfaceStats(sessions=1, active=0, messages=0, tokens=0),
        }
        assert (await store.stats(APP, NOW)).active_sessions == 2
        await store.delete(APP, chat.id)
        assert (await store.stats(APP, NOW)).total_messages == 1

    async def test_active_sessions_are_of_all_apps(self, store: Store) -> None:
        assert await store.active_sessions() == 0
        closed = await opened(store)
        await opened(store, app="other")
        await opened(store, conversation_id="late", lifetime_ms=10)
        await store.deactivate(APP, closed.id, NOW)
        assert await store.active_sessions() == 2
        await clean(store, NOW + 10)
        assert await store.active_sessions() == 1

    async def test_a_store_that_is_ready_says_so_and_nothing_waits(self, store: Store) -> None:
        session = await opened(store)
        async with untouched(store, session):
            await store.ready()
        assert store.waiting == 0

    async def test_check_finds_what_is_wrong(self, store: Store) -> None:
        session = await said(store, await opened(store), "hello")
        assert await store.check() == []
        if await self.damage(store, session):
            self.is_open = False
            lines = await store.check()
            assert lines
            assert all(lines)

    async def test_sizes_are_figures(self, store: Store) -> None:
        before = await store.sizes()
        await said(store, await opened(store), "hello", "there")
        after = await store.sizes()
        assert all(value >= 0 for value in after.values())
        assert sum(after.values()) > sum(before.values())
        assert after["messages"] - before.get("messages", 0) == 2
        assert after["sessions"] - before.get("sessions", 0) == 1

    # --- backup

    async def test_a_backup_is_a_copy_of_one_moment(self, store: Store, tmp_path: Path) -> None:
        session = await said(store, await opened(store), "hello", message("assistant", "🙂"))
        before, target = await image(store, session), tmp_path / "copy"
        try:
            await store.backup(target)
        except StoreError as error:
            assert str(error)
            assert not target.exists()
            return
        await said(store, session, "later")
        copy = await self.at(target)
        assert copy is not None
        assert await image(copy, session) == before
        assert await copy.check() == []
        await copy.close()

    async def test_a_backup_while_the_store_is_in_use(self, store: Store, tmp_path: Path) -> None:
        session = await opened(store)
        batches = [[message(content=f"{n}a"), message("assistant", f"{n}b")] for n in range(50)]
        appends = [store.append(APP, session.id, batch, now_ms=NOW) for batch in batches]
        backup = asyncio.ensure_future(store.backup(tmp_path / "copy"))
        await asyncio.gather(*appends)
        try:
            await backup
        except StoreError:
            return
        copy = await self.at(tmp_path / "copy")
        assert copy is not None
        rows = await log(copy, session)
        assert len(rows) % 2 == 0
        assert rows == (await log(store, session))[: len(rows)]
        assert await copy.check() == []
        await copy.close()

    async def test_a_backup_overwrites_nothing(self, store: Store, tmp_path: Path) -> None:
        target = tmp_path / "precious"
        target.write_text("precious")
        with pytest.raises((InvalidInput, StoreError)):
            await store.backup(target)
        assert target.read_text() == "precious"

    # --- close

    async def test_a_second_close_does_nothing_and_a_closed_store_says_so(self, store: Store) -> None:
        session = await said(store, await opened(store), "hello")
        self.is_open = False
        await store.close()
        await store.close()
        calls = (store.session(APP, session.id), store.stats(APP, NOW), store.check(), store.ready(), opened(store))
        for call in (*calls, said(store, session, "more"), store.window(APP, session.id)):
            with pytest.raises(ManagerClosed):
                await call

    async def test_close_finishes_what_was_accepted(self, store: Store) -> None:
        session = await opened(store)
        commits = listen(store)
        self.is_open = False
        calls = [said(store, session, str(n)) for n in range(50)]
        *results, _ = await asyncio.gather(*calls, store.close(), return_exceptions=True)
        kept = [result for result in results if isinstance(result, Session)]
        assert all(isinstance(result, Session | ManagerClosed) for result in results)
        assert len(commits) == len(kept)
        assert sorted(one.seq for one in kept) == list(range(1, len(kept) + 1))
