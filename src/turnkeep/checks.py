"""What is let in: every argument of the front door is judged here, before anything is stored.

Invariant: a value that passes can be stored, sent to a model and read back unchanged; an error names the field and never quotes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any, cast

import msgspec

from turnkeep.errors import InvalidInput
from turnkeep.session import ROLES, Content, JsonObject, Role, to_datetime, to_ms

MAX_ID_CHARS = 512
MAX_BATCH = 1000
MAX_TOKENS = 10**12  # of a usage report
MAX_TOOL_CALLS = 128
MAX_DEPTH = 100  # of JSON: every walk over it, and every copy, stays far from the interpreter's limit
_SUSPECT = re.compile(rb"\\u0000|[0-9]{19}")
MESSAGE_FIELDS = frozenset(
    ("role", "content", "tool_calls", "tool_call_id", "name", "external_id", "author_id", "metadata", "created_at")
)


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A message that may be stored and is not yet counted."""

    role: Role
    content: Content
    tool_calls: list[JsonObject] | None
    tool_call_id: str | None
    name: str | None
    external_id: str | None
    author_id: str | None
    metadata: JsonObject | None
    created_ms: int


def text(field: str, value: object, limit: int, *, empty: bool = True) -> str:
    """A string of at most `limit` bytes of UTF-8, without NUL and lone surrogates."""
    if value.__class__ is not str:
        raise InvalidInput(field, f"must be a string, not {type(value).__name__}")
    string = value
    if string.isascii():
        size = len(string)
    else:
        try:
            size = len(string.encode())
        except UnicodeEncodeError as error:
            reason = f"holds a lone surrogate at character {error.start}: it is no valid Unicode text"
            raise InvalidInput(field, reason) from None
    if size > limit:
        raise InvalidInput(field, "is too long, in bytes of UTF-8", size=size, limit=limit)
    if "\0" in string:
        raise InvalidInput(field, f"holds a NUL at character {string.index(chr(0))}")
    if not string and not empty:
        raise InvalidInput(field, "must not be empty")
    return string


def identifier(field: str, value: object) -> str:
    """A name or an id: 1 to 512 bytes."""
    return text(field, value, MAX_ID_CHARS, empty=False)


def optional_identifier(field: str, value: object) -> str | None:
    return None if value is None else text(field, value, MAX_ID_CHARS, empty=False)


def conversation(value: object) -> str:
    """An int or a string; stored as a string."""
    return identifier("conversation_id", _digits(value))


def external(field: str, value: object) -> str | None:
    """A platform's id of a user or chat: an int or a string, or none."""
    return optional_identifier(field, _digits(value))


