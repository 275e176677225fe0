"""How a handler is declared: its path and method, the scope it needs, and all that the OpenAPI document says of it.

Invariant: one declaration serves both, so the document cannot say what the server does not do.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

import msgspec
from litestar.handlers import HTTPRouteHandler

from turnkeep.server.bodies import Nothing

Handler: TypeAlias = Callable[..., Awaitable[Any]]
Method: TypeAlias = Literal["GET", "POST", "PATCH", "DELETE"]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """`answers`: the shape of each good status, None where it has no body; `problems`: what else it may answer, beyond what follows
    from the rest: see `turnkeep.server.openapi`."""

    name: str
    method: Method
    text: str
    tag: str
    scope: str
    answers: dict[int, Any]
    problems: tuple[int, ...]
    query: type[msgspec.Struct]
    body: Any
    headers: tuple[str, ...]
    etag: bool

    @property
    def changes(self) -> bool:
        return self.method != "GET"


def operation(
    method: Method,
    path: str,
    *,
    scope: str,
    answers: dict[int, Any],
    problems: tuple[int, ...] = (),
    query: type[msgspec.Struct] = Nothing,
    body: Any = None,
    headers: tuple[str, ...] = (),
    etag: bool = False,
    tag: str = "sessions",
) -> Callable[[Handler], HTTPRouteHandler]:
    """Declare a handler; its docstring is the document's."""

    def declare(handler: Handler) -> HTTPRouteHandler:
        told = Operation(
            name=handler.__name__,
            method=method,
            text=inspect.cleandoc(handler.__doc__ or ""),
            tag=tag,
            scope=scope,
            answers=answers,
            problems=problems,
            query=query,
            body=body,
            headers=headers,
            etag=etag,
        )
        options = {"scope": scope, "operation": told}
        return HTTPRouteHandler(path, http_method=method, status_code=200, opt=options)(handler)

    return declare
