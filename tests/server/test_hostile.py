"""Bodies that a process must not be brought down by: too large, compressed, cut off, lying about their length, again and again."""

import gzip
import signal
import socket
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Process, serving

ROUNDS = 20
MEGABYTE = b" " * 1_000_000
STATUS = Path("/proc/self/status")


def _peak(server: Process) -> int:
    """Of its memory, in KB."""
    lines = Path(f"/proc/{server.popen.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _send(server: Process, *parts: bytes) -> bytes:
    """What the server answers; nothing when it hangs up on who is still sending, as it may."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1000)
        except OSError:
            return b""


def _hostile(server: Process) -> list[tuple[bytes, bytes]]:
    """Each answer beside the status that it has, if it is not lost."""
    head = b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n" % server.told["key"].encode()
    bomb = gzip.compress(MEGABYTE * 100, 1)
    chunk = b"f4240\r\n%s\r\n" % MEGABYTE
    return [
        (_send(server, head, b"Content-Length: 100000000\r\n\r\n", *[MEGABYTE] * 100), b" 413 "),
        (_send(server, head, b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 100), b" 413 "),
        (_send(server, head, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb), bomb), b" 415 "),
        (_send(server, head, b"Content-Length: 10\r\n\r\n", MEGABYTE), b" 400 "),
        (_send(server, head, b"Content-Length: 8000000\r\n\r\n", *[MEGABYTE] * 4), b""),
    ]


@pytest.mark.timeout(300)
def test_memory_stays_bounded(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        first = _hostile(server)
        bounded = STATUS.exists()  # where the system tells a process's memory
        before = _peak(server) if bounded else 0
        for _ in range(ROUNDS - 1):
            for answer, status in _hostile(server):
                assert status in answer[:20] or answer == b""
        assert [status for answer, status in first if answer and status not in answer[:20]] == []
        if bounded:
            after = _peak(server)
            assert after < before + 60_000, (before, after)  # a few bodies of 8 MB, and what the allocator keeps
        headers = {"Authorization": f"Bearer {server.told['key']}"}
        assert httpx.get(f"{server.url}/api/sessions", headers=headers, timeout=30).json()["sessions"] == []
        assert server.end(signal.SIGTERM) == 0
        assert "Traceback" not in server.stderr()
