"""The links of the OpenAPI document: from an answer to the calls that it makes possible.

Invariant: a link is made of the declarations alone, so a new call about a session is linked as soon as it is declared.
"""

from __future__ import annotations

from collections.abc import Iterable

from turnkeep.server import answers
from turnkeep.server.operations import Operation
from turnkeep.session import JsonObject

OF_SESSION = "OfSession_"
OF_SAME = "OfSameSession_"
ID = "session_id"


def is_about_a_session(path: str) -> bool:
    return f"{{{ID}" in path


def components(operations: Iterable[tuple[str, Operation]]) -> JsonObject:
    """All links by name: to each call about the session that was answered, and about the one that was asked for."""
    about = [one for path, one in operations if is_about_a_session(path)]
    answered = {OF_SESSION + one.name: _link(one, "$response.body#/id") for one in about}
    return answered | {OF_SAME + one.name: _link(one, "$request.path.session_id") for one in about if not one.changes}


def _link(one: Operation, where: str) -> JsonObject:
    return {"operationId": one.name, "parameters": {ID: where}}


def links_of(path: str, one: Operation, shapes: Iterable[type], links: JsonObject) -> JsonObject:
    """References to the links of an answer of these shapes."""
    if answers.Session in shapes:
        prefix = OF_SESSION
    elif one.changes and is_about_a_session(path):
        prefix = OF_SAME
    else:
        return {}
    return {name.removeprefix(prefix): {"$ref": f"#/components/links/{name}"} for name in links if name.startswith(prefix)}
