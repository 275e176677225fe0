"""Counting tokens: what a text, a message and a tool schema cost, by the model's own vocabulary or by an estimate that says so.

Invariant: counts add up. A message costs the same wherever it stands, so a prompt costs the sum of its messages, plus
`PRIMING` once, plus its tool schemas; a count that is stored beside its counter's name never has to be made again.

Loading a vocabulary (0.1 to 0.3 s) and counting both hold the interpreter's lock: a thread does not hide them.
Load before serving; count long texts with the `_off_loop` calls, which give way between slices.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any, Protocol

import msgspec

from turnkeep.errors import InvalidInput
from turnkeep.media import file_tokens, image_tokens
from turnkeep.session import Content, JsonObject

PRIMING = 3  # of the reply, once a prompt; this and the next two as OpenAI's cookbook counts them
PER_MESSAGE = 4  # three of frame, one of role: each of the four roles is one token
PER_NAME = 1
PER_CALL = 4  # a tool call's frame, beside its id, name and arguments
_BINDINGS = "bpe_openai._bindings"
SLICE = 32_768  # characters counted at once off the loop: 1 to 4 ms


class Counter(Protocol):
    """Counts the tokens of a text. `name` is stored beside each count; `exact` is False for an estimate."""

    @property
    def name(self) -> str: ...

    @property
    def exact(self) -> bool: ...

    @property
    def count(self) -> Callable[[str], int]: ...


class _Counter:
    __slots__ = ("count", "exact", "name")

    def __init__(self, name: str, exact: bool, count: Callable[[str], int]) -> None:
        self.name, self.exact, self.count = name, exact, count

    def __repr__(self) -> str:
        return f"<counter {self.name}>"


def _load_bpe(encoding: str) -> Callable[[str], int]:
    """The package's compiled part alone: importing the package builds Python tables of a vocabulary, 0.7 s and 130 MB."""
    count: Callable[[str], int] = _import_bindings().tokenizer_for_encoding(encoding).count
    return count


@cache
def _import_bindings() -> ModuleType:
    package, _, name = _BINDINGS.partition(".")
    found = find_spec(package)
    part = PathFinder.find_spec(name, found.submodule_search_locations) if found else None
    spec = spec_from_file_location(_BINDINGS, part.origin) if part and part.origin else None
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("bpe-openai, a dependency of turnkeep, is not installed whole", name=_BINDINGS)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_LOADERS: dict[str, Callable[[], _Counter]] = {
    "o200k": lambda: _Counter("o200k", True, _load_bpe("o200k_base")),
    "cl100k": lambda: _Counter("cl100k", True, _load_bpe("cl100k_base")),
    "claude": lambda: _Counter("claude", False, estimate),
    "gemini": lambda: _Counter("gemini", False, estimate),
    "estimate": lambda: _Counter("estimate", False, estimate),
}
COUNTERS = tuple(_LOADERS)
_EXACT = ("o200k", "cl100k")
_loaded: dict[str, _Counter] = {}
_loading = threading.Lock()


def is_loaded(name: str) -> bool:
    """Whether `get_counter(name)` returns at once."""
    return name in _loaded


def is_exact(name: str) -> bool:
    """Whether the counter of that name counts by a model's own vocabulary; it need not be loaded."""
    return name in _EXACT


def get_counter(name: str) -> Counter:
    """The counter of that name, one of `COUNTERS`; loaded on first use, only once however many threads ask."""
    counter = _loaded.get(name)
    if counter is not None:
        return counter
    loader = _LOADERS.get(name)
    if loader is None:
        raise InvalidInput("tokenizer", f"there is no tokenizer of this name; choose one of {', '.join(COUNTERS)}")
    with _loading:
        if name not in _loaded:
            _loaded[name] = loader()
    return _loaded[name]


_MODELS = {
    "o200k": r"(chat)?gpt-(4o|4\.[15]|[5-9]|oss|image|audio|realtime)|o[1-9]\b|codex|omni",
    "cl100k": r"gpt-(4|3\.?5)|text-embedding-",
    "claude": r"claude",
    "gemini": r"gemini|gemma|palm",
    "estimate": r"llama|codellama|mi[sx]tral|codestral|magistral|ministral|devstral|pixtral|qwen|qwq|deepseek|"
    r"grok|command|c4ai|aya|phi-|kimi|moonshot|glm|yi-|nova|titan|jamba|smollm|falcon|granite|nemotron|minimax|ernie|hermes",
}
_NAMED = [  # Bedrock writes "us.anthropic.claude-..."
    (name, re.compile(rf"([a-z-]+\.)*(?:{models})")) for name, models in _MODELS.items()
]


def counter_name_for(model: str | None, default: str = "o200k") -> str:
    """The counter's name for a model's name, as "gpt-4o", "openai/gpt-4.1-mini" or "ft:gpt-4o:acme" have it.

    Models of other makers get "claude", "gemini" or "estimate", which estimate texts alike: their vocabularies differ from
    OpenAI's, so an exact count would be exact about another model. A name that is not known gets `default`.
    """
    if not model:
        return default
    bare = model.lower().removeprefix("ft:").rsplit("/", 1)[-1]
    return next((name for name, pattern in _NAMED if pattern.match(bare)), default)


