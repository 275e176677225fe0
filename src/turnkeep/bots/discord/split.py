"""A reply as Discord takes it: Markdown in parts of at most 2000 characters."""

from __future__ import annotations

MAX_CHARACTERS = 2000


def formatted(text: str) -> list[str]:
    return [text[at : at + MAX_CHARACTERS] for at in range(0, len(text), MAX_CHARACTERS)] or ["…"]


def unformatted(text: str) -> list[str]:
    return formatted(text)
