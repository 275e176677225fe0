"""A reply as Telegram takes it: plain text with entities, in parts of at most 4096 UTF-16 units.

Invariant: no part is empty or too long, no entity is cut from its text, and nothing of the text is lost but white space at a cut.
"""

from __future__ import annotations

from typing import Any

import msgspec
import telegramify_markdown as markdown

MAX_UNITS = 4096


class Part(msgspec.Struct, frozen=True):
    """What one message holds. `entities` as the Bot API has them."""

    text: str
    entities: tuple[dict[str, Any], ...] = ()


def formatted(text: str) -> list[Part]:
    """Markdown, as models write it."""
    plain, entities = markdown.convert(text)
    parts = [
        Part(piece, tuple(entity.to_dict() for entity in found))
        for piece, found in markdown.split_entities(plain, entities, max_utf16_len=MAX_UNITS)
        if piece.strip()
    ]
    return parts or [Part(text.strip() or "…")]


def unformatted(text: str) -> list[Part]:
    """As it is, for a text that still grows."""
    return [Part(piece) for piece, _ in markdown.split_entities(text, [], max_utf16_len=MAX_UNITS) if piece.strip()]
