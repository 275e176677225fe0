"""What Schemathesis is told beside the OpenAPI document: the one check that it does not have."""

import os
import re
from itertools import count
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, HookContext, Response

SESSIONS = "/api/sessions"
# A 400 to what the document allows. Each depends on what is stored, or on what JSON Schema cannot say; all others are bugs.
DUE = [
    r"last-event-id: ",  # it was made by this server, for this session
    r"if-match: is for writes to one session",  # an action of /api/sessions that is about none
    r"query: give one of id, conversationId and stats",
    r"(token_budget|token_limit): the fixed parts of the prompt",  # so small a budget, or a session made with one
    r"scope: this session has no external_user_id",
    r"from_seq: ",  # the newest seq is less
    r"to_seq: must not be before from_seq",
    r"seq: (is beyond the newest|names a message)",
    r"cache_read_tokens: are a part of tokens_in",
    r"pins: ",  # there are as many as there may be
    r"(messages\[\d+\]\.)?tool_call_id: names no tool call",
    r"[\w.\[\]]+: holds a whole number of more than 64 bits",
    r"[\w.\[\]]+: expected `int( \| null)?`, got `float`",  # 1.0: JSON Schema takes it for an integer
    r"[\w.\[\]]*created_at: invalid RFC3339",  # a format is a remark in JSON Schema, and no rule
    r"(messages\[\d+\]\.)?tool_calls\[\d+\]\.id: stands twice",
]


@schemathesis.hook
def before_load_schema(ctx: HookContext, raw: dict[str, Any]) -> None:
    """For chains of calls: they begin where a session is made. Else most begin at a POST that has links and no session to be about."""
    if os.environ.get("CHAINS"):
        content = raw["paths"][SESSIONS]["post"]["requestBody"]["content"]["application/json"]
        content["schema"] = {"$ref": "#/components/schemas/Create"}
        content["examples"] = {"Create": content["examples"]["Create"]}
        for path, methods in raw["paths"].items():
            for one in methods.values():
                for response in one["responses"].values():
                    if path != SESSIONS:
                        response.pop("links", None)


_numbers = count()


@schemathesis.hook
def before_call(ctx: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """A key of its own for each good write: with the document's example for all, every write but the first would be a 422."""
    if _is_good(case) and case.headers.get("Idempotency-Key"):
        case.headers["Idempotency-Key"] = f"key-{next(_numbers)}"


def _is_good(case: Case) -> bool:
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


@schemathesis.check
def refused_for_what_a_schema_cannot_say(ctx: CheckContext, response: Response, case: Case) -> None:
    if _is_good(case) and response.status_code == 400:
        detail = response.json()["detail"]
        assert any(re.match(due, detail) for due in DUE), f"refused, and the document allows it: {detail}"
