"""PostgreSQL and Redis together under two servers: each hears of the other at once, none is ever stale, and Redis may go and come."""

from __future__ import annotations

from typing import Any

import pytest
from tests.instances.conftest import hear, is_up
from tests.server.conftest import URL, Client, Running, application, problem

from turnkeep import SessionManager, feed
from turnkeep.testing.servers.valkey import ValkeyServer

BURST = 4
SETTINGS: dict[str, Any] = {"rate_limit": 0.001, "rate_burst": BURST, "compaction": "manual", "tokenizer": "estimate"}


async def says(here: SessionManager, there: SessionManager, session_id: str, text: str) -> None:
    """What is said by the one is in the other's next context, which it has cached without it."""
    await there.build_context(session_id)
    stored = await here.add_message(session_id, "user", text)
    assert (await there.build_context(session_id)).messages[-1]["content"] == text
    assert (await there.get_session(session_id)).seq == stored.seq


async def allowed(*servers: Running) -> list[int]:
    """How many requests a new key may make of each in turn, until that one refuses."""
    key = await servers[0].key()
    counts = []
    for server in servers:
        client, count = Client(server.http, key), 0
        while (answer := await client.get(URL)).status_code == 200:
            count += 1
        problem(answer, 429, "rate-limited")
        counts.append(count)
    return counts


async def test_redis_dies_in_the_middle_and_comes_back(
    database: str, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "POLL_SECONDS", 1000.0)  # what is heard was hinted at
    settings = SETTINGS | {"cache_url": valkey.url}
    async with application(database, **settings) as one, application(database, **settings) as two:
        here, there = one.tenants.manager("default"), two.tenants.manager("default")
        await is_up(here, there)
        session = await here.get_or_create_session("web", 1)
        changes = there.listen(session.id)
        await anext(changes)
        await says(here, there, session.id, "with Redis")
        await hear(changes, "with Redis")
        assert await allowed(one, two) == [BURST, 0]
        assert (await two.http.get("/readyz")).json() == {"status": "ok", "redis_up": True}

        valkey.kill()
        await is_up(here, there, up=False)
        await says(here, there, session.id, "without")
        await says(there, here, session.id, "without it, too")
        assert await allowed(one, two) == [BURST, BURST]
        answer = await two.http.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "redis_up": False})
        assert (await there.get_stats()).redis_up is False

        valkey.restart()
        await hear(changes, "without it, too")  # what was missed is looked for
        await is_up(here, there)
        await says(there, here, session.id, "again")
        await says(here, there, session.id, "at last")
        await hear(changes, "at last")
        assert await allowed(two, one) == [BURST, 0]
        assert (await there.get_stats()).redis_up is True


async def test_without_redis_live_events_are_looked_for(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.05)
    async with application(database, **SETTINGS) as one, application(database, **SETTINGS) as two:
        here, there = one.tenants.manager("default"), two.tenants.manager("default")
        session = await here.get_or_create_session("web", 1)
        changes = there.listen(session.id)
        await anext(changes)
        await says(here, there, session.id, "hello")
        await hear(changes, "hello")
        assert (await two.http.get("/readyz")).json() == {"status": "ok"}
        assert (await there.get_stats()).redis_up is None
