"""What comes in: the shapes of bodies and queries. What the manager judges itself is not judged here a second time.

Invariant: a field that a shape does not have is refused, so that a misspelt one is not passed over in silence.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from turnkeep.session import CarryOver, Content, JsonObject, Scope, Status

Id: TypeAlias = int | str


class Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """No more than the fields it names."""


# --- queries


class Find(Shape):
    """Which sessions: by `id`, by `conversationId`, or a page of them; or their statistics."""

    id: str | None = None
    conversationId: str | None = None
    interfaceType: str | None = None
    externalUserId: str | None = None
    status: Status | Literal["all"] = "active"
    stats: bool = False
    before: str | None = None
    limit: int = 50


class One(Shape):
    """The session."""

    id: str


class MessagePage(Shape):
    """A page of the log after that `seq`; or the message of that `external_id`."""

    after: int = 0
    limit: int = 100
    external_id: str | None = None


class Page(Shape):
    """At most `limit` after that number."""

    after: int = 0
    limit: int = 100


class Within(Shape):
    """What the context must keep to."""

    system: str | None = None
    max_messages: int | None = None
    token_budget: int | None = None


class InScope(Shape):
    """Whose variables."""

    scope: Scope = "session"


class Nothing(Shape):
    """No parameters."""


# --- bodies


class NewMessage(Shape):
    """A message in OpenAI's shape, with what Turnkeep adds."""

    role: str
    content: Content = None
    tool_calls: list[JsonObject] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    external_id: Id | None = None
    author_id: Id | None = None
    metadata: JsonObject | None = None
    created_at: datetime | None = None


class OneMessage(NewMessage):
    """`expected_seq`: that of the newest message, else a conflict."""

    expected_seq: int | None = None


class NewMessages(Shape):
    """Up to 1000, stored all or none."""

    messages: list[NewMessage]
    expected_seq: int | None = None


class Build(Within):
    """`tools`: the schemas that will be sent beside the messages; they are counted."""

    tools: list[JsonObject] | None = None


class Retract(Shape):
    """From this `seq` on."""

    from_seq: int


class Clear(Shape):
    """Whether summaries stay in the window."""

    keep_summaries: bool = True


class ToolCall(Shape):
    """A tool that ran."""

    name: str
    duration_ms: float | None = None
    outcome: str = "ok"
    tool_call_id: str | None = None
    data: JsonObject | None = None


class Failure(Shape):
    """`name` is the kind of failure."""

    name: str
    message: str | None = None
    data: JsonObject | None = None


class Erase(Shape):
    """Who: on one interface, or on all of them."""

    external_user_id: Id
    interface_type: str | None = None


class Usage(Shape):
    """As the provider counted."""

    tokens_in: int
    tokens_out: int
    model: str = "model"
    duration_ms: float | None = None
    data: JsonObject | None = None


# --- the original calls, told apart by `action`


class Action(Shape, tag_field="action"):
    """See the calls."""


class Create(Action, tag="create"):
    """`expires_in_ms`: after the last message; null for never."""

    interface_type: str
    conversation_id: Id
    external_user_id: Id | None = None
    external_chat_id: Id | None = None
    token_limit: int | None = None
    expires_in_ms: float | msgspec.UnsetType | None = msgspec.UNSET
    model: str | None = None
    tokenizer: str | None = None
    carry_over: CarryOver | None = None
    metadata: JsonObject | None = None


class AddMessage(Action, tag="addMessage"):
    """A message for the session `id`."""

    id: str
    role: str
    content: Content = None
    tool_calls: list[JsonObject] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    external_id: Id | None = None
    author_id: Id | None = None
    metadata: JsonObject | None = None
    created_at: datetime | None = None
    expected_seq: int | None = None


class ClearMessages(Action, tag="clearMessages"):
    """Empty the window; the log stays."""

    id: str
    keep_summaries: bool = True


class UpdateState(Action, tag="updateState"):
    """`state` is a merge patch: null removes a key."""

    id: str
    state: JsonObject
    scope: Literal["session", "user"] = "session"


class Deactivate(Action, tag="deactivate"):
    """Close the session."""

    id: str


class Cleanup(Action, tag="cleanup"):
    """Close what is expired, delete what is past its retention."""

    dry_run: bool = False


class BuildContext(Action, tag="buildContext"):
    """The prompt for the next call of the model."""

    id: str
    maxMessages: int | None = None
    token_budget: int | None = None
    system: str | None = None
    tools: list[JsonObject] | None = None


AnyAction: TypeAlias = Create | AddMessage | ClearMessages | UpdateState | Deactivate | Cleanup | BuildContext
