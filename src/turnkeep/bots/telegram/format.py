"""A reply as Telegram takes it: plain text with entities, in parts of at most 4096 UTF-16 units.

Invariants: no part is empty or too long, and nothing of the text is lost; a part ends with a line, else with a word, and cuts no
link and no inline code, unless one alone is longer than a part.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec
import telegramify_markdown as markdown

MAX_UNITS = 4096
_WHOLE = ("text_link", "code")
_URL = re.compile(r"https?://\S+")
Span = tuple[int, int]


class Part(msgspec.Struct, frozen=True):
    """What one message holds. `entities` as the Bot API has them."""

    text: str
    entities: tuple[dict[str, Any], ...] = ()


def formatted(text: str) -> list[Part]:
    """Markdown, as models write it."""
    plain, entities = markdown.convert(text)
    return _parts(plain, [entity.to_dict() for entity in entities]) or [Part(text.strip() or "…")]


def unformatted(text: str) -> list[Part]:
    """As it is, for a text that still grows."""
    return _parts(text, [])


def _parts(text: str, entities: Sequence[dict[str, Any]]) -> list[Part]:
    units = list(accumulate((1 if character <= "\uffff" else 2 for character in text), initial=0))
    spans = [(bisect_right(units, one["offset"]) - 1, bisect_right(units, one["offset"] + one["length"]) - 1) for one in entities]
    whole = [span for span, one in zip(spans, entities, strict=True) if one["type"] in _WHOLE]
    whole += [found.span() for found in _URL.finditer(text)]
    parts, start = [], 0
    while start < len(text):
        end = bisect_right(units, units[start] + MAX_UNITS) - 1
        if end < len(text):
            end = _cut(text, start, end, whole)
        if text[start:end].strip():
            parts.append(Part(text[start:end], tuple(_clipped(entities, units[start], units[end]))))
        start = end
    return parts


def _cut(text: str, start: int, end: int, whole: Sequence[Span]) -> int:
    """Where a part ends that may not reach beyond `end`: behind a line of its second half, behind a word, behind any line."""
    middle = (start + end) // 2
    for separator, least in (("\n", middle), (" ", start), ("\n", start)):
        at = text.rfind(separator, least, end) + 1
        while at > least + 1:
            span = _around(at, whole)
            if span is None:
                return at
            at = text.rfind(separator, least, span[0]) + 1
    span = _around(end, whole)
    return end if span is None or span[0] <= start else span[0]


def _around(at: int, whole: Sequence[Span]) -> Span | None:
    """What would be cut in two there."""
    return next(((first, last) for first, last in whole if first < at < last), None)


def _clipped(entities: Sequence[dict[str, Any]], start: int, end: int) -> list[dict[str, Any]]:
    """What of them lies between two offsets, counted from the first."""
    found = []
    for one in entities:
        first, last = max(start, one["offset"]), min(end, one["offset"] + one["length"])
        if first < last:
            found.append({**one, "offset": first - start, "length": last - first})
    return found
