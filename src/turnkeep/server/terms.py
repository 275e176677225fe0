"""The types of the fields that come in, with the words and the bounds that the OpenAPI document gives them.

Invariant: a bound is told here and judged elsewhere, once, by the manager: its errors name the field, the size and the limit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, UnsetType

from turnkeep.checks import MAX_ID_CHARS, MAX_TOOL_CALLS
from turnkeep.recall import LEAST, MOST
from turnkeep.session import ROLES, CarryOver, JsonObject, Scope
from turnkeep.settings import MAX_TOKEN_LIMIT
from turnkeep.stores.base import MAX_PAGE
from turnkeep.tokens import COUNTERS

_NAME = {"minLength": 1, "maxLength": MAX_ID_CHARS}
_PART = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"type": "string"}},
    "if": {"properties": {"type": {"const": "text"}}},
    "then": {"required": ["text"], "properties": {"text": {"type": "string"}}},
}
_TOOL_CALL = {
    "type": "object",
    "required": ["id", "function"],
    "properties": {
        "id": {"type": "string", **_NAME},
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "required": ["name", "arguments"],
            "properties": {"name": {"type": "string", **_NAME}, "arguments": {"type": "string", "description": "JSON, as text."}},
        },
    },
}


def _told(description: str, **bounds: Any) -> Meta:
    return Meta(description=description, extra_json_schema=bounds)


def _name(description: str) -> Meta:
    return _told(f"{description} At most {MAX_ID_CHARS} bytes of UTF-8.", **_NAME)


def _tokens(description: str) -> Meta:
    return _told(description, minimum=1, maximum=MAX_TOKEN_LIMIT)


_SAID = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "minItems": 1, "items": _PART}]}
_NO_CALLS = {"anyOf": [{"type": "null"}, {"type": "array", "maxItems": 0}]}
_NULL = {"type": "null"}
# What a message needs depends on who speaks.
MESSAGE_RULES: list[JsonObject] = [
    {
        "title": "of the user or the system",
        "required": ["content"],
        "properties": {
            "role": {"enum": ["user", "system"]},
            "content": _SAID,
            "tool_calls": _NO_CALLS,
            "tool_call_id": _NULL,
        },
    },
    {
        "title": "of the assistant",
        "required": ["content"],
        "properties": {"role": {"const": "assistant"}, "content": _SAID, "tool_call_id": _NULL},
    },
    {
        "title": "of the assistant, with tool calls",
        "required": ["tool_calls"],
        "properties": {
            "role": {"const": "assistant"},
            "tool_calls": {"type": "array", "minItems": 1},
            "tool_call_id": _NULL,
        },
    },
    {
        "title": "of a tool",
        "required": ["content", "tool_call_id"],
        "properties": {
            "role": {"const": "tool"},
            "content": {"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": _PART}]},
            "tool_calls": _NO_CALLS,
            "tool_call_id": {"type": "string", **_NAME},
        },
    },
]


# --- pages and what they are of

SessionId: TypeAlias = Annotated[str, _name("The session's id.")]
OnlySession: TypeAlias = Annotated[str | None, _name("Only this session.")]
Before: TypeAlias = Annotated[str | None, _name("The page after that session: `next_before` of the page before.")]
After: TypeAlias = Annotated[int, _told("The page after this number: `next_after` of the page before.", minimum=0)]
Limit: TypeAlias = Annotated[int, _told("At most so many on the page.", minimum=1, maximum=MAX_PAGE)]
OfConversation: TypeAlias = Annotated[str | None, _name("Only sessions of this conversation.")]
OfInterface: TypeAlias = Annotated[str | None, _name("Only sessions on this interface.")]
OfUser: TypeAlias = Annotated[str | None, _name("Only sessions of this user.")]
OfExternalId: TypeAlias = Annotated[str | None, _name("Only the message with this `external_id`, if there is one.")]

# --- a session's

Interface: TypeAlias = Annotated[str, _name("Where the conversation is held: `telegram`, `web` ...")]
Conversation: TypeAlias = Annotated[int | str, _name("The platform's id of the conversation; kept as a string.")]
ExternalUser: TypeAlias = Annotated[int | str | None, _name("The platform's id of the user; kept as a string.")]
Person: TypeAlias = Annotated[int | str, _name("The platform's id of the user.")]
OnInterface: TypeAlias = Annotated[str | None, _name("On this interface only.")]
ExternalChat: TypeAlias = Annotated[int | str | None, _name("The platform's id of the chat; kept as a string.")]
TokenLimit: TypeAlias = Annotated[int | None, _tokens("The most tokens of a whole prompt; by default the server's setting.")]
Expiry: TypeAlias = Annotated[
    float | UnsetType | None,
    _told("Milliseconds after the last message; null: never.", exclusiveMinimum=0, maximum=10**13),
]
Model: TypeAlias = Annotated[str | None, _name("The model that will be called: it picks the tokenizer.")]
Tokenizer: TypeAlias = Annotated[
    str | None, Meta(description="The tokenizer by name.", extra_json_schema={"enum": [*COUNTERS, None]})
]
Metadata: TypeAlias = Annotated[JsonObject | None, Meta(description="Yours: kept and given back, never sent to a model.")]

# --- a message's

MessageRole: TypeAlias = Annotated[str, Meta(description="Who speaks.", extra_json_schema={"enum": list(ROLES)})]
Part: TypeAlias = Annotated[JsonObject, Meta(extra_json_schema=_PART)]
ToolCall: TypeAlias = Annotated[JsonObject, Meta(extra_json_schema=_TOOL_CALL)]
MessageContent: TypeAlias = Annotated[
    str | list[Part] | None,
    Meta(description="A text, or parts as OpenAI shapes them. Null or empty only beside `tool_calls`, or as a tool's result."),
]
ToolCalls: TypeAlias = Annotated[
    list[ToolCall] | None,
    _told("Of an assistant's message: the calls it makes, each with an id of its own.", maxItems=MAX_TOOL_CALLS),
]
ToolCallId: TypeAlias = Annotated[str | None, _name("Of a tool's message, where it is needed: the call that this answers.")]
OfToolCall: TypeAlias = Annotated[str | None, _name("The call of a stored message that this is about.")]
SpeakerName: TypeAlias = Annotated[str | None, _name("The speaker's name, for the model.")]
ExternalId: TypeAlias = Annotated[int | str | None, _name("The platform's id of the message, by which it is stored once.")]
Author: TypeAlias = Annotated[int | str | None, _name("Who wrote it, where several people write.")]
WrittenAt: TypeAlias = Annotated[datetime | None, Meta(description="When it was written, with a time zone; by default now.")]
ExpectedSeq: TypeAlias = Annotated[
    int | None, _told("The `seq` that the newest message must have; else 409.", minimum=0, maximum=2**32)
]
FromSeq: TypeAlias = Annotated[int, _told("The first `seq` to hide.", minimum=1)]

PinnedSeq: TypeAlias = Annotated[int, _told("The `seq` of a message that has words.", minimum=1, maximum=2**32)]
PinnedText: TypeAlias = Annotated[str, _told("Shown in every prompt, word for word.", minLength=1)]
PinAuthor: TypeAlias = Annotated[
    int | str | None, _name("Whose words they are, or whom they are about: an erasure of that user removes them.")
]
PinNumber: TypeAlias = Annotated[int, _told("The pin's number.", minimum=1, maximum=2**62)]

RecallFrom: TypeAlias = Annotated[int | None, _told("The first message.", minimum=1, maximum=2**32)]
RecallTo: TypeAlias = Annotated[int | None, _told("The last message.", minimum=1, maximum=2**32)]
RecallWords: TypeAlias = Annotated[str | None, _told("Only messages that hold all of these words.", maxLength=MAX_ID_CHARS)]
RecallPart: TypeAlias = Annotated[
    int, _told("Of one message alone that is too long: which part of it.", minimum=1, maximum=2**32)
]
RecallTokens: TypeAlias = Annotated[int | None, _told("The most tokens.", minimum=LEAST, maximum=MOST)]

# --- what a prompt must keep to

System: TypeAlias = Annotated[str | None, Meta(description="Stands in the place of the log's leading system messages.")]
MaxMessages: TypeAlias = Annotated[int | None, _told("The most messages of the log; the newest turn may exceed it.", minimum=1)]
TokenBudget: TypeAlias = Annotated[
    int | None, _tokens("The most tokens; the session's limit, if that is less. 400 where not even the newest turn fits.")
]
Tools: TypeAlias = Annotated[
    list[JsonObject] | None, Meta(description="The schemas that will be sent beside the messages; they are counted.")
]
KeepSummaries: TypeAlias = Annotated[bool, Meta(description="Whether they stay in the window.")]

# --- what happened

EventName: TypeAlias = Annotated[str, _name("The tool's name, or the kind of failure.")]
Outcome: TypeAlias = Annotated[str, _name("`ok`, `error`, or a word of yours.")]
Duration: TypeAlias = Annotated[float | None, _told("In milliseconds.", minimum=0, maximum=10**12)]
Tokens: TypeAlias = Annotated[int, _told("As the provider counted.", minimum=0, maximum=10**12)]
CacheRead: TypeAlias = Annotated[
    int, _told("Those of `tokens_in` that came from the provider's cache.", minimum=0, maximum=10**12)
]
Counted: TypeAlias = Annotated[
    int | None, _told("The `tokens` of the context that was sent, and of what was added to it.", minimum=1, maximum=10**12)
]
ModelName: TypeAlias = Annotated[str, _name("The model that was called.")]
Data: TypeAlias = Annotated[JsonObject | None, Meta(description="What else is known of it.")]
FailureText: TypeAlias = Annotated[str | None, Meta(description="What went wrong; it becomes `data.message`.")]

# --- state

Variables: TypeAlias = Annotated[
    Scope, Meta(description="Whose variables: the session's, or its external user's on this interface.")
]
Carried: TypeAlias = Annotated[
    CarryOver | None, Meta(description="Whether a successor opens with the last summary of the session before.")
]
DryRun: TypeAlias = Annotated[bool, Meta(description="Only say what would be done.")]
