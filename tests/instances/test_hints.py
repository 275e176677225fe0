"""Redis beside several instances: heard at once, shared limits, and no harm from a Redis that is gone."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio.client import Pipeline
from tests.instances.conftest import hear, is_up, until
from tests.instances.cutting import OldValkey
from tests.server.conftest import URL, Client, application, problem

from turnkeep import SessionManager, Settings, feed
from turnkeep.caches import open_cache
from turnkeep.caches.redis import MOST, RedisHints, supported
from turnkeep.cli.app import run
from turnkeep.errors import InvalidInput, MissingExtra
from turnkeep.lifecycle import hints_of
from turnkeep.testing.servers.valkey import ValkeyServer


@pytest.fixture(autouse=True)
def no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is heard within a test was hinted at."""
    monkeypatch.setattr(feed, "POLL_SECONDS", 1000.0)


def manager(folder: Path, cache_url: str, **settings: Any) -> SessionManager:
    given: dict[str, Any] = {"cleanup_interval": 0.0, "tokenizer": "estimate", "compaction": "manual"} | settings
    return SessionManager.open(f"sqlite:///{folder}/chats.db", cache_url=cache_url, **given)


async def hints(valkey: ValkeyServer) -> RedisHints:
    made = open_cache(valkey.url)
    assert isinstance(made, RedisHints)
    await made.open()
    await is_up(made)
    return made


async def test_what_another_instance_commits_is_heard_at_once(tmp_path: Path, valkey: ValkeyServer) -> None:
    async with manager(tmp_path, valkey.url) as here, manager(tmp_path, valkey.url) as there:
        await is_up(here, there)
        session = await here.get_or_create_session("web", 1)
        changes = there.listen(session.id)
        assert (await anext(changes)).value == session
        waiting = asyncio.create_task(hear(changes, "hello"))
        await here.add_message(session.id, "user", "hello")
        await waiting
        await here.delete_session(session.id)
        async with asyncio.timeout(30):
            assert [change.kind async for change in changes][-1] == "deleted"


@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_a_redis_that_is_gone_does_no_harm_and_comes_back(
    tmp_path: Path, valkey: ValkeyServer, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "turnkeep.caches")
    async with manager(tmp_path, valkey.url) as here, manager(tmp_path, valkey.url) as there:
        await is_up(here, there)
        session = await here.get_or_create_session("web", 1)
        changes = there.listen(session.id)
        await anext(changes)
        (valkey.kill if how == "killed" else valkey.pause)()
        stored = await asyncio.gather(*[here.add_message(session.id, "user", f"{at}") for at in range(50)])
        assert sorted(one.seq for one in stored) == list(range(1, 51))
        await is_up(here, there, up=False)
        for at in range(50, 60):
            await here.add_message(session.id, "user", f"{at}")
        waiting = asyncio.create_task(hear(changes, "59"))
        (valkey.restart if how == "killed" else valkey.go_on)()
        await waiting  # what was missed is looked for
        await is_up(here, there)
        waiting = asyncio.create_task(hear(changes, "after"))
        await here.add_message(session.id, "user", "after")
        await waiting
    lines = [record.getMessage() for record in caplog.records]
    assert sum("does not answer" in line for line in lines) == 2  # once for each instance
    assert not any(valkey.password in line for line in lines)


