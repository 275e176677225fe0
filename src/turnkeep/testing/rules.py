"""Strict checkers of what model APIs accept: OpenAI's chat messages, Anthropic's Messages, Gemini's contents.

Each takes what would be sent and returns one line for every rule that does not hold; none: accepted. Written from the APIs'
documentation and error messages, apart from `turnkeep.context`: use them on your own prompts too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_AUTHOR_NAME = re.compile(r"[^\s<|\\/>]{1,64}")
_ROLES = ("system", "user", "assistant", "tool")
_KEYS = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls"},
    "tool": {"role", "content", "name", "tool_call_id"},
}


def _encodable(value: Any) -> Iterator[str]:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        yield f"is not JSON in UTF-8: {type(error).__name__}"


# --- OpenAI


def check_openai(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rules of chat completions."""
    found = [f"messages: {line}" for line in _encodable(messages)]
    expected: list[Any] = []  # the ids of calls that wait for their results
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        role = message.get("role")
        if role not in _ROLES:
            found.append(f"{where}: role {role!r}")
            continue
        found += [f"{where}: {line}" for line in _openai_message(message)]
        if role == "tool":
            if message.get("tool_call_id") in expected:
                expected.remove(message["tool_call_id"])
            else:
                found.append(f"{where}: a tool result that answers no call right before it")
            continue
        if expected:
            found.append(f"{where}: {len(expected)} calls before it have no result")
        expected = [call.get("id") for call in message.get("tool_calls") or ()]
    return found + ([f"{len(expected)} calls at the end have no result"] if expected else [])


def _openai_message(message: Mapping[str, Any]) -> Iterator[str]:
    role, content = message["role"], message.get("content")
    if extra := set(message) - _KEYS[role]:
        yield f"fields that a {role} message does not have: {sorted(extra)}"
    if "name" in message and not (isinstance(message["name"], str) and _AUTHOR_NAME.fullmatch(message["name"])):
        yield "name with characters that are not taken, or over 64"
    if content is None:
        if role != "assistant" or not message.get("tool_calls"):
            yield "content is missing"
    elif isinstance(content, list):
        yield from _openai_parts(content, role)
    elif not isinstance(content, str):
        yield "content is neither text nor parts"
    if "tool_calls" in message:
        yield from _openai_calls(message["tool_calls"])
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        yield "tool_call_id is missing"


def _openai_parts(parts: Sequence[Any], role: str) -> Iterator[str]:
    if not parts:
        yield "content is an empty list"
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            yield "a part without a type"
        elif part["type"] == "text" and not isinstance(part.get("text"), str):
            yield "a text part without text"
        elif part["type"] in ("image_url", "file", "input_audio"):
            if role != "user":
                yield f"a part of type {part['type']} in a {role} message"
            if not isinstance(part.get(part["type"]), dict):
                yield f"a part of type {part['type']} without its value"


def _openai_calls(calls: Any) -> Iterator[str]:
    if not isinstance(calls, list) or not calls:
        yield "tool_calls is no list, or empty"
        return
    ids = [call.get("id") for call in calls]
    if len(set(ids)) < len(ids):
        yield "two calls of one message have the same id"
    for call in calls:
        function = call.get("function")
        if not isinstance(call.get("id"), str) or not call["id"]:
            yield "a call without an id"
        if call.get("type") != "function" or not isinstance(function, dict):
            yield "a call that is no function"
        elif not isinstance(function.get("arguments"), str):
            yield "arguments that are no text"
        elif not isinstance(function.get("name"), str) or not _TOOL_NAME.fullmatch(function["name"]):
            yield "a function's name with characters that are not taken, or over 64"


# --- Anthropic


def check_anthropic(payload: Mapping[str, Any]) -> list[str]:
    """The rules of the Messages API; roles must alternate, stricter than the API, which merges neighbours."""
    messages = payload.get("messages") or []
    found = [f"payload: {line}" for line in _encodable(payload)]
    if "system" in payload:
        found += [f"system: {line}" for line in _anthropic_system(payload["system"])]
    if not messages:
        return [*found, "messages: none"]
    uses: list[str] = []
    for at, message in enumerate(messages):
        role = "assistant" if at % 2 else "user"
        if message.get("role") != role:
            found.append(f"messages[{at}]: role {message.get('role')!r}, not {role!r}")
        waiting = _ids(messages[at - 1], "tool_use", "id") if at else []
        found += [f"messages[{at}]: {line}" for line in _anthropic_message(message, waiting)]
        uses += _ids(message, "tool_use", "id")
    if len(set(uses)) < len(uses):
        found.append("tool_use ids are not unique")
    return found + [f"messages[-1]: {line}" for line in _anthropic_last(messages[-1])]


def _ids(message: Mapping[str, Any], kind: str, key: str) -> list[str]:
    content = message.get("content")
    return [block.get(key) for block in content if block.get("type") == kind] if isinstance(content, list) else []


def _anthropic_system(system: Any) -> Iterator[str]:
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    if not isinstance(blocks, list) or not blocks:
        yield "neither text nor blocks"
        return
    for block in blocks:
        if block.get("type") != "text":
            yield f"a block of type {block.get('type')!r}"
        else:
            yield from _anthropic_text(block)


