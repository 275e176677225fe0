"""Fragments of a message as pieces: their words, what they weigh, what they cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from turnkeep.summarizers.extractive.context import Context
from turnkeep.summarizers.extractive.days import shown
from turnkeep.summarizers.extractive.fragments import Fragment, fragments
from turnkeep.summarizers.extractive.marks import Mark, apart, marks, opened_before
from turnkeep.summarizers.extractive.negations import Denial, carried, denials
from turnkeep.summarizers.extractive.records import Piece
from turnkeep.summarizers.extractive.replies import slot
from turnkeep.summarizers.extractive.values import DATE, TIME, WEIGHTS, WORD, Value, weight
from turnkeep.summarizers.extractive.words import ASKING, EVERYDAY, LONGEST_WORD, Token

LONGEST_LINE = 34  # tokens of a fragment, so that a line stays under 40
_LITTLE = 0.3  # of a plain word: what one of those that people say all the time is worth
_CUT = 0.6  # what is left of what words behind a mark of layout are worth, cut off from those before it
_ASKING = 0.8  # what a question's values are worth
_SENTENCE_END = re.compile(r"[.!?\n。！？…؟]")
_ENDS = frozenset(".!?\n。！？…؟")
_Told: TypeAlias = tuple[float, tuple[str, ...], tuple[str, str] | None, bool]

_Span: TypeAlias = tuple[
    int, int, int, int, float
]  # where it begins and ends, which of the values stand in it, what they are worth


def make_pieces(
    original: str, text: str, words: list[Token], values: list[Value], context: Context, factor: float = 1.0
) -> tuple[Piece, ...]:
    """All fragments of a message that are short enough. `text`: `original` without what is no prose; `factor`: of the weights."""
    if not values:
        return ()
    made = []
    told = _all_told(values, factor)
    dated = any(value.day for value in values)
    denied = denials(words)
    layout = marks(original) if text is not original else []
    seen: set[tuple[int, int]] = set()
    for part in fragments(text, words, values, runs=not context.arguments):
        spans: Iterable[_Span] = ((part.start, part.end, part.first, part.last, _ASKING if part.asks else 0.0),)
        if layout or denied:
            spans = _spans(original, part, values, denied, layout, seen)
        for start, end, first, last, less in spans:
            said = with_days(original, start, end, values[first:last], context) if dated else original[start:end]
            cost = context.count(" " + said) if len(said) <= 8 * LONGEST_WORD else LONGEST_LINE + 1
            if cost <= LONGEST_LINE:
                weights, slots, strong = _sum(told[first:last], less)
                made.append(Piece(said, weights, cost, start, end, slots, strong))
    return tuple(made)


def _spans(
    original: str, part: Fragment, values: list[Value], denied: list[Denial], layout: list[Mark], seen: set[tuple[int, int]]
) -> Iterator[_Span]:
    """The fragment with what denies it, without lone marks of layout; or the parts of it between such marks."""
    strong = any(value.kind != WORD for value in values[part.first : part.last])
    parts = apart(original, part.start, part.end, layout) if layout else [(part.start, part.end)]
    for n, (begin, stop) in enumerate(parts):
        start, end = carried(begin, stop, denied)
        if layout and (start, end) != (begin, stop):
            start = opened_before(start, end, layout)
            if len(parts) > 1 and any(first <= begin and stop <= last for first, last in seen):
                continue
        if (start, end) in seen:
            continue
        seen.add((start, end))
        first, last = _held(values, start, end, part)
        if len(parts) == 1 or any(value.kind != WORD or not strong for value in values[first:last]):
            less = _ASKING if part.asks else 0.0
            if n and original[start - 1] not in "*_`":  # what is said of a name in bold, without the name
                less = (less or 1.0) * _CUT
            yield start, end, first, last, less


def _held(values: list[Value], start: int, end: int, part: Fragment) -> tuple[int, int]:
    """Which values stand in a slice that was made of a fragment."""
    first, last = part.first, part.last
    while first and values[first - 1].start >= start:
        first -= 1
    while first < last and values[first].start < start:
        first += 1
    while last < len(values) and values[last].end <= end:
        last += 1
    while last > first and values[last - 1].end > end:
        last -= 1
    return first, last


def with_days(text: str, start: int, end: int, values: Sequence[Value], context: Context) -> str:
    """The slice, with the calendar day in brackets after each relative date in it."""
    out, at = [], start
    for value in values:
        if value.day:
            out.append(f"{text[at : value.end]} [{shown(value.day, context.year)}]")
            at = value.end
    out.append(text[at:end])
    return "".join(out)


def _all_told(values: list[Value], factor: float) -> list[_Told]:
    """What each of the values tells; most are plain words, which tell one of two things."""
    plain, little = round(WEIGHTS[WORD] * factor, 3), round(WEIGHTS[WORD] * _LITTLE * factor, 3)
    return [
        (little if value.ids[0] in EVERYDAY else plain, value.ids, None, False) if value.kind == WORD else _tells(value, factor)
        for value in values
    ]


def _tells(value: Value, factor: float) -> _Told:
    """What each id of a value is worth (the value's weight, a little more if it has several words, shared among them); its slot."""
    ids = value.ids
    if value.kind == DATE or value.kind == TIME:
        return round(WEIGHTS[DATE] * factor, 3), ids[:1], (value.kind, ids[0]), True
    found = slot(value)
    bare = found is not None and found[0] == "number "
    worth = weight(value) * (1 + 0.3 * (len(ids) - 1)) / len(ids)
    return round(worth * factor, 3), ids, None if bare else found, True


def _sum(told: list[_Told], less: float) -> tuple[dict[str, float], tuple[tuple[str, str], ...], int]:
    """What the ids of some values are worth together, their slots, and how many of them are more than plain words."""
    weights: dict[str, float] = {}
    slots = []
    count = 0
    for worth, ids, kind, strong in told:
        for each in ids:
            if worth > weights.get(each, 0.0):
                weights[each] = worth
        if strong:
            count += 1
            if kind is not None:
                slots.append(kind)
    if less:
        weights = {each: round(worth * less, 3) for each, worth in weights.items()}
    return weights, tuple(slots), count


def is_open_question(words: Sequence[Token], piece: Piece) -> bool:
    """Whether a fragment of plain words stands in a question that asks for something without naming it: it holds nothing."""
    if piece.strong:
        return False
    asks = False
    for word in words:
        if word.start >= piece.end and word.text in _ENDS:
            return asks and word.text in "?？؟"
        if word.end <= piece.start and word.text in _ENDS:
            asks = False
        asks = asks or word.low in ASKING
    return False


def is_asked(text: str, piece: Piece) -> bool:
    """Whether the sentence that a fragment stands in is a question."""
    end = _SENTENCE_END.search(text, piece.end)
    return end is not None and end[0] in "?？؟"
