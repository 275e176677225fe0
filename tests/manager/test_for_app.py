"""`for_app`: one open store for the managers of several apps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from turnkeep import SessionManager, sync
from turnkeep.errors import InvalidInput, ManagerClosed, UnknownSession


async def test_each_manager_sees_its_own_app_only(tmp_path: Path) -> None:
    async with SessionManager.open(f"sqlite:///{tmp_path}/chats.db", app="shop") as shop:
        blog = shop.for_app("blog")
        assert (blog.app, blog.settings.app, shop.app) == ("blog", "blog", "shop")
        session = await shop.get_or_create_session("web", 1)
        own = await blog.get_or_create_session("web", 1)
        assert own.id != session.id
        for call in (blog.add_message(session.id, "user", "hi"), blog.build_context(session.id)):
            with pytest.raises(UnknownSession):
                await call
        assert [one.id for one in await blog.list_sessions()] == [own.id]


async def test_one_app_does_not_see_the_others_work_in_the_cache(tmp_path: Path) -> None:
    async with SessionManager.open(f"sqlite:///{tmp_path}/chats.db") as shop:
        session = await shop.get_or_create_session("web", 1)
        for _ in range(5):
            await shop.build_context(session.id, system="hi")
        busy, idle = await shop.get_stats(), await shop.for_app("blog").get_stats()
        assert busy.cache_size == 1
        assert busy.cache_hit_rate > 0
        assert (idle.cache_size, idle.cache_hit_rate) == (0, 0.0)


async def test_it_ends_with_the_one_it_came_from_and_ends_nothing(tmp_path: Path) -> None:
    shop = await SessionManager.open(f"sqlite:///{tmp_path}/chats.db")
    first, second = shop.for_app("a"), shop.for_app("b")
    with pytest.raises(InvalidInput):
        await first
    await first.close()
    with pytest.raises(ManagerClosed):
        await first.list_sessions()
    session = await second.get_or_create_session("web", 1)
    await shop.close()
    for call in (second.list_sessions(), second.get_session(session.id), second.add_message(session.id, "user", "hi")):
        with pytest.raises(ManagerClosed):
            await call
    with pytest.raises(ManagerClosed):
        shop.for_app("c")


async def test_an_apps_name_is_judged(tmp_path: Path) -> None:
    async with SessionManager.open("memory://") as manager:
        with pytest.raises(InvalidInput, match="app"):
            manager.for_app("")


def test_sync_managers_too(tmp_path: Path) -> None:
    with sync.SessionManager.open(f"sqlite:///{tmp_path}/chats.db") as shop:
        blog = shop.for_app("blog")
        assert blog.get_or_create_session("web", 1).app == "blog"
        assert shop.list_sessions() == []


async def test_what_a_lent_one_listens_to_ends_with_either() -> None:
    async with SessionManager.open("memory://", app="shop") as shop:
        lent = shop.for_app("blog")
        session = await lent.get_or_create_session("web", 1)
        feeds = [one.listen(session.id) for one in (lent, shop.for_app("blog"))]
        for feed in feeds:
            assert (await anext(feed)).value == session
        ends = [asyncio.create_task(anext(feed, None)) for feed in feeds]
        await asyncio.sleep(0)
        await lent.close()
        assert await ends[0] is None
        said = await shop.for_app("blog").add_message(session.id, "user", "hi")
        change = await ends[1]
        assert change is not None
        assert change.value == said
        assert (await anext(feeds[1])).kind == "session"
        last = asyncio.create_task(anext(feeds[1], None))
        await asyncio.sleep(0)
    assert await last is None
