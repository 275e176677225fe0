"""Networks and servers that fail: every call ends in time, with an answer or a typed error, and a write is done once."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.client.conftest import Served
from tests.server.conftest import serving

from turnkeep.client import RateLimited, ServerFailed, ServerUnreachable, SessionManager
from turnkeep.client.retries import Retries, retry_after
from turnkeep.errors import StoreBusy
from turnkeep.testing.manager_contract.case import raises

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WHO = b'{"app": "default", "scope": "admin", "external_user_id": null}'
BUSY = b'{"type": "urn:turnkeep:problem:store-busy", "title": "x", "status": 503, "detail": "locked"}'
LATER = b'{"type": "urn:turnkeep:problem:rate-limited", "title": "x", "status": 429, "detail": "Slowly."}'
STATS = b'{"sizes": {"sessions": 1}}'


def answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def request_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of the next request; empty when there is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b"", b""
    length = re.search(rb"content-length: (\d+)", head.lower())
    return head, await reader.readexactly(int(length[1])) if length else b""


@asynccontextmanager
async def listening(handle: Handle) -> AsyncIterator[str]:
    """A server of the test's own making; its address."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await handle(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


@asynccontextmanager
async def scripted(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """One that knows every key, and then gives these answers in turn; an empty one is a cut. The heads of the requests."""
    left, heads = [answer(200, WHO), *answers], []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            head, _ = await request_of(reader)
            if not head:
                return
            heads.append(head)
            told = left.pop(0)
            if not told:
                return
            writer.write(told)
            await writer.drain()

    async with listening(handle) as url:
        yield url, heads


def key_of(head: bytes) -> bytes | None:
    found = re.search(rb"(?i)idempotency-key: (\S+)", head)
    return found[1] if found else None


# --- what is tried again


async def test_what_passes_is_tried_again() -> None:
    passing = [b"", answer(503, BUSY), answer(502, b"<html>"), answer(504, b""), answer(429, LATER, "Retry-After: 0")]
    async with scripted(*passing, answer(200, STATS)) as (url, heads), SessionManager.open(url, key="tk_x") as sessions:
        assert await sessions.sizes() == {"sessions": 1}
        assert len(heads) == 7
        assert {key_of(head) for head in heads} == {None}


async def test_the_tries_of_a_write_share_a_key_and_no_two_writes_do() -> None:
    done = answer(200, b'{"expired": 0, "deleted": 0, "dry_run": false}')
    async with scripted(b"", answer(502, b""), done, done) as (url, heads), SessionManager.open(url, key="tk_x") as sessions:
        await sessions.cleanup()
        await sessions.cleanup()
    first, second, third, other = (key_of(head) for head in heads[1:])
    assert first is not None
    assert first == second == third != other
    assert other is not None


async def test_what_does_not_pass_is_not_tried_again() -> None:
    refused = answer(
        500, b'{"type": "urn:turnkeep:problem:internal", "title": "x", "status": 500, "detail": "Its log says why."}'
    )
    async with scripted(refused) as (url, heads), SessionManager.open(url, key="tk_x") as sessions:
        with pytest.raises(ServerFailed, match="Its log says why"):
            await sessions.sizes()
        assert len(heads) == 2


async def test_the_last_word_is_the_error() -> None:
    for told, error in ((answer(503, BUSY), StoreBusy), (b"", ServerUnreachable), (answer(502, b"<html>"), ServerUnreachable)):
        async with scripted(*[told] * 50) as (url, _), SessionManager.open(url, key="tk_x", timeout=0.5) as sessions:
            with raises(error):
                await sessions.sizes()


async def test_a_limit_says_when() -> None:
    limited = answer(429, LATER, "Retry-After: 3600")
    async with scripted(limited) as (url, heads), SessionManager.open(url, key="tk_x") as sessions:
        with pytest.raises(RateLimited, match="Slowly") as caught:
            await sessions.sizes()
        assert caught.value.retry_after == 3600
        assert len(heads) == 2  # there is no time to wait so long


@pytest.mark.parametrize(
    "told",
    [
        answer(200, b"<html>Welcome</html>"),
        answer(200, b"[]"),
        answer(200, b'{"sizes": 5}'),
        answer(404, b"<html>"),
        answer(302, b"", "Location: http://127.0.0.1:9/"),
    ],
    ids=["page", "list", "other", "404", "redirect"],
)
async def test_what_is_no_turnkeep_server_is_said_to_be_none(told: bytes) -> None:
    async with scripted(told) as (url, _), SessionManager.open(url, key="tk_x") as sessions:
        with raises(ServerFailed):
            await sessions.sizes()


# --- servers that are not there, hang, or go away


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ServerUnreachable, match="Does the server run there"):
            await SessionManager.open(url, key="tk_x", timeout=0.3)


async def test_a_server_that_hangs() -> None:
    seen = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        await reader.read()

    async with listening(hang) as url:
        with pytest.raises(ServerUnreachable, match="no answer within"):
            await SessionManager.open(url, key="tk_x", timeout=0.5)
    assert len(seen) == 2


async def test_a_server_that_comes_back(served: Served) -> None:
    async with await served.client() as sessions:
        session = await sessions.get_or_create_session("web", 1)
        await served.stop()
        waiting = asyncio.create_task(sessions.add_message(session.id, "user", "hi"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await served.start()
        assert (await waiting).seq == 1


async def test_a_call_that_is_cancelled_is_over(served: Served) -> None:
    async with await served.client() as sessions:
        session = await sessions.get_or_create_session("web", 1)
        for _ in range(20):
            call = asyncio.create_task(sessions.build_context(session.id))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert (await sessions.add_message(session.id, "user", "hi")).seq == 1


async def test_killed_under_load_and_started_again_every_message_is_there_once(tmp_path: Path) -> None:
    said = asyncio.Event()
    with serving(tmp_path) as first:
        async with SessionManager.open(first.url, key=first.told["key"], timeout=60) as sessions:
            session = await sessions.get_or_create_session("web", 1, token_limit=10**6)

            async def say(caller: int) -> None:
                for at in range(20):
                    await sessions.add_message(session.id, "user", f"{caller}-{at}")
                    if at == 5:
                        said.set()

            load = [asyncio.create_task(say(caller)) for caller in range(8)]
            await said.wait()
            await asyncio.to_thread(first.end, 9)
            with serving(tmp_path, "--port", first.url.rpartition(":")[2]):  # while this waits, so do the calls
                await asyncio.gather(*load)
                told = [str(message.content) for message in await sessions.get_messages(session.id, limit=1000)]
    assert sorted(told) == sorted(f"{caller}-{at}" for caller in range(8) for at in range(20))


# --- the policy


def test_pauses_double_up_to_the_most_and_end() -> None:
    policy = Retries(tries=5, first=0.1, most=0.5)
    assert [policy.pause(tried, 60, None, 1.0) for tried in range(1, 6)] == [0.1, 0.2, 0.4, 0.5, None]
    assert [policy.pause(tried, 60, None, 0.0) for tried in range(1, 5)] == [0.05, 0.1, 0.2, 0.25]
    assert policy.pause(1, 60, 7.0, 0.5) == 7.0
    assert policy.pause(1, 5, 7.0, 0.5) is None
    assert policy.pause(1, 0.05, None, 1.0) is None


@pytest.mark.parametrize(("header", "seconds"), [("0", 0), ("120", 120), (None, None), ("soon", None), ("-1", None), ("²", None)])
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds
