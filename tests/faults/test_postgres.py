"""PostgreSQL that is killed, cut off, refused or away: what was acknowledged is there, what is unknown says so and is safe to repeat."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from turnkeep import SessionManager
from turnkeep.errors import AccessRefused, InvalidInput, OutcomeUnknown, SchemaTooNew, StoreError, StoreUnavailable
from turnkeep.session import Message
from turnkeep.settings import Settings
from turnkeep.stores import open_store
from turnkeep.stores.postgres import PostgresStore
from turnkeep.stores.postgres.connection import Options
from turnkeep.stores.postgres.schema import migrations
from turnkeep.testing.builders import APP, NOW, log, message, opened, said
from turnkeep.testing.servers.postgres import PostgresServer

SECRET = "hunter2-very-secret"

STORM = """
import asyncio, sys
from turnkeep import SessionManager

async def main(url, worker, sessions, each):
    async with SessionManager.open(url, compaction="manual") as manager:
        ids = [(await manager.get_or_create_session("storm", number)).id for number in range(sessions)]
        async def talk(session_id):
            for number in range(each):
                await manager.add_message(session_id, "user", f"{worker} {number}", external_id=f"{worker}:{number}")
        async with asyncio.TaskGroup() as talks:
            for session_id in ids:
                talks.create_task(talk(session_id))

asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
"""
OPEN = """
import asyncio, sys
from turnkeep import SessionManager

async def main(url):
    async with SessionManager.open(url) as manager:
        print(await manager.check())

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def mortal() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database)
    await store.open()
    yield store
    await store.close()


def start(script: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def persistent(store: PostgresStore, session_id: str, number: int) -> bool:
    """Append once, again for as long as the answer is not known; whether it ever was not."""
    doubted = False
    while True:
        try:
            await store.append(APP, session_id, [message(content=str(number), external_id=f"x{number}")], now_ms=NOW)
        except (OutcomeUnknown, StoreUnavailable):
            doubted = True
        else:
            return doubted


async def test_a_server_that_is_killed_loses_nothing_acknowledged(mortal: PostgresServer) -> None:
    store = PostgresStore(mortal.create_database(), Options(connect_timeout=60))
    await store.open()
    session = await opened(store)
    acknowledged: set[str] = set()
    stop = asyncio.Event()

    async def talk(name: str) -> int:
        number = 0
        while not stop.is_set() or number < 5:
            await persistent(store, session.id, hash_of := int(f"{name}{number:06}"))
            acknowledged.add(str(hash_of))
            number += 1
        return number

    async with asyncio.TaskGroup() as talks:
        for n in range(1, 9):
            talks.create_task(talk(str(n)))
        for _ in range(2):
            enough = len(acknowledged) + 50
            while len(acknowledged) < enough:
                await asyncio.sleep(0.005)
            await asyncio.to_thread(mortal.kill)
            await asyncio.to_thread(mortal.restart)
        stop.set()
    rows: list[Message] = []
    while page := await store.messages(APP, session.id, after=len(rows), limit=1000):
        rows += page
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert sorted(str(row.content) for row in rows) == sorted(acknowledged)
    assert await store.check() == []
    await store.close()


async def test_cut_connections_lose_and_double_nothing(store: PostgresStore, postgres: PostgresServer, database: str) -> None:
    session = await opened(store)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    numbers = iter(range(10_000))
    done: list[int] = []

    async def talk() -> None:
        for number in numbers:
            await persistent(store, session.id, number)
            done.append(number)
            if number > 400:
                return

    async with asyncio.TaskGroup() as group:  # where one fails, the others end with it, before the store does
        talks = [group.create_task(talk()) for _ in range(16)]
        while not all(one.done() for one in talks):
            await asyncio.to_thread(postgres.query, cut, database.rpartition("/")[2])
    rows = await log(store, session)
    assert sorted(int(str(row.content)) for row in rows) == sorted(done)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))


