"""A model's prose beside the records that it leaves out, within one limit: no fact hangs on what a model chose to tell.

The records of the extractive summary are made for every summary. What a sentence of the prose tells of them, by their values, need
not be told again; the rest stands below the prose in the extractive summary's own lines. Prose has to earn its room: it is cut, sentence by
sentence from its end, until what it tells and what there is room for below it weigh as much as the records alone would. A sentence with a
number that nobody said is left out, and where prose and ledger differ, the ledger stands last and is exact.

Invariants: prose and ledger together take at most the limit; the ledger's lines are those of `render`, so that they can be read back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from turnkeep.summarizers.extractive.lexicon import tokens
from turnkeep.summarizers.extractive.records import AGREED, ASSISTANT, CALL, HEARD, OFFERED, USER, Piece, Record
from turnkeep.summarizers.extractive.values import find
from turnkeep.summarizers.extractive.words import DENIES

HEADING = "\n\nExactly:\n"
LOST = 0.05  # of the records' weight may give way to the prose
_SMALL = frozenset(map(str, range(13)))  # numbers that may be a model's own: it writes 2 where "two" was said
DONE = "ok"  # the outcome of a call that went well
_SPEAKERS = {USER: 1.0, AGREED: 1.4, HEARD: 1.0, ASSISTANT: 0.35, OFFERED: 0.3, CALL: 1.8}
_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*|\s*\n+\s*")
_GROUPED = re.compile(r"(?<=\d)[,.'\u00a0\u202f](?=\d{3}(?!\d))")
_NUMBER = re.compile(r"\d+(?::\d+)*")


class Lines(Protocol):
    """What chooses records and puts them into lines: the extractive summarizer."""

    def choose(self, records: Sequence[Record], *, max_tokens: int) -> list[Record]: ...
    def render(self, records: Sequence[Record]) -> str: ...


class Sentence(msgspec.Struct, frozen=True):
    """`ids`: of its values and words, as records have them."""

    text: str
    low: str
    ids: frozenset[str]


def numbers(texts: Iterable[str]) -> frozenset[str]:
    """Those that stand in the texts as digits; a time of day is one."""
    return frozenset(run.lstrip("0") or "0" for text in texts for run in _NUMBER.findall(_GROUPED.sub("", text)))


def sentences(prose: str, known: frozenset[str]) -> list[Sentence]:
    """Without those that hold a number which is not among the known."""
    texts = (part.strip() for part in _END.split(prose))
    return [_read(text) for text in texts if text and numbers([text]) <= known | _SMALL]


def _read(text: str) -> Sentence:
    ids = frozenset(each for value in find(text, tokens(text), None) for each in value.ids)
    return Sentence(text, text.casefold(), ids)


def composed(
    said: Sequence[Sentence], records: Sequence[Record], lines: Lines, count: Callable[[str], int], max_tokens: int
) -> str | None:
    """As many of the sentences, from the first on, as earn their room, and the ledger below them; None if not one does."""
    whole = weight(records)
    for many in range(len(said), 0, -1):
        prose = " ".join(sentence.text for sentence in said[:many])
        room = max_tokens - count(prose)
        if room < 0:
            continue
        left = untold(records, said[:many])
        below = lines.choose(left, max_tokens=room - count(HEADING)) if any(record.pieces for record in left) else []
        kept = whole - weight(left) + weight(below)
        told = lines.render(below)
        text = prose + HEADING + told if told else prose
        if kept >= (1 - LOST) * whole and count(text) <= max_tokens:
            return text
    return None


def weight(records: Sequence[Record]) -> float:
    return sum(_SPEAKERS[record.who] * sum(piece.weights.values()) for record in records for piece in record.pieces)


def untold(records: Sequence[Record], said: Sequence[Sentence]) -> list[Record]:
    """The records with those of their pieces that no sentence tells; what they replace stays."""
    return [_without(record, said) for record in records]


def _without(record: Record, said: Sequence[Sentence]) -> Record:
    if record.who == CALL:
        pieces = () if _call_told(record, said) else record.pieces
    else:
        pieces = tuple(piece for piece in record.pieces if not _told(piece, said))
    return Record(record.at, record.who, pieces, record.tool, record.outcome, record.replaces)


def _call_told(record: Record, said: Sequence[Sentence]) -> bool:
    """A call is told whole: by its name, with all that it was asked and gave; and only one that went well is left to prose."""
    if record.outcome != DONE:
        return False
    tool = record.tool.casefold()
    named = [sentence for sentence in said if tool in sentence.low]
    return bool(named) and all(_told(piece, named) for piece in record.pieces)


def _told(piece: Piece, said: Sequence[Sentence]) -> bool:
    """Whether one sentence has all that matters of a piece. What was denied or changed is never left to prose."""
    if "[" in piece.text or any(token.role & DENIES for token in tokens(piece.text)):
        return False
    most = max(piece.weights.values(), default=0.0)
    wanted = {each for each, worth in piece.weights.items() if worth >= most / 2 or any(map(str.isdigit, each))}
    return bool(wanted) and any(wanted <= sentence.ids for sentence in said)
