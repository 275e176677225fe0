"""Bare routes on Litestar: a POST that checks a message (msgspec) and appends it to the floor, a GET of a context held in memory.

No keys, no sessions to look up, no tokens, no external ids, no limits. Each handler takes and returns a typed object, which Litestar
decodes and encodes in its normal way, each time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from litestar import Litestar, get, post
from litestar.datastructures import State
from litestar.params import FromPath

from benchmarks.bare_http import CONTEXT, Log, main
from turnkeep.server.answers import Message, Prompt
from turnkeep.server.bodies import NewMessage

_PROMPT = msgspec.convert(CONTEXT, Prompt)


@post("/api/sessions/{session:int}/messages")
async def add_message(session: FromPath[int], data: NewMessage, state: State) -> Message:
    assert isinstance(data.content, str)
    return Message(**await state.log.add(session, data.role, data.content))


@get("/api/sessions/{session:int}/context")
async def read_context(session: FromPath[int]) -> Prompt:
    return _PROMPT


def make(log: Log) -> Litestar:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await log.open()
        yield
        await log.close()

    handlers = [add_message, read_context]
    return Litestar(handlers, lifespan=[lifespan], state=State({"log": log}), logging_config=None, openapi_config=None)


if __name__ == "__main__":
    main(make)
