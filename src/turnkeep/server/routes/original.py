"""The calls of the original system: `GET`, `POST` with an action, and `DELETE` on `/api/sessions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.types import ASGIApp

from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.server import answers
from turnkeep.server.answers import Answer
from turnkeep.server.bodies import (
    AddMessage,
    AnyAction,
    BuildContext,
    Cleanup,
    ClearMessages,
    Create,
    Deactivate,
    Find,
    One,
    UpdateState,
    check_page,
)
from turnkeep.server.call import Call
from turnkeep.server.conditions import WRITE, etag, idempotency_key, write, write_to
from turnkeep.server.operations import operation
from turnkeep.server.problems import Forbidden
from turnkeep.server.routes.messages import add_one
from turnkeep.server.routes.sessions import answer_session
from turnkeep.session import UNSET, Cleaned, Session, Stats

_ACTION = msgspec.json.Decoder(AnyAction)


@operation(
    "GET",
    "/api/sessions",
    scope="read",
    answers={200: answers.Session | answers.Sessions | Stats, 304: None},
    problems=(404,),
    query=Find,
    headers=("If-None-Match",),
    etag=True,
)
async def find_sessions(request: Call) -> ASGIApp:
    """The active sessions, newest first; one of them; or statistics.

    With `id` the answer is that session, with `stats=true` the figures of the app, else a page of sessions: those of one
    conversation with `conversationId`, and others than the active ones with `status`.
    """
    find = request.query_as(Find)
    if sum((find.id is not None, find.conversationId is not None, find.stats)) > 1:
        raise InvalidInput("query", "give one of id, conversationId and stats")
    check_page(find)
    if find.id is not None:
        return answer_session(request, await request.visible(find.id))
    if find.stats:
        request.caller.require_whole_app()
        return Answer(await request.caller.sessions.get_stats())
    return await _page(request, find)


async def _page(request: Call, find: Find) -> Answer:
    caller = request.caller
    if find.before is not None:
        await request.visible(find.before)
    if caller.user is not None and find.externalUserId not in (None, caller.user):
        raise Forbidden("The API key is narrowed to another user.")
    found = await caller.sessions.list_sessions(
        status=None if find.status == "all" else find.status,
        interface_type=find.interfaceType,
        conversation_id=find.conversationId,
        external_user_id=caller.user or find.externalUserId,
        before=find.before,
        limit=find.limit,
    )
    more = found[-1].id if len(found) == find.limit else None
    return Answer(answers.Sessions([answers.session(one) for one in found], more))


@operation(
    "POST",
    "/api/sessions",
    scope="read",
    answers={
        200: answers.Session | answers.StateValue | Cleaned | answers.Prompt,
        201: answers.Session | answers.Message,
    },
    problems=(404, 409, 412, 413, 415, 422),
    body=AnyAction,
    headers=WRITE,
    etag=True,
)
async def act(request: Call) -> ASGIApp:
    """An action: `create`, `addMessage`, `clearMessages`, `updateState`, `deactivate`, `cleanup` or `buildContext`.

    `create` answers 201 with a new session, or 200 with the active one of the conversation; `addMessage` 201. `buildContext`
    needs the scope `read`, `cleanup` needs `admin`, the others `write`.
    """
    idempotency_key(request)  # a bad one is refused, whatever the action
    action = await request.body_as(_ACTION)
    return await _ACTIONS[type(action)](request, action)


async def create(request: Call, action: Create) -> Answer:
    caller = request.caller
    caller.require("write")
    user = action.external_user_id
    if caller.user is not None:
        if user is not None and str(user) != caller.user:
            raise Forbidden("The API key is narrowed to another user.")
        user = caller.user
    after = action.expires_in_ms
    expires = UNSET if isinstance(after, msgspec.UnsetType) else None if after is None else _seconds(after)
    sessions = await write(request)
    session, created = await sessions.open_session(
        action.interface_type,
        action.conversation_id,
        external_user_id=user,
        external_chat_id=action.external_chat_id,
        token_limit=action.token_limit,
        expires_in=expires,
        model=action.model,
        tokenizer=action.tokenizer,
        carry_over=action.carry_over,
        metadata=action.metadata,
    )
    await _check_own(request, session, created=created)
    return answer_session(request, session, 201 if created else 200)


def _seconds(milliseconds: float) -> float:
    if not milliseconds > 0:
        raise InvalidInput("expires_in_ms", "must be more than 0", size=milliseconds, limit=0)
    return max(1.0, milliseconds) / 1000


async def _check_own(request: Call, session: Session, *, created: bool) -> None:
    """A narrowed key neither gets a conversation that is another user's, nor becomes its successor."""
    caller, known = request.caller, session
    if caller.user is None:
        return
    if created and session.predecessor is not None:
        try:
            known = await caller.sessions.get_session(session.predecessor)
        except UnknownSession:
            return
    if not caller.may_see(known):
        if created:
            await caller.sessions.delete_session(session.id)
        raise Forbidden("conversation_id: this conversation is not one of the user that the API key is narrowed to.")


async def add_message(request: Call, action: AddMessage) -> Answer:
    request.caller.require("write")
    return Answer(await add_one(request, action.id, action), 201)


async def clear_messages(request: Call, action: ClearMessages) -> Answer:
    request.caller.require("write")
    sessions = await write_to(request, action.id)
    return answer_session(request, await sessions.clear_messages(action.id, action.keep_summaries))


async def update_state(request: Call, action: UpdateState) -> Answer:
    request.caller.require("write")
    sessions = await write_to(request, action.id)
    return Answer(answers.StateValue(await sessions.update_state(action.id, action.state, action.scope)))


async def deactivate(request: Call, action: Deactivate) -> Answer:
    request.caller.require("write")
    sessions = await write_to(request, action.id)
    return answer_session(request, await sessions.deactivate_session(action.id))


async def cleanup(request: Call, action: Cleanup) -> Answer:
    request.caller.require("admin")
    request.caller.require_whole_app()
    sessions = await write(request)
    return Answer(await sessions.cleanup(action.dry_run))


async def build_context(request: Call, action: BuildContext) -> Answer:
    sessions = await request.sessions_for(action.id)
    built = await sessions.build_context(
        action.id,
        system=action.system,
        tools=action.tools,
        max_messages=action.maxMessages,
        token_budget=action.token_budget,
    )
    return Answer(answers.prompt(built), headers=etag(built.version))


_ACTIONS: dict[type, Callable[[Call, Any], Awaitable[Answer]]] = {
    Create: create,
    AddMessage: add_message,
    ClearMessages: clear_messages,
    UpdateState: update_state,
    Deactivate: deactivate,
    Cleanup: cleanup,
    BuildContext: build_context,
}


@operation(
    "DELETE",
    "/api/sessions",
    scope="write",
    answers={204: None},
    problems=(404, 412, 422),
    query=One,
    headers=WRITE,
)
async def delete_by_id(request: Call) -> ASGIApp:
    """Remove a session and everything of it, for good."""
    session_id = request.query_as(One).id
    sessions = await write_to(request, session_id)
    await sessions.delete_session(session_id)
    return Answer(status=204)


HANDLERS = [find_sessions, act, delete_by_id]
