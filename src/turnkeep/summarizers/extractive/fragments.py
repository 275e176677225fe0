"""Cutting a message into fragments: the shortest runs of its own words that hold values together.

Invariant: a fragment is a slice of one clause; it has three words or more wherever its clause has them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

import msgspec

from turnkeep.summarizers.extractive.values import WORD, Value
from turnkeep.summarizers.extractive.words import CLAUSE_ENDS, EVERYDAY, NUMBERS, STOP, Token

_MARK = re.compile(r"\[[^\[\]\n]{2,40}\]")
FEWEST_WORDS = 3
_COMMAS = frozenset(",،、")
_ASKING = frozenset("?？؟")
_CLAUSE = 5  # words: a longer one is offered in runs as well
_GAP = 4  # words between two values that one fragment may hold
_JOINING = frozenset({"and", "or", "but", "und", "oder", "aber", "y", "o", "pero", "et", "ou", "mais", "e", "because", "so"})
_LONG = 26  # words: a longer clause is cut at commas as well
_WIDEST = 18  # words of a fragment


class Fragment(msgspec.Struct, frozen=True, gc=False):
    """The slice `start..end`, and which of the message's values stand in it: from `first` to before `last`."""

    start: int
    end: int
    first: int
    last: int
    asks: bool


def fragments(text: str, words: list[Token], values: list[Value], *, runs: bool = True) -> Iterator[Fragment]:
    """All fragments worth a choice, in order; some overlap (a few values close together, and the clause around them).

    `runs`: of long clauses also the short runs of telling words.
    """
    at = 0
    marks = [match.span() for match in _MARK.finditer(text)] if "[" in text else []
    for start, end, clause, asks in _clauses(text, words, values):
        while at < len(values) and values[at].start < start:
            at += 1
        first = at
        while at < len(values) and values[at].start < end:
            at += 1
        if at > first and clause:
            cut = _cut(clause, values[first:at], first, asks, runs and len(clause) > _CLAUSE)
            yield from (_around(part, marks) for part in cut) if marks else cut


def _around(part: Fragment, marks: list[tuple[int, int]]) -> Fragment:
    """The fragment with all of a mark that it begins or ends in: half a `[phone number]` is none."""
    before, after = bisect_left(marks, (part.start, 0)) - 1, bisect_left(marks, (part.end, 0)) - 1
    start = marks[before][0] if before >= 0 and part.start < marks[before][1] else part.start
    end = marks[after][1] if after >= 0 and part.end < marks[after][1] else part.end
    return part if (start, end) == (part.start, part.end) else Fragment(start, end, part.first, part.last, part.asks)


def _clauses(text: str, words: list[Token], values: list[Value]) -> Iterator[tuple[int, int, list[Token], bool]]:
    """Where each clause begins and ends, its words, and whether it asks."""
    strong = [value for value in values if value.kind != WORD]
    inside = {mark for value in strong for mark in (value.start, value.end)}
    spans = iter([(value.start, value.end) for value in values if value.end - value.start > 2]) if strong else iter(())
    span = next(spans, None)
    clause: list[Token] = []
    start, end = -1, 0
    for word in words:
        count = len(clause)
        if word.is_word and count <= 2 * _LONG:
            if start < 0:
                start = word.start
            clause.append(word)
            end = word.end
            continue
        while span is not None and span[1] <= word.start:
            span = next(spans, None)
        within = span is not None and span[0] < word.start < span[1]
        ends = word.text in CLAUSE_ENDS or (count > _LONG and word.text in _COMMAS) or count > 2 * _LONG
        if ends and not within and not (word.text == "." and word.end in inside):
            if start >= 0:
                yield start, end, clause, word.text in _ASKING
            clause, start = ([word], word.start) if word.is_word else ([], -1)
        else:
            start = word.start if start < 0 else start
            if word.is_word:
                clause.append(word)
        end = word.end
    if start >= 0:
        yield start, end, clause, False


def _cut(words: list[Token], values: list[Value], first: int, asks: bool, runs: bool) -> Iterator[Fragment]:
    """The fragments of a clause; `first`: the place of its first value among the message's."""
    spots = _spots(words, values)
    strong = [n for n, value in enumerate(values) if value.kind != WORD]
    seen = set()
    for group in _groups(strong, spots) if strong else ():
        made = _widen(words, spots, group[0], group[-1], values, first, asks)
        seen.add((made.start, made.end))
        yield made
    wide = spots[-1][1] - spots[0][0] >= _WIDEST
    if not wide and (len(strong) != len(values) or len(seen) > 1):
        whole = _widen(words, spots, 0, len(values) - 1, values, first, asks)
        if (whole.start, whole.end) not in seen:
            seen.add((whole.start, whole.end))
            yield whole
    if runs or (wide and not strong):
        telling = [n for n, value in enumerate(values) if value.kind != WORD or value.ids[0] not in EVERYDAY]
        for group in _groups(telling, spots, 1) if telling else ():
            made = _widen(words, spots, group[0], group[-1], values, first, asks)
            if (made.start, made.end) not in seen:
                seen.add((made.start, made.end))
                yield made


def _spots(words: list[Token], values: list[Value]) -> list[tuple[int, int]]:
    """The first and the last word of each value."""
    spots, at, end = [], 0, len(words) - 1
    for value in values:
        start, stop = value.start, value.end
        while at < end and words[at].end <= start:
            at += 1
        last = at
        while last < end and words[last + 1].start < stop:
            last += 1
        spots.append((at, last))
    return spots


def _groups(chosen: list[int], spots: list[tuple[int, int]], gap: int = _GAP) -> list[list[int]]:
    """Values that stand close together."""
    groups = [[chosen[0]]]
    for n in chosen[1:]:
        near = spots[n][0] - spots[groups[-1][-1]][1] <= gap + 1
        if near and spots[n][1] - spots[groups[-1][0]][0] < _WIDEST:
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups


def _widen(
    words: list[Token], spots: list[tuple[int, int]], low: int, high: int, values: list[Value], offset: int, asks: bool
) -> Fragment:
    """The words from the value `low` to the value `high`: at least three, rather those before than those after."""
    first, last = spots[low][0], spots[high][1]
    end_of_clause = len(words) - 1
    while last - first + 1 < FEWEST_WORDS and (first > 0 or last < end_of_clause):
        if first > 0:
            first -= 1
        else:
            last += 1
    if last < end_of_clause and last - first < _WIDEST and _counts(words[last]) and words[last + 1].low not in STOP:
        last += 1  # what is counted
    start, end = words[first].start, words[last].end
    while low and values[low - 1].end > start:  # a value is never cut
        low -= 1
        start = min(start, values[low].start)
    start = min(start, values[low].start)
    while high + 1 < len(values) and values[high + 1].start < end:
        high += 1
        end = max(end, values[high].end)
    end = max(end, values[high].end)
    if words[first].low in _JOINING and first < spots[low][0] and start == words[first].start:
        start = words[first + 1].start
    if words[last].low in _JOINING and last > spots[high][1] and end == words[last].end:
        end = words[last - 1].end
    return Fragment(start, end, offset + low, offset + high + 1, asks)


def _counts(word: Token) -> bool:
    return word.low[0].isdigit() or word.low in NUMBERS