def _digits(value: object) -> object:
    """An int as a string, if it is not one of thousands of digits, which Python refuses to write out."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 4 * MAX_ID_CHARS:
        return str(value)
    return value


def json_value(field: str, value: object, limit: int) -> Any:
    """A copy of a JSON value, of at most `limit` bytes as JSON; a tuple becomes a list."""
    try:
        encoded = msgspec.json.encode(value)
        copy = msgspec.json.decode(encoded)
        same = copy == value
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidInput(field, f"cannot be stored as JSON: {type(error).__name__}") from None
    if len(encoded) > limit:
        raise InvalidInput(field, "is too large as JSON, in bytes", size=len(encoded), limit=limit)
    if not same or _SUSPECT.search(encoded) or encoded.count(b"[") + encoded.count(b"{") > MAX_DEPTH:
        _check_json(field, value, MAX_DEPTH)
    return copy


def _check_json(field: str, value: object, depth: int) -> None:
    """What JSON has no word for would come back as something else; what is nested deep, could not be walked everywhere."""
    match value:
        case str() if "\0" in value:
            raise InvalidInput(field, "holds a NUL in one of its strings")
        case int() if not -(2**63) <= value < 2**64:
            raise InvalidInput(field, "holds a whole number of more than 64 bits: give it as a string")
        case float() if not isfinite(value):
            raise InvalidInput(field, "holds a number that JSON does not have (NaN or an infinity)")
        case dict() | list() | tuple():
            if not depth:
                raise InvalidInput(field, "is nested too deep", limit=MAX_DEPTH)
            if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
                raise InvalidInput(field, "has a key that is no string")
            for inner in [*value, *value.values()] if isinstance(value, dict) else value:
                _check_json(field, inner, depth - 1)
        case None | str() | int() | float():
            pass
        case _:
            raise InvalidInput(field, f"holds a {type(value).__name__}, which JSON does not have")


def json_object(field: str, value: object, limit: int) -> JsonObject:
    if not isinstance(value, Mapping):
        raise InvalidInput(field, f"must be a JSON object (a dict), not {type(value).__name__}")
    return cast(JsonObject, json_value(field, value, limit))


def moment(field: str, value: object) -> int:
    """An aware datetime, as milliseconds."""
    if not isinstance(value, datetime):
        raise InvalidInput(field, f"must be a datetime, not {type(value).__name__}")
    if value.tzinfo is None:
        raise InvalidInput(field, "needs a time zone: a naive datetime means another moment on another machine")
    try:
        milliseconds = to_ms(value)
        to_datetime(milliseconds)
    except OverflowError:
        raise InvalidInput(field, "is before the year 1 or after the year 9999 in UTC") from None
    return milliseconds


def lifetime(field: str, value: object) -> int:
    """A positive timedelta or number of seconds, as milliseconds."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(field, f"must be a timedelta or seconds, not {type(value).__name__}")
    if not value > 0:  # NaN, too
        raise InvalidInput(field, "must be more than 0 seconds", size=value, limit=0)
    if value > 10.0**10:
        raise InvalidInput(field, "is longer than three centuries, in seconds: use None for never", size=value, limit=10**10)
    return max(1, round(value * 1000))


def milliseconds(field: str, value: object) -> float | None:
    """A duration, or none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(field, f"must be a number of milliseconds, not {type(value).__name__}")
    if not 0 <= value <= 10**12:
        raise InvalidInput(field, "must be from 0 to 10^12 milliseconds", size=value, limit=0 if value < 0 else 10**12)
    return float(value)


def page(field: str, value: object, low: int, high: int | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(field, f"must be a whole number, not {type(value).__name__}")
    if value < low:
        raise InvalidInput(field, f"must be at least {low}", size=value, limit=low)
    if high is not None and value > high:
        raise InvalidInput(field, f"must be at most {high}", size=value, limit=high)
    return value


def usage(tokens_in: int, tokens_out: int, cache_read_tokens: int, counted_tokens: int | None) -> None:
    """What a provider counted, and what was counted here. `cache_read_tokens` are a part of `tokens_in`."""
    page("tokens_in", tokens_in, 0, MAX_TOKENS)
    page("tokens_out", tokens_out, 0, MAX_TOKENS)
    page("cache_read_tokens", cache_read_tokens, 0, MAX_TOKENS)
    if cache_read_tokens > tokens_in:
        reason = "are a part of tokens_in, which is of the whole prompt"
        raise InvalidInput("cache_read_tokens", reason, size=cache_read_tokens, limit=tokens_in)
    if counted_tokens is not None:
        page("counted_tokens", counted_tokens, 1, MAX_TOKENS)


def batch(field: str, value: object) -> None:
    """A list of 1 to 1000."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidInput(field, f"must be a list of dicts, not {type(value).__name__}")
    if not value:
        raise InvalidInput(field, "must hold at least 1", size=0, limit=1)
    if len(value) > MAX_BATCH:
        raise InvalidInput(field, f"must hold at most {MAX_BATCH:,}", size=len(value), limit=MAX_BATCH)


def after(field: str, value: object) -> int:
    """Where a page begins; beyond the last row of any table is as good as the largest that a store knows."""
    return min(page(field, value, 0, None), 2**62)


def schemas(field: str, value: object, limit: int) -> list[JsonObject] | None:
    """Tool schemas, or none."""
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidInput(field, f"must be a list of JSON objects, not {type(value).__name__}")
    return [json_object(f"{field}[{at}]", schema, limit) for at, schema in enumerate(value)]


def path(field: str, value: object) -> Path:
    """A file's path."""
    if isinstance(value, PathLike):
        value = value.__fspath__()
    return Path(text(field, value, 4096, empty=False))


