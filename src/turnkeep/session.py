"""The nouns: frozen records that every other module passes around.

Invariant: instances never change; a change makes a new one. Times are integers, milliseconds since 1970 in UTC, in the fields
that end in `_ms`; the properties without the suffix give them as aware `datetime`s. `number` is the store's own integer for a
session and never leaves the process; `id` is the public, opaque one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import msgspec

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Status: TypeAlias = Literal["active", "inactive", "expired"]
CarryOver: TypeAlias = Literal["summary", "none"]
Scope: TypeAlias = Literal["user", "session"]
EventKind: TypeAlias = Literal["tool_call", "error", "usage"]
ChangeKind: TypeAlias = Literal["session", "message", "summary", "deleted"] | EventKind
Json: TypeAlias = Any  # whatever json.loads() may return
JsonObject: TypeAlias = dict[str, Any]
Content: TypeAlias = str | list[JsonObject] | None

ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


class Unset:
    """Told apart from None, which means "never" for an expiry."""


UNSET: Final = Unset()
IN_PLACE_OF = ", in place of "  # in the source of a summary that another is to replace, before that one's name
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_datetime(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


class Session(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One conversation on one interface, with the totals of its log.

    `version` rises in every commit that touches the session; `generation` rises when the window is moved by anything but a
    summary (clear, retract, erase), so that a summary under way can tell. The window is what a prompt is built from: the live
    summaries, and the messages from `window_start` on that are not retracted.
    """

    id: str
    number: int
    app: str
    interface_type: str
    conversation_id: str
    external_user_id: str | None = None
    external_chat_id: str | None = None
    status: Status = "active"
    token_limit: int
    tokenizer: str
    lifetime_ms: int | None  # how long it lives after its last message; None: for ever
    created_ms: int
    active_ms: int  # the last append
    expires_ms: int | None
    closed_ms: int | None = None
    version: int = 1
    generation: int = 0
    seq: int = 0  # of the newest message; the log is dense, so also their number
    prompt_seq: int = 0  # messages 1..prompt_seq are the leading system messages: the prompt, never covered or cleared
    window_start: int = 1  # the first seq that neither a live summary nor a clear has passed
    cleared_seq: int = 0  # recall never crosses it
    retracted: tuple[tuple[int, int], ...] = ()  # disjoint ranges of seq, oldest first, hidden from the context
    tokens: int = 0  # of all messages
    tokens_out: int = 0  # of the assistant's
    window_messages: int = 0  # in the window: from window_start on, not retracted, prompt excluded
    window_tokens: int = 0
    summary_tokens: int = 0  # of the live summaries
    pins: int = 0
    pin_tokens: int = 0
    fixed_tokens: int = 0  # of system text, pins, state and tool schemas, as of the last build
    tool_calls: int = 0
    errors: int = 0
    usage_in: int = 0  # as the provider counted
    usage_out: int = 0
    usage_cache_read: int = 0  # of usage_in, from the provider's cache
    correction: int = 100  # percent: what the provider counts for 100 tokens by the session's counter; see `calibration`
    predecessor: str | None = None
    root: int = 0  # the number of its key's first session: external ids are unique under it
    carry_over: CarryOver = "none"
    metadata: JsonObject | None = None

    @property
    def created_at(self) -> datetime:
        return to_datetime(self.created_ms)

    @property
    def last_active(self) -> datetime:
        return to_datetime(self.active_ms)

    @property
    def expires_at(self) -> datetime | None:
        return None if self.expires_ms is None else to_datetime(self.expires_ms)

    @property
    def closed_at(self) -> datetime | None:
        return None if self.closed_ms is None else to_datetime(self.closed_ms)

    @property
    def counted_limit(self) -> int:
        """The token limit, in tokens by the session's counter."""
        return self.token_limit if self.correction == 100 else self.token_limit * 100 // self.correction

    def status_at(self, now_ms: int) -> Status:
        """The status by the clock: a session past its expiry is expired, whether or not the cleanup has been there."""
        if self.status == "active" and self.expires_ms is not None and self.expires_ms <= now_ms:
            return "expired"
        return self.status

    def hides(self, seq: int) -> bool:
        """Whether message `seq` was retracted."""
        return any(first <= seq <= last for first, last in self.retracted)


class NewMessage(msgspec.Struct, frozen=True, gc=False):
    """A message that was checked and counted and waits for its `seq`."""

    role: Role
    content: Content
    tokens: int
    counter: str
    created_ms: int
    external_id: str | None = None
    tool_calls: list[JsonObject] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    author_id: str | None = None
    metadata: JsonObject | None = None


