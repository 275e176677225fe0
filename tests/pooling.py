"""Connections to a PostgreSQL that are kept: who connects gets one that somebody has left, and finds it as if it were new.

A new connection costs the server ten times what it costs to use it: it learns all tables and functions anew. Invariants: what is said is
passed on as it is; a connection is handed on only when its client took leave, and the server then said that it is in no transaction and
has forgotten what was prepared and set.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, TypeVar

PIECE = 1 << 16
SSL, GSS, CANCEL = 80877103, 80877104, 80877102
FORGET = b"RESET ALL; CLOSE ALL; UNLISTEN *; DEALLOCATE ALL; SELECT pg_advisory_unlock_all()\0"
QUESTION = b"Q" + (len(FORGET) + 4).to_bytes(4, "big") + FORGET
WELCOME = b"R\0\0\0\x08\0\0\0\0"
ASKS_BACK = (3, 5, 10, 11)  # the kinds of `R` that want an answer of the client

T = TypeVar("T")


class Leave:
    """Finds the `X` by which a client takes leave, among all that it says."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0  # of a message's body
        self.taken = False

    def passed(self, piece: bytes) -> bytes:
        """What the server is to be told: all but the leave, and the head of a message that is not there whole."""
        said, at = self._head + piece, 0
        while True:
            at += self._left
            if at + 5 > len(said) or said[at : at + 1] == b"X":
                break
            self._left = int.from_bytes(said[at + 1 : at + 5], "big") + 1
        self.taken = said[at : at + 1] == b"X"
        self._left = max(0, at - len(said))
        self._head = said[at:]
        return said[:at]


class Kept:
    """A connection to the server, past its welcome."""

    def __init__(self, answers: asyncio.StreamReader, asked: asyncio.StreamWriter) -> None:
        self.answers, self.asked = answers, asked
        self.welcome = b""

    async def message(self) -> bytes:
        head = await self.answers.readexactly(5)
        return head + await self.answers.readexactly(int.from_bytes(head[1:], "big") - 4)

    async def forgets(self) -> bool:
        """Whether it is as new."""
        self.asked.write(QUESTION)
        while (message := await self.message())[:1] != b"Z":
            if message[:1] == b"E":
                return False
        return message[5:] == b"I"


class Pooler:
    """On a thread of its own, so that clients may be anywhere. `port` leads to that of the server; `in_use` are connected by it."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._idle: dict[bytes, list[Kept]] = defaultdict(list)
        self.in_use = self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self.run(self._start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """On its thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._listening = await asyncio.start_server(self._met, "127.0.0.1")
        self.port = self._listening.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._listening.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for kept in self._idle.values():
            for one in kept:
                one.asked.transport.abort()
        await asyncio.sleep(0)

    async def _met(self, said: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.in_use += 1
        kept: Kept | None = None
        try:
            packet = await self._begin(said, client)
            if packet is not None:
                kept = await self._welcomed(packet, said, client)
                left = await self._relay(kept, said, client)
                client.transport.abort()
                if left and await kept.forgets():
                    self._idle[packet].append(kept)
                    kept = None
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self.in_use -= 1
            client.transport.abort()
            if kept is not None:
                kept.asked.transport.abort()

    async def _begin(self, said: asyncio.StreamReader, client: asyncio.StreamWriter) -> bytes | None:
        """What the client begins with; None if it only wanted something cancelled."""
        while True:
            length = await said.readexactly(4)
            packet = length + await said.readexactly(int.from_bytes(length, "big") - 4)
            kind = int.from_bytes(packet[4:8], "big")
            if kind == CANCEL:
                done, asked = await asyncio.open_connection("127.0.0.1", self._server)
                asked.write(packet)
                await done.read()  # then it has been cancelled, and what is asked next is not
                asked.transport.abort()
                return None
            if kind not in (SSL, GSS):
                return packet
            client.write(b"N")

    async def _welcomed(self, packet: bytes, said: asyncio.StreamReader, client: asyncio.StreamWriter) -> Kept:
        if self._idle[packet]:
            kept = self._idle[packet].pop()
            client.write(kept.welcome)
            return kept
        kept = Kept(*await asyncio.open_connection("127.0.0.1", self._server))
        kept.asked.write(packet)
        while True:
            message = await kept.message()
            client.write(message)
            if kept.welcome or message == WELCOME:
                kept.welcome += message
            elif message[:1] == b"R" and int.from_bytes(message[5:9], "big") in ASKS_BACK:
                head = await said.readexactly(5)
                kept.asked.write(head + await said.readexactly(int.from_bytes(head[1:], "big") - 4))
            if message[:1] == b"Z":
                return kept

    async def _relay(self, kept: Kept, said: asyncio.StreamReader, client: asyncio.StreamWriter) -> bool:
        """Whether the client took leave, and did not just go."""
        leave = Leave()
        answering = asyncio.create_task(self._answer(kept, client))
        try:
            while not leave.taken and (piece := await said.read(PIECE)):
                kept.asked.write(leave.passed(piece))
                await kept.asked.drain()
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
        return leave.taken

    async def _answer(self, kept: Kept, client: asyncio.StreamWriter) -> None:
        try:
            while piece := await kept.answers.read(PIECE):
                client.write(piece)
                await client.drain()
        finally:
            if kept.answers.at_eof():
                client.transport.abort()