def one_of(field: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise InvalidInput(field, f"must be one of {', '.join(choices)}")


# --- messages


def message(
    role: object,
    content: object,
    tool_calls: object,
    tool_call_id: object,
    name: object,
    external_id: object,
    author_id: object,
    metadata: object,
    created_at: object,
    *,
    now_ms: int,
    max_content: int,
    max_metadata: int,
) -> Draft:
    """A message as OpenAI shapes it, with what Turnkeep adds."""
    if role not in ROLES:
        raise InvalidInput("role", f"must be one of {', '.join(ROLES)}")
    calls = None if tool_calls is None else _tool_calls(role, tool_calls, max_content)
    if content.__class__ is str:
        text("content", content, max_content, empty=role == "tool" or bool(calls))
    else:
        content = _content(role, content, calls, max_content)
    if (tool_call_id is None) == (role == "tool"):
        reason = "is needed on a tool message" if role == "tool" else "belongs on tool messages only"
        raise InvalidInput("tool_call_id", reason)
    return Draft(
        role,
        content,
        calls,
        None if tool_call_id is None else identifier("tool_call_id", tool_call_id),
        None if name is None else identifier("name", name),
        None if external_id is None else external("external_id", external_id),
        None if author_id is None else external("author_id", author_id),
        None if metadata is None else json_object("metadata", metadata, max_metadata),
        now_ms if created_at is None else moment("created_at", created_at),
    )


def _content(role: object, content: object, calls: list[JsonObject] | None, limit: int) -> list[JsonObject] | None:
    if content is None or (isinstance(content, list) and not content):
        if not calls:
            raise InvalidInput("content", "must not be empty, unless an assistant's message has tool_calls")
        return None
    if not isinstance(content, list):
        raise InvalidInput("content", f"must be a string or a list of parts, not {type(content).__name__}")
    for at, part in enumerate(content):
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise InvalidInput(f"content[{at}]", 'must be an object with a "type"')
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise InvalidInput(f"content[{at}].text", "must be a string")
    return cast(list[JsonObject], json_value("content", content, limit))


def _tool_calls(role: object, calls: object, limit: int) -> list[JsonObject] | None:
    if isinstance(calls, list) and not calls:
        return None
    if role != "assistant":
        raise InvalidInput("tool_calls", "belong on assistant messages only")
    if not isinstance(calls, list):
        raise InvalidInput("tool_calls", f"must be a list, not {type(calls).__name__}")
    if len(calls) > MAX_TOOL_CALLS:
        raise InvalidInput("tool_calls", "are too many", size=len(calls), limit=MAX_TOOL_CALLS)
    seen: set[str] = set()
    for at, call in enumerate(calls):
        _tool_call(f"tool_calls[{at}]", call)
        if call["id"] in seen:
            raise InvalidInput(f"tool_calls[{at}].id", "stands twice in one message")
        seen.add(call["id"])
    return cast(list[JsonObject], json_value("tool_calls", calls, limit))


def _tool_call(field: str, call: object) -> None:
    if not isinstance(call, Mapping):
        raise InvalidInput(field, "must be an object with id, type and function")
    identifier(f"{field}.id", call.get("id"))
    if call.get("type", "function") != "function":
        raise InvalidInput(f"{field}.type", 'must be "function"')
    function = call.get("function")
    if not isinstance(function, Mapping):
        raise InvalidInput(f"{field}.function", "must be an object with name and arguments")
    identifier(f"{field}.function.name", function.get("name"))
    if not isinstance(function.get("arguments"), str):
        raise InvalidInput(f"{field}.function.arguments", "must be a string of JSON")


def fields(item: object, at: int) -> dict[str, Any]:
    """The known fields of one message of a batch. What a model's client adds and leaves empty is passed over."""
    if not isinstance(item, Mapping):
        raise InvalidInput(f"messages[{at}]", f"must be a dict, not {type(item).__name__}")
    unknown = [key for key, value in item.items() if key not in MESSAGE_FIELDS and value not in (None, [], {}, "", False)]
    if unknown:
        raise InvalidInput(f"messages[{at}].{str(unknown[0])[:64]}", "is no field of a message; metadata holds what is yours")
    return {key: value for key, value in item.items() if key in MESSAGE_FIELDS}
