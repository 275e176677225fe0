"""API keys: stored as they are, found by their id, revoked for good."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from turnkeep.errors import StoreError
from turnkeep.keys import ApiKey, matches, new_key, parse
from turnkeep.stores.base import Store
from turnkeep.testing.builders import APP, NOW, opened
from turnkeep.testing.store_contract.case import Case


@dataclass
class Made:
    shown: str
    stored: ApiKey


async def made(store: Store, app: str = APP, now_ms: int = NOW, user: str | None = None, label: str | None = None) -> Made:
    shown, key = new_key(app, "write", external_user_id=user, label=label, now_ms=now_ms)
    await store.add_key(key)
    return Made(shown, key)


class ApiKeys(Case):
    """`add_key`, `key`, `keys` and `revoke_key`."""

    async def test_a_key_is_stored_as_it_is(self, store: Store) -> None:
        whole = await made(store, user="ann", label="the app's é")
        bare = await made(store)
        for one in (whole, bare):
            assert await store.key(one.stored.id) == one.stored
        assert await store.key("key_none") is None

    async def test_what_is_stored_proves_the_key_and_holds_none(self, store: Store) -> None:
        key = await made(store)
        name, secret = parse(key.shown) or ("", "")
        found = await store.key(name)
        assert matches(secret, found)
        assert not matches(secret[::-1], found)
        assert secret not in repr(found)

    async def test_an_id_is_taken_once(self, store: Store) -> None:
        key = (await made(store)).stored
        with pytest.raises(StoreError):
            await store.add_key(key)
        assert await store.keys() == [key]

    async def test_keys_are_listed_by_app_oldest_first(self, store: Store) -> None:
        first, other, last = [(await made(store, app, NOW + at)).stored for at, app in ((0, APP), (5, "other"), (9, APP))]
        assert await store.keys(APP) == [first, last]
        assert await store.keys("other") == [other]
        assert await store.keys("nobody's") == []
        assert await store.keys() == [first, other, last]

    async def test_a_revoked_key_stays_revoked(self, store: Store) -> None:
        key = await made(store)
        revoked = await store.revoke_key(APP, key.stored.id, NOW + 5)
        assert revoked is not None
        assert revoked.revoked_ms == NOW + 5
        assert await store.key(key.stored.id) == revoked
        assert await store.revoke_key(None, key.stored.id, NOW + 9) == revoked
        assert not matches((parse(key.shown) or ("", ""))[1], revoked)

    async def test_an_app_revokes_its_own_only(self, store: Store) -> None:
        key = (await made(store)).stored
        assert await store.revoke_key("other", key.id, NOW) is None
        assert await store.revoke_key(APP, "key_none", NOW) is None
        assert await store.key(key.id) == key

    async def test_another_process_sees_it_at_once(self, store: Store) -> None:
        other = await self.another(store)
        if other is None:
            return
        try:
            key = (await made(other)).stored
            assert await store.key(key.id) == key
            await other.revoke_key(APP, key.id, NOW)
            found = await store.key(key.id)
            assert found is not None
            assert found.revoked_ms == NOW
        finally:
            await other.close()

    async def test_the_keys_of_an_erased_user_go(self, store: Store) -> None:
        await made(store, user="ann")
        others = [(await made(store, app, user=user)).stored for app, user in (("other", "ann"), (APP, "bob"), (APP, None))]
        await store.erase_user(APP, "ann", "telegram", NOW)
        assert len(await store.keys()) == 4
        await store.erase_user(APP, "ann", None, NOW)
        assert {key.id for key in await store.keys()} == {key.id for key in others}

    async def test_keys_are_no_sessions(self, store: Store) -> None:
        session = await opened(store)
        key = (await made(store, user="ann")).stored
        await store.cleanup(None, now_ms=NOW + 10**12, retention_ms=0)
        assert await store.key(key.id) == key
        assert (await store.sizes())["api_keys"] == 1
        assert session.id not in repr(await store.keys())
