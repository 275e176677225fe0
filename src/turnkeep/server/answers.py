"""What goes out: the shapes of answers, and how they are sent.

Invariant: the store's own integers stay inside; times are ISO 8601 in UTC; every name is snake_case.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar.types import Receive, Scope, Send

from turnkeep import recall
from turnkeep import session as nouns
from turnkeep.context import Context
from turnkeep.keys import Access
from turnkeep.recall import RecalledMessage
from turnkeep.session import CarryOver, Content, EventKind, JsonObject, LeftOut, Role, Status, to_datetime

_encode = msgspec.json.Encoder().encode
_JSON = (b"content-type", b"application/json")


class Html:
    """The kind of an answer that is a page."""


class Answer:
    """A finished answer, sent in two steps, as often as it is wanted; what a framework's response could do besides is not needed here."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, value: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> None:
        empty = status in (204, 304)
        self.status, self.body = status, b"" if empty else _encode(value)
        self.headers = [] if empty else [_JSON, (b"content-length", b"%d" % len(self.body))]
        for name, text in (headers or {}).items():
            self.headers.append((name.encode(), text.encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": [*self.headers]})  # middleware adds some
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


# --- shapes


_RANGE = msgspec.Meta(description="The first `seq` and the last.", extra_json_schema={"minItems": 2, "maxItems": 2})


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation on one interface, with the totals of its log. `version` rises with every change, and is the ETag."""

    id: str
    app: str
    interface_type: str
    conversation_id: str
    external_user_id: str | None
    external_chat_id: str | None
    status: Status
    token_limit: int
    tokenizer: str
    lifetime_ms: int | None
    created_at: datetime
    last_active: datetime
    expires_at: datetime | None
    closed_at: datetime | None
    version: int
    generation: int
    seq: int = msgspec.field(name="messages")
    prompt_seq: int
    window_start: int
    cleared_seq: int
    retracted: list[Annotated[list[int], _RANGE]]
    tokens: int
    tokens_out: int
    window_messages: int
    window_tokens: int
    summary_tokens: int
    pins: int
    pin_tokens: int
    fixed_tokens: int
    tool_calls: int
    errors: int
    usage_in: int
    usage_out: int
    usage_cache_read: int
    correction: int
    predecessor: str | None
    carry_over: CarryOver
    metadata: JsonObject | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the log. `seq` counts from 1 without a gap; an `erased` one holds its place and nothing else."""

    seq: int
    role: Role
    content: Content
    tool_calls: list[JsonObject] | None
    tool_call_id: str | None
    name: str | None
    tokens: int
    counter: str
    external_id: str | None
    author_id: str | None
    metadata: JsonObject | None
    created_at: datetime
    erased: bool


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A text for messages `from_seq..to_seq`; prompts show it while it is `live`."""

    from_seq: int
    to_seq: int
    text: str
    method: str
    tokens: int
    counter: str
    tokens_before: int
    duration_ms: float
    source: str | None
    live: bool
    created_at: datetime


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """Words that stand in every prompt until they are unpinned: a message's (`seq`, `role`), or a fact."""

    number: int
    seq: int
    role: Role | None
    text: str
    tokens: int
    counter: str
    author_id: str | None
    source: str | None
    created_at: datetime


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call, an error or a usage report."""

    number: int
    kind: EventKind
    name: str
    created_at: datetime
    duration_ms: float | None
    outcome: str | None
    tool_call_id: str | None
    tokens_in: int
    tokens_out: int
    cache_read_tokens: int
    counted_tokens: int | None
    data: JsonObject | None


class Sessions(msgspec.Struct, frozen=True):
    """A page, newest first; the next one is `?before=` with `next_before`, which is null on the last."""

    sessions: list[Session]
    next_before: str | None


class Messages(msgspec.Struct, frozen=True):
    """A page of the log, oldest first; the next one is `?after=` with `next_after`, which is null on the last."""

    messages: list[Message]
    next_after: int | None


class Appended(msgspec.Struct, frozen=True):
    """What a batch came to, in its order."""

    messages: list[Message]


class Prompt(msgspec.Struct, frozen=True):
    """The prompt for the next call of the model, and what it is made of; see "Context" in the guide."""

    session_id: str
    version: int
    messages: list[JsonObject]
    tokens: int
    parts: dict[str, int]
    head: int
    stable: int
    fixed_tokens: int
    correction: int
    left_out: list[LeftOut]


class StateValue(msgspec.Struct, frozen=True):
    """All variables of the scope."""

    state: JsonObject


class Summaries(msgspec.Struct, frozen=True):
    """Oldest first, the replaced ones too."""

    summaries: list[Summary]


class Recalled(msgspec.Struct, frozen=True):
    """Messages as they were said, oldest first; `next_seq`: the next page's first, null on the last one. `text`: for a model."""

    messages: list[RecalledMessage]
    tokens: int
    next_seq: int | None
    parts: int
    text: str


class Pins(msgspec.Struct, frozen=True):
    """Oldest first."""

    pins: list[Pin]


class Made(msgspec.Struct, frozen=True):
    """The new summary; null if there was nothing to cover or nothing to gain."""

    summary: Summary | None


class Events(msgspec.Struct, frozen=True):
    """A page, oldest first; it may hold fewer than asked for. The next one is `?after=` with `next_after`, null on the last."""

    events: list[Event]
    next_after: int | None


class Key(msgspec.Struct, frozen=True):
    """What an API key may do, and for whom: with an `external_user_id` for that user's sessions only."""

    app: str
    scope: Access
    external_user_id: str | None


class Checked(msgspec.Struct, frozen=True):
    """What does not hold; empty when all is well."""

    problems: list[str]


class Sizes(msgspec.Struct, frozen=True):
    """Rows by table, bytes by file."""

    sizes: dict[str, int]


class Gone(msgspec.Struct, frozen=True):
    """The session was deleted."""

    id: str


class Health(msgspec.Struct, frozen=True):
    """`ok`, or there is a problem instead. `redis_up`: whether Redis answers, where there is one; without it all is right, and slower."""

    status: str
    redis_up: bool | msgspec.UnsetType = msgspec.UNSET


def session(one: nouns.Session) -> Session:
    return msgspec.convert(one, Session, from_attributes=True)


def message(one: nouns.Message) -> Message:
    return Message(
        seq=one.seq,
        role=one.role,
        content=one.content,
        tool_calls=one.tool_calls,
        tool_call_id=one.tool_call_id,
        name=one.name,
        tokens=one.tokens,
        counter=one.counter,
        external_id=one.external_id,
        author_id=one.author_id,
        metadata=one.metadata,
        created_at=one.created_at,
        erased=one.erased,
    )


def summary(one: nouns.Summary) -> Summary:
    return msgspec.convert(one, Summary, from_attributes=True)


def pin(one: nouns.Pin) -> Pin:
    return msgspec.convert(one, Pin, from_attributes=True)


def recalled(one: recall.Recalled) -> Recalled:
    return Recalled(list(one.messages), one.tokens, one.next_seq, one.parts, one.text())


def event(one: nouns.Event) -> Event:
    return Event(
        number=one.number,
        kind=one.kind,
        name=one.name,
        created_at=to_datetime(one.created_ms),
        duration_ms=one.duration_ms,
        outcome=one.outcome,
        tool_call_id=one.tool_call_id,
        tokens_in=one.tokens_in,
        tokens_out=one.tokens_out,
        cache_read_tokens=one.cache_read_tokens,
        counted_tokens=one.counted_tokens,
        data=one.data,
    )


def prompt(built: Context) -> Prompt:
    return Prompt(
        built.session_id,
        built.version,
        built.messages,
        built.tokens,
        dict(built.parts),
        built.head,
        built.stable,
        built.fixed_tokens,
        built.correction,
        list(built.left_out),
    )
