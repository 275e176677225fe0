"""A reply as Discord takes it: Markdown as models write it, in Discord's own, in parts of at most 2000 characters.

Invariants: no part is empty or too long, and nothing of the text is lost; each part reads well alone: a fence or a pair of marks that
goes on in the next part is closed in this one and opened again in that.
"""

from __future__ import annotations

from turnkeep.bots.discord.format.blocks import blocks
from turnkeep.bots.discord.format.page import written
from turnkeep.bots.discord.format.parts import MAX_CHARACTERS, parts

__all__ = ["MAX_CHARACTERS", "formatted", "growing"]


def formatted(text: str) -> list[str]:
    """A finished text; at least one part."""
    return _parts(text, growing=False) or ["…"]


def growing(text: str) -> list[str]:
    """A text that still grows: what it leaves open is closed at its end, so that it reads as it will when it is whole."""
    return _parts(text, growing=True)


def _parts(text: str, *, growing: bool) -> list[str]:
    page = written(blocks(text), growing=growing)
    return parts(page.text, page.spans)
