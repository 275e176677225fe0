"""The use of the connections to PostgreSQL, as an operator sees it."""

from __future__ import annotations

import asyncio

from tests.instances.conftest import until
from tests.server.conftest import application
from tests.server.test_metrics import figures, of

from turnkeep import SessionManager
from turnkeep.session import PoolStats
from turnkeep.stores import CachedStore
from turnkeep.stores.base import Lease
from turnkeep.stores.postgres import PostgresStore
from turnkeep.stores.postgres.connection import Options
from turnkeep.testing.builders import APP, message, opened, said


async def test_who_uses_and_who_waits(database: str) -> None:
    store = PostgresStore(database, Options(pool_size=2))
    assert store.pool is None
    await store.open()
    assert store.pool == PoolStats(used=0, idle=1, pending=0, max=2)
    session = await said(store, await opened(store), "hello")
    async with store._database.connection():
        assert CachedStore(store).pool == PoolStats(used=1, idle=0, pending=0, max=2)
        async with store._database.connection():
            reading = asyncio.create_task(store.session(APP, session.id))
            await until(lambda: store.pool == PoolStats(used=2, idle=0, pending=1, max=2))
    assert await reading == session
    assert store.pool == PoolStats(used=0, idle=2, pending=0, max=2)
    await store.close()
    assert store.pool is None


async def test_the_first_append_on_a_connection_looks_up_no_types(database: str) -> None:
    store = PostgresStore(database, Options(pool_size=2))
    await store.open()
    session = await opened(store)
    asked: list[str] = []
    await store._database.pool.expire_connections()
    async with store._database.connection() as db:
        db.add_query_logger(lambda record: asked.append(record.query))
    await said(store, session, message(content="hello", external_id="1"), message("assistant", content="hi"))
    await store.lease([Lease("compaction", APP, session.id)], "me", ttl_ms=1)
    assert any("append_batch" in query for query in asked)
    assert [query for query in asked if "pg_type" in query or "typeinfo" in query] == []
    await store.close()


async def test_what_the_writer_keeps_is_idle(database: str) -> None:
    async with SessionManager.open(database, cleanup_interval=0.0, compaction="manual", tokenizer="estimate") as sessions:
        session = await sessions.get_or_create_session("web", 1)
        await sessions.add_message(session.id, "user", "hello")
        pool = (await sessions.get_stats()).pool
        assert pool is not None
        assert (pool.used, pool.pending, pool.max) == (0, 0, 10)
        assert pool.idle > 0


async def test_the_server_tells_it(database: str) -> None:
    async with application(database, postgres_pool_size=7) as running:
        found = await figures(await running.client())
        assert of(found, "db_client_connection_max") == 7
        assert of(found, "db_client_connection_pending_requests") == 0
        assert of(found, "db_client_connection_count", state="used") == 0
        assert of(found, "db_client_connection_count", state="idle") > 0
