"""Every error as a problem detail (RFC 9457).

Invariant: `type` is stable, made of the error's code; an answer never carries a stack trace, nor the value that was refused.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from turnkeep import errors
from turnkeep.errors import TurnkeepError
from turnkeep.server.watch import route
from turnkeep.session import Status

log = logging.getLogger("turnkeep.server")

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:turnkeep:problem:"


class Refused(TurnkeepError):
    """The request was refused."""

    status: ClassVar[int] = 400
    headers: Mapping[str, str] = MappingProxyType({})
    code = "bad-request"


class Unauthorized(Refused):
    """An API key is needed, as `Authorization: Bearer KEY`; this request has none that counts."""

    status = 401
    code = "unauthorized"
    headers: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": "Bearer"})


class Forbidden(Refused):
    """The API key does not allow this."""

    status = 403
    code = "forbidden"


class TooManyStreams(Refused):
    """The server has as many event streams open as it may: try again later."""

    status = 503
    code = "too-many-streams"

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"{self.__doc__} (limit {limit:,})")


class TooManyStreamsOfKey(TooManyStreams):
    """The API key has as many event streams open as it may: end one first."""

    status = 429
    code = "too-many-streams-of-key"


class TooManyRequests(Refused):
    """This request came too early: try again after `wait` seconds. `policy` and `limit` name what refused it."""

    status = 429
    code = "rate-limited"

    def __init__(self, why: str, wait: float, policy: str, limit: str) -> None:
        seconds = max(1, math.ceil(wait))
        super().__init__(f"{why} Try again in {seconds} s.")
        self.headers = {
            "Retry-After": str(seconds),
            "RateLimit-Policy": policy,
            "RateLimit": f'"{limit}";r=0;t={seconds}',
        }


class NotReady(Refused):
    """The database cannot be used just now; the server's log says why."""

    status = 503
    code = "not-ready"


class NotJson(Refused):
    """The body is no JSON in UTF-8."""

    code = "not-json"


class ContentTooLarge(Refused):
    """The body is too large."""

    status = 413
    code = "content-too-large"

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The body is too large (limit {limit:,} bytes).")


class UnsupportedMediaType(Refused):
    """A body must be application/json, in UTF-8 and not compressed."""

    status = 415
    code = "unsupported-media-type"


# The nearest class of an error counts.
_STATUS: dict[type[Exception], int] = {
    errors.InvalidInput: 400,
    errors.UnknownSession: 404,
    errors.UnknownPin: 404,
    errors.SessionClosed: 409,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.IdempotencyKeyReused: 422,
    errors.ManagerClosed: 503,
    errors.StoreBusy: 503,
    errors.StoreFull: 507,
    errors.OutcomeUnknown: 503,
    TurnkeepError: 500,
}
TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    412: "Precondition failed",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Too many requests",
    431: "Request header fields too large",
    500: "Internal server error",
    503: "Service unavailable",
    507: "Insufficient storage",
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`field` names what is wrong; `size` and `limit` are there when it is about a limit, `session_status` when it is closed."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    session_status: Status | None = None
    size: int | float | None = None
    limit: int | float | None = None


def status_of(error: TurnkeepError) -> int:
    if isinstance(error, Refused):
        return error.status
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def problem(error: TurnkeepError) -> Problem:
    status = status_of(error)
    told: dict[str, Any] = {name: getattr(error, name, None) for name in ("field", "size", "limit")}
    if isinstance(error, errors.SessionClosed):
        told["session_status"] = error.status
    return Problem(type=PREFIX + error.code, title=TITLES[status], status=status, detail=str(error), **told)


def _response(found: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(msgspec.json.encode(found), status_code=found.status, media_type=MEDIA_TYPE, headers=headers)


def on_turnkeep_error(request: Request[Any, Any, Any], error: TurnkeepError) -> Response[bytes]:
    found = problem(error)
    if found.status >= 500:
        request.app.state.figures.problems[error.code] += 1
        log.error("%s %s: %s", request.method, route(request.scope), error)
    return _response(found, dict(error.headers) if isinstance(error, Refused) else None)


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar itself refuses: no such path, another method."""
    status = error.status_code
    if status >= 500:
        return on_bug(request, error)
    return _response(of_status(status), dict(error.headers or {}))


def of_status(status: int, limit: float | None = None) -> Problem:
    """For what is no error of ours."""
    title = TITLES.get(status) or HTTPStatus(status).phrase  # those of Python change with its versions
    words = {
        404: "There is nothing at this path.",
        405: "This path does not take that method.",
        408: f"The request did not come in within {limit or 0:g} s.",
        431: f"The request line and the headers are too large (limit {limit or 0:,} bytes).",
        500: "The server failed to answer this request; its log says why.",
    }
    code = "internal" if status == 500 else title.lower().replace(" ", "-")
    return Problem(type=PREFIX + code, title=title, status=status, detail=words.get(status, title), limit=limit)


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    request.app.state.figures.problems["internal"] += 1
    log.error("%s %s failed", request.method, route(request.scope), exc_info=error)
    return _response(of_status(500))
