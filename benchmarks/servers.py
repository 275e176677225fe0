"""The servers that HTTP benchmarks measure, as processes: ours (`turnkeep serve`), and the bare ones.

Invariant: a server is asked over its socket only; what it costs is read from /proc.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

END_SECONDS = 40  # ten for what is under way, ten for work in the background, and what a busy machine adds
PROGRAM = Path(sys.executable).with_name("turnkeep")


class Figures:
    """Of a process, from /proc."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def cpu_seconds(self) -> float:
        """User and system, of all its threads, since its start; 0 when it has ended."""
        fields = _read(f"/proc/{self.pid}/stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0

    def resident_bytes(self) -> int:
        fields = _read(f"/proc/{self.pid}/statm").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if fields else 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Server(Figures):
    """A process that tells its `url` as JSON when it listens. `key` is None where no key is asked for."""

    def __init__(self, command: list[str], folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TURNKEEP_")}
        environment["PYTHONPATH"] = str(Path.cwd())
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE)
        super().__init__(self.process.pid)
        assert self.process.stdout is not None
        told = b""
        while not told.rstrip().endswith(b"}"):
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"{command} ended before it served")
            told += line
        found: dict[str, Any] = json.loads(told)
        self.url, self.key = str(found["url"]), found.get("key")
        self.names: list[str] = []

    def children(self) -> list[Figures]:
        """The processes that it has started."""
        told = "".join(_read(str(task / "children")) for task in Path(f"/proc/{self.pid}/task").iterdir())
        return [Figures(int(pid)) for pid in told.split()]

    def scheduled_ns(self) -> tuple[int, int]:
        """Nanoseconds that its threads ran, and that they were ready to run and had no core."""
        tasks = Path(f"/proc/{self.pid}/task")
        told = [[int(value) for value in (task / "schedstat").read_text("ascii").split()] for task in tasks.iterdir()]
        return sum(one[0] for one in told), sum(one[1] for one in told)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=END_SECONDS)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


@contextmanager
def serving(command: list[str], folder: Path) -> Iterator[Server]:
    server = Server(command, folder)
    try:
        yield server
    finally:
        server.end()


def turnkeep(*options: str) -> list[str]:
    return [str(PROGRAM), "serve", "--json", "--port", "0", "--db", "sqlite:///bench.db", *options]


def bare(framework: str, sessions: int) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.bare_{framework}", "bench.db", str(sessions)]


def create(server: Server, count: int, messages: Sequence[Mapping[str, str]], lengths: Sequence[int] | None = None) -> list[str]:
    """New sessions of our server, each with these messages, or with as many of them as `lengths` says; their ids."""
    made = []
    with httpx.Client(base_url=f"{server.url}/api/sessions", headers={"Authorization": f"Bearer {server.key}"}) as http:
        for number in range(count):
            new = {"action": "create", "interface_type": "bench", "conversation_id": number}
            made.append(http.post("", json=new).raise_for_status().json()["id"])
            if first := messages[: lengths[number]] if lengths else messages:
                http.post(f"/{made[-1]}/messages", json={"messages": first}).raise_for_status()
    return made
