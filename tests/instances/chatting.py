"""An instance under load: `python -m tests.instances.chatting NAME URL CACHE_URL AHEAD` appends, reads and listens until a line of input.

It tells of each message that is acknowledged, as a line of JSON, and at its end of what it has seen. Whatever it has to do again, it does
again: no fault of a server is a reason to end. Its own clock is `AHEAD` seconds ahead of this machine's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from turnkeep import Message, Session, SessionManager, compactor, leases, lifecycle
from turnkeep.errors import OutcomeUnknown, StoreBusy, StoreUnavailable
from turnkeep.lifecycle import store_of

SESSIONS = 6
TALKERS = 4
LIMIT = 2400  # tokens of a prompt
PAUSE = 0.02  # seconds between two messages of a talker
HASTE = {"TTL": 5.0, "RENEW": 1.0, "LOOK": 1.0}  # in place of the half minute
PASSING = (OutcomeUnknown, StoreBusy, StoreUnavailable)

T = TypeVar("T")


def tell(value: object) -> None:
    print(json.dumps(value), flush=True)


class Chatting:
    """What one instance does, and what it found: outcomes that were `unknown`, reads that were `wrong`, what it `heard` of the first
    session, and how many summaries it `made`."""

    def __init__(self, name: str, sessions: SessionManager) -> None:
        self.name, self.sessions = name, sessions
        self.ids: list[str] = []
        self.unknown = self.contexts = self.made = 0
        self.wrong: list[Any] = []
        self.heard: list[int] = []
        self._stop = asyncio.Event()
        store = store_of(sessions)
        self._add_summary = store.add_summary
        vars(store)["add_summary"] = self._counted

    async def _counted(self, *args: Any, **named: Any) -> Session:
        self.made += 1
        tell({"made": self.made})
        return await self._add_summary(*args, **named)

    async def run(self) -> None:
        self.ids = [(await self._persist(self._session, at)).id for at in range(SESSIONS)]
        listening = asyncio.create_task(self._listen())
        talking = [asyncio.create_task(self._talk(talker)) for talker in range(TALKERS)]
        await asyncio.to_thread(sys.stdin.readline)
        self._stop.set()
        await asyncio.gather(*talking)
        await self._hear_all(listening)
        await self.sessions.settle()

    async def _session(self, at: int) -> Session:
        return await self.sessions.get_or_create_session("chaos", at, token_limit=LIMIT, tokenizer="estimate", expires_in=90)

    async def _persist(self, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        while True:
            try:
                return await call(*args)
            except PASSING as error:
                self.unknown += isinstance(error, OutcomeUnknown)
                await asyncio.sleep(PAUSE)

    # --- talking

    async def _talk(self, talker: int) -> None:
        number = 0
        while not self._stop.is_set():
            at = (talker + number) % SESSIONS
            words = f"{self.name}.{talker}.{number}"
            stored = await self._persist(self._say, at, words, number)
            tell([at, stored.seq, words])
            if number % 2:
                await self._persist(self._look, at, stored)
            number += 1
            await asyncio.sleep(PAUSE)

    async def _say(self, at: int, words: str, number: int) -> Message:
        role = "assistant" if number % 2 else "user"
        text = f"{words} Please book table {number} at Luigi's for Friday, and send the receipt to team{number}@example.com."
        return await self.sessions.add_message(self.ids[at], role, text, external_id=words)

    async def _look(self, at: int, stored: Message) -> None:
        """What is read after an append was acknowledged, or heard of, is no older than that."""
        seq = max([stored.seq, *(self.heard[-1:] if at == 0 else [])])
        before = await self.sessions.get_session(self.ids[at])
        context = await self.sessions.build_context(self.ids[at])
        after = await self.sessions.get_session(self.ids[at])
        self.contexts += 1
        if before.seq < seq or context.version < before.version or after.version < context.version:
            self.wrong.append(["stale", at, seq, before.seq, before.version, context.version, after.version])
        if after.seq == stored.seq and str(stored.external_id) not in context.messages[-1]["content"]:
            self.wrong.append(["older than the session", stored.external_id, context.messages[-1]["content"]])
        if context.tokens > LIMIT:
            self.wrong.append(["over budget", context.tokens])

    # --- listening

    async def _listen(self) -> None:
        after: str | None = None
        while True:
            try:
                async for change in self.sessions.listen(self.ids[0], after):
                    after = change.cursor
                    if isinstance(change.value, Message):
                        self.heard.append(change.value.seq)
            except PASSING:
                await asyncio.sleep(PAUSE)

    async def _hear_all(self, listening: asyncio.Task[None]) -> None:
        seq = (await self._persist(self.sessions.get_session, self.ids[0])).seq
        async with asyncio.timeout(60):
            while self.heard[-1] < seq:
                await asyncio.sleep(PAUSE)
        listening.cancel()


async def main(name: str, url: str, cache_url: str, ahead: str) -> None:
    for module in (leases, compactor, lifecycle):
        for setting in HASTE.keys() & vars(module).keys():
            setattr(module, setting, HASTE[setting])
    right = time.time
    time.time = lambda: right() + float(ahead)
    async with SessionManager.open(url, cache_url=cache_url, cleanup_interval=1.0, tokenizer="estimate") as sessions:
        chatting = Chatting(name, sessions)
        await chatting.run()
        tell({name: getattr(chatting, name) for name in ("unknown", "contexts", "wrong", "heard")})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
