"""Pins: what stays in every prompt, word for word."""

from __future__ import annotations

import msgspec
from litestar.params import FromPath
from litestar.types import ASGIApp

from turnkeep.server import answers
from turnkeep.server.answers import Answer
from turnkeep.server.bodies import OnePin, PinMessage, PinText
from turnkeep.server.call import Call
from turnkeep.server.conditions import WRITE, write_to
from turnkeep.server.operations import operation
from turnkeep.server.routes.sessions import ONE

_MESSAGE = msgspec.json.Decoder(PinMessage)
_TEXT = msgspec.json.Decoder(PinText)
_ANY = msgspec.json.Decoder(dict[str, msgspec.Raw])


@operation("GET", ONE + "/pins", scope="read", answers={200: answers.Pins}, problems=(404,))
async def read_pins(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """What stays in every prompt, oldest first."""
    sessions = await request.sessions_for(session_id)
    return Answer(answers.Pins([answers.pin(one) for one in await sessions.get_pins(session_id)]))


@operation(
    "POST",
    ONE + "/pins",
    scope="write",
    answers={201: answers.Pin},
    problems=(404, 412, 413, 415, 422),
    body=PinMessage | PinText,
    headers=WRITE,
)
async def pin(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Pin a message by its `seq`, or a text. What is pinned already is answered as it is."""
    sessions = await write_to(request, session_id)
    if "seq" in await request.body_as(_ANY):
        message = await request.body_as(_MESSAGE)
        return Answer(answers.pin(await sessions.pin_message(session_id, message.seq)), 201)
    wanted = await request.body_as(_TEXT)
    return Answer(answers.pin(await sessions.pin(session_id, wanted.text, author_id=wanted.author_id)), 201)


@operation("DELETE", ONE + "/pins", scope="write", answers={204: None}, problems=(404, 412, 422), query=OnePin, headers=WRITE)
async def unpin(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """Remove a pin, by its `number`."""
    sessions, wanted = await write_to(request, session_id), request.query_as(OnePin)
    await sessions.unpin(session_id, wanted.number)
    return Answer(status=204)


HANDLERS = [read_pins, pin, unpin]
