"""The inbox: what was taken in is there until it is done, and is taken in once."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from turnkeep.session import Arrival
from turnkeep.stores.base import KNOWN_MS, Store
from turnkeep.testing.builders import APP, NOW, opened
from turnkeep.testing.store_contract.case import Case

ON = "telegram"


def arrival(external_id: str = "tg:1", **changes: Any) -> Arrival:
    made = Arrival(
        app=APP,
        interface_type=ON,
        external_id=external_id,
        conversation_id="123",
        external_user_id="ann",
        payload='{"text":"hi"}',
        created_ms=NOW,
    )
    return replace(made, **changes)


async def waiting(store: Store, app: str = APP, interface_type: str = ON) -> list[str]:
    return [one.external_id for one in await store.arrivals(app, interface_type)]


class Inboxes(Case):
    """`take_in`, `arrivals`, `note_progress` and `finish`."""

    async def test_what_was_taken_in_waits_in_its_order(self, store: Store) -> None:
        for name in ("tg:9", "tg:1", "tg:5"):
            assert await store.take_in(arrival(name))
        assert await store.arrivals(APP, ON) == [arrival("tg:9"), arrival("tg:1"), arrival("tg:5")]

    async def test_it_is_taken_in_once_also_when_it_is_done(self, store: Store) -> None:
        taken = await asyncio.gather(*(store.take_in(arrival(payload=f"{at}")) for at in range(8)))
        assert sorted(taken) == [False] * 7 + [True]
        [kept] = await store.arrivals(APP, ON)
        assert kept.payload == str(taken.index(True))
        await store.finish(APP, ON, ["tg:1"], NOW)
        assert not await store.take_in(arrival())
        assert await waiting(store) == []

    async def test_progress_is_noted_until_it_is_done(self, store: Store) -> None:
        await store.take_in(arrival())
        await store.note_progress(APP, ON, "tg:1", '{"parts":[7]}')
        assert await store.arrivals(APP, ON) == [arrival(progress='{"parts":[7]}')]
        await store.finish(APP, ON, ["tg:1"], NOW)
        await store.note_progress(APP, ON, "tg:1", "late")
        await store.finish(APP, ON, ["tg:none"], NOW)
        assert await waiting(store) == []

    async def test_what_was_answered_together_is_done_together(self, store: Store) -> None:
        for name in ("tg:1", "tg:2", "tg:3"):
            await store.take_in(arrival(name))
        await store.finish(APP, ON, ["tg:1", "tg:3", "tg:none"], NOW)
        assert await waiting(store) == ["tg:2"]

    async def test_apps_and_interfaces_are_apart(self, store: Store) -> None:
        for one in (arrival(), arrival(app="other"), arrival(interface_type="discord")):
            assert await store.take_in(one)
        await store.finish(APP, ON, ["tg:1"], NOW)
        assert await waiting(store) == []
        assert await waiting(store, "other") == ["tg:1"]
        assert await waiting(store, APP, "discord") == ["tg:1"]

    async def test_a_week_after_it_was_done_its_id_is_forgotten(self, store: Store) -> None:
        await store.take_in(arrival())
        await store.take_in(arrival("tg:2"))
        await store.finish(APP, ON, ["tg:1"], NOW)
        await store.cleanup(APP, now_ms=NOW + KNOWN_MS, retention_ms=0)
        assert not await store.take_in(arrival())
        await store.cleanup("other", now_ms=NOW + KNOWN_MS + 1, retention_ms=0)
        assert not await store.take_in(arrival())
        await store.cleanup(APP, now_ms=NOW + KNOWN_MS + 1, retention_ms=0)
        assert await store.take_in(arrival())
        assert await waiting(store) == ["tg:2", "tg:1"]  # what is not done is never forgotten

    async def test_an_erasure_takes_what_the_user_sent(self, store: Store) -> None:
        for one in (arrival(), arrival("tg:2", external_user_id="bob"), arrival("tg:3", external_user_id=None)):
            await store.take_in(one)
        await store.take_in(arrival("dc:1", interface_type="discord"))
        await store.erase_user(APP, "ann", ON, NOW)
        assert await waiting(store) == ["tg:2", "tg:3"]
        assert await waiting(store, APP, "discord") == ["dc:1"]
        await store.erase_user(APP, "ann", None, NOW)
        assert await waiting(store, APP, "discord") == []

    async def test_a_deletion_takes_what_waits_in_the_conversation(self, store: Store) -> None:
        session = await opened(store)
        await store.take_in(arrival())
        await store.take_in(arrival("tg:2", conversation_id="456"))
        await store.delete(APP, session.id)
        assert await waiting(store) == ["tg:2"]
