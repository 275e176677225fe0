"""`revisions` for scripts that do not part words by spaces: which part of an earlier message a part of this one revises.

Invariant: as there: what is found is marked, and nothing dropped of what the user said.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from turnkeep.summarizers.extractive import cues, unspaced
from turnkeep.summarizers.extractive.earlier import Earlier
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.unspaced import Part

_LONGEST = 40  # characters of a message that revises something
_SHORT = 16  # of one that does so without a word for it
_ENOUGH, _ENOUGH_UNCUED = 1.2, 3.0
_ECHOED = 2  # messages after which something is said back
_CUES = cues.CUES | cues.SAYS


class Pair(NamedTuple):
    """That `old` of an earlier message gave way to `new`."""

    heard: Heard
    old: Part
    new: Part


def revised(at: int, text: str, earlier: Earlier) -> Pair | None:
    """The pair that a user's message makes with what the user said before."""
    if len(text) > _LONGEST or not unspaced.is_unspaced(text):
        return None
    last = earlier.newest
    cued = bool(cues.meanings([], text) & _CUES)
    if not cued and (len(text) > _SHORT or (last is not None and last.wants)):
        return None
    said = [one for one in reversed(earlier.heard) if one.by_user and unspaced.is_unspaced(one.text[1])]
    fresh = [part for part in _parts(text, earlier) if not any(part.text in one.text[1] for one in said)]
    best: tuple[float, int] = (0.0, 0)
    found = None
    for new in fresh:
        for heard in said:
            for old in _parts(heard.text[1], earlier):
                score = _score(at, text, new, heard, old, earlier)
                if score is not None and (score, heard.at) > best:
                    best, found = (score, heard.at), Pair(heard, old, new)
    return found if best[0] >= (_ENOUGH if cued else _ENOUGH_UNCUED) else None


def _parts(text: str, earlier: Earlier) -> list[Part]:
    """The parts of a text; what a tool was given is one whatever its script."""
    found = unspaced.parts(text)
    for given in set(earlier.given_texts()):
        start = text.find(given) if len(given) > 1 else -1
        if start >= 0:
            mine = Part(start, start + len(given), given, "given")
            found = [part for part in found if part.end <= mine.start or mine.end <= part.start] + [mine]
    return found


def _score(at: int, text: str, new: Part, heard: Heard, old: Part, earlier: Earlier) -> float | None:
    """How much speaks for it that one gave way to the other."""
    likeness = unspaced.alike(new, old)
    known = old.text in earlier.given_texts() or _is_echoed(heard, old, earlier)
    counts = [part.kind == "count" for part in (new, old)]
    if any(counts) and not likeness:
        return None
    if not likeness and not known:
        return None
    score = likeness + unspaced.neighbours(text, new, heard.text[1], old) + 1.5 * known + 2.0 * (old.text in text)
    return score + 0.5 * heard.is_asked_for() - 0.5 * heard.asks - 0.1 * (at - heard.at)


def _is_echoed(heard: Heard, old: Part, earlier: Earlier) -> bool:
    return any(old.text in one.text[1] for one in _after(heard, earlier))


def _after(heard: Heard, earlier: Earlier) -> Iterator[Heard]:
    return (one for one in earlier.heard if not one.by_user and heard.at < one.at <= heard.at + _ECHOED)


def mended(text: str) -> tuple[Part, Part] | None:
    """What a message takes back itself: the part before a word of correcting oneself, and the one behind it."""
    if not unspaced.is_unspaced(text):
        return None
    pairs = pairwise(unspaced.parts(text))
    return next((pair for pair in pairs if _breaks(text[pair[0].end : pair[1].start]) and unspaced.alike(*pair)), None)


def _breaks(between: str) -> bool:
    """Whether a speaker breaks in on himself: a mark, and a word for it."""
    said = cues.meanings([], between) & cues.REPAIRS or any(word in between for word in _BREAKS)
    return bool(said) and any(mark in between for mark in _MARKS)


_BREAKS = ("应该说", "还是", "哦不", "啊不", "いや", "やっぱり", "間違え", "じゃなく", "もとい", "あ、")
_MARKS = "，、。… ,；—"
