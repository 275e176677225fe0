"""One session: reading it, its state, and what ends or empties it."""

from __future__ import annotations

import msgspec
from litestar.params import FromPath
from litestar.types import ASGIApp

from turnkeep.server import answers
from turnkeep.server.answers import Answer
from turnkeep.server.bodies import Clear, InScope, Retract
from turnkeep.server.call import Call
from turnkeep.server.conditions import WRITE, etag, is_current, write_to
from turnkeep.server.operations import operation
from turnkeep.session import JsonObject, Session, SessionStats

ONE = "/api/sessions/{session_id:str}"

_CLEAR = msgspec.json.Decoder(Clear)
_RETRACT = msgspec.json.Decoder(Retract)
_PATCH = msgspec.json.Decoder(JsonObject)


def answer_session(request: Call, session: Session, status: int = 200) -> Answer:
    """With its ETag; 304 to a GET that has this version."""
    tag = etag(session.version)
    if request.method == "GET" and is_current(request, session.version):
        return Answer(status=304, headers=tag)
    return Answer(answers.session(session), status, tag)


@operation(
    "GET", ONE, scope="read", answers={200: answers.Session, 304: None}, problems=(404,), headers=("If-None-Match",), etag=True
)
async def read_session(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """The session, its status by the clock."""
    return answer_session(request, await request.visible(session_id))


@operation("DELETE", ONE, scope="write", answers={204: None}, problems=(404, 412, 422), headers=WRITE)
async def delete_session(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Remove it and everything of it, for good."""
    sessions = await write_to(request, session_id)
    await sessions.delete_session(session_id)
    return Answer(status=204)


@operation(
    "POST",
    ONE + "/deactivate",
    scope="write",
    answers={200: answers.Session},
    problems=(404, 412, 422),
    headers=WRITE,
    etag=True,
)
async def deactivate_session(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Close it: it takes no new user messages, and the conversation's next one opens a successor."""
    sessions = await write_to(request, session_id)
    return answer_session(request, await sessions.deactivate_session(session_id))


@operation(
    "POST",
    ONE + "/clear",
    scope="write",
    answers={200: answers.Session},
    problems=(404, 412, 413, 415, 422),
    body=Clear,
    headers=WRITE,
    etag=True,
)
async def clear_messages(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Empty the window; the log stays. With `keep_summaries` false the summaries leave it too."""
    sessions = await write_to(request, session_id)
    wanted = await request.body_as(_CLEAR)
    return answer_session(request, await sessions.clear_messages(session_id, wanted.keep_summaries))


@operation(
    "POST",
    ONE + "/retract",
    scope="write",
    answers={200: answers.Session},
    problems=(404, 412, 413, 415, 422),
    body=Retract,
    headers=WRITE,
    etag=True,
)
async def retract(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Hide the newest part, from this `seq` on, from the context (undo, retry, an edited message); the log stays."""
    sessions = await write_to(request, session_id)
    wanted = await request.body_as(_RETRACT)
    return answer_session(request, await sessions.retract(session_id, wanted.from_seq))


@operation("GET", ONE + "/stats", scope="read", answers={200: SessionStats}, problems=(404,))
async def session_stats(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Figures of the session. `duration` is in seconds."""
    sessions = await request.sessions_for(session_id)
    return Answer(await sessions.get_session_stats(session_id))


@operation("GET", ONE + "/state", scope="read", answers={200: answers.StateValue}, problems=(404,), query=InScope)
async def read_state(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """The variables of the session, or with `scope=user` those of its external user on this interface."""
    sessions = await request.sessions_for(session_id)
    return Answer(answers.StateValue(await sessions.get_state(session_id, request.query_as(InScope).scope)))


@operation(
    "PATCH",
    ONE + "/state",
    scope="write",
    answers={200: answers.StateValue},
    problems=(404, 412, 413, 415, 422),
    query=InScope,
    body=JsonObject,
    headers=WRITE,
)
async def patch_state(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Change them by a merge patch (RFC 7396: null removes a key); the answer has all of them."""
    sessions = await write_to(request, session_id)
    patch, scope = await request.body_as(_PATCH), request.query_as(InScope).scope
    return Answer(answers.StateValue(await sessions.update_state(session_id, patch, scope)))


HANDLERS = [
    read_session,
    delete_session,
    deactivate_session,
    clear_messages,
    retract,
    session_stats,
    read_state,
    patch_state,
]
