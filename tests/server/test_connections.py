"""Clients that are slow, many, or do not listen, against the process."""

import asyncio
import json
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import Process, serving
from tests.server.test_process import created

HEAD = b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
QUICK = {"TURNKEEP_REQUEST_TIMEOUT": "1"}


def address(server: Process) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return host, int(port)


def connect(server: Process) -> socket.socket:
    return socket.create_connection(address(server), timeout=20)


def until_closed(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    found = b""
    try:
        while part := connection.recv(65_536):
            found += part
    except ConnectionError:
        pass
    return found


def status(answer: bytes) -> int:
    """Of an answer that is a problem and closes the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head.lower(), answer
    assert b"connection: close" in head.lower()
    found = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % found["status"])
    return int(found["status"])


def authorized(server: Process, size: int) -> bytes:
    return HEAD + f"Authorization: Bearer {server.told['key']}\r\nContent-Length: {size}\r\n\r\n".encode()


async def trickle(server: Process, first: bytes) -> bytes:
    """A client that sends a byte every 50 ms until it is told to stop; what it is told."""
    reader, writer = await asyncio.open_connection(*address(server))
    reading = asyncio.create_task(reader.read())
    try:
        writer.write(first)
        while not reading.done():
            writer.write(b"x")
            await asyncio.sleep(0.05)
        return await reading
    except ConnectionError:
        return b""
    finally:
        reading.cancel()
        writer.close()


async def test_a_head_or_body_that_trickles_is_ended(tmp_path: Path) -> None:
    with serving(tmp_path, environment=QUICK) as server:
        async with asyncio.timeout(60):
            told = await asyncio.gather(
                trickle(server, HEAD + b"X: "),
                trickle(server, authorized(server, 10_000)),
                trickle(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nX: "),
            )
        assert [status(answer) for answer in told[:2]] == [408, 408]
        assert told[2].startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in told[2]
        assert created(server.url, server.told["key"])
        assert "Traceback" not in server.stderr()


def test_who_sends_nothing_or_not_all_is_ended(tmp_path: Path) -> None:
    with serving(tmp_path, environment=QUICK) as server, ExitStack() as held:
        silent, headless, bodiless, stranger = [held.enter_context(connect(server)) for _ in range(4)]
        headless.sendall(HEAD)
        bodiless.sendall(authorized(server, 10))
        stranger.sendall(HEAD + b"Content-Length: 10\r\n\r\n")  # is told 401 before its body is here
        assert until_closed(silent) == b""
        assert status(until_closed(headless)) == 408
        assert status(until_closed(bodiless)) == 408
        assert until_closed(stranger).startswith(b"HTTP/1.1 401 ")


def test_a_large_body_has_the_time_that_it_takes(tmp_path: Path) -> None:
    with serving(tmp_path, environment=QUICK) as server:
        text = b'{"action": "create", "interface_type": "web", "conversation_id": 1}'
        body = b" " * 60_000 + text
        with connect(server) as slow:
            slow.sendall(authorized(server, len(body)))
            for at in range(0, len(body), 15_000):
                slow.sendall(body[at : at + 15_000])
                time.sleep(0.8)  # longer than the timeout in all
            assert slow.recv(100).startswith(b"HTTP/1.1 201 ")


def test_who_does_not_listen_is_dropped(tmp_path: Path) -> None:
    with serving(tmp_path, environment=QUICK) as server:
        key = {"Authorization": f"Bearer {server.told['key']}"}
        path = created(server.url, server.told["key"])
        for _ in range(8):
            message = {"role": "user", "content": "x" * 1_000_000}
            assert httpx.post(f"{server.url}{path}/messages", json=message, headers=key, timeout=20).status_code == 201
        with connect(server) as deaf:
            ask = f"GET {path}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.told['key']}\r\n\r\n"
            deaf.sendall(ask.encode())
            with httpx.Client(headers=key, timeout=20) as http:
                wait_for(lambda: connections(server, http) == 1)
            assert len(until_closed(deaf)) < 8_000_000


def connections(server: Process, http: httpx.Client) -> int:
    """Sockets of clients that the process holds, the asking one included."""
    assert http.get(f"{server.url}/healthz").status_code == 200
    inodes = {str(file.readlink()) for file in Path(f"/proc/{server.popen.pid}/fd").iterdir() if file.is_symlink()}
    port = f"{address(server)[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port}") and row[3] != "0A" and f"socket:[{row[9]}]" in inodes for row in rows)


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"])  # the latter begins a TLS handshake
def test_what_is_no_http_gets_a_problem(tmp_path: Path, sent: bytes) -> None:
    with serving(tmp_path) as server, connect(server) as one:
        one.sendall(sent)
        answer = until_closed(one)
        assert status(answer) == 400
        assert b"urn:turnkeep:problem:bad-request" in answer
        assert "Traceback" not in server.stderr()


async def test_five_hundred_slow_clients_stop_nobody(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        opened = [await asyncio.open_connection(*address(server)) for _ in range(500)]
        for _, writer in opened:
            writer.write(HEAD + b"X: ")
        async with httpx.AsyncClient(timeout=20) as http:
            for _ in range(3):
                for _, writer in opened:
                    writer.write(b"x")
                answer = await http.get(f"{server.url}/api/sessions", headers={"Authorization": f"Bearer {server.told['key']}"})
                assert answer.status_code == 200
        for _, writer in opened:
            writer.close()


def test_more_connections_than_there_may_be(tmp_path: Path) -> None:
    with serving(tmp_path, environment={"TURNKEEP_MAX_CONNECTIONS": "10"}) as server, ExitStack() as held:
        for _ in range(10):
            held.enter_context(connect(server))
        with connect(server) as one:
            one.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
            answer = until_closed(one)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in answer.lower()
            assert b"urn:turnkeep:problem:too-many-connections" in answer
        for path in ("/healthz", "/readyz"):
            assert httpx.get(server.url + path, timeout=20).status_code == 200
        many = [held.enter_context(connect(server)) for _ in range(80)]
        assert until_closed(many[-1]) == b""
        held.close()
        wait_for(lambda: httpx.get(f"{server.url}/openapi.json", timeout=20).status_code == 200)
        assert "Traceback" not in server.stderr()


def test_when_few_files_may_be_open_that_is_told(tmp_path: Path) -> None:
    with serving(tmp_path, files=200) as server:
        assert server.stderr() == "only 72 connections at once: the process may open 200 files (ulimit -n)\n"
        with ExitStack() as held:
            many = [held.enter_context(connect(server)) for _ in range(190)]
            assert until_closed(many[-1]) == b""
        wait_for(lambda: httpx.get(f"{server.url}/openapi.json", timeout=20).status_code == 200)


@pytest.mark.parametrize("first", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_an_idle_connection_is_closed(tmp_path: Path, first: bytes) -> None:
    with serving(tmp_path, environment=QUICK) as server, connect(server) as idle:
        idle.sendall(first)
        assert until_closed(idle)[:15] == (b"HTTP/1.1 200 OK" if first else b"")
