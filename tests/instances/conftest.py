"""Instances: managers and processes over the same rows."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from turnkeep import SessionManager, compactor, leases, lifecycle
from turnkeep.caches.base import Hints
from turnkeep.lifecycle import hints_of
from turnkeep.session import Message, Session
from turnkeep.testing.servers.valkey import ValkeyServer

ROOT = Path(__file__).parents[2]
HASTE = {"TTL": 0.6, "RENEW": 0.2, "LOOK": 0.2}  # in place of the half minute, for all instances of a test


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    server.stop()


class Told:
    """A summarizer that begins, and goes on when it is told to."""

    method, source = "model", "test"

    def __init__(self, text: str) -> None:
        self.text, self.calls = text, 0
        self.began, self.go = asyncio.Event(), asyncio.Event()

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        self.calls += 1
        self.began.set()
        await self.go.wait()
        return self.text


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (leases, compactor, lifecycle):
        for name, seconds in HASTE.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, seconds)


async def grown(sessions: SessionManager, turns: int = 12) -> Session:
    """A session whose compaction is due from its last message on."""
    session = await sessions.get_or_create_session("web", 1, token_limit=turns * 24, tokenizer="estimate")
    for number in range(turns):
        await sessions.add_message(session.id, "user", f"What is number {number} of all these, please?")
        await sessions.add_message(session.id, "assistant", f"It is what you call number {number}.")
    return session


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)


async def is_up(*sessions: SessionManager | Hints, up: bool = True) -> None:
    known = [one if isinstance(one, Hints) else hints_of(one) for one in sessions]
    await until(lambda: all(one is not None and one.up is up for one in known))


async def hear(changes: AsyncIterator[Any], text: str) -> None:
    async with asyncio.timeout(30):
        async for change in changes:
            if isinstance(change.value, Message) and change.value.content == text:
                return


def process(module: str, *args: object) -> subprocess.Popen[str]:
    """`python -W error -m MODULE ARG...`, an instance of its own; it prints a line when it is where it should be."""
    command = [sys.executable, "-W", "error", "-m", module, *map(str, args)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
