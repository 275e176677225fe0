"""The bare routes of `bare_litestar` on FastAPI: pydantic's models in place of msgspec's structs, and all else the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict

from benchmarks.bare_http import CONTEXT, Log, main

Content = str | list[dict[str, Any]] | None
Object = dict[str, Any] | None


class NewMessage(BaseModel):
    """The fields of `turnkeep.server.bodies.NewMessage`."""

    model_config = ConfigDict(extra="forbid")

    role: str
    content: Content = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    external_id: int | str | None = None
    author_id: int | str | None = None
    metadata: Object = None
    created_at: datetime | None = None


class Message(BaseModel):
    """The fields of `turnkeep.server.answers.Message`."""

    seq: int
    role: str
    content: Content
    tool_calls: list[dict[str, Any]] | None
    tool_call_id: str | None
    name: str | None
    tokens: int
    counter: str
    external_id: str | None
    author_id: str | None
    metadata: Object
    created_at: datetime
    erased: bool


class Prompt(BaseModel):
    """The fields of `turnkeep.server.answers.Prompt`."""

    session_id: str
    version: int
    messages: list[dict[str, Any]]
    tokens: int
    parts: dict[str, int]
    head: int
    fixed_tokens: int
    left_out: list[dict[str, Any]]


_PROMPT = Prompt.model_validate(CONTEXT)


async def add_message(session: int, data: NewMessage, request: Request) -> Message:
    assert isinstance(data.content, str)
    return Message(**await request.app.state.log.add(session, data.role, data.content))


async def read_context(session: int) -> Prompt:
    return _PROMPT


def make(log: Log) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await log.open()
        yield
        await log.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.state.log = log
    app.post("/api/sessions/{session}/messages", status_code=201)(add_message)
    app.get("/api/sessions/{session}/context")(read_context)
    return app


if __name__ == "__main__":
    main(make)
