"""Messages of any shape as what the extractor reads: who said what when, which tools were called, what came back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec

from turnkeep.session import Message

Said: TypeAlias = Message | Mapping[str, Any]
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_LONG = re.compile(r"[^\s\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]{49,}")
_PLAIN = re.compile(r"[*_#`>]")
_LONE = re.compile("[\ud800-\udfff]")  # halves of characters, which nobody can encode
_SEAM = re.compile(r"\n|[.!?。！？]\s")
_MARGIN = 400  # characters in which a sentence ends
_TORN = "0123456789 -.+()/"  # of numbers
LONGEST = 60_000  # characters of one message that are read: its beginning and its end


class Call(NamedTuple):
    """One tool call with its arguments."""

    id: str
    name: str
    arguments: dict[str, Any]


class Line(NamedTuple):
    """One message."""

    role: str
    text: str
    calls: tuple[Call, ...]
    answers: str | None
    created: datetime | None


def read(message: Said) -> Line:
    if isinstance(message, Message):
        calls = tuple(map(_call, message.tool_calls or ()))
        return Line(message.role, _text(message.content), calls, message.tool_call_id, message.created_at)
    calls = tuple(map(_call, message.get("tool_calls") or ()))
    return Line(
        str(message.get("role", "user")),
        _text(message.get("content")),
        calls,
        message.get("tool_call_id"),
        _moment(message.get("created_at")),
    )


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content if content.isascii() else _LONE.sub("\ufffd", content)
    parts = content if isinstance(content, list) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text")
    return _LONE.sub("\ufffd", "\n".join(text for text in texts if isinstance(text, str)))


def _call(call: Any) -> Call:
    function = call.get("function") if isinstance(call, Mapping) else None
    function = function if isinstance(function, Mapping) else {}
    return Call(
        str(call.get("id") or "") if isinstance(call, Mapping) else "", str(function.get("name") or "tool"), _arguments(function)
    )


def _arguments(function: Mapping[str, Any]) -> dict[str, Any]:
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        arguments = parsed(_text(arguments))
    return dict(arguments) if isinstance(arguments, Mapping) else {}


def parsed(text: str) -> Any:
    """JSON, or None."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def shortened(text: str) -> str:
    """The beginning and the end of a text that is too long to be read whole, cut between sentences: not through a secret, that is."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    head, tail = text[: half - 1], text[-half + 1 :]
    ends = [match.end() for match in _SEAM.finditer(head, half - _MARGIN)]
    begins = _SEAM.search(tail, 0, _MARGIN)
    head = head[: ends[-1]].rstrip() if ends else head.rstrip(_TORN)
    return head + "\n\n" + (tail[begins.end() :] if begins else tail.lstrip(_TORN))


def prose(text: str) -> str:
    """The text with code, base64 and marks of layout blanked out by spaces: every place keeps its number."""
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + " " * (len(text) - LONGEST) + text[-LONGEST // 2 :]
    if "```" in text:
        text = _FENCE.sub(_blank, text)
    if len(text) > 48:
        text = _LONG.sub(_blank, text)
    return _PLAIN.sub(" ", text) if _PLAIN.search(text) else text


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