class Message(NewMessage, frozen=True, gc=False, kw_only=True):
    """One immutable row of the log. An erased one is a tombstone: its role, `seq` and nothing else."""

    seq: int
    erased: bool = False

    @property
    def created_at(self) -> datetime:
        return to_datetime(self.created_ms)

    def same_as(self, other: NewMessage) -> bool:
        """Whether a message sent again under one `external_id` says the same thing."""
        return (
            self.role == other.role
            and self.content == other.content
            and self.tool_calls == other.tool_calls
            and self.tool_call_id == other.tool_call_id
            and self.name == other.name
        )


class NewSummary(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A derived text that stands for messages `from_seq..to_seq` (both inclusive; 0..0: carried over from a predecessor)."""

    from_seq: int
    to_seq: int
    text: str
    method: str  # "truncation", "extractive", "model", "carried"
    tokens: int
    counter: str
    tokens_before: int  # of what it covers
    duration_ms: float = 0.0
    source: str | None = None  # the model's name, or the version of the extractor
    data: str | None = None  # JSON: what the summarizer needs to fold it with others; not in windows, gone when it is replaced
    authors: tuple[str, ...] | None = (
        None  # of the messages it tells of, so that an erasure finds it; None: not known; not in windows
    )


class Summary(NewSummary, frozen=True, gc=False, kw_only=True):
    """A stored one. While it is `live` it stands in the window; else others have taken its place."""

    number: int
    live: bool = True
    created_ms: int

    @property
    def created_at(self) -> datetime:
        return to_datetime(self.created_ms)


class NewPin(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Words that are to stay in every prompt: a message's (`seq` and `role` are its), or a fact (0 and None)."""

    text: str
    tokens: int  # of what a prompt says for it: see `context.pin_text`
    counter: str
    created_ms: int
    seq: int = 0
    role: Role | None = None
    author_id: str | None = None  # whose words they are, or whom they are about: an erasure of that user removes them


class Pin(NewPin, frozen=True, gc=False, kw_only=True):
    """A stored one, by its `number`. With a `source` it was carried over from that session; its `seq` is 0 then."""

    number: int
    source: str | None = None

    @property
    def created_at(self) -> datetime:
        return to_datetime(self.created_ms)


class Window(msgspec.Struct, frozen=True, gc=False):
    """What a prompt is built from, as of one version of the session.

    `messages` is the newest part of the window, without the retracted; `earlier` messages of it (`earlier_tokens`) stand
    before these and were not asked for. Both states are as stored; which keys reach a prompt is the builder's choice.
    """

    session: Session
    prompt: tuple[Message, ...]
    summaries: tuple[Summary, ...]
    messages: tuple[Message, ...]
    earlier: int
    earlier_tokens: int
    user_state: JsonObject
    session_state: JsonObject
    pins: tuple[Pin, ...] = ()  # oldest first


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform delivered and a bot took in. Open until its turn is answered and the answer delivered.

    `payload` and `progress` are the bot's own JSON; a done one keeps neither.
    """

    app: str
    interface_type: str
    external_id: str
    conversation_id: str
    external_user_id: str | None
    payload: str
    progress: str = ""
    created_ms: int
    done_ms: int | None = None


class LeftOut(msgspec.Struct, frozen=True, gc=False):
    """A part of the window that a context does not show whole: messages `from_seq..to_seq`, and why."""

    reason: Literal["budget", "max_messages", "shortened", "orphan", "duplicate", "summary", "pin"]
    from_seq: int
    to_seq: int
    messages: int
    tokens: int


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something that happened in a session and is no message: a tool call, an error, a provider's usage report.

    Of a usage report `tokens_in` and `tokens_out` are as the provider counted, and `cache_read_tokens` are those of `tokens_in` that came
    from its cache; `counted_tokens` is what the same prompt has by the session's counter, if that was told.
    """

    kind: EventKind
    name: str
    created_ms: int
    number: int = 0
    duration_ms: float | None = None
    outcome: str | None = None
    tool_call_id: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cache_read_tokens: int = 0
    counted_tokens: int | None = None
    data: JsonObject | None = None


class Calibration(msgspec.Struct, frozen=True, gc=False):
    """What a model's provider counted for prompts, beside what a session's `tokenizer` did: sums over `calls` of an app.

    `correction` is what follows for budgets, in percent; see `calibration`.
    """

    app: str
    tokenizer: str
    model: str
    calls: int
    counted_tokens: int
    reported_tokens: int
    correction: int
    reported_ms: int  # the newest


class Change(msgspec.Struct, frozen=True, gc=False):
    """One thing that a listener is told. `cursor` is the place behind it, to listen on from.

    `value` is what the `kind` says: a `Message`, a `Summary`, an `Event` for `tool_call`, `error` and `usage`, the `Session` after all that
    was told before it; None for `deleted`, which is the last one.
    """

    kind: ChangeKind
    cursor: str
    value: Session | Message | Summary | Event | None


class Appended(msgspec.Struct, frozen=True, gc=False):
    """What an append came to: the session after it, the messages as stored, and how many of them are new."""

    session: Session
    messages: tuple[Message, ...]
    created: int


class Cleaned(msgspec.Struct, frozen=True):
    """What a cleanup did, or (`dry_run`) would do."""

    expired: int = 0
    deleted: int = 0
    dry_run: bool = False


class Erased(msgspec.Struct, frozen=True):
    """What an erasure removed."""

    sessions: int = 0
    messages: int = 0
    states: int = 0


class InterfaceStats(msgspec.Struct, frozen=True):
    """The sums over one interface's sessions."""

    sessions: int
    active: int
    messages: int
    tokens: int


class StoreStats(msgspec.Struct, frozen=True):
    """The sums over an app's sessions."""

    total_sessions: int
    active_sessions: int
    total_messages: int
    total_tokens: int
    tool_calls: int
    errors: int
    usage_in: int
    usage_out: int
    usage_cache_read: int
    by_interface: Mapping[str, InterfaceStats]


class ModelStats(msgspec.Struct, frozen=True):
    """How far a count was off: prompts of a model as its provider counted them, and as the `tokenizer` did; `ratio` is the one by the
    other."""

    model: str
    tokenizer: str
    calls: int
    counted_tokens: int
    reported_tokens: int
    ratio: float
    correction: int


FailureCause: TypeAlias = Literal[
    "key", "model", "rate-limit", "question", "provider", "connection", "timeout", "answer", "rejected", "start", "other"
]


class SummarizerStats(msgspec.Struct, frozen=True, kw_only=True):
    """What the summarizer that was given (a language model, or your own) has done for an app, since the manager was opened.

    `calls` of it, `written` texts that were taken, `refused` answers, and how often it `failed`, by cause; `stood_in`: extractive summaries
    in the place of its own, `rewritten`: those that it has replaced since; `rests`: how often it was left alone, `answers`: whether
    the last that was heard of it, by any app, was an answer, or nothing. Tokens as the provider counted.
    """

    source: str
    answers: bool
    calls: int
    written: int
    refused: int
    failed: Mapping[FailureCause, int]
    stood_in: int
    rewritten: int
    rests: int
    tokens_in: int
    tokens_out: int


class PoolStats(msgspec.Struct, frozen=True):
    """The connections of a manager to its database's server just now: `used` and `idle` ones of at most `max`; `pending` are the calls
    that wait for one."""

    used: int
    idle: int
    pending: int
    max: int


class Stats(msgspec.Struct, frozen=True):
    """Figures of an app. `average_session_length` is in messages; `cache_hit_rate` is 0..1 since the manager was opened; usage is as
    the provider counted; `models` are those with the most calls first.
    """

    total_sessions: int
    active_sessions: int
    total_messages: int
    total_tokens: int
    average_session_length: float
    tool_calls: int
    errors: int
    usage_in: int
    usage_out: int
    usage_cache_read: int
    models: tuple[ModelStats, ...]
    summarizer: SummarizerStats | None  # None: all summaries are extractive
    by_interface: Mapping[str, InterfaceStats]
    cache_size: int
    cache_hit_rate: float
    redis_up: bool | None  # None: there is none
    pool: PoolStats | None  # None: the database is no server


class SessionStats(msgspec.Struct, frozen=True):
    """Figures of one session. Tokens in: of user, system and tool messages; out: of the assistant's. `duration` in seconds."""

    session_id: str
    status: Status
    messages: int
    tool_calls: int
    errors: int
    tokens: int
    tokens_in: int
    tokens_out: int
    usage_in: int
    usage_out: int
    usage_cache_read: int
    summaries: int
    window_messages: int
    window_tokens: int
    token_limit: int
    created_at: datetime
    last_active: datetime
    duration: float
