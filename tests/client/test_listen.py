"""Live changes over connections that break, and what a feed holds and gives back."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import Served
from tests.client.test_faults import answer, listening, request_of, scripted

from turnkeep.client import ServerFailed, ServerUnreachable, SessionManager, TooManyStreams, TooManyStreamsOfKey, Unauthorized
from turnkeep.client import connection as connection_module
from turnkeep.client.feed import AHEAD, Feed
from turnkeep.client.retries import Retries
from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.session import Change, Message, Session
from turnkeep.testing.manager_contract.case import raises

QUICK = Retries(tries=5, first=0.001, most=0.01)


class Proxy:
    """Passes on what comes; of the next answer only `cut` bytes, after which it closes, or (`hangs`) says no more."""

    def __init__(self, port: int) -> None:
        self.port, self.passed, self.streams = port, 0, 0
        self.cut: int | None = None
        self.hangs = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head, body = await request_of(reader)
            back.write(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body)
            cut, self.cut = (self.cut, None) if b"/events" in head else (None, self.cut)
            self.streams += b"/events" in head
            self.passed = 0
            while chunk := await there.read(65536 if cut is None else cut - self.passed):
                self.passed += len(chunk)
                writer.write(chunk)
                await writer.drain()
            if cut is not None and self.hangs:
                await reader.read()
        finally:
            back.close()


@asynccontextmanager
async def through(served: Served) -> AsyncIterator[tuple[SessionManager, Proxy]]:
    proxy = Proxy(served.port)
    async with listening(proxy.handle) as url, SessionManager.open(url, key=await served.key()) as sessions:
        sessions._connection._retries = QUICK
        yield sessions, proxy


async def until(feed: Feed, version: int) -> list[Change]:
    found: list[Change] = []
    async for change in feed:
        found.append(change)
        if isinstance(change.value, Session) and change.value.version >= version:
            break
    return found


async def reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def begun(client: SessionManager) -> tuple[Session, Feed]:
    """A session, and a feed that has told it."""
    session = await client.get_or_create_session("web", 1)
    feed = client.listen(session.id)
    assert (await anext(feed)).value == session
    return session, feed


async def test_cut_at_any_point_nothing_is_lost_and_nothing_doubled(served: Served, client: SessionManager) -> None:
    session, feed = await begun(client)
    await client.add_message(session.id, "user", "é\n\n\u2028data: x\x85\r\n🙂")
    await client.record_error(session.id, "Timeout")
    await client.add_message(session.id, "assistant", "well")
    version = (await client.get_session(session.id)).version
    whole = await until(client.listen(session.id, first := (await first_cursor(client, session))), version)
    assert [one.kind for one in whole if one.kind != "session"] == ["message", "message", "error"]
    async with through(served) as (sessions, proxy):
        assert await until(sessions.listen(session.id, first), version) == whole
        size = proxy.passed
        assert size > 500
        for point in range(0, size, 13):
            proxy.cut, before = point + 1, proxy.streams
            assert await until(sessions.listen(session.id, first), version) == whole, point
            assert proxy.streams - before in (1, 2)  # one if the last event had passed
    await feed.aclose()


async def first_cursor(client: SessionManager, session: Session) -> str:
    """That of the session before anything was said."""
    now = (await anext(client.listen(session.id))).cursor.split("-")
    return "-".join([now[0], str(session.version), "0", "0", "0"])


async def test_a_connection_that_went_dead_is_noticed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "SILENCE", 0.3)
    async with through(served) as (sessions, proxy):
        session = await sessions.get_or_create_session("web", 1)
        cursor = (await anext(sessions.listen(session.id))).cursor
        proxy.cut, proxy.hangs = 150, True
        feed = sessions.listen(session.id, cursor)
        said = await sessions.add_message(session.id, "user", "hi")
        assert (await anext(feed)).value == said


async def test_a_server_that_comes_back(served: Served, client: SessionManager) -> None:
    session, feed = await begun(client)
    _, other = await begun(client)
    await served.stop()
    waiting = asyncio.create_task(anext(feed))
    await served.start()
    said = await client.add_message(session.id, "user", "hi")
    assert (await waiting).value == said
    await feed.aclose()
    assert (await anext(other)).value == said
    assert (await anext(other)).kind == "session"
    await served.stop()
    client._connection._retries = Retries(tries=2, first=0.01)
    with raises(ServerUnreachable):
        await anext(other)
    await served.start()
    await client.delete_session(session.id)  # while nobody listens
    assert [one.kind async for one in other] == ["deleted"]


async def test_one_that_is_not_read_holds_so_many_and_no_more(client: SessionManager) -> None:
    session, feed = await begun(client)
    await client.add_messages(session.id, [{"role": "user", "content": f"{at}"} for at in range(500)])
    await reached(feed._reader.inbox.full)
    assert feed._reader.inbox.qsize() == AHEAD
    told = await until(feed, (await client.get_session(session.id)).version)
    assert [one.value.seq for one in told if isinstance(one.value, Message)] == list(range(1, 501))


async def test_what_nobody_holds_gives_its_place_back(served: Served, client: SessionManager) -> None:
    session, feed = await begun(client)
    streams = served.tenants.streams
    async for _ in client.listen(session.id):
        break
    lent = client.conditional()
    ended, kept = lent.listen(session.id), client.conditional().listen(session.id)
    for one in (ended, kept):
        await one.begin()
    gc.collect()
    await reached(lambda: len(streams) == 3)
    await lent.close()
    assert [one async for one in ended] == []
    await reached(lambda: len(streams) == 2)
    await client.close()
    assert [one async for one in feed] == [] == [one async for one in kept]
    await reached(lambda: len(streams) == 0)


async def test_calls_do_not_wait_for_streams(served: Served, client: SessionManager) -> None:
    session, first = await begun(client)
    feeds = [first, *(client.listen(session.id) for _ in range(100))]
    await asyncio.gather(*(feed.begin() for feed in feeds))
    assert len(served.tenants.streams) == 101
    said = await client.add_message(session.id, "user", "hi")
    heard = await asyncio.gather(*(until(feed, 2) for feed in feeds))
    assert [[one.value for one in told if one.kind == "message"] for told in heard] == [[said]] * 101


# --- refusals


@pytest.mark.parametrize(
    ("settings", "error", "limit"),
    [({"max_streams_per_key": 1}, TooManyStreamsOfKey, 1), ({"max_streams": 1}, TooManyStreams, 1)],
    ids=["key", "server"],
)
async def test_too_many(folder: Path, settings: Any, error: type[TooManyStreams], limit: int) -> None:
    served = Served(folder / "turnkeep.db", **settings)
    await served.start()
    async with await served.client() as client:
        client._connection._retries = QUICK
        session, feed = await begun(client)
        other = client.listen(session.id)
        for step in (other.begin, other.__anext__):
            with pytest.raises(error) as caught:
                await step()
            assert (type(caught.value), caught.value.limit) == (error, limit)
        await feed.aclose()
        await reached(lambda: len(served.tenants.streams) == 0)
        assert (await anext(other)).value == session
    await served.stop()


async def test_a_revoked_key(folder: Path) -> None:
    served = Served(folder / "turnkeep.db", stream_heartbeat=0.2)
    await served.start()
    async with await served.client() as client:
        _, feed = await begun(client)
        [key] = await served.tenants.store.keys()
        await served.tenants.store.revoke_key(None, key.id, 1)
        with raises(Unauthorized):
            await anext(feed)
    await served.stop()


async def test_begin_says_what_the_first_step_would(client: SessionManager) -> None:
    session, feed = await begun(client)
    await feed.begin()
    for name in ("ses_x", "no/body"):
        with raises(UnknownSession):
            await client.listen(name).begin()
    ahead = "-".join([(await first_cursor(client, session)).split("-")[0], "99", "0", "0", "0"])
    with raises(InvalidInput, "after"):
        await client.listen(session.id, ahead).begin()


EVENT = b"id: x\nevent: session\ndata: {}\n\n"


@pytest.mark.parametrize(
    "told", [answer(200, EVENT), answer(200, EVENT, "Content-Type: text/event-stream")], ids=["type", "event"]
)
async def test_what_is_no_event_stream_of_turnkeep(told: bytes) -> None:
    async with scripted(told) as (url, _), SessionManager.open(url, key="tk_x") as sessions:
        with raises(ServerFailed):
            await anext(sessions.listen("ses_x"))
