"""Two texts that are one but for a value: "Deploying to staging." and "Deploying to production."

Invariant: what differs is a slice of each, cut between words, or between characters where words are not parted by spaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from turnkeep.summarizers.extractive.words import ARTICLES, Token

_WIDEST = 5  # words of a value, and marks in it
_LONGEST = 12  # characters of a value in a script without spaces
_LEAST = 2  # characters that both texts share there
_TEXT = 200  # characters of a text that is compared


class Swap(NamedTuple):
    """That `old` of one text stands where `new` of the other does: where each begins and ends."""

    old: tuple[int, int]
    new: tuple[int, int]


def swap(before: str, old: list[Token], after: str, new: list[Token]) -> Swap | None:
    """What differs between two texts that begin and end alike, if it is short, and the rest says something."""
    if not old or not new or max(len(before), len(after)) > _TEXT:
        return None
    if old[0].low != new[0].low and not _end_alike(old, new) and before.isascii():
        return None
    if before.isascii() or not _is_unspaced(before):
        return _of_words(old, new)
    return _of_characters(before, after)


def _end_alike(old: list[Token], new: list[Token]) -> bool:
    """Whether the last two words are the same."""
    return old[-1].low == new[-1].low and [word.low for word in old[-2:]] == [word.low for word in new[-2:]]


def _is_unspaced(text: str) -> bool:
    return any(char >= "\u3000" for char in text)


def _of_words(old: list[Token], new: list[Token]) -> Swap | None:
    first = _alike((word.low for word in old), (word.low for word in new))
    last = _alike((word.low for word in reversed(old[first:])), (word.low for word in reversed(new[first:])))
    mine, theirs = old[first : len(old) - last], new[first : len(new) - last]
    rest = old[:first] + old[len(old) - last :]
    mine, theirs = _bare(mine), _bare(theirs)
    if not 0 < len(mine) <= _WIDEST or not 0 < len(theirs) <= _WIDEST or not any(word.is_word for word in rest):
        return None
    return Swap((mine[0].start, mine[-1].end), (theirs[0].start, theirs[-1].end))


def _bare(words: list[Token]) -> list[Token]:
    return words[1:] if len(words) > 1 and words[0].low in ARTICLES else words


def _of_characters(old: str, new: str) -> Swap | None:
    first = _alike(old, new)
    last = _alike(old[first:][::-1], new[first:][::-1])
    while last and (old[len(old) - last] in "个個人名位点點時时号號月日" or old[len(old) - last].isdigit()):
        last -= 1  # a counter belongs to its number
    spans = (first, len(old) - last), (first, len(new) - last)
    shared = sum(char.isalnum() for char in old[:first] + old[len(old) - last :])
    if shared < _LEAST or not all(0 < end - start <= _LONGEST for start, end in spans):
        return None
    return Swap(*spans)


def _alike(one: Iterable[str], other: Iterable[str]) -> int:
    """How many of the first items are the same."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
