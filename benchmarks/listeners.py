"""Who listens while a load runs: event streams of some sessions, read by a thread of their own.

Invariant: what a listener was told is only written down while the load runs, and judged afterwards.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import msgspec

from benchmarks.servers import Server

CATCH_UP_SECONDS = 120.0


class _Told(msgspec.Struct):
    """Of a message's event."""

    seq: int


_decode = msgspec.json.Decoder(_Told).decode


class Listeners:
    """`heard` has the `seq` of each message that was told, by session, in the order it came."""

    def __init__(self, server: Server, names: Sequence[str]) -> None:
        self.heard: dict[str, list[int]] = {name: [] for name in names}
        self._server, self._standing = server, threading.Semaphore(0)
        self._over = threading.Event()
        self.cut = 0  # streams that ended by themselves

    @contextmanager
    def listening(self) -> Iterator[None]:
        """All stand when the block begins; they end after it, and after they have heard what `expect` says."""
        thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        thread.start()
        try:
            for _ in self.heard:
                if not self._standing.acquire(timeout=60):
                    raise SystemExit("a listener got no answer")
            yield
        finally:
            self._over.set()
            thread.join()

    async def _listen(self) -> None:
        url, headers = f"{self._server.url}/api/sessions", {"Authorization": f"Bearer {self._server.key}"}
        limits, timeout = httpx.Limits(max_connections=len(self.heard)), httpx.Timeout(60.0)
        async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=timeout) as http:
            tasks = [asyncio.create_task(self._hear(http, name)) for name in self.heard]
            await asyncio.to_thread(self._over.wait)
            await self._caught_up()
            self.cut = sum(task.done() for task in tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _caught_up(self) -> None:
        """Until nothing has been told for a second, within bounds."""
        async with asyncio.timeout(CATCH_UP_SECONDS):
            before = -1
            while (now := sum(map(len, self.heard.values()))) != before:
                before = now
                await asyncio.sleep(1)

    async def _hear(self, http: httpx.AsyncClient, name: str) -> None:
        heard, kind = self.heard[name], ""
        async with http.stream("GET", f"/{name}/events") as answer:
            answer.raise_for_status()
            self._standing.release()
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                elif kind == "message" and line.startswith("data: "):
                    heard.append(_decode(line[6:]).seq)

    def faults(self, stored: dict[str, range]) -> list[str]:
        """`stored`: the `seq` of the messages that came while they listened, by session."""
        wrong = [
            f"the listener of {name} heard {_short(heard)}, stored are {stored[name]}"
            for name, heard in self.heard.items()
            if heard != list(stored[name])
        ]
        return wrong + ([f"{self.cut} streams were cut off"] if self.cut else [])


def _short(heard: list[int]) -> str:
    return f"{len(heard)} messages, {heard[:3]} ... {heard[-3:]}"
