"""What comes in: the shapes of bodies and queries. What the manager judges itself is not judged here a second time.

Invariant: a field that a shape does not have is refused, so that a misspelt one is not passed over in silence.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from turnkeep import checks
from turnkeep.checks import MAX_BATCH
from turnkeep.server import terms
from turnkeep.session import JsonObject, Status
from turnkeep.stores.base import MAX_PAGE


class Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """No more than the fields it names."""


# --- queries


class Find(Shape):
    """Which sessions: by `id`, by `conversationId`, or a page of them; or their statistics."""

    id: terms.OnlySession = None
    conversationId: terms.OfConversation = None
    interfaceType: terms.OfInterface = None
    externalUserId: terms.OfUser = None
    status: Annotated[Status | Literal["all"], Meta(description="Only sessions of this status.")] = "active"
    stats: Annotated[bool, Meta(description="The figures of the whole app, in the place of sessions.")] = False
    before: terms.Before = None
    limit: terms.Limit = 50


class One(Shape):
    """The session."""

    id: terms.SessionId


class OnePin(Shape):
    """The pin."""

    number: terms.PinNumber


class MessagePage(Shape):
    """A page of the log after that `seq`; or the message of that `external_id`."""

    after: terms.After = 0
    limit: terms.Limit = 100
    external_id: terms.OfExternalId = None


class Page(Shape):
    """At most `limit` after that number."""

    after: terms.After = 0
    limit: terms.Limit = 100


def check_page(page: Find | MessagePage) -> None:
    """For an answer that is no page: what it would be cut by is judged all the same."""
    checks.page("limit", page.limit, 1, MAX_PAGE)
    if isinstance(page, MessagePage):
        checks.after("after", page.after)
    else:
        for name in ("interfaceType", "externalUserId", "before"):
            checks.optional_identifier(name, getattr(page, name))


class Within(Shape):
    """What the context must keep to."""

    system: terms.System = None
    max_messages: terms.MaxMessages = None
    token_budget: terms.TokenBudget = None


class Recall(Shape):
    """Which messages, and how much of them."""

    from_seq: terms.RecallFrom = None
    to_seq: terms.RecallTo = None
    words: terms.RecallWords = None
    part: terms.RecallPart = 1
    max_tokens: terms.RecallTokens = None


class InScope(Shape):
    """Whose variables."""

    scope: terms.Variables = "session"


class Nothing(Shape):
    """No parameters."""


# --- bodies


class NewMessage(Shape):
    """A message in OpenAI's shape, with what Turnkeep adds."""

    role: terms.MessageRole
    content: terms.MessageContent = None
    tool_calls: terms.ToolCalls = None
    tool_call_id: terms.ToolCallId = None
    name: terms.SpeakerName = None
    external_id: terms.ExternalId = None
    author_id: terms.Author = None
    metadata: terms.Metadata = None
    created_at: terms.WrittenAt = None


class OneMessage(NewMessage):
    """`expected_seq`: that of the newest message, else a conflict."""

    expected_seq: terms.ExpectedSeq = None


class NewMessages(Shape):
    """Up to 1000, stored all or none."""

    messages: Annotated[
        list[NewMessage], Meta(description="Stored all or none.", extra_json_schema={"minItems": 1, "maxItems": MAX_BATCH})
    ]
    expected_seq: terms.ExpectedSeq = None


class Build(Within):
    """`tools`: the schemas that will be sent beside the messages; they are counted."""

    tools: terms.Tools = None


class Retract(Shape):
    """From this `seq` on."""

    from_seq: terms.FromSeq


class PinMessage(Shape):
    """The message to pin."""

    seq: terms.PinnedSeq


class PinText(Shape):
    """The words to pin."""

    text: terms.PinnedText
    author_id: terms.PinAuthor = None


class Clear(Shape):
    """Whether summaries stay in the window."""

    keep_summaries: terms.KeepSummaries = True


class ToolCall(Shape):
    """A tool that ran."""

    name: terms.EventName
    duration_ms: terms.Duration = None
    outcome: terms.Outcome = "ok"
    tool_call_id: terms.OfToolCall = None
    data: terms.Data = None


class Failure(Shape):
    """`name` is the kind of failure."""

    name: terms.EventName
    message: terms.FailureText = None
    data: terms.Data = None


class Erase(Shape):
    """Who: on one interface, or on all of them."""

    external_user_id: terms.Person
    interface_type: terms.OnInterface = None


class Usage(Shape):
    """As the provider counted; and `counted_tokens` as the context did that was sent."""

    tokens_in: terms.Tokens
    tokens_out: terms.Tokens
    cache_read_tokens: terms.CacheRead = 0
    counted_tokens: terms.Counted = None
    model: terms.ModelName = "model"
    duration_ms: terms.Duration = None
    data: terms.Data = None


# --- the original calls, told apart by `action`


class Action(Shape, tag_field="action"):
    """See the calls."""


class Create(Action, tag="create"):
    """`expires_in_ms`: after the last message; null for never."""

    interface_type: terms.Interface
    conversation_id: terms.Conversation
    external_user_id: terms.ExternalUser = None
    external_chat_id: terms.ExternalChat = None
    token_limit: terms.TokenLimit = None
    expires_in_ms: terms.Expiry = msgspec.UNSET
    model: terms.Model = None
    tokenizer: terms.Tokenizer = None
    carry_over: terms.Carried = None
    metadata: terms.Metadata = None


class AddMessage(Action, OneMessage, tag="addMessage", kw_only=True):
    """A message for the session `id`."""

    id: terms.SessionId


class ClearMessages(Action, tag="clearMessages"):
    """Empty the window; the log stays."""

    id: terms.SessionId
    keep_summaries: terms.KeepSummaries = True


class UpdateState(Action, tag="updateState"):
    """`state` is a merge patch: null removes a key."""

    id: terms.SessionId
    state: Annotated[JsonObject, Meta(description="The patch (RFC 7396).")]
    scope: terms.Variables = "session"


class Deactivate(Action, tag="deactivate"):
    """Close the session."""

    id: terms.SessionId


class Cleanup(Action, tag="cleanup"):
    """Close what is expired, delete what is past its retention."""

    dry_run: terms.DryRun = False


class BuildContext(Action, tag="buildContext"):
    """The prompt for the next call of the model."""

    id: terms.SessionId
    maxMessages: terms.MaxMessages = None
    token_budget: terms.TokenBudget = None
    system: terms.System = None
    tools: terms.Tools = None


AnyAction: TypeAlias = Create | AddMessage | ClearMessages | UpdateState | Deactivate | Cleanup | BuildContext
