"""The same prompt in the shapes of other makers' APIs: Anthropic's Messages and Gemini's contents, from OpenAI's chat messages.

Invariants: what comes in as `turnkeep.context` lays it out (results right behind their calls, in their order) comes out by the
other API's rules, see `turnkeep.testing.rules`; nothing is dropped in silence: what an API cannot take becomes a bracketed note;
the same start of a prompt gives the same start of the shape. Labels and placeholders that are added here are not counted: the
budget is in OpenAI's shape, and these models count by other vocabularies anyway.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from turnkeep.session import Content, JsonObject

OPENING = "[The conversation goes on from here.]"  # both APIs want a user's message first
EMPTY = "[empty message]"
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64,", re.ASCII)
_ANTHROPIC_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mp3"}

Blocks: TypeAlias = list[JsonObject]
CacheLifetime: TypeAlias = Literal["5m", "1h"]
Convert: TypeAlias = Callable[[JsonObject], JsonObject | None]


# --- what both shapes need


def _text(content: Content) -> str:
    """The text alone: of system messages, which have nothing else."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text") or _note(part)) for part in content)
    return content or ""


def _note(part: JsonObject) -> str:
    name = _inner(part).get("filename")
    return f"[a part of type {part.get('type')}{f', {name}' if name else ''}, that cannot be shown here]"


def _inner(part: JsonObject) -> JsonObject:
    """`{"type": "file", "file": {...}}`: what stands under the type's own name."""
    inner = part.get(str(part.get("type")))
    if isinstance(inner, str):
        return {"url": inner}
    return inner if isinstance(inner, dict) else {}


def _inline(url: Any) -> tuple[str, str] | None:
    """Media type and base64 of a data URL."""
    found = _DATA_URL.match(url) if isinstance(url, str) else None
    return (found[1], url[found.end() :]) if found else None


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _written(part: JsonObject) -> str | None:
    """The text of a part that is one."""
    text = part.get("refusal") if part.get("type") == "refusal" else part.get("text") if part.get("type") == "text" else None
    return text if isinstance(text, str) else None


def _blocks(content: Content, text_block: Convert, convert: Convert) -> Blocks:
    """A content in blocks: blank texts are not taken by either API, parts without a counterpart become notes."""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    blocks = []
    for part in parts:
        written = _written(part)
        block = convert(part) if written is None else None
        if block is None:
            block = text_block({"text": _note(part) if written is None else written})
        if block is not None:
            blocks.append(block)
    return blocks


def _object(text: Any, wrapped_as: str) -> JsonObject:
    """The JSON object in a text; what is none is wrapped."""
    if isinstance(text, dict):
        return text
    try:
        found = msgspec.json.decode(text) if isinstance(text, str) else text
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        found = None
    return found if isinstance(found, dict) else {wrapped_as: text}


def _arguments(call: JsonObject) -> JsonObject:
    text = _function(call).get("arguments")
    return _object(text, "_arguments") if text else {}


def _function(call: JsonObject) -> JsonObject:
    function = call.get("function")
    return function if isinstance(function, dict) else {}


def _name(call: JsonObject) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", str(_function(call).get("name") or "tool"))[:64]


def _steps(messages: Sequence[JsonObject]) -> Iterator[tuple[JsonObject, list[JsonObject]]]:
    """Each message with the results that follow it."""
    at = 0
    while at < len(messages):
        end = at + 1
        while end < len(messages) and messages[end]["role"] == "tool":
            end += 1
        yield messages[at], list(messages[at + 1 : end])
        at = end


def _spoken(message: JsonObject) -> Content:
    """A content as a user says it: a system message among the turns gets a label, neither API has a place for it."""
    content: Content = message.get("content")
    if message["role"] == "system":
        return f"[System message]\n{_text(content)}"
    name = message.get("name")
    if not name:
        return content
    if isinstance(content, list):
        return [{"type": "text", "text": f"[{name}]"}, *content]
    return f"[{name}] {content or ''}"


# --- Anthropic


def _anthropic_text(part: JsonObject) -> JsonObject | None:
    return {"type": "text", "text": part["text"]} if part["text"].strip() else None


def _anthropic_spoken(part: JsonObject) -> JsonObject | None:
    """An assistant's text: at the end of a prompt it must not end in white space, so it never does."""
    return _anthropic_text({"text": part["text"].rstrip()})


def _anthropic_image(url: Any) -> JsonObject | None:
    inline = _inline(url)
    if inline and inline[0] in _ANTHROPIC_IMAGES:
        return {"type": "image", "source": {"type": "base64", "media_type": inline[0], "data": inline[1]}}
    return {"type": "image", "source": {"type": "url", "url": url}} if _is_url(url) else None


def _anthropic_source(file: JsonObject) -> JsonObject | None:
    inline, file_id = _inline(file.get("file_data")), file.get("file_id")
    if inline and inline[0] == "application/pdf":
        return {"type": "base64", "media_type": inline[0], "data": inline[1]}
    if inline and inline[0] == "text/plain":
        data = base64.b64decode(inline[1]).decode("utf-8", "replace")
        return {"type": "text", "media_type": "text/plain", "data": data} if data.strip() else None
    if isinstance(file_id, str) and file_id.startswith("file_"):  # theirs; OpenAI's start with "file-"
        return {"type": "file", "file_id": file_id}
    return None


def _anthropic_part(part: JsonObject) -> JsonObject | None:
    inner = _inner(part)
    if part.get("type") == "image_url":
        return _anthropic_image(inner.get("url"))
    try:
        source = _anthropic_source(inner) if part.get("type") == "file" else None
    except ValueError:  # no base64
        source = None
    if source is None:
        return None
    title = inner.get("filename")
    return {"type": "document", "source": source, **({"title": str(title)[:500]} if title else {})}


def _no_part(part: JsonObject) -> JsonObject | None:
    """An assistant has texts and calls only."""
    return None


class _Ids:
    """Ids for tool uses: Anthropic wants them unique in a prompt and plain."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def new(self, call: JsonObject) -> str:
        plain = re.sub(r"[^a-zA-Z0-9_-]", "_", str(call.get("id") or "call"))[:56]
        fresh, again = plain, 1
        while fresh in self.used:
            again += 1
            fresh = f"{plain}_{again}"
        self.used.add(fresh)
        return fresh


def _tool_result(use_id: str, message: JsonObject) -> JsonObject:
    blocks = _blocks(message.get("content"), _anthropic_text, _anthropic_part)
    return {"type": "tool_result", "tool_use_id": use_id, **({"content": blocks} if blocks else {})}


def _anthropic_turns(messages: Sequence[JsonObject]) -> Iterator[tuple[str, Blocks, int]]:
    """Roles and their blocks, in order, and how many of the messages those are of so far; neighbours may have one role."""
    ids, done = _Ids(), 0
    for message, results in _steps(messages):
        done += 1 + len(results)
        if message["role"] != "assistant":
            blocks = _blocks(_spoken(message), _anthropic_text, _anthropic_part)
            yield "user", blocks or [{"type": "text", "text": EMPTY}], done
            continue
        calls = message.get("tool_calls") or []
        uses = [ids.new(call) for call in calls]
        blocks = _blocks(message.get("content"), _anthropic_spoken, _no_part)
        for use, call in zip(uses, calls, strict=True):
            blocks.append({"type": "tool_use", "id": use, "name": _name(call), "input": _arguments(call)})
        if blocks:
            yield "assistant", blocks, done
        if results:
            yield "user", [_tool_result(use, result) for use, result in zip(uses, results, strict=True)], done


def to_anthropic(messages: Sequence[JsonObject], head: int, stable: int = 0, cache: CacheLifetime | None = None) -> JsonObject:
    """`system` (text blocks) and `messages`; the first `head` messages become the system.

    With `cache`, the last block of the system and that of the first `stable` messages get a breakpoint.
    """
    out: list[JsonObject] = []
    last: JsonObject | None = None  # block that is the same in the next prompt
    for role, blocks, done in _anthropic_turns(messages[head:]):
        last = blocks[-1] if head + done <= stable else last
        if not out and role == "assistant":
            out.append({"role": "user", "content": [{"type": "text", "text": OPENING}]})
        if out and out[-1]["role"] == role:
            out[-1]["content"] += blocks
        else:
            out.append({"role": role, "content": blocks})
    out = out or [{"role": "user", "content": [{"type": "text", "text": OPENING}]}]
    system = [text for message in messages[:head] if (text := _text(message.get("content"))).strip()]
    texts: Blocks = [{"type": "text", "text": text} for text in system]
    if cache is not None:
        for block in (*texts[-1:], *([last] if last else [])):
            block["cache_control"] = {"type": "ephemeral", **({} if cache == "5m" else {"ttl": cache})}
    return {"system": texts, "messages": out} if texts else {"messages": out}


# --- Gemini


def _gemini_text(part: JsonObject) -> JsonObject | None:
    return {"text": part["text"]} if part["text"].strip() else None


def _gemini_data(inline: tuple[str, str] | None) -> JsonObject | None:
    return {"inline_data": {"mime_type": inline[0], "data": inline[1]}} if inline else None


def _gemini_part(part: JsonObject) -> JsonObject | None:
    inner = _inner(part)
    match part.get("type"):
        case "image_url":
            url = inner.get("url")
            return _gemini_data(_inline(url)) or ({"file_data": {"file_uri": url}} if _is_url(url) else None)
        case "file":
            named = inner.get("file_id")
            known = isinstance(named, str) and (_is_url(named) or named.startswith("gs://"))
            return _gemini_data(_inline(inner.get("file_data"))) or ({"file_data": {"file_uri": named}} if known else None)
        case "input_audio":
            kind, data = _SOUNDS.get(str(inner.get("format"))), inner.get("data")
            return _gemini_data((kind, data)) if kind and isinstance(data, str) else None
        case _:
            return None


def _function_response(call: JsonObject, message: JsonObject) -> JsonObject:
    content = message.get("content")
    return {"functionResponse": {"name": _name(call), "response": _object(_text(content), "result")}}


def _gemini_turns(messages: Sequence[JsonObject]) -> Iterator[tuple[str, Blocks]]:
    for message, results in _steps(messages):
        if message["role"] != "assistant":
            yield "user", _blocks(_spoken(message), _gemini_text, _gemini_part) or [{"text": EMPTY}]
            continue
        calls = message.get("tool_calls") or []
        parts = _blocks(message.get("content"), _gemini_text, _gemini_part)
        parts += [{"functionCall": {"name": _name(call), "args": _arguments(call)}} for call in calls]
        if parts:
            yield "model", parts
        if results:
            yield "function", [_function_response(call, result) for call, result in zip(calls, results, strict=True)]


def to_gemini(messages: Sequence[JsonObject], head: int) -> JsonObject:
    """`system_instruction` and `contents`; the first `head` messages become the instruction.

    Function responses stand in a content of their own, which a user's text may follow as another.
    """
    contents: list[JsonObject] = []
    before = ""
    for role, parts in _gemini_turns(messages[head:]):
        if not contents and role == "model":
            contents.append({"role": "user", "parts": [{"text": OPENING}]})
        if role == before:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": "model" if role == "model" else "user", "parts": parts})
        before = role
    contents = contents or [{"role": "user", "parts": [{"text": OPENING}]}]
    system = [text for message in messages[:head] if (text := _text(message.get("content"))).strip()]
    if not system:
        return {"contents": contents}
    return {"system_instruction": {"parts": [{"text": text} for text in system]}, "contents": contents}
