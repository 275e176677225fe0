"""The log: reading it by pages, and adding to it, each message once."""

from __future__ import annotations

import msgspec
from litestar.params import FromPath
from litestar.types import ASGIApp
from msgspec.structs import asdict

from turnkeep.server import answers
from turnkeep.server.answers import Answer
from turnkeep.server.bodies import AddMessage, MessagePage, NewMessages, OneMessage, check_page
from turnkeep.server.call import Call
from turnkeep.server.conditions import WRITE, write_to
from turnkeep.server.operations import operation
from turnkeep.server.routes.sessions import ONE

_ONE_OR_MORE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NEW = msgspec.json.Decoder(OneMessage)
_BATCH = msgspec.json.Decoder(NewMessages)


@operation("GET", ONE + "/messages", scope="read", answers={200: answers.Messages}, problems=(404,), query=MessagePage)
async def read_messages(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """The log after that `seq`, oldest first: also what a summary covers, a clear passed or a retract hides."""
    sessions, page = await request.sessions_for(session_id), request.query_as(MessagePage)
    if page.external_id is not None:
        check_page(page)
        known = await sessions.find_message(session_id, page.external_id)
        return Answer(answers.Messages([answers.message(known)] if known else [], None))
    found = await sessions.get_messages(session_id, page.after, page.limit)
    more = found[-1].seq if len(found) == page.limit else None
    return Answer(answers.Messages([answers.message(one) for one in found], more))


@operation(
    "POST",
    ONE + "/messages",
    scope="write",
    answers={201: answers.Message | answers.Appended},
    problems=(404, 409, 412, 413, 415, 422),
    body=OneMessage | NewMessages,
    headers=WRITE,
)
async def add_messages(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Add a message, or up to 1000 as `messages`, all or none; durable when this answers.

    Sent again with the same `external_id`, or the same `Idempotency-Key`, it is stored once and gets the same answer.
    """
    if b'"messages"' in await request.body():  # perhaps: a text may hold it, too
        given = await request.body_as(_ONE_OR_MORE)
        if "messages" in given:
            return Answer(await _add_batch(request, session_id, await request.body_as(_BATCH)), 201)
    new = await request.body_as(_NEW)
    return Answer(await add_one(request, session_id, new), 201)


async def add_one(request: Call, session_id: str, new: OneMessage | AddMessage) -> answers.Message:
    sessions = await write_to(request, session_id)
    stored = await sessions.add_message(
        session_id,
        new.role,
        new.content,
        tool_calls=new.tool_calls,
        tool_call_id=new.tool_call_id,
        name=new.name,
        external_id=new.external_id,
        author_id=new.author_id,
        metadata=new.metadata,
        created_at=new.created_at,
        expected_seq=new.expected_seq,
    )
    return answers.message(stored)


async def _add_batch(request: Call, session_id: str, given: NewMessages) -> answers.Appended:
    sessions = await write_to(request, session_id)
    stored = await sessions.add_messages(session_id, [asdict(one) for one in given.messages], expected_seq=given.expected_seq)
    return answers.Appended([answers.message(one) for one in stored])


HANDLERS = [read_messages, add_messages]
