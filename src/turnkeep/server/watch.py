"""The application, watched: each request counted and, if that is wanted, told to the access log.

Invariant: of a request only the route is told, as it is declared, with how it was answered and the id of its key: never its path,
its query, its headers or its body.
"""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import Message, Receive, Scope, Send

from turnkeep.server.metrics import Figures

UNKNOWN = "none"  # the operation of a request that met none of ours

log = logging.getLogger("turnkeep.access")


class Watched:
    """`app`, and the same to whoever runs it."""

    def __init__(self, app: Litestar, figures: Figures, *, access_log: bool) -> None:
        self.app, self.figures, self._logs = app, figures, access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        figures, began = self.figures, perf_counter()
        status = size = 0
        seconds = 0.0

        def watched(message: Message) -> Any:  # no coroutine of its own: it would cost one for each message
            nonlocal status, size, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], perf_counter() - began
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            return send(message)

        figures.in_progress += 1
        try:
            await self.app(scope, receive, watched)
        finally:
            figures.in_progress -= 1
            if status:  # else nobody was left to answer
                figures.answered(_operation(scope), status, seconds)
                if self._logs:
                    _tell(scope, status, perf_counter() - began, size)


def _operation(scope: Any) -> str:
    handler = scope.get("route_handler")
    told = None if handler is None else handler.opt.get("operation")  # Litestar's own answer to OPTIONS has none
    return UNKNOWN if told is None else str(told.name)


def route(scope: Any) -> str:
    """The path as it is declared, with the names of its parameters: what a client puts in their place may be anything."""
    handler = scope.get("route_handler")
    return "-" if handler is None else str(min(handler.paths)).replace(":str}", "}")


def _tell(scope: Any, status: int, seconds: float, size: int) -> None:
    place = route(scope)
    caller = scope.get("caller")
    log.info(
        "method=%s route=%s status=%d ms=%.2f bytes=%d key=%s",
        "-" if place == "-" else scope["method"],
        place,
        status,
        seconds * 1000,
        size,
        "-" if caller is None else caller.key.id,
    )
