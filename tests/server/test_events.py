"""Live events: what is told over a connection, from where on, to whom, and what ends it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import URL, Client, Running, problem, serving

from turnkeep import SessionManager
from turnkeep.server.run import _config, _listen, _Server
from turnkeep.server.tenants import Tenants
from turnkeep.settings import Settings

Told = tuple[str, str, Any]  # id, event, data


class Stream:
    """An event stream that is being read."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.lines = answer, answer.aiter_lines()
        self.heartbeats = 0

    async def next(self) -> Told | None:
        """The next event; None when the stream has ended."""
        fields: dict[str, str] = {}
        async for line in self.lines:
            self.heartbeats += line.startswith(":")
            if not line and "event" in fields:
                return fields["id"], fields["event"], json.loads(fields["data"])
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
        return None

    async def until(self, last: Callable[[Told], bool]) -> list[Told]:
        found: list[Told] = []
        while not found or not last(found[-1]):
            told = await self.next()
            assert told is not None, found
            found.append(told)
        return found

    async def up_to(self, version: int) -> list[Told]:
        return await self.until(lambda told: told[1] == "session" and told[2]["version"] >= version)


class Served(Running):
    """An application behind a real socket, on the test's loop."""

    server: _Server

    @asynccontextmanager
    async def listening(self, client: Client, path: str, after: str | None = None) -> AsyncIterator[Stream]:
        headers = client.headers | ({} if after is None else {"Last-Event-ID": after})
        async with client.http.stream("GET", f"{path}/events", headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            yield Stream(answer)

    async def idle(self) -> None:
        """Until no stream is open."""
        await reached(lambda: len(self.tenants.streams) == 0)


async def reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served_over(folder: Path, **settings: Any) -> AsyncIterator[Served]:
    given = {"cleanup_interval": 0.0, "compaction": "manual", **settings}
    async with Tenants(f"sqlite:///{folder}/turnkeep.db", Settings(**given)) as tenants:
        with _listen("127.0.0.1", 0) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
            server = _Server(_config(tenants), tenants, lambda: None)
            running = asyncio.create_task(server.serve(sockets=[listening]))
            await reached(lambda: server.started)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as http, asyncio.timeout(100):
                one = Served(tenants, http)
                one.server = server
                yield one
            server.handle_exit(signal.SIGTERM, None)
            await running
        assert len(tenants.streams) == 0
        assert await tenants.store.check() == []


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_over(tmp_path) as one:
        yield one


async def much(client: Client, path: str) -> int:
    """Changes of every kind but the last; the version after them."""
    texts = [f"{number}: " + "word " * 40 for number in range(12)]
    messages = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
    for where, body in (
        ("/messages", {"messages": messages}),
        ("/tool-calls", {"name": "look"}),
        ("/summaries", {}),
        ("/errors", {"name": "Timeout", "message": "line one\nline two"}),
        ("/messages", {"role": "user", "content": "é\n\n\u2028data: x\x85\u2029\x1e\x0b\r\n🙂"}),
        ("/usage", {"tokens_in": 1, "tokens_out": 2}),
        ("/clear", {}),
        ("/deactivate", {}),
    ):
        assert (await client.post(path + where, body)).is_success, where
    return int((await client.get(path)).json()["version"])


# --- what is told


async def test_it_begins_with_the_session_and_tells_each_change_as_the_resources_do(served: Served) -> None:
    client = await served.client()
    path = await client.said(await client.create())
    async with served.listening(client, path) as stream:
        head = stream.answer.headers
        assert head["content-type"] == "text/event-stream"
        assert (head["cache-control"], head["x-accel-buffering"]) == ("no-store", "no")
        [(first, kind, data)] = await stream.up_to(1)
        assert (kind, data) == ("session", (await client.get(path)).json())
        live = await stream.up_to(await much(client, path))
    async with served.listening(client, path, first) as stream:
        whole = await stream.up_to(live[-1][2]["version"])
    by_kind: dict[str, list[Any]] = {}
    for _, kind, data in whole:
        by_kind.setdefault(kind, []).append(data)
    assert by_kind.pop("message") == (await client.get(path + "/messages")).json()["messages"]
    assert by_kind.pop("summary") == (await client.get(path + "/summaries")).json()["summaries"]
    for name, resource in (("tool-call", "tool-calls"), ("error", "errors"), ("usage", "usage")):
        assert by_kind.pop(name) == (await client.get(f"{path}/{resource}")).json()["events"]
    assert by_kind == {"session": [(await client.get(path)).json()]}
    assert [one for one in whole if one[1] == "message"] != []
    rows = [(kind, data) for _, kind, data in live if kind != "session"]
    assert sorted(map(str, rows)) == sorted(str((kind, data)) for _, kind, data in whole if kind != "session")


async def test_every_cut_is_gone_on_from_exactly(served: Served) -> None:
    client = await served.client()
    path = await client.said(await client.create())
    async with served.listening(client, path) as stream:
        [(first, *_)] = await stream.up_to(1)
    version = await much(client, path)
    async with served.listening(client, path, first) as stream:
        whole = await stream.up_to(version)
    for at, (name, *_) in enumerate(whole[:-1], 1):
        async with served.listening(client, path, name) as stream:
            assert await stream.up_to(version) == whole[at:]


async def test_a_restart_is_gone_on_from_exactly(tmp_path: Path) -> None:
    async with served_over(tmp_path) as first:
        client = await first.client()
        path = await client.said(await client.create(), "one")
        async with first.listening(client, path) as stream:
            [(name, *_)] = await stream.up_to(2)
        await client.post(path + "/messages", {"role": "user", "content": "two"})
    async with served_over(tmp_path) as second:
        client = await second.client()
        await client.post(path + "/messages", {"role": "user", "content": "three"})
        async with second.listening(client, path, name) as stream:
            told = await stream.up_to(4)
        assert [data.get("content") for _, kind, data in told if kind == "message"] == ["two", "three"]


async def test_what_another_process_writes(served: Served) -> None:
    client = await served.client()
    session = await client.create()
    path = await client.said(session)
    async with served.listening(client, path) as stream:
        await stream.up_to(1)
        async with SessionManager.open(f"sqlite:///{served.tenants.store.path}") as other:  # type: ignore[attr-defined]
            await other.add_message(session["id"], "user", "from elsewhere")
            told = await stream.up_to(2)
            assert [(kind, data.get("content")) for _, kind, data in told] == [("message", "from elsewhere"), ("session", None)]
            await other.delete_session(session["id"])
            found = await stream.next()
        assert found is not None
        assert found[1:] == ("deleted", {"id": session["id"]})
        assert await stream.next() is None
    problem(await client.get(path + "/events", headers={"Last-Event-ID": found[0]}), 404, "unknown-session")


async def test_what_is_erased_comes_as_erased(served: Served) -> None:
    client = await served.client()
    path = await client.said(await client.create(external_user_id="host"))
    async with served.listening(client, path) as stream:
        [(first, *_)] = await stream.up_to(1)
        await client.post(path + "/messages", {"role": "user", "content": "a secret", "author_id": "bob"})
        await stream.up_to(2)
        assert (await client.post("/api/users/erase", {"external_user_id": "bob"})).json()["messages"] == 1
        [(_, kind, data)] = await stream.up_to(3)
        assert (kind, data["generation"]) == ("session", 1)
        async with served.listening(client, path, first) as again:
            told = await again.up_to(3)
        assert [(data["content"], data["erased"]) for _, kind, data in told if kind == "message"] == [("", True)]
        await client.post("/api/users/erase", {"external_user_id": "host"})
        assert [told[1] for told in [await stream.next()] if told] == ["deleted"]


# --- to whom


async def test_who_may_not_listen(served: Served) -> None:
    client = await served.client()
    anns, bobs = await client.create(1, external_user_id="ann"), await client.create(2, external_user_id="bob")
    ann, other = await served.client("read", user="ann"), await served.client(app="other")
    events = f"{URL}/{bobs['id']}/events"
    problem(await Client(served.http, None).get(events), 401, "unauthorized")
    for stranger in (ann, other):
        problem(await stranger.get(events), 404, "unknown-session")
    async with served.listening(ann, f"{URL}/{anns['id']}") as stream:
        [(name, *_)] = await stream.up_to(1)
    bad = {"x", "", "1-2-3-4-5", name + "1" * 20, name.replace("-1-", "-99-"), name + "é"}
    for value in bad:
        answer = await ann.get(f"{URL}/{anns['id']}/events", headers={"Last-Event-ID": value.encode("latin-1")})
        assert problem(answer, 400, "invalid-input")["field"] == "last-event-id"
    assert problem(await client.get(events, headers={"Last-Event-ID": name}), 400, "invalid-input")["field"] == "last-event-id"
    await served.idle()


async def test_a_revoked_key_ends_its_streams_and_no_others(tmp_path: Path) -> None:
    async with served_over(tmp_path, stream_heartbeat=0.2) as served:
        client, reader = await served.client(), await served.client("read")
        path = await client.said(await client.create())
        keys = await served.tenants.store.keys()
        [key] = [key for key in keys if key.scope == "read"]
        async with served.listening(client, path) as kept, served.listening(reader, path) as stream:
            await stream.up_to(1)
            await kept.up_to(1)
            await served.tenants.store.revoke_key(None, key.id, 1)
            assert await stream.next() is None
            problem(await reader.get(path + "/events"), 401, "unauthorized")
            await client.post(path + "/messages", {"role": "user", "content": "hi"})
            await kept.up_to(2)
            while kept.heartbeats < 3:
                line = await anext(kept.lines)
                assert line in ("", ": keep-alive")
                kept.heartbeats += line != ""


# --- how many, and how slow


async def test_there_are_so_many_and_no_more(tmp_path: Path) -> None:
    async with served_over(tmp_path, max_streams=3, max_streams_per_key=2) as served:
        first, second = await served.client(), await served.client()
        path = await first.said(await first.create())
        async with served.listening(first, path) as one, served.listening(first, path):
            told = problem(await first.get(path + "/events"), 429, "too-many-streams-of-key")
            assert told["limit"] == 2
            async with served.listening(second, path):
                told = problem(await second.get(path + "/events"), 503, "too-many-streams")
                assert told["limit"] == 3
            await reached(lambda: len(served.tenants.streams) == 2)
            await one.answer.aclose()
            await reached(lambda: len(served.tenants.streams) == 1)
            async with served.listening(first, path) as again:
                await again.up_to(1)
        await served.idle()
        assert not served.tenants.streams._of_key


def deaf(url: httpx.URL, client: Client, path: str) -> socket.socket:
    """A connection that asks for events and never reads one."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((url.host, url.port))
    key = client.headers["Authorization"]
    connection.sendall(f"GET {path}/events HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n".encode())
    return connection


async def counted(served: Served, client: Client, path: str, messages: int, begun: Callable[[], None]) -> list[int]:
    """The `seq`s that a listener gets."""
    found: list[int] = []
    async with served.listening(client, path) as stream:
        await stream.up_to(1)
        begun()
        while len(found) < messages:
            told = await stream.next()
            assert told is not None
            if told[1] == "message":
                found.append(told[2]["seq"])
    return found


async def test_a_hundred_listen_and_one_never_reads(tmp_path: Path) -> None:
    async with served_over(tmp_path, stream_heartbeat=1.0) as served:
        client = await served.client()
        path = await client.said(await client.create())
        with deaf(served.http.base_url, client, path):
            await reached(lambda: len(served.tenants.streams) == 1)
            ready = asyncio.Semaphore(0)
            listeners = [asyncio.create_task(counted(served, client, path, 40, ready.release)) for _ in range(99)]
            for _ in listeners:
                await ready.acquire()
            buffered = []
            for number in range(40):
                content = f"{number} " + "x" * 12_000
                assert (await client.post(path + "/messages", {"role": "user", "content": content})).status_code == 201
                connections: Any = served.server.server_state.connections
                buffered.append(max(one.transport.get_write_buffer_size() for one in connections))
            assert await asyncio.gather(*listeners) == [list(range(1, 41))] * 99
            assert max(buffered) < 65_536 + 2 * 13_000  # uvicorn's bound, and what was sent when it was reached
            await served.idle()  # it was cut off


async def test_a_client_that_goes_frees_everything(served: Served) -> None:
    client = await served.client()
    path = await client.said(await client.create())
    for _ in range(3):
        connection = deaf(served.http.base_url, client, path)
        await reached(lambda: len(served.tenants.streams) == 1)
        connection.close()
        await served.idle()
    manager = served.tenants.manager("default")
    await reached(lambda: not any(manager._feeds._by_session.values()))


# --- its end


async def test_the_servers_end_ends_streams_at_once_also_one_that_is_not_read(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        headers = {"Authorization": f"Bearer {server.told['key']}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as http:
            client = Client(http, server.told["key"])
            path = await client.said(await client.create())
            with deaf(http.base_url, client, path):
                async with http.stream("GET", path + "/events") as answer:
                    stream = Stream(answer)
                    await stream.up_to(1)
                    for _ in range(12):  # more than the buffers of the kernel hold
                        body = {"role": "user", "content": "x" * 1_000_000}
                        assert (await client.post(path + "/messages", body)).status_code == 201
                        await stream.until(lambda told: told[1] == "session")
                    ended = asyncio.create_task(asyncio.to_thread(server.end, signal.SIGTERM))
                    while await stream.next() is not None:
                        pass  # a summary, perhaps; then the end of the body, and no torn connection
                assert await ended == 0
        assert server.stderr() == ""  # uvicorn would say here that it had to cancel something