async def test_without_a_redis_a_manager_opens_and_works(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with manager(tmp_path, "redis://:a-secret@127.0.0.1:1/0") as sessions:
        session = await sessions.get_or_create_session("web", 1)
        assert (await sessions.add_message(session.id, "user", "hi")).seq == 1
        known = hints_of(sessions)
        assert known is not None
        await until(lambda: caplog.records)
        assert not known.up
        assert await known.server() is None
    assert "127.0.0.1:1" in caplog.text
    assert "a-secret" not in caplog.text


async def test_a_valkey_that_is_too_old_is_named_and_done_without(
    tmp_path: Path,
    valkey: ValkeyServer,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = OldValkey(valkey.port)
    await old.start()
    url = valkey.url.replace(f":{valkey.port}/", f":{old.port}/")
    async with manager(tmp_path, url) as sessions:
        session = await sessions.get_or_create_session("web", 1)
        assert (await sessions.add_message(session.id, "user", "hi")).seq == 1
        await until(lambda: caplog.records)
        assert "Valkey 7." in caplog.text
        assert "Redis 7 or newer, or Valkey 8 or newer, is needed" in caplog.text
        assert valkey.password not in caplog.text
        assert (await sessions.get_stats()).redis_up is False
    monkeypatch.setenv("TURNKEEP_CACHE_URL", url)
    assert await asyncio.to_thread(run, ["doctor", "--db", f"sqlite:///{tmp_path}/chats.db"]) == 1
    assert "cache_url: names a Valkey 7." in capsys.readouterr().err
    await old.stop()


@pytest.mark.parametrize(
    ("info", "told"),
    [
        ({"redis_version": "7.0.15"}, "Redis 7.0.15"),
        ({"redis_version": "10.1.0"}, "Redis 10.1.0"),
        ({"redis_version": "7.2.4", "valkey_version": "8.0.1"}, "Valkey 8.0.1"),
        ({}, "Redis"),
        ({"redis_version": "6.2.14"}, None),
        ({"redis_version": "7.2.4", "valkey_version": "7.2.5"}, None),
    ],
)
def test_what_is_too_old(info: dict[str, str], told: str | None) -> None:
    if told is None:
        with pytest.raises(InvalidInput, match=r"cache_url: names a \w+ [67]\.2\.\d+: Redis 7 or newer"):
            supported(info)
    else:
        assert supported(info) == told


async def test_of_very_many_changes_it_is_said_that_any_may_be_new(valkey: ValkeyServer) -> None:
    here, there = await hints(valkey), await hints(valkey)
    heard: list[str | None] = []
    there.listeners.append(heard.append)
    for at in range(3):
        here.tell("app", f"ses_{at}", 1)
        here.tell("app", f"ses_{at}", 2)
    await until(lambda: len(heard) == 3)
    assert sorted(map(str, heard)) == ["ses_0", "ses_1", "ses_2"]
    for at in range(MOST + 1):
        here.tell("app", f"ses_{at}", 3)
    await until(lambda: len(heard) > 3)
    assert heard[3:] == [None]
    await here.close()
    await there.close()


async def test_it_ends_though_its_cancellation_is_lost(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by redis-py, where a connection breaks while it tidies up: then that is told, and not that it was cancelled."""
    began = asyncio.Event()

    async def tidy_up(pipe: Pipeline) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None

    monkeypatch.setattr(Pipeline, "execute", tidy_up)
    made = await hints(valkey)
    made.tell("default", "a session", 1)
    await began.wait()
    async with asyncio.timeout(30):
        await made.close()


async def test_a_bucket_is_shared_and_lost_with_redis(valkey: ValkeyServer) -> None:
    here, there = await hints(valkey), await hints(valkey)
    taken = [await (here, there)[at % 2].take("a", 0.1, 4) for at in range(4)]
    assert taken == [0, 0, 0, 0]
    wait = await here.take("a", 0.1, 4)
    assert wait is not None
    assert 8 < wait <= 10
    assert await there.take("b", 0.1, 4) == 0
    valkey.kill()
    await is_up(here, there, up=False)
    assert await here.take("a", 0.1, 4) is None
    valkey.restart()
    await is_up(here, there)
    assert await here.take("a", 0.1, 4) == 0  # it is empty, and the script is loaded again
    await here.close()
    await there.close()


async def test_a_wait_that_was_kept_is_enough(valkey: ValkeyServer) -> None:
    here = await hints(valkey)
    waits = []
    for _ in range(20):
        wait = await here.take("a", 50, 2)
        assert wait is not None
        waits.append(wait)
        if wait:
            await asyncio.sleep(wait)
            assert await here.take("a", 50, 2) == 0
    assert any(waits)
    await here.close()


async def test_the_limit_of_a_key_is_that_of_all_servers(tmp_path: Path, valkey: ValkeyServer) -> None:
    settings: dict[str, Any] = {"rate_limit": 0.001, "rate_burst": 5, "cache_url": valkey.url}
    async with application(tmp_path, **settings) as one, application(tmp_path, **settings) as two:
        assert one.tenants.hints is not None
        assert two.tenants.hints is not None
        await is_up(one.tenants.hints, two.tenants.hints)
        key = await one.key()
        clients = [Client(one.http, key), Client(two.http, key)]
        assert [(await clients[at % 2].get(URL)).status_code for at in range(5)] == [200] * 5
        for client in clients:
            problem(await client.get(URL), 429, "rate-limited")
        operator = await two.client()
        assert "turnkeep_redis_up 1.0" in (await operator.get("/metrics")).text
        valkey.kill()
        await is_up(one.tenants.hints, two.tenants.hints, up=False)
        for client in clients:  # each server by itself
            assert [(await client.get(URL)).status_code for _ in range(6)] == [200] * 5 + [429]
        assert "turnkeep_redis_up 0.0" in (await operator.get("/metrics")).text


@pytest.mark.parametrize(
    "url", ["http://a-secret@host", "redis", "redis://:a-secret@host:port/0", "redis://:a-secret@host:99999999"]
)
def test_an_url_that_is_none(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_cache(url)
    assert refused.value.field == "cache_url"
    assert "a-secret" not in f"{refused.value} {refused.value.__cause__}"


def test_the_url_does_not_show() -> None:
    assert "a-secret" not in repr(Settings(cache_url="redis://:a-secret@host"))


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "redis" or name.startswith(("redis.", "turnkeep.caches.redis"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingExtra, match=r"turnkeep\[redis\]"):
        open_cache("redis://host")
