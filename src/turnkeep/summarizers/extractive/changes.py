"""Values that gave way to later ones, told together: `dentist on Wednesday [changed to Thursday]`.

Invariant: a mark is only added, in square brackets right behind the old value, and only once; nothing is lost by it. So it is for all
cases in which a later word seems to revise an earlier one, and it is not sure enough to drop that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from turnkeep.summarizers.extractive.records import CALL, CHANGED, GIVEN, PLACE, Piece, Record

_LONGEST = 32  # characters of a new value that is told in the mark


class _Place(NamedTuple):
    """That the value at `start..end` of a message gave way to the words `new`."""

    start: int
    end: int
    new: str


class _Given(NamedTuple):
    """That what calls from `since` to `at` were given gave way to the words `new`. `ids`: of the value."""

    since: int
    at: int
    ids: frozenset[str]
    new: str


def place(back: int, start: int, end: int, new: str) -> tuple[str, str]:
    """The slot by which a record marks a value of the message `back` before its own."""
    return CHANGED, f"{back}:{start}:{end}:{_short(new)}"


def given(back: int, ids: Sequence[str], new: str) -> tuple[str, str]:
    """The slot by which a record marks what calls were given since the message `back` before its own."""
    return GIVEN, f"{back}:{' '.join(ids)}\n{_short(new)}"


def _short(new: str) -> str:
    new = " ".join(new.replace("[", "").replace("]", "").split())
    return new if len(new) <= _LONGEST else ""


class _Later:
    """What became of the words that others gave way to: who is told "Thursday", and then "no, Friday", is not told of Thursday."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._gone: dict[int, list[tuple[int, int, str]]] = {}  # by message: where a value begins, who says so, what holds
        for record in records:
            for kind, told in record.replaces:
                if kind in {CHANGED, PLACE} and not told.startswith("0:"):
                    back, start, *_, new = f"{told}:".split(":", 3) if kind == PLACE else told.split(":", 3)
                    self._gone.setdefault(record.at - int(back), []).append((int(start), record.at, new))
        self._pieces: dict[int, list[Piece]] = {at: [] for at in self._gone}
        for record in records:
            if record.at in self._pieces:
                self._pieces[record.at] += record.pieces

    def what_holds(self, at: int, new: str) -> str:
        """The words `new` of the message `at`, or what they gave way to; nothing if that is not known."""
        for start, by, newer in self._gone.get(at, ()) if new else ():
            low = new.casefold()
            if any(
                one.start <= start < one.end and one.text[start - one.start :].casefold().startswith(low)
                for one in self._pieces[at]
            ):
                return self.what_holds(by, newer)
        return new


def marked(records: Sequence[Record], count: Callable[[str], int]) -> Sequence[Record]:
    """The records, each value that gave way with the mark behind it."""
    places: dict[int, list[_Place]] = {}
    pairs: list[_Given] = []
    later = _Later(records)
    for record in records:
        for kind, told in record.replaces:
            if kind == CHANGED:
                back, start, end, new = told.split(":", 3)
                where = _Place(int(start), int(end), later.what_holds(record.at, new))
                places.setdefault(record.at - int(back), []).append(where)
            elif kind == GIVEN:
                ids, _, new = told.partition("\n")
                back, _, ids = ids.partition(":")
                new = later.what_holds(record.at, new)
                pairs.append(_Given(record.at - int(back), record.at, frozenset(ids.split()), new))
    if not places and not pairs:
        return records
    return [_marked(record, places.get(record.at, []), pairs, count) for record in records]


def _marked(record: Record, places: list[_Place], pairs: list[_Given], count: Callable[[str], int]) -> Record:
    if record.who == CALL:
        near = [one for one in pairs if one.since <= record.at < one.at]
        return _with(record, _of_call(record.pieces, near, count)) if near else record
    return _with(record, tuple(_of_words(piece, places, count) for piece in record.pieces)) if places else record


def _with(record: Record, pieces: tuple[Piece, ...]) -> Record:
    return Record(record.at, record.who, pieces, record.tool, record.outcome, record.replaces)


def _of_call(pieces: tuple[Piece, ...], pairs: list[_Given], count: Callable[[str], int]) -> tuple[Piece, ...]:
    out = list(pieces)
    for one in pairs:
        told = [n for n, piece in enumerate(pieces) if one.ids <= piece.weights.keys()]
        if sum(not pieces[n].result for n in told) <= 1:  # else it is not clear which is meant
            for n in told:
                out[n] = _add(out[n], len(out[n].text), one.new, count)
    return tuple(out)


def _of_words(piece: Piece, places: list[_Place], count: Callable[[str], int]) -> Piece:
    for one in sorted(places, reverse=True):
        if piece.start <= one.start and one.end <= piece.end:
            piece = _add(piece, _behind(piece, one), one.new, count)
    return piece


def _behind(piece: Piece, one: _Place) -> int:
    """Where the value ends in a text that may have brackets before it."""
    at = end = 0
    while at < one.end - piece.start and end < len(piece.text):
        if piece.text.startswith(" [", end):
            end = piece.text.find("]", end) + 1 or len(piece.text)
        else:
            at += 1
            end += 1
    if piece.text.startswith(" [", end) and not piece.text.startswith((" [changed to", " [replaced"), end):  # its calendar day
        end = piece.text.find("]", end) + 1 or len(piece.text)
    return end


def _add(piece: Piece, end: int, new: str, count: Callable[[str], int]) -> Piece:
    mark = f" [changed to {new}]" if new else " [replaced]"
    if piece.text.startswith((" [changed to", " [replaced"), end) or (end == len(piece.text) and piece.text.endswith(mark)):
        return piece
    text = piece.text[:end] + mark + piece.text[end:]
    return Piece(text, piece.weights, piece.tokens + count(mark), piece.start, piece.end, piece.slots, piece.strong, piece.result)
