"""uvicorn's protocol, with a limit on what stands before a body: the request line and the headers; and `abort` in the scope, which
cuts the connection off without waiting for what its client does not take.

Invariant: a head is let grow by a few reads beyond the limit and no further, so a connection's memory is bounded.
"""

from __future__ import annotations

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from turnkeep.server.problems import MEDIA_TYPE, PREFIX, Problem

MAX_HEAD_BYTES = 65_536
_BODY = msgspec.json.encode(
    Problem(
        type=PREFIX + "request-header-fields-too-large",
        title="Request header fields too large",
        status=431,
        detail=f"The request line and the headers are too large (limit {MAX_HEAD_BYTES:,} bytes).",
        limit=MAX_HEAD_BYTES,
    )
)
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (MEDIA_TYPE.encode(), len(_BODY), _BODY)
)


class LimitedProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=...)`."""

    _in_head = False
    _head_bytes = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # ASGI lets one add keys
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        going_on = self._in_head
        super().data_received(data)
        if going_on and self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(_REFUSAL)
                self.transport.close()
