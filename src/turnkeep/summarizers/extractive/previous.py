"""Records from what came before: from records as they are, or from the lines of a summary whose records are not at hand.

Invariant: only lines in this summarizer's own form are read; prose of others is not told in anybody's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from turnkeep.summarizers.extractive.calls import value_weights
from turnkeep.summarizers.extractive.records import AGREED, ASSISTANT, CALL, OFFERED, USER, Piece, Record
from turnkeep.summarizers.extractive.render import SEPARATOR
from turnkeep.summarizers.extractive.replies import slot

Previous: TypeAlias = str | Sequence[str] | Sequence[Record] | None
_CALL = re.compile(r"([\w.\-]{1,80})\((.*)\) -> (.+)")
_PAIR = re.compile(r", (?=[\w.\-]+=)")
_APART = 2  # messages that two lines of a summary are taken to stand apart


def recalled(previous: Previous, count: Callable[[str], int]) -> list[Record]:
    """The records of a summary, or of several, oldest first."""
    if not previous:
        return []
    given = [previous] if isinstance(previous, str) else list(previous)
    records = [each for each in given if isinstance(each, Record)]
    lines = [line for text in given if isinstance(text, str) for line in text.splitlines()]
    made = (_record(line, _APART * number, count) for number, line in enumerate(lines))
    return records + [record for record in made if record is not None]


def _record(line: str, at: int, count: Callable[[str], int]) -> Record | None:
    speaker, colon, said = line.partition(": ")
    if colon and speaker in {USER, AGREED, OFFERED, ASSISTANT}:
        return Record(at, speaker, tuple(_pieces(said.split(SEPARATOR), count)))
    match = _CALL.fullmatch(line)
    if match is None:
        return None
    outcome, *told = _PAIR.split(match[3])
    asked = _pieces(_PAIR.split(match[2]) if match[2] else [], count, pair=True)
    return Record(at, CALL, (*asked, *_pieces(told, count, pair=True, result=True)), match[1], outcome)


def _pieces(texts: Sequence[str], count: Callable[[str], int], *, pair: bool = False, result: bool = False) -> Iterator[Piece]:
    place = 0
    for text in texts:
        weights, values = value_weights(text.partition("=")[2] if pair else text)
        slots = tuple(found for value in values if (found := slot(value)) is not None)
        end = 0 if pair else place + len(text)
        yield Piece(text, weights or {text.casefold(): 0.5}, count(f" {text}") + pair, place * (not pair), end, slots, 2, result)
        place += len(text) + len(SEPARATOR)
