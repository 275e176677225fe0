"""What every part of the contract stands on: the factory under test, a clock that stands still, and small helpers.

Only public calls of the manager are used, and answers are compared by their attributes, so that anything with the same
calls can stand in for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import pytest
import pytest_asyncio

from turnkeep.context import Context
from turnkeep.errors import TurnkeepError
from turnkeep.manager import SessionManager
from turnkeep.session import JsonObject, Message, Session, Summary

HOUR = 3600.0
DAY = 24 * HOUR
PAGE = 1000


class Clock:
    """Seconds since 1970, as a manager asks for them. It moves only when it is told to."""

    def __init__(self, now: float = 1_750_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class OpenManager(Protocol):
    """Opens a manager on the test's own database: each call another manager on the same one.

    What is not among `settings` has its default, but there is no cleanup in the background.
    """

    def __call__(self, *, clock: Clock = ..., app: str = ..., **settings: Any) -> Awaitable[SessionManager]: ...


class Case:
    """A subclass gives the fixture `open_manager`, which closes at teardown what it opened; the hooks it may give."""

    pytestmark = pytest.mark.asyncio

    @pytest_asyncio.fixture
    async def open_manager(self) -> AsyncIterator[OpenManager]:
        raise NotImplementedError("a subclass of ManagerContract gives the fixture `open_manager`")
        yield

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest_asyncio.fixture
    async def manager(self, open_manager: OpenManager, clock: Clock) -> AsyncIterator[SessionManager]:
        """One with the default settings; after the test the database's invariants hold."""
        opened = await open_manager(clock=clock)
        yield opened
        assert await opened.check() == []

    async def summarized(self, manager: SessionManager, session: Session, to_seq: int, text: str) -> bool:
        """Hook: cover the window up to `to_seq` by this text as a language model's summary; whether that was done."""
        return False

    async def holds(self, manager: SessionManager, text: str) -> bool | None:
        """Hook: whether the text can still be found where the database keeps its bytes (None: there is no way to look)."""
        return None


# --- short ways to say what most cases begin with


async def chat(manager: SessionManager, conversation: int | str = 123, **changes: Any) -> Session:
    """The session of ann's conversation on Telegram."""
    wanted: dict[str, Any] = {"interface_type": "telegram", "external_user_id": "ann", "external_chat_id": "chat"}
    return await manager.get_or_create_session(conversation_id=conversation, **(wanted | changes))


async def turns(manager: SessionManager, session: Session, count: int, words: int = 8, first: int = 1) -> list[Message]:
    """That many turns of a question and an answer, each with its number and about `words` tokens more."""
    batch: list[JsonObject] = []
    for turn in range(first, first + count):
        batch.append({"role": "user", "content": f"question {turn}:" + " why" * words})
        batch.append({"role": "assistant", "content": f"answer {turn}:" + " so" * words})
    return await manager.add_messages(session.id, batch)


def calls(*call_ids: str, name: str = "look") -> list[JsonObject]:
    """Tool calls in OpenAI's shape."""
    return [{"id": one, "type": "function", "function": {"name": name, "arguments": '{"at": "sky"}'}} for one in call_ids]


async def log(manager: SessionManager, session: Session) -> list[Message]:
    """The whole log, page by page."""
    found: list[Message] = []
    while page := await manager.get_messages(session.id, after=found[-1].seq if found else 0, limit=PAGE):
        found += page
    return found


def texts(messages: list[Message]) -> list[Any]:
    return [message.content for message in messages]


def said(context: Context) -> list[Any]:
    """The contents of a prompt's messages."""
    return [message["content"] for message in context.messages]


def row(message: Message) -> tuple[Any, ...]:
    """All that a caller can see of a message."""
    return (
        *(message.seq, message.role, message.content, message.tool_calls, message.tool_call_id, message.name),
        *(message.external_id, message.author_id, message.metadata, message.created_at, message.tokens, message.erased),
    )


def figures(session: Session) -> tuple[Any, ...]:
    """What a refused call must not change of a session."""
    return (
        *(session.id, session.status, session.version, session.seq, session.tokens, session.window_messages),
        *(session.window_tokens, session.summary_tokens, session.expires_at, session.last_active),
    )


def covers(summary: Summary) -> tuple[Any, ...]:
    return summary.from_seq, summary.to_seq, summary.text, summary.method, summary.tokens, summary.live


async def image(manager: SessionManager, session: Session) -> list[Any]:
    """All that can be read of a session, to compare it before and after."""
    return [
        figures(await manager.get_session(session.id)),
        [row(message) for message in await log(manager, session)],
        [covers(summary) for summary in await manager.get_summaries(session.id)],
        await manager.get_state(session.id),
        [(event.number, event.kind, event.name) for event in await manager.get_events(session.id, limit=PAGE)],
    ]


@asynccontextmanager
async def untouched(manager: SessionManager, session: Session) -> AsyncIterator[None]:
    before = await image(manager, session)
    yield
    assert await image(manager, session) == before


@contextmanager
def raises(error: type[TurnkeepError], field: str | None = None) -> Iterator[None]:
    """The call inside raises exactly this error, about this field."""
    with pytest.raises(error) as caught:
        yield
    assert type(caught.value) is error
    if field is not None:
        assert getattr(caught.value, "field", None) == field


@asynccontextmanager
async def refused(
    manager: SessionManager, session: Session, error: type[TurnkeepError], field: str | None = None
) -> AsyncIterator[None]:
    """The call inside raises this error, about this field, and stores nothing."""
    async with untouched(manager, session):
        with raises(error, field):
            yield


def without(mapping: Mapping[str, Any], *keys: str) -> JsonObject:
    return {key: value for key, value in mapping.items() if key not in keys}
