"""Two stores over the same rows, as two processes have them: neither ever answers from yesterday."""

from __future__ import annotations

import asyncio

import pytest

from turnkeep.errors import Conflict, UnknownSession
from turnkeep.session import Appended
from turnkeep.stores.base import Store
from turnkeep.testing.builders import APP, NOW, image, log, message, new_session, opened, said, summary
from turnkeep.testing.store_contract.case import Case


class Places(Case):
    """What holds for stores that can be opened twice (the hook `another`); a store that cannot has nothing to show."""

    async def test_what_one_has_written_the_other_reads(self, store: Store) -> None:
        session = await said(store, await opened(store), message(external_id="x"), "b", "c")
        if (other := await self.another(store)) is None:
            return
        assert await image(other, session) == await image(store, session)
        changes = [
            said(other, session, "d"),
            other.add_summary(APP, session.id, summary(1, 1), generation=0, now_ms=NOW),
            other.update_state(APP, session.id, "session", {"a": 1}, limit=100, now_ms=NOW),
            other.update_state(APP, session.id, "user", {"b": 1}, limit=100, now_ms=NOW),
            other.retract(APP, session.id, 4, NOW),
            other.clear(APP, session.id, keep_summaries=False, now_ms=NOW),
            other.erase_user(APP, "nobody", None, NOW),
            other.deactivate(APP, session.id, NOW),
        ]
        for change in changes:
            await store.window(APP, session.id)
            await change
            assert await image(store, session) == await image(other, session)
        await other.delete(APP, session.id)
        for call in (store.window, store.session, store.version):
            with pytest.raises(UnknownSession):
                await call(APP, session.id)
        await other.close()

    async def test_the_version_is_that_of_now(self, store: Store) -> None:
        session = await opened(store)
        if (other := await self.another(store)) is None:
            return
        for n in range(5):
            before = await store.version(APP, session.id)
            after = await said(other, session, str(n))
            assert await store.version(APP, session.id) == after.version > before
        await other.close()

    async def test_appends_from_both_are_dense_and_once(self, store: Store) -> None:
        session = await opened(store)
        if (other := await self.another(store)) is None:
            return
        calls = [
            place.append(APP, session.id, [message(content=str(n), external_id=f"x{n}")], now_ms=NOW)
            for n in range(40)
            for place in (store, other)
        ]
        answers: list[Appended] = await asyncio.gather(*calls)
        assert sum(answer.created for answer in answers) == 40
        rows = await log(store, session)
        assert [one.seq for one in rows] == list(range(1, 41))
        assert rows == await log(other, session)
        assert await other.check() == []
        await other.close()

    async def test_a_key_has_one_active_session_in_both(self, store: Store) -> None:
        if (other := await self.another(store)) is None:
            return
        calls = [place.open_session(new_session(), NOW) for _ in range(10) for place in (store, other)]
        results = await asyncio.gather(*calls)
        assert len({session.id for session, _ in results}) == 1
        assert sum(created for _, created in results) == 1
        await other.close()

    async def test_one_expected_seq_is_won_in_one_place(self, store: Store) -> None:
        session = await opened(store)
        if (other := await self.another(store)) is None:
            return
        calls = [
            place.append(APP, session.id, [message(content=str(n))], now_ms=NOW, expected_seq=0)
            for n in range(5)
            for place in (store, other)
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(one, Appended) for one in results) == 1
        assert sum(isinstance(one, Conflict) for one in results) == 9
        await other.close()
