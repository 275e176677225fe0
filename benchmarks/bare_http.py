"""What the bare servers share: the floor under them, the context they answer, and how they are served.

Invariant: all servers are run by uvicorn with the same options as ours: httptools, asyncio's loop, one process, no access log.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks import measure
from benchmarks.floors import BareFloor

CONTEXT_MESSAGES = 20
CONTEXT = {
    "session_id": "ses_0123456789abcdefghijkl",
    "version": 21,
    "messages": [
        {"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(measure.texts(CONTEXT_MESSAGES))
    ],
    "tokens": 1003,
    "parts": {"system": 0, "state": 0, "tools": 0, "summaries": 0, "gap": 0, "messages": 1000, "frame": 3},
    "head": 0,
    "fixed_tokens": 3,
    "correction": 100,
    "stable": 0,
    "left_out": [],
}


class Log:
    """The floor, and an answer's fields for what it has stored."""

    def __init__(self, path: Path, sessions: int) -> None:
        self.floor, self.sessions = BareFloor(path), sessions

    async def open(self) -> None:
        await self.floor.open(self.sessions)

    async def close(self) -> None:
        await self.floor.close()

    async def add(self, session: int, role: str, content: str) -> dict[str, Any]:
        """Durable when this returns. The fields that a message of ours has."""
        log = session + self.floor.first
        await self.floor.append(log, 1 if role == "user" else 2, content)
        return {
            "seq": self.floor.seqs[log],
            "role": role,
            "content": content,
            "tool_calls": None,
            "tool_call_id": None,
            "name": None,
            "tokens": 0,
            "counter": "none",
            "external_id": None,
            "author_id": None,
            "metadata": None,
            "created_at": datetime.now(UTC),
            "erased": False,
        }


def main(make: Callable[[Log], Any]) -> None:
    """`python -m benchmarks.bare_... FILE SESSIONS`: tell the address as JSON, then serve until SIGTERM."""
    app = make(Log(Path(sys.argv[1]), int(sys.argv[2])))
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
    options: dict[str, Any] = {"http": "httptools", "ws": "none", "loop": "asyncio", "server_header": False}
    config = uvicorn.Config(app, log_config=None, access_log=False, proxy_headers=False, **options)
    uvicorn.Server(config).run(sockets=[listening])
