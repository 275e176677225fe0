"""The OpenAPI 3.1 document, made from the declarations of the handlers.

Invariant: nothing is said here of a call that its declaration does not say; shapes are the very types that decode and encode. Every
status that a call can answer is named, so that an answer that is not in the document is a bug of one of them.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from types import UnionType
from typing import Any, TypeAlias, get_args, get_origin

import msgspec
from litestar.types import ASGIApp

from turnkeep.server import bodies
from turnkeep.server.answers import Answer, Html
from turnkeep.server.call import PUBLIC, Call
from turnkeep.server.conditions import MAX_KEY_CHARS
from turnkeep.server.examples import EVENT_STREAM, EXAMPLES, ID, PROBLEMS
from turnkeep.server.links import components as link_components
from turnkeep.server.links import is_about_a_session, links_of
from turnkeep.server.operations import Operation, operation
from turnkeep.server.problems import MEDIA_TYPE, TITLES, Problem
from turnkeep.server.routes import HANDLERS
from turnkeep.server.terms import MESSAGE_RULES, SessionId
from turnkeep.session import JsonObject

Schemas: TypeAlias = dict[Any, JsonObject]

REF = "#/components/schemas/{name}"
INFO = {
    "title": "Turnkeep",
    "summary": "The session layer for AI chat agents.",
    "description": "A bot hands it every turn; it hands back the messages to send to the model, within the token budget.",
    "contact": {"name": "The Turnkeep maintainers"},
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}
TAGS = {
    "sessions": "Sessions and what belongs to them: messages, state, contexts, summaries, and what happened.",
    "upkeep": "What is about more than one session: erasure, background work, and the database as a whole.",
    "server": "The server itself, and the key that asks it.",
}
HEADERS: dict[str, JsonObject] = {
    "If-Match": {
        "description": 'The version that the session must have, as `"3"`, several, or `*`; else 412. Compared in the very commit.',
        "schema": {"type": "string"},
        "example": "*",
    },
    "If-None-Match": {
        "description": "The version that is known already: 304 if it is still the newest.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    "Last-Event-ID": {
        "description": "The id of the last event that was dealt with: the stream goes on behind it.",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "description": "The write is done once, however often it is sent with this key; another write with the same key is a 422.",
        "schema": {"type": "string", "pattern": f'^("[!-~]{{1,{MAX_KEY_CHARS}}}"|[!-~]{{1,{MAX_KEY_CHARS}}})$'},
        "example": "turn-1",
    },
    "Idempotency-Fingerprint": {
        "description": "What must be the same beside the request when its Idempotency-Key is used again.",
        "schema": {"type": "string"},
        "example": "v1",
    },
}
STREAM = {
    "schema": {"type": "string", "description": "Server-Sent Events."},
    "examples": {"stream": {"value": EVENT_STREAM}},
}
# What is no JSON: its media type, its shape, and an example.
SSE = {
    "type": "object",
    "description": "One of the Server-Sent Events.",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"type": "string"},
        "id": {"type": "string", "description": "For `Last-Event-ID`."},
        "data": {"type": "string", "description": "JSON."},
    },
}
OTHERS: dict[type, tuple[str, JsonObject, str]] = {
    str: ("text/event-stream", SSE, EVENT_STREAM),
    bytes: ("application/octet-stream", {"type": "string", "description": "An SQLite database."}, "SQLite format 3"),
    Html: ("text/html", {"type": "string", "description": "A page."}, "<!doctype html>"),
}
ETAG = {"ETag": {"description": "The session's version, in quotes.", "schema": {"type": "string"}}}
SECURITY = {"key": {"type": "http", "scheme": "bearer", "description": "An API key of `turnkeep keys create`."}}
DONE = {200: "Done.", 201: "Stored.", 204: "Gone.", 304: "Not modified: the version is the one that If-None-Match names."}
UNASKED = (408, 431, 500, 503)  # any call may answer these


@operation("GET", "/openapi.json", scope=PUBLIC, answers={200: JsonObject}, tag="server")
async def openapi_document(request: Call) -> ASGIApp:
    """This document. Needs no key."""
    return Answer(document())


OPERATIONS = [*HANDLERS, openapi_document]


@cache
def document() -> JsonObject:
    told: list[tuple[str, Operation]] = [(next(iter(handler.paths)), handler.opt["operation"]) for handler in OPERATIONS]
    schemas, components = _shapes([one for _, one in told])
    links = link_components(told)
    paths: JsonObject = {}
    for handler, (path, one) in zip(OPERATIONS, told, strict=True):
        [method] = handler.http_methods
        place = paths.setdefault(path.replace(":str}", "}"), {})
        place[str(method).lower()] = _operation(one, path, schemas, links)
    return {
        "openapi": "3.1.0",
        "info": {**INFO, "version": version("turnkeep")},
        "servers": [{"url": "/", "description": "The server that this document is from."}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": _problem_responses(schemas[Problem]),
            "links": links,
            "securitySchemes": SECURITY,
        },
        "security": [{"key": []}],
    }


def _shapes(told: list[Operation]) -> tuple[Schemas, JsonObject]:
    """How to refer to each shape, and the shapes."""
    kinds = {kind for one in told for whole in [one.body, *one.answers.values()] for kind in _parts(whole)} | {Problem}
    named = sorted((kind for kind in kinds if _is_named(kind)), key=lambda kind: kind.__name__)
    references, components = msgspec.json.schema_components(named, ref_template=REF)
    for kind in (bodies.NewMessage, bodies.OneMessage, bodies.AddMessage):
        components[kind.__name__]["anyOf"] = MESSAGE_RULES
    return dict(zip(named, references, strict=True)), components


def _parts(kind: Any) -> tuple[Any, ...]:
    if kind is None:
        return ()
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _is_named(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _content(kind: Any, schemas: Schemas) -> JsonObject:
    if kind in OTHERS:
        media, schema, example = OTHERS[kind]
        return {media: {"schema": schema, "examples": {"example": {"value": example}}}}
    shapes = [schemas.get(part, {"type": "object"}) for part in _parts(kind)]
    examples = {getattr(part, "__name__", "object"): {"value": EXAMPLES[get_origin(part) or part]} for part in _parts(kind)}
    return {"application/json": {"schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}, "examples": examples}}


def _operation(one: Operation, path: str, schemas: Schemas, links: JsonObject) -> JsonObject:
    summary = one.text.split("\n\n", maxsplit=1)[0].replace("\n", " ")
    needs = "" if one.scope == PUBLIC else f"\n\nNeeds a key of the scope `{one.scope}`."
    made: JsonObject = {
        "operationId": one.name,
        "summary": summary,
        "description": one.text + needs,
        "tags": [one.tag],
        "parameters": [*_in_path(path), *_in_query(one.query), *_in_headers(one.headers)],
        "responses": {**_answers(one, path, schemas, links), **_problems(one)},
    }
    if one.body is not None:
        made["requestBody"] = {"required": True, "content": _content(one.body, schemas)}
    if one.scope == PUBLIC:
        made["security"] = []
    return made


def _answers(one: Operation, path: str, schemas: Schemas, links: JsonObject) -> JsonObject:
    found: JsonObject = {}
    for status, kind in one.answers.items():
        told = found[str(status)] = {"description": DONE[status]}
        if kind is not None:
            told["content"] = _content(kind, schemas)
            if linked := links_of(path, one, _parts(kind), links):
                told["links"] = linked
        if one.etag:
            told["headers"] = ETAG
    return found


# --- problems


def _problems(one: Operation) -> JsonObject:
    return {str(status): {"$ref": f"#/components/responses/{_title(status)}"} for status in sorted(_statuses(one))}


def _statuses(one: Operation) -> set[int]:
    """What a declaration names, and what follows from it."""
    found = {*one.problems, *UNASKED}
    if one.scope != PUBLIC:
        found |= {400, 401, 429}
    if one.scope not in (PUBLIC, "read"):
        found.add(403)
    if one.body is not None:
        found |= {413, 415}
    if one.changes:
        found.add(507)
    return found


def _title(status: int) -> str:
    return TITLES[status].title().replace(" ", "")


def _problem_responses(schema: JsonObject) -> JsonObject:
    return {
        _title(status): {
            "description": f"{TITLES[status]}.",
            "content": {
                MEDIA_TYPE: {
                    "schema": schema,
                    "examples": {one.type.rpartition(":")[2]: {"value": msgspec.to_builtins(one)} for one in examples},
                }
            },
        }
        for status, examples in PROBLEMS.items()
    }


# --- parameters


def _in_path(path: str) -> list[JsonObject]:
    if not is_about_a_session(path):
        return []
    schema = msgspec.json.schema(SessionId)
    told = {"description": schema.pop("description"), "schema": schema, "example": ID}
    return [{"name": "session_id", "in": "path", "required": True, **told}]


def _in_query(kind: type[msgspec.Struct]) -> list[JsonObject]:
    [_], components = msgspec.json.schema_components([kind])
    shape = components[kind.__name__]
    return [_parameter(name, schema, name in shape.get("required", ())) for name, schema in shape["properties"].items()]


def _parameter(name: str, schema: JsonObject, required: bool) -> JsonObject:
    """A query has no null: a parameter that may be left out is left out."""
    schema = dict(schema)
    description = schema.pop("description")
    if schema.get("default", 0) is None:
        del schema["default"]
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if kinds:
        schema |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {"name": name, "in": "query", "description": description, "required": required, "schema": schema}


def _in_headers(names: tuple[str, ...]) -> list[JsonObject]:
    return [{"name": name, "in": "header", "required": False, **HEADERS[name]} for name in names]
