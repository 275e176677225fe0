"""A way to a server that can be cut where it hurts most: what was asked has arrived, and been done; the answer has not come back.

Invariant: until it is cut it passes on what it is given, as it is; of a connection that is cut, nothing that the server has said since.
"""

from __future__ import annotations

import asyncio
import re

PIECE = 1 << 16


class CuttingProxy:
    """`port` leads to the same of `target` on this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._doomed: set[asyncio.StreamWriter] = set()  # towards the instances
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.cuts = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._met, "127.0.0.1")
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Each connection ends with the server's next answer, which is lost."""
        self._doomed |= self._open

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def passed(self, piece: bytes) -> bytes:
        """What becomes of an answer on the way."""
        return piece

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._join(reader, writer)
        except asyncio.CancelledError:
            pass  # it is the end of the test
        finally:
            self._open.discard(writer)
            self._doomed.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, asked = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # the server is away
            return
        self._open.add(writer)
        ways = [asyncio.ensure_future(self._ask(reader, asked)), asyncio.ensure_future(self._answer(answers, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            asked.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, asked: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            asked.write(piece)
            await asked.drain()

    async def _answer(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await answers.read(PIECE):
            if writer in self._doomed:
                self.cuts += 1
                return
            writer.write(self.passed(piece))
            await writer.drain()


class OldValkey(CuttingProxy):
    """The way to a Valkey, which looks from there as if it were an old one."""

    def passed(self, piece: bytes) -> bytes:
        return re.sub(rb"(valkey_version:)\d", rb"\g<1>7", piece)
