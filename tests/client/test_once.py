"""A write whose answer was lost is sent again, and done once: every one of them, through a proxy that cuts the first answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from tests.client.conftest import Served
from tests.client.test_faults import key_of, listening, request_of

from turnkeep.client import SessionManager
from turnkeep.errors import UnknownSession
from turnkeep.testing.manager_contract.case import raises

Write = Callable[[SessionManager, str], Awaitable[Any]]
TO_A_SESSION: dict[str, Write] = {
    "add_message": lambda sessions, name: sessions.add_message(name, "user", "more"),
    "add_messages": lambda sessions, name: sessions.add_messages(name, [{"role": "user", "content": "more"}] * 3),
    "clear_messages": lambda sessions, name: sessions.clear_messages(name),
    "retract": lambda sessions, name: sessions.retract(name, 2),
    "update_state": lambda sessions, name: sessions.update_state(name, {"a": 1}),
    "record_tool_call": lambda sessions, name: sessions.record_tool_call(name, "look"),
    "record_error": lambda sessions, name: sessions.record_error(name, "Timeout"),
    "record_usage": lambda sessions, name: sessions.record_usage(name, tokens_in=1, tokens_out=2),
    "deactivate_session": lambda sessions, name: sessions.deactivate_session(name),
}


class Proxy:
    """Passes on what comes, and keeps the heads; an answer that it is told to cut is read whole and not passed on."""

    def __init__(self, port: int) -> None:
        self.port, self.cuts = port, 0
        self.heads: list[bytes] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while (asked := await request_of(reader))[0]:
                self.heads.append(asked[0])
                back.write(asked[0] + asked[1])
                head, body = await request_of(there)  # an answer is framed as a request is
                if self.cuts:
                    self.cuts -= 1
                    return
                writer.write(head + body)
        finally:
            back.close()
            with suppress(ConnectionError):
                await back.wait_closed()


@asynccontextmanager
async def cutting(served: Served) -> AsyncIterator[tuple[SessionManager, Proxy]]:
    proxy = Proxy(served.port)
    async with listening(proxy.handle) as url, SessionManager.open(url, key=await served.key()) as sessions:
        yield sessions, proxy


async def cut_once(proxy: Proxy, write: Awaitable[Any]) -> Any:
    proxy.heads.clear()
    proxy.cuts = 2
    answer = await write
    assert len(proxy.heads) == 3
    assert len({key_of(head) for head in proxy.heads} - {None}) == 1
    return answer


@pytest.mark.parametrize("write", TO_A_SESSION.values(), ids=TO_A_SESSION)
async def test_a_write_to_a_session(served: Served, client: SessionManager, write: Write) -> None:
    session = await client.get_or_create_session("web", 1)
    await client.add_messages(session.id, [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}] * 2)
    before = await client.get_session(session.id)
    async with cutting(served) as (sessions, proxy):
        answer = await cut_once(proxy, write(sessions, session.id))
        assert (await client.get_session(session.id)).version == before.version + 1
        again = await write(sessions, session.id)
    assert type(answer) is type(again)


async def test_an_opening(served: Served, client: SessionManager) -> None:
    async with cutting(served) as (sessions, proxy):
        session, made = await cut_once(proxy, sessions.open_session("web", 1))
    assert made
    assert [one.id for one in await client.list_sessions()] == [session.id]


async def test_a_deletion(served: Served, client: SessionManager) -> None:
    session = await client.get_or_create_session("web", 1)
    async with cutting(served) as (sessions, proxy):
        await cut_once(proxy, sessions.delete_session(session.id))
        with raises(UnknownSession):
            await sessions.delete_session(session.id)


async def test_an_erasure_and_a_cleanup_tell_what_they_did(served: Served, client: SessionManager) -> None:
    await client.get_or_create_session("web", 1, external_user_id="ann")
    closed = await client.get_or_create_session("web", 2, expires_in=0.001)
    while (await client.get_session(closed.id)).status == "active":
        await asyncio.sleep(0.001)
    async with cutting(served) as (sessions, proxy):
        assert (await cut_once(proxy, sessions.erase_user("ann"))).sessions == 1
        assert (await cut_once(proxy, sessions.cleanup())).expired == 1
        assert (await sessions.cleanup()).expired == 0


async def test_a_key_of_the_callers_own_goes_out_as_it_is(served: Served) -> None:
    async with cutting(served) as (sessions, proxy):
        session = await sessions.get_or_create_session("web", 1)
        for key, sent in (("turn-1", b"turn-1"), ("été", None), ('"x"', None)):
            once = sessions.conditional(idempotency_key=key)
            first = await cut_once(proxy, once.record_error(session.id, "Timeout", message=key))
            found = key_of(proxy.heads[0])
            assert found == sent if sent else found not in (None, key.encode())
            assert await once.record_error(session.id, "Timeout", message=key) == first
        assert len(await sessions.get_events(session.id)) == 3
