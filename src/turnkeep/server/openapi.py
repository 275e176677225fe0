"""The OpenAPI 3.1 document, made from the declarations of the handlers.

Invariant: nothing is said here of a call that its declaration does not say; shapes are the very types that decode and encode.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from types import UnionType
from typing import Any, get_args, get_origin

import msgspec
from litestar.types import ASGIApp

from turnkeep.server.answers import Answer
from turnkeep.server.call import PUBLIC, Call
from turnkeep.server.examples import EVENT_STREAM, EXAMPLES, ID
from turnkeep.server.operations import Operation, operation
from turnkeep.server.problems import MEDIA_TYPE, TITLES, Problem
from turnkeep.server.routes import HANDLERS
from turnkeep.session import JsonObject

REF = "#/components/schemas/{name}"
HEADERS = {
    "If-Match": "The version that the session must have, or several; else 412. Compared in the commit of the write.",
    "If-None-Match": "The version that is known already: 304 if it is still the newest.",
    "Last-Event-ID": "The id of the last event that was dealt with: the stream goes on behind it.",
    "Idempotency-Key": "The write is done once, however often it is sent with this key; another with the same key is a 422.",
    "Idempotency-Fingerprint": "What must be the same beside the request when its Idempotency-Key is used again.",
}
STREAM = {
    "schema": {"type": "string", "description": "Server-Sent Events."},
    "examples": {"stream": {"value": EVENT_STREAM}},
}
FILE = {
    "schema": {"type": "string", "contentMediaType": "application/octet-stream"},
    "examples": {"file": {"value": "SQLite format 3"}},
}
ETAG = {"ETag": {"description": "The session's version.", "schema": {"type": "string"}}}
SECURITY = {"key": {"type": "http", "scheme": "bearer", "description": "An API key of `turnkeep keys create`."}}


@operation("GET", "/openapi.json", scope=PUBLIC, answers={200: JsonObject}, tag="server")
async def openapi_document(request: Call) -> ASGIApp:
    """This document. Needs no key."""
    return Answer(document())


OPERATIONS = [*HANDLERS, openapi_document]


@cache
def document() -> JsonObject:
    told: list[Operation] = [handler.opt["operation"] for handler in OPERATIONS]
    kinds = {kind for one in told for whole in [one.body, *one.answers.values()] for kind in _parts(whole)} | {Problem}
    named = sorted((kind for kind in kinds if _is_named(kind)), key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(named, ref_template=REF)
    paths: JsonObject = {}
    for handler, one in zip(OPERATIONS, told, strict=True):
        [path], [method] = handler.paths, handler.http_methods
        place = paths.setdefault(path.replace(":str}", "}"), {})
        place[str(method).lower()] = _operation(one, path, dict(zip(named, schemas, strict=True)))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Turnkeep", "version": version("turnkeep"), "description": "The session layer for AI chat agents."},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SECURITY},
        "security": [{"key": []}],
    }


def _parts(kind: Any) -> tuple[Any, ...]:
    if kind is None:
        return ()
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _is_named(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _content(kind: Any, schemas: dict[Any, Any], media: str = "application/json") -> JsonObject:
    if kind is str:
        return {"text/event-stream": STREAM}
    if kind is bytes:
        return {"application/octet-stream": FILE}
    shapes = [schemas.get(part, {"type": "object"}) for part in _parts(kind)]
    examples = {getattr(part, "__name__", "object"): {"value": EXAMPLES[get_origin(part) or part]} for part in _parts(kind)}
    return {media: {"schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}, "examples": examples}}


def _operation(one: Operation, path: str, schemas: dict[Any, Any]) -> JsonObject:
    summary = one.text.split("\n\n", maxsplit=1)[0].replace("\n", " ")
    needs = "" if one.scope == PUBLIC else f"\n\nNeeds a key of the scope `{one.scope}`."
    made: JsonObject = {
        "operationId": one.name,
        "summary": summary,
        "description": one.text + needs,
        "tags": [one.tag],
        "parameters": [*_in_path(path), *_in_query(one.query), *_in_headers(one.headers)],
        "responses": {**_answers(one, schemas), **_problems(one, schemas)},
    }
    if one.body is not None:
        made["requestBody"] = {"required": True, "content": _content(one.body, schemas)}
    if one.scope == PUBLIC:
        made["security"] = []
    return made


def _answers(one: Operation, schemas: dict[Any, Any]) -> JsonObject:
    found: JsonObject = {}
    for status, kind in one.answers.items():
        found[str(status)] = {"description": "Done." if status < 300 else "Not modified."}
        if kind is not None:
            found[str(status)]["content"] = _content(kind, schemas)
        if one.etag:
            found[str(status)]["headers"] = ETAG
    return found


def _problems(one: Operation, schemas: dict[Any, Any]) -> JsonObject:
    statuses = one.problems if one.scope == PUBLIC else (400, 401, 403, *one.problems)
    content = _content(Problem, schemas, MEDIA_TYPE)
    found: JsonObject = {str(status): {"description": f"{TITLES[status]}.", "content": content} for status in statuses}
    return {**found, "default": {"description": "Any other problem.", "content": content}}


def _in_path(path: str) -> list[JsonObject]:
    if "{session_id" not in path:
        return []
    return [{"name": "session_id", "in": "path", "required": True, "schema": {"type": "string"}, "example": ID}]


def _in_query(kind: type[msgspec.Struct]) -> list[JsonObject]:
    [_], components = msgspec.json.schema_components([kind])
    shape = components[kind.__name__]
    return [
        {"name": name, "in": "query", "required": name in shape.get("required", ()), "schema": schema}
        for name, schema in shape["properties"].items()
    ]


def _in_headers(names: tuple[str, ...]) -> list[JsonObject]:
    return [{"name": name, "in": "header", "description": HEADERS[name], "schema": {"type": "string"}} for name in names]
