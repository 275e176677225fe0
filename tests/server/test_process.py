"""`turnkeep serve` as a process: its start, its first key, and its ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import PROGRAM, Process, post_until_it_ends, serving

from turnkeep import SessionManager
from turnkeep.server.run import _listen

CREATE = {"action": "create", "interface_type": "web", "conversation_id": 1}


def created(url: str, key: str) -> str:
    answer = httpx.post(f"{url}/api/sessions", json=CREATE, headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert answer.status_code in (200, 201)
    return f"/api/sessions/{answer.json()['id']}"


def test_the_first_start_shows_a_key_and_the_next_does_not(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        key = first.told["key"]
        assert first.url.startswith("http://127.0.0.1:")
        path = created(first.url, key)
        assert first.end(signal.SIGTERM) == 0
        assert first.stderr() == ""
    with serving(tmp_path) as second:
        assert second.told["key"] is None
        assert created(second.url, key) == path
        assert second.end(signal.SIGINT) == 0


def test_a_key_of_the_command_line_counts_at_once_and_ends_at_once(tmp_path: Path) -> None:
    def keys(*words: str) -> dict[str, str]:
        done = subprocess.run(
            [PROGRAM, "keys", *words, "--json", "--db", "sqlite:///served.db"], cwd=tmp_path, capture_output=True, check=True
        )
        return dict(httpx.Response(200, content=done.stdout).json())

    made = keys("create", "--scope", "admin")
    with serving(tmp_path) as server:
        assert server.told["key"] is None
        header = {"Authorization": f"Bearer {made['key']}"}
        assert httpx.get(f"{server.url}/api/sessions", headers=header).status_code == 200
        keys("revoke", made["id"])
        assert httpx.get(f"{server.url}/api/sessions", headers=header).status_code == 401


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_what_got_its_201_is_there_once(tmp_path: Path, number: int) -> None:
    with serving(tmp_path) as server:
        key = server.told["key"]
        path = await asyncio.to_thread(created, server.url, key)
        stop = asyncio.Event()
        posting = asyncio.create_task(post_until_it_ends(server.url, key, path, stop))
        async with asyncio.timeout(60):
            await stop.wait()
            code = await asyncio.to_thread(server.end, number)
            acknowledged = await posting
        assert code == (0 if number == signal.SIGTERM else -number)
    async with SessionManager.open(f"sqlite:///{tmp_path}/served.db") as sessions:
        assert await sessions.check() == []
        stored: list[object] = []
        while page := await sessions.get_messages(path.rpartition("/")[2], after=len(stored), limit=1000):
            stored += [message.content for message in page]
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(stored)
    assert len(set(stored)) == len(stored)


def test_an_address_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command: list[str | Path] = [PROGRAM, "serve", "--port", port, "--db", "sqlite:///served.db"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: host: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert not (tmp_path / "served.db").exists()


def test_without_the_extra(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['litestar'] = None; from turnkeep.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", blocked, "serve"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'Error: The server needs an optional part: pip install "turnkeep[server]"\n'


def raw(server: Process, *parts: bytes) -> bytes:
    """What a connection that is sent these parts answers first; nothing if it is closed or does not answer."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=2) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            return connection.recv(1000)
        except OSError:
            return b""


def test_clients_that_are_broken_or_hostile(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        key = server.told["key"].encode()
        post = b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n" % key
        megabytes = [b" " * 1_000_000] * 100
        assert b" 413 " in raw(server, post, b"Content-Length: 100000000\r\n\r\n", *megabytes)[:20]
        chunks = [b"f4240\r\n%s\r\n" % part for part in megabytes]
        assert b" 413 " in raw(server, post, b"Transfer-Encoding: chunked\r\n\r\n", *chunks)[:20]
        assert raw(server, post, b'Content-Length: 500\r\n\r\n{"action"') == b""
        large = raw(server, post, b"X: ", *[b"a" * 100_000] * 4)
        assert b" 431 " in large[:20] or large == b""  # the answer is lost where the client still sends
        assert b" 400 " in raw(server, b"\x00\x01\r\n\r\n")[:20]
        assert created(server.url, server.told["key"])
        status = Path(f"/proc/{server.popen.pid}/status")
        if status.exists():
            [peak] = [int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")]
            assert peak < 400_000  # KB
        assert server.end(signal.SIGTERM) == 0
        assert "Traceback" not in server.stderr()


def test_answers_are_not_held_back_by_nagles_algorithm() -> None:
    """Asyncio turns it off for sockets that name their protocol, and for no others."""
    with _listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