# --- the estimate: pieces of about a token each, by script
# A piece takes the space before it along, as the vocabularies do: less to try, and twice as fast.
_ASCII = re.compile(r" ?(?:[A-Z]?[a-z]{1,8}|[A-Z]{1,3}|[0-9]{1,3}|\n+|[^\sA-Za-z0-9]{1,2}|[^\S\n]{2,})")
_MIXED = re.compile(
    r" ?(?:[A-Z]?[a-z\u00c0-\u00ff\u0102\u0103\u0110\u0111\u01a0-\u01b0\u1ea0-\u1eff]{1,7}|[A-Z]{1,3}|[0-9]{1,3}|\n+"
    "|[!-/:-@\\[-`{-~]{1,2}|[\u0080-\u00bf\u2000-\u200c\u2010-\u206f\u3000-\u303f]"  # punctuation
    "|[\u0100-\u024f\u1e00-\u1e9f]|[\u0400-\u052f]{1,4}|[\u0900-\u0dff]{1,4}|[\uac00-\ud7af]{1,2}"  # Cyrillic, Indic, Hangul
    "|[\u0370-\u03ff\u0590-\u06ff\u10a0-\u10ff]{1,3}|[\u0e00-\u0eff]{1,3}"  # Greek, Hebrew, Arabic, Georgian, Thai, Lao
    r"|[^\S\n]{2,})"
)
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]+")
_OTHERS = re.compile(  # emoji above all, and rarer scripts
    "[^\\x00-\u024f\u0370-\u052f\u0590-\u06ff\u0900-\u0eff\u10a0-\u10ff\u1e00-\u1eff\u2000-\u200c\u2010-\u206f\u3000-\u303f"
    "\uac00-\ud7af]+"
)


def estimate(text: str) -> int:
    """About as many tokens as o200k finds, rather more than fewer: off by 7 % at the median on chats in many scripts."""
    if text.isascii():
        return len(_ASCII.findall(text))
    rest = _CJK.sub("", text)
    known = _OTHERS.sub("", rest)
    cjk, others = len(text) - len(rest), len(rest) - len(known)
    return len(_MIXED.findall(known)) + (cjk * 4 + 4) // 5 + (others * 17 + 9) // 10


# --- messages


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def count_tools(counter: Counter, schemas: list[JsonObject] | None) -> int:
    """Tool schemas as compact JSON: the providers' own rendering is not published, and differs by a few tokens a tool."""
    return counter.count(_json(schemas)) if schemas else 0


def _part(part: JsonObject, maker: str) -> int | str:
    """A part's tokens, or the text to count."""
    match part.get("type"):
        case "text" if isinstance(part.get("text"), str):
            return str(part["text"])
        case "image_url":
            image = part.get("image_url")
            inner = image if isinstance(image, dict) else {"url": image}
            return image_tokens(inner.get("url"), inner.get("detail"), maker)
        case "file" | "input_audio":
            return file_tokens(part, maker)
        case _:
            return _json(part)


def _call_texts(call: JsonObject) -> Iterator[str]:
    function = call.get("function")
    if not isinstance(function, dict):
        yield _json(call)
        return
    yield str(call.get("id") or "")
    yield str(function.get("name") or "")
    arguments = function.get("arguments")
    yield arguments if isinstance(arguments, str) else _json(arguments)


def _costs(
    content: Content, tool_calls: list[JsonObject] | None, tool_call_id: str | None, name: str | None, maker: str
) -> Iterator[int | str]:
    """All that a message costs: numbers as they are, texts to be counted."""
    yield PER_MESSAGE
    if isinstance(content, str):
        yield content
    elif content:
        for part in content:
            yield _part(part, maker)
    for call in tool_calls or ():
        yield PER_CALL
        yield from _call_texts(call)
    if tool_call_id is not None:
        yield PER_NAME
        yield tool_call_id
    if name is not None:
        yield PER_NAME
        yield name


def count_message(
    counter: Counter,
    role: str,
    content: Content,
    tool_calls: list[JsonObject] | None = None,
    tool_call_id: str | None = None,
    name: str | None = None,
) -> int:
    """The tokens of one message, its frame included.

    Pictures, documents and sounds count by the rule of the counter's maker, or an estimate: see `turnkeep.media`.
    """
    if tool_calls is None and tool_call_id is None and name is None and type(content) is str:
        return PER_MESSAGE + counter.count(content)
    costs = _costs(content, tool_calls, tool_call_id, name, counter.name)
    return sum(cost if isinstance(cost, int) else counter.count(cost) for cost in costs)


# --- long texts
# Before a space or a mark of punctuation that follows a letter, both vocabularies always end a piece (`'` may go on with
# a contraction), and no rule of theirs looks back: counts on both sides add up to the whole.
_SEAM = re.compile(r"[^\W\d_](?=[\s.,;:!?…)\]}>\"。、，！？；：」』）])")
_REACH = 4096


def slices(text: str) -> Iterator[str]:
    """The text in slices of at most `SLICE`, cut where the counts add up, or anywhere if there is no such place near."""
    start = 0
    while len(text) - start > SLICE:
        end = start + SLICE
        for seam in _SEAM.finditer(text, end - _REACH, end):
            end = seam.end()
        yield text[start:end]
        start = end
    yield text[start:]


async def count_off_loop(counter: Counter, text: str) -> int:
    """`counter.count`, giving way to the event loop between slices.

    Exact like it, but for a text with stretches of 32,000 characters that have no place to cut: there it may find a few
    tokens more, at most about one a slice.
    """
    if len(text) <= SLICE:
        return counter.count(text)
    total = 0
    for piece in slices(text):
        total += counter.count(piece)
        await asyncio.sleep(0)
    return total


async def count_message_off_loop(
    counter: Counter,
    role: str,
    content: Content,
    tool_calls: list[JsonObject] | None = None,
    tool_call_id: str | None = None,
    name: str | None = None,
) -> int:
    """`count_message` that gives way to the event loop when the texts are long."""
    total = since = 0
    for cost in _costs(content, tool_calls, tool_call_id, name, counter.name):
        counted = cost if isinstance(cost, int) else await count_off_loop(counter, cost)
        total, since = total + counted, since + counted
        if since > SLICE // 4:
            since = 0
            await asyncio.sleep(0)
    return total
