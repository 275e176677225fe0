"""uvicorn's protocol, with limits on what a connection may cost before, beside and after a request that is served; and `abort`
in the scope, which cuts the connection off without waiting for what its client does not take.

Invariants: a head is let grow by a few reads beyond its limit and no further; who sends or reads so slowly that it does not end, is
ended by `look`, which the server calls for each connection about once a second; connections beyond their number are told so, and
beyond a few more dropped, but `/healthz` and `/readyz` are answered as long as there is room for the question.
"""

from __future__ import annotations

import math
from time import monotonic
from typing import Any, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from turnkeep.server.joined import JoinedTransport
from turnkeep.server.problems import MEDIA_TYPE, PREFIX, Problem

MAX_HEAD_BYTES = 65_536
RESERVE = 64  # connections beyond the limit, for the paths that are never refused
BODY_BYTES = 10_000  # of a body, that gain it a second more
HEALTH = (b"/healthz", b"/readyz")


class Limits(msgspec.Struct, frozen=True):
    """`seconds`: for a head, for a body that is small, and without any progress of an answer."""

    connections: int
    seconds: float


def _refusal(status: int, title: str, detail: str, limit: float | None = None) -> bytes:
    code = PREFIX + title.lower().replace(" ", "-")
    body = msgspec.json.encode(Problem(type=code, title=title, status=status, detail=detail, limit=limit))
    head = b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (status, title.title().encode(), MEDIA_TYPE.encode(), len(body)) + body


_TOO_LARGE = _refusal(
    431,
    "Request header fields too large",
    f"The request line and the headers are too large (limit {MAX_HEAD_BYTES:,} bytes).",
    MAX_HEAD_BYTES,
)

_NO_HTTP = _refusal(400, "Bad request", "This is no HTTP/1.1 request, or goes on as none.")


class LimitedProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=partial(LimitedProtocol, limits))`."""

    def __init__(self, limits: Limits, **given: Any) -> None:
        super().__init__(**given)
        self._limits, self._served = limits, self.app
        self._in_head = False
        self._head_bytes = 0
        self._until = math.inf  # when what is coming in must have come: never, while it is our turn
        self._unsent, self._unsent_since = 0, 0.0

    # --- what comes in

    def connection_made(self, transport: Any) -> None:
        super().connection_made(cast(Any, JoinedTransport(transport, self.loop)))
        self._until = monotonic() + self._limits.seconds
        if len(self.connections) > self._limits.connections + RESERVE:
            transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # ASGI lets one add keys
        self._in_head, self._head_bytes = True, 0
        self._until = monotonic() + self._limits.seconds

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._until = monotonic() + self._limits.seconds
        crowded = len(self.connections) > self._limits.connections and self.url.partition(b"?")[0] not in HEALTH
        self.app = self._crowded if crowded else self._served
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._until += len(body) / BODY_BYTES
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._until = monotonic() + self._limits.seconds if self.cycle.response_complete else math.inf
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._until == math.inf and not self.pipeline:  # else it was answered before all of it had come, or is not the last
            self._until = monotonic() + self._limits.seconds
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        going_on = self._in_head
        super().data_received(data)
        if going_on and self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Of what cannot be parsed; uvicorn itself would say so in plain text."""
        self._refuse(_NO_HTTP)

    # --- what takes too long

    def look(self, now: float) -> None:
        """End the connection, if whoever is at its other end neither asks nor listens in time."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif unsent and now - self._unsent_since > self._limits.seconds:
            self.transport.abort()
        if now > self._until and not self.transport.is_closing():
            self._late()

    def _late(self) -> None:
        cycle = cast(RequestResponseCycle | None, self.cycle)  # none before the first request
        answering = cycle is not None and not cycle.response_complete
        if self.pipeline or (self._in_head and answering):
            return  # a request behind one that is not answered: its time begins then
        if self._in_head or (cycle is not None and answering and not cycle.response_started):
            self._refuse(self._too_slow())
        else:
            self.transport.close()

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()

    def _too_slow(self) -> bytes:
        seconds = self._limits.seconds
        return _refusal(408, "Request timeout", f"The request did not come in within {seconds:g} s.", seconds)

    async def _crowded(self, scope: Any, receive: Any, send: Any) -> None:
        """Served in place of the application, so that it comes after what was asked before it."""
        most = self._limits.connections
        told = Problem(
            type=PREFIX + "too-many-connections",
            title="Service unavailable",
            status=503,
            detail=f"The server has as many connections as it takes (limit {most:,}).",
            limit=most,
        )
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"retry-after", b"1"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": msgspec.json.encode(told)})
