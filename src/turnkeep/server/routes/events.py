"""What happened and is no message: usage reports, tool calls, errors."""

from __future__ import annotations

import msgspec
from litestar.params import FromPath
from litestar.types import ASGIApp

from turnkeep.errors import InvalidInput
from turnkeep.server import answers
from turnkeep.server.answers import Answer
from turnkeep.server.bodies import Failure, Page, ToolCall, Usage
from turnkeep.server.call import Call
from turnkeep.server.conditions import WRITE, write_to
from turnkeep.server.operations import operation
from turnkeep.server.routes.sessions import ONE
from turnkeep.session import EventKind
from turnkeep.stores.base import MAX_PAGE

_USAGE = msgspec.json.Decoder(Usage)
_TOOL_CALL = msgspec.json.Decoder(ToolCall)
_FAILURE = msgspec.json.Decoder(Failure)


async def _of(request: Call, session_id: str, kind: EventKind) -> Answer:
    """A page of one kind: what is looked through for it is bounded, so it may be short and still not the last."""
    sessions, page = await request.sessions_for(session_id), request.query_as(Page)
    if not 1 <= page.limit <= MAX_PAGE:
        raise InvalidInput("limit", f"must be from 1 to {MAX_PAGE}", size=page.limit, limit=1 if page.limit < 1 else MAX_PAGE)
    seen = await sessions.get_events(session_id, page.after, MAX_PAGE)
    found = [one for one in seen if one.kind == kind]
    shown = found[: page.limit]
    last = shown if len(found) > page.limit else seen if len(seen) == MAX_PAGE else None
    more = last[-1].number if last else None
    return Answer(answers.Events([answers.event(one) for one in shown], more))


@operation("GET", ONE + "/activity", scope="read", answers={200: answers.Events}, problems=(404,), query=Page)
async def read_activity(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Tool calls, errors and usage reports in one list, oldest first; for the next page pass `next_after` as `after`."""
    sessions, page = await request.sessions_for(session_id), request.query_as(Page)
    found = await sessions.get_events(session_id, page.after, page.limit)
    more = found[-1].number if len(found) == page.limit else None
    return Answer(answers.Events([answers.event(one) for one in found], more))


@operation("GET", ONE + "/usage", scope="read", answers={200: answers.Events}, problems=(404,), query=Page)
async def read_usage(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Usage reports, oldest first; for the next page pass `next_after` as `after`."""
    return await _of(request, session_id, "usage")


@operation(
    "POST",
    ONE + "/usage",
    scope="write",
    answers={201: answers.Event},
    problems=(404, 412, 413, 415, 422),
    body=Usage,
    headers=WRITE,
)
async def record_usage(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Note the provider's own count of a call; with `counted_tokens` it teaches how far the session's counter is off."""
    sessions, given = await write_to(request, session_id), await request.body_as(_USAGE)
    noted = await sessions.record_usage(
        session_id,
        tokens_in=given.tokens_in,
        tokens_out=given.tokens_out,
        cache_read_tokens=given.cache_read_tokens,
        counted_tokens=given.counted_tokens,
        model=given.model,
        duration_ms=given.duration_ms,
        data=given.data,
    )
    return Answer(answers.event(noted), 201)


@operation("GET", ONE + "/tool-calls", scope="read", answers={200: answers.Events}, problems=(404,), query=Page)
async def read_tool_calls(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Tool calls, oldest first; for the next page pass `next_after` as `after`."""
    return await _of(request, session_id, "tool_call")


@operation(
    "POST",
    ONE + "/tool-calls",
    scope="write",
    answers={201: answers.Event},
    problems=(404, 412, 413, 415, 422),
    body=ToolCall,
    headers=WRITE,
)
async def record_tool_call(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Note that a tool ran. With the `tool_call_id` of a stored message it adds to that call and is not counted again."""
    sessions, given = await write_to(request, session_id), await request.body_as(_TOOL_CALL)
    noted = await sessions.record_tool_call(
        session_id,
        given.name,
        duration_ms=given.duration_ms,
        outcome=given.outcome,
        tool_call_id=given.tool_call_id,
        data=given.data,
    )
    return Answer(answers.event(noted), 201)


@operation("GET", ONE + "/errors", scope="read", answers={200: answers.Events}, problems=(404,), query=Page)
async def read_errors(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Errors, oldest first; for the next page pass `next_after` as `after`."""
    return await _of(request, session_id, "error")


@operation(
    "POST",
    ONE + "/errors",
    scope="write",
    answers={201: answers.Event},
    problems=(404, 412, 413, 415, 422),
    body=Failure,
    headers=WRITE,
)
async def record_error(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Note that something failed; `name` is the kind of failure."""
    sessions, given = await write_to(request, session_id), await request.body_as(_FAILURE)
    noted = await sessions.record_error(session_id, given.name, message=given.message, data=given.data)
    return Answer(answers.event(noted), 201)


HANDLERS = [read_activity, read_usage, record_usage, read_tool_calls, record_tool_call, read_errors, record_error]
