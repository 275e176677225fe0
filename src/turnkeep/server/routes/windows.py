"""What prompts are made of: the context, and the summaries in it."""

from __future__ import annotations

import msgspec
from litestar.params import FromPath
from litestar.types import ASGIApp

from turnkeep.context import Context
from turnkeep.server import answers
from turnkeep.server.answers import Answer
from turnkeep.server.bodies import Build, Recall, Within
from turnkeep.server.call import Call
from turnkeep.server.conditions import etag, is_current
from turnkeep.server.operations import operation
from turnkeep.server.routes.sessions import ONE
from turnkeep.server.tenants import Tenants

_BUILD = msgspec.json.Decoder(Build)


def _answer(built: Context) -> Answer:
    return Answer(answers.prompt(built), headers=etag(built.version))


@operation(
    "GET",
    ONE + "/context",
    scope="read",
    answers={200: answers.Prompt, 304: None},
    problems=(404,),
    query=Within,
    headers=("If-None-Match",),
    etag=True,
)
async def read_context(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """The prompt for the next call of the model, within its budget; it never waits for a summarizer."""
    sessions, within = await request.sessions_for(session_id), request.query_as(Within)
    tenants: Tenants = request.app.state.tenants
    if request.header(b"if-none-match") is not None:
        version = (await request.visible(session_id)).version
        if is_current(request, version):
            return Answer(status=304, headers=etag(version))
    query = request.scope["query_string"]
    answer = await tenants.prompts.find(sessions.app, session_id, query)
    if answer is None:
        built = await sessions.build_context(
            session_id, system=within.system, max_messages=within.max_messages, token_budget=within.token_budget
        )
        answer = _answer(built)
        tenants.prompts.keep(session_id, query, built.version, answer)
    return answer


@operation(
    "POST",
    ONE + "/context",
    scope="read",
    answers={200: answers.Prompt},
    problems=(404, 413, 415),
    body=Build,
    etag=True,
)
async def build_context(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """The same, for a long system text or with the schemas of tools. It changes nothing."""
    sessions, wanted = await request.sessions_for(session_id), await request.body_as(_BUILD)
    built = await sessions.build_context(
        session_id,
        system=wanted.system,
        tools=wanted.tools,
        max_messages=wanted.max_messages,
        token_budget=wanted.token_budget,
    )
    return _answer(built)


@operation("GET", ONE + "/recall", scope="read", answers={200: answers.Recalled}, problems=(404,), query=Recall)
async def recall(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Messages word for word that prompts only tell in a summary, shorten or leave out. Nothing that was cleared, retracted or erased."""
    sessions, wanted = await request.sessions_for(session_id), request.query_as(Recall)
    found = await sessions.recall(
        session_id,
        from_seq=wanted.from_seq,
        to_seq=wanted.to_seq,
        words=wanted.words,
        part=wanted.part,
        max_tokens=wanted.max_tokens,
    )
    return Answer(answers.recalled(found))


@operation("GET", ONE + "/summaries", scope="read", answers={200: answers.Summaries}, problems=(404,))
async def read_summaries(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """All summaries, oldest first; those that others have replaced are no longer `live`."""
    sessions = await request.sessions_for(session_id)
    return Answer(answers.Summaries([answers.summary(one) for one in await sessions.get_summaries(session_id)]))


@operation("POST", ONE + "/summaries", scope="write", answers={200: answers.Made}, problems=(404, 409))
async def summarize(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Compact now; waits for the summarizer."""
    sessions = await request.sessions_for(session_id)
    made = await sessions.summarize_session(session_id)
    return Answer(answers.Made(None if made is None else answers.summary(made)))


@operation("POST", ONE + "/resummarize", scope="write", answers={200: answers.Summaries}, problems=(404, 409))
async def resummarize(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Make the live summaries anew from the log, as the summarizer and the settings are now; but for a carried one."""
    sessions = await request.sessions_for(session_id)
    made = await sessions.resummarize_session(session_id)
    return Answer(answers.Summaries([answers.summary(one) for one in made]))


HANDLERS = [read_context, build_context, recall, read_summaries, summarize, resummarize]