async def test_ten_instances_that_start_at_once_migrate_once(new_database: str, postgres: PostgresServer) -> None:
    started = [start(OPEN, new_database) for _ in range(10)]
    for process in started:
        out, err = process.communicate()
        assert (out, process.returncode) == ("[]\n", 0), err
    name, many = new_database.rpartition("/")[2], str(len(migrations()))
    assert postgres.query("SELECT count(*), count(DISTINCT number) FROM turnkeep.migrations", name) == [[many, many]]


async def test_four_processes_append_to_the_same_sessions(store: PostgresStore, database: str) -> None:
    processes, sessions, each = 4, 10, 20
    started = [start(STORM, database, str(worker), str(sessions), str(each)) for worker in range(processes)]
    for process in started:
        assert process.communicate()[1] == ""
    async with SessionManager.open(database) as manager:
        found = await manager.list_sessions(interface_type="storm")
        assert len(found) == sessions
        for session in found:
            rows = await manager.get_messages(session.id, limit=1000)
            assert [row.seq for row in rows] == list(range(1, processes * each + 1))
            said = [tuple(map(int, str(row.content).split())) for row in rows]
            for worker in range(processes):
                assert [number for by, number in said if by == worker] == list(range(each))
        assert await manager.check() == []


async def test_managers_go_by_the_clock_of_the_database(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with SessionManager.open(database, expires_in=60) as right:
        session = await right.get_or_create_session("web", 1)
        now = session.created_at.timestamp()
        monkeypatch.setattr("time.time", lambda: now + 120)  # an instance whose own clock is two minutes ahead
        async with SessionManager.open(database, expires_in=60) as ahead:
            assert (await ahead.get_session(session.id)).status == "active"
            assert (await ahead.get_or_create_session("web", 1)).id == session.id
            written = await ahead.add_message(session.id, "user", "hi")
            assert abs(written.created_at.timestamp() - now) < 60


async def test_a_wrong_password_is_said_and_not_told(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url(password=SECRET))
    with pytest.raises(AccessRefused) as refused:
        await store.open()
    url = postgres.url(password=SECRET)
    for text in (str(refused.value), repr(refused.value), repr(store), repr(Settings(database_url=url))):
        assert SECRET not in text
    assert "postgres@127.0.0.1" in str(refused.value)


async def test_a_server_that_is_not_there_is_named() -> None:
    store = PostgresStore(f"postgresql://user:{SECRET}@127.0.0.1:1/chats", Options(connect_timeout=0.5))
    with pytest.raises(StoreUnavailable, match=r"^user@127\.0\.0\.1:1/chats: ") as away:
        await store.open()
    assert SECRET not in str(away.value)


async def test_a_database_that_is_not_there_is_named(postgres: PostgresServer) -> None:
    with pytest.raises(StoreUnavailable, match="there is no such database"):
        await PostgresStore(postgres.url("nothing")).open()


async def test_a_newer_schema_is_left_alone(new_database: str, postgres: PostgresServer) -> None:
    store = PostgresStore(new_database)
    await store.open()
    await store.close()
    name = new_database.rpartition("/")[2]
    postgres.query("INSERT INTO turnkeep.migrations (number) VALUES (99)", name)
    with pytest.raises(SchemaTooNew, match="its schema is 99"):
        await store.open()


async def test_a_statement_that_takes_too_long_ends(database: str, postgres: PostgresServer) -> None:
    store = PostgresStore(database, Options(timeout=0.5))
    await store.open()
    session = await said(store, await opened(store), "hello")
    other = PostgresStore(database)
    await other.open()
    async with other._database.connection() as db, db.transaction():
        await db.execute("SELECT FROM sessions FOR UPDATE")
        with pytest.raises(StoreError, match="postgres_timeout"):
            await said(store, session, "waits")
    assert (await said(store, session, "goes on")).seq == 2
    await other.close()
    await store.close()


def test_an_encryption_key_is_refused() -> None:
    with pytest.raises(InvalidInput, match="encryption_key: is set, and encrypts SQLite files only"):
        open_store("postgresql://localhost/chats", Settings(encryption_key="ab" * 32))