def _anthropic_message(message: Mapping[str, Any], waiting: list[str]) -> Iterator[str]:
    if extra := set(message) - {"role", "content"}:
        yield f"unknown fields {sorted(extra)}"
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list) or not blocks:
        yield "content is empty"
        return
    results = _ids({"content": blocks}, "tool_result", "tool_use_id")
    if sorted(results) != sorted(waiting):
        yield f"tool results for {len(results)} calls where {len(waiting)} wait, or for others"
    if any(block.get("type") != "tool_result" for block in blocks[: len(results)]):
        yield "tool results must stand first"
    for block in blocks:
        yield from _anthropic_block(block, str(message.get("role")))


def _anthropic_text(block: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(block.get("text"), str) or not block["text"].strip():
        yield "a text block that is empty or white space"


def _anthropic_block(block: Mapping[str, Any], role: str) -> Iterator[str]:
    kind = block.get("type")
    if kind not in (("text", "tool_use") if role == "assistant" else ("text", "image", "document", "tool_result")):
        yield f"a block of type {kind!r} in a message of role {role!r}"
    elif kind == "text":
        yield from _anthropic_text(block)
    elif kind == "tool_use":
        yield from _anthropic_use(block)
    elif kind == "tool_result":
        yield from _anthropic_result(block)
    else:
        yield from _anthropic_source(block)


def _anthropic_use(block: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(block.get("id"), str) or not _TOOL_NAME.fullmatch(block["id"]):
        yield "a tool_use id that does not match [a-zA-Z0-9_-]{1,64}"
    if not isinstance(block.get("name"), str) or not _TOOL_NAME.fullmatch(block["name"]):
        yield "a tool's name that does not match [a-zA-Z0-9_-]{1,64}"
    if not isinstance(block.get("input"), dict):
        yield "a tool_use whose input is no object"


def _anthropic_result(block: Mapping[str, Any]) -> Iterator[str]:
    content = block.get("content")
    if isinstance(content, list):
        for inner in content:
            if inner.get("type") not in ("text", "image", "document"):
                yield f"a block of type {inner.get('type')!r} in a tool result"
            else:
                yield from _anthropic_block(inner, "user")
    elif content is not None and not isinstance(content, str):
        yield "a tool result that is neither text nor blocks"


def _anthropic_source(block: Mapping[str, Any]) -> Iterator[str]:
    source = block.get("source")
    wanted = {"base64": ("media_type", "data"), "url": ("url",), "text": ("media_type", "data"), "file": ("file_id",)}
    if not isinstance(source, dict) or source.get("type") not in wanted:
        yield f"a block of type {block.get('type')!r} without a known source"
    elif not all(isinstance(source.get(key), str) and source[key] for key in wanted[source["type"]]):
        yield f"a source of type {source['type']!r} that is incomplete"


def _anthropic_last(message: Mapping[str, Any]) -> Iterator[str]:
    if _ids(message, "tool_use", "id"):
        yield "tool uses without results"
    content = message.get("content")
    if message.get("role") == "assistant" and isinstance(content, list) and content:
        text = content[-1].get("text", "")
        if text != text.rstrip():
            yield "a final assistant's text ends in white space"


# --- Gemini

_PARTS = {"text", "inline_data", "file_data", "functionCall", "functionResponse"}


def check_gemini(payload: Mapping[str, Any]) -> list[str]:
    """The rules of `generateContent`; roles alternate, but a user's content may follow function responses."""
    contents = payload.get("contents") or []
    found = [f"payload: {line}" for line in _encodable(payload)]
    if not contents:
        return [*found, "contents: none"]
    if contents[0].get("role") != "user":
        found.append("contents[0]: role is not 'user'")
    for at, content in enumerate(contents):
        before = contents[at - 1] if at else {}
        found += [f"contents[{at}]: {line}" for line in _gemini_content(content, before)]
    if _names(contents[-1], "functionCall"):
        found.append("contents[-1]: function calls without responses")
    instruction = payload.get("system_instruction")
    parts = instruction.get("parts") if isinstance(instruction, dict) else None
    if instruction is not None and (not parts or not all(part.get("text") for part in parts)):
        found.append("system_instruction: not texts alone")
    return found


def _names(content: Mapping[str, Any], kind: str) -> list[str]:
    return [part[kind].get("name") for part in content.get("parts", ()) if kind in part]


def _gemini_content(content: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    role, parts = content.get("role"), content.get("parts")
    if role not in ("user", "model"):
        yield f"role {role!r}"
    responses = _names(content, "functionResponse")
    if role == before.get("role") and not (role == "user" and _names(before, "functionResponse") and not responses):
        yield "the same role twice"
    if responses != _names(before, "functionCall"):
        yield "function responses that are not those of the calls right before, in order"
    if responses and len(responses) != len(parts or ()):
        yield "function responses beside other parts"
    if not isinstance(parts, list) or not parts:
        yield "no parts"
        return
    for part in parts:
        yield from _gemini_part(part, str(role))


def _gemini_part(part: Mapping[str, Any], role: str) -> Iterator[str]:
    if len(part) != 1 or not set(part) <= _PARTS:
        yield f"a part of {sorted(part)}"
        return
    [(kind, value)] = part.items()
    if kind == "text":
        if not isinstance(value, str) or not value.strip():
            yield "a text that is empty"
    elif kind == "inline_data":
        if not value.get("mime_type") or not value.get("data"):
            yield "inline data without type or data"
    elif kind == "file_data":
        if not value.get("file_uri"):
            yield "file data without a URI"
    elif (kind == "functionCall") != (role == "model"):
        yield f"{kind} from {role}"
    elif not isinstance(value.get("args" if kind == "functionCall" else "response"), dict):
        yield f"{kind} whose value is no object"
