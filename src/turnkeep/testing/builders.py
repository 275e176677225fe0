"""Small builders: everything a store is fed with, with only what a test is about spelled out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from turnkeep.errors import InvalidInput, TurnkeepError
from turnkeep.session import (
    Content,
    Event,
    EventKind,
    JsonObject,
    Message,
    NewMessage,
    NewPin,
    NewSummary,
    Role,
    Session,
)
from turnkeep.stores.base import Commit, NewSession, Store

NOW = 1_750_000_000_000  # tests tell the time; no store reads a clock
HOUR = 3_600_000
APP = "app"
PAGE = 1000

_serial = count(1)


def new_session(**changes: Any) -> NewSession:
    session = NewSession(
        id=f"session-{next(_serial)}",
        app=APP,
        interface_type="telegram",
        conversation_id="123",
        external_user_id="ann",
        external_chat_id="chat",
        token_limit=8000,
        tokenizer="o200k",
        lifetime_ms=HOUR,
        carry_over="none",
        metadata=None,
    )
    return replace(session, **changes)


def message(role: Role = "user", content: Content = "hi", **changes: Any) -> NewMessage:
    return replace(NewMessage(role, content, 10, "test", NOW), **changes)


def tool_use(*call_ids: str, **changes: Any) -> NewMessage:
    """An assistant's message that calls tools."""
    calls = [{"id": one, "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}} for one in call_ids]
    return replace(message("assistant", None, tool_calls=calls), **changes)


def tool_result(call_id: str | None, content: str = "blue", **changes: Any) -> NewMessage:
    return message("tool", content, tool_call_id=call_id, **changes)


def summary(from_seq: int, to_seq: int, text: str = "in short", **changes: Any) -> NewSummary:
    made = NewSummary(from_seq=from_seq, to_seq=to_seq, text=text, method="model", tokens=7, counter="test", tokens_before=70)
    return replace(made, **changes)


def pin(text: str = "by heart", **changes: Any) -> NewPin:
    return replace(NewPin(text=text, tokens=5, counter="test", created_ms=NOW), **changes)


def event(kind: EventKind = "tool_call", name: str = "look", **changes: Any) -> Event:
    return replace(Event(kind=kind, name=name, created_ms=NOW), **changes)


async def opened(store: Store, **changes: Any) -> Session:
    """A session opened now: of the one conversation, or of that which the changes name."""
    session, _ = await store.open_session(new_session(**changes), NOW)
    return session


async def said(store: Store, session: Session, *messages: NewMessage | str, now_ms: int = NOW) -> Session:
    """The session after these were appended in one batch; a bare string is a user message."""
    batch = [message("user", one) if isinstance(one, str) else one for one in messages]
    return (await store.append(session.app, session.id, batch, now_ms=now_ms)).session


async def log(store: Store, session: Session) -> list[Message]:
    """All messages, page by page."""
    messages: list[Message] = []
    while page := await store.messages(session.app, session.id, after=len(messages), limit=PAGE):
        messages += page
    return messages


async def user_state(store: Store, session: Session) -> JsonObject:
    return {} if session.external_user_id is None else await store.state(session.app, session.id, "user")


async def image(store: Store, session: Session) -> list[object]:
    """All that can be read of a session, to compare it before and after."""
    app, name = session.app, session.id
    return [
        await store.session(app, name),
        await log(store, session),
        await store.summaries(app, name),
        await store.window(app, name),
        await store.pins(app, name),
        await store.events(app, name, after=0, limit=PAGE),
        await store.state(app, name, "session"),
        await user_state(store, session),
        await store.version(app, name),
    ]


def listen(store: Store) -> list[Commit]:
    """The commits published from here on."""
    commits: list[Commit] = []
    store.listeners.append(commits.append)
    return commits


@asynccontextmanager
async def untouched(store: Store, *sessions: Session) -> AsyncIterator[None]:
    """What happens inside changes nothing of these sessions, and listeners hear nothing of them."""
    before = [await image(store, session) for session in sessions]
    commits = listen(store)
    yield
    assert [await image(store, session) for session in sessions] == before
    assert [one for one in commits if one.session_id in {session.id for session in sessions}] == []
    store.listeners.remove(commits.append)


@asynccontextmanager
async def refused(store: Store, session: Session, error: type[TurnkeepError], field: str | None = None) -> AsyncIterator[None]:
    """The call inside raises this error, of this field, and stores nothing."""
    async with untouched(store, session):
        with pytest.raises(error) as caught:
            yield
    if field is not None:
        assert getattr(caught.value, "field", None) == field
    assert not isinstance(caught.value, InvalidInput) or caught.value.reason
