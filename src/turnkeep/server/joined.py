"""A transport that sends the head of an answer and its body as one piece.

uvicorn writes them one after the other, and asyncio passes on each write at once: two system calls, and a client that is woken twice.

Invariants: nothing waits longer than this step of the loop; the order is kept; no more than `MOST` bytes are held.
"""

from __future__ import annotations

import asyncio

MOST = 65_536


class JoinedTransport:
    """As much of `asyncio.Transport` as uvicorn uses, over the real one."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._write, self._close, self._loop = transport.write, transport.close, loop
        self._buffered = transport.get_write_buffer_size
        self._held = b""
        self.abort, self.is_closing, self.get_extra_info = transport.abort, transport.is_closing, transport.get_extra_info
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading

    def write(self, data: bytes) -> None:
        if self._held or len(data) > MOST:
            held, self._held = self._held, b""
            self._write(held + data if held else data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._write(held)

    def close(self) -> None:
        self._flush()
        self._close()

    def get_write_buffer_size(self) -> int:
        return self._buffered() + len(self._held)
