"""A context in OpenAI's shape as pydantic-ai's messages.

Invariant: nothing is added and nothing left out; each tool result names the tool of its call.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

from pydantic_ai.messages import (
    BinaryContent,
    DocumentUrl,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)

from turnkeep.session import JsonObject

_DATA = re.compile(r"data:(?P<type>[\w.+/-]+);base64,(?P<bytes>.*)", re.DOTALL)


def to_history(messages: Sequence[JsonObject]) -> list[ModelMessage]:
    """Requests and responses in the order of `messages`; what stands together on our side is one request."""
    history: list[ModelMessage] = []
    asked: list[ModelRequestPart] = []
    names: dict[str, str] = {}
    for message in messages:
        if message["role"] != "assistant":
            asked.append(_request_part(message, names))
            continue
        if asked:
            history.append(ModelRequest(parts=asked))
            asked = []
        history.append(ModelResponse(parts=_response_parts(message, names)))
    if asked:
        history.append(ModelRequest(parts=asked))
    return history


def _request_part(message: JsonObject, names: dict[str, str]) -> ModelRequestPart:
    content = message["content"]
    if message["role"] == "system":
        return SystemPromptPart(_plain(content))
    if message["role"] == "tool":
        call_id = message["tool_call_id"]
        return ToolReturnPart(names.get(call_id, "tool"), _plain(content), call_id)
    return UserPromptPart(content if isinstance(content, str) else [_user_content(part) for part in content])


def _response_parts(message: JsonObject, names: dict[str, str]) -> list[ModelResponsePart]:
    parts: list[ModelResponsePart] = []
    if text := _plain(message["content"]):
        parts.append(TextPart(text))
    for call in message.get("tool_calls", ()):
        function = call["function"]
        names[call["id"]] = function["name"]
        parts.append(ToolCallPart(function["name"], function.get("arguments") or "{}", call["id"]))
    return parts


def _plain(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")


def _user_content(part: JsonObject) -> UserContent:
    """An OpenAI part; a data URL becomes its bytes."""
    if part["type"] == "text":
        return str(part["text"])
    if part["type"] == "image_url":
        url = part["image_url"]["url"]
        return _bytes(url) or ImageUrl(url=url)
    file = part.get("file", {})
    data = file.get("file_data", "")
    return _bytes(data) or (DocumentUrl(url=data) if data else f"[file: {file.get('filename') or file.get('file_id')}]")


def _bytes(url: str) -> BinaryContent | None:
    found = _DATA.fullmatch(url)
    return BinaryContent(data=base64.b64decode(found["bytes"]), media_type=found["type"]) if found else None
