"""Choosing greedily: always what brings the most weight per token, as things stand by then.

Invariant: gains only fall as pieces are taken (but for the discount of a lone fragment), so a heap of old estimates is enough: what
comes first in it is estimated anew, and taken if it still comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from turnkeep.summarizers.extractive.records import AGREED, ASSISTANT, CALL, OFFERED, USER, Piece, Record

_SPEAKERS = {USER: 1.0, AGREED: 1.25, ASSISTANT: 0.35, OFFERED: 0.3, CALL: 1.8}
_NEAR = 10  # messages: as far as a chosen value stands for the same value
_AGAIN = 0.8  # what a value is worth for each place farther away where it stands already
_PLACES = 24  # of one value that are remembered
_LONE = 0.4  # what a fragment with one value is worth that stands on a line by itself
_GAP = 6  # messages that one line may span
_WINDOW = 3  # messages
_NEW_LINE = 3  # tokens of a line's own: its speaker, its break
_BRACKET = 7  # tokens of a date in brackets
_LEAST = 0.12  # weight of a pair worth telling
_NOTHING = 0.004  # weight per token


class Choice:
    """Pieces of one record, chosen together: a whole call, or one fragment."""

    __slots__ = ("later", "overhead", "pieces", "record", "speaker")

    def __init__(self, record: Record, pieces: tuple[Piece, ...], overhead: int, later: Sequence[Choice] = ()) -> None:
        self.record, self.pieces, self.later = record, pieces, later
        self.overhead = overhead  # tokens beside those of its pieces
        self.speaker = _SPEAKERS[record.who]


Pick: TypeAlias = tuple[Choice, tuple[Piece, ...]]


class _Worth(NamedTuple):
    rate: float  # weight per token
    pieces: tuple[Piece, ...]  # that bring something
    cost: int  # tokens


class _Covered:
    """Where which id has been chosen."""

    def __init__(self) -> None:
        self._places: dict[str, list[int]] = {}

    def gain(self, piece: Piece, at: int) -> float:
        """What a piece still brings."""
        return sum(weight * self._left(each, at) for each, weight in piece.weights.items())

    def _left(self, each: str, at: int) -> float:
        places = self._places.get(each)
        if places is None:
            return 1.0
        for place in places:
            if -_NEAR <= at - place <= _NEAR:
                return 0.0
        return float(_AGAIN ** min(len(places), 6))

    def add(self, piece: Piece, at: int) -> None:
        for each in piece.weights:
            places = self._places.setdefault(each, [])
            if len(places) < _PLACES:
                places.append(at)


class Greedy:
    """One run over all choices, for about `room` tokens."""

    def __init__(self, choices: list[Choice], room: int) -> None:
        self._choices, self._room = choices, room
        self._covered = _Covered()
        self._taken: dict[int, list[Piece]] = {}  # fragments, by message
        self._quoted: set[tuple[str, int]] = set()  # speakers, and windows near what is quoted of them
        self._heap = [(-worth.rate, n) for n, choice in enumerate(choices) if (worth := self._worth(choice)).rate > 0]
        heapq.heapify(self._heap)

    def picks(self) -> list[Pick]:
        picked: list[Pick] = []
        while self._heap and self._room > 4:
            _, number = heapq.heappop(self._heap)
            choice = self._choices[number]
            worth = self._worth(choice)
            if worth.rate <= _NOTHING:
                continue
            if self._heap and -worth.rate > self._heap[0][0]:
                heapq.heappush(self._heap, (-worth.rate, number))
            elif self._take(choice, worth):
                picked.append((choice, worth.pieces))
        return picked

    def _take(self, choice: Choice, worth: _Worth) -> bool:
        at, who = choice.record.at, choice.record.who
        new_line = who != CALL and (who, at // _WINDOW) not in self._quoted
        cost = worth.cost + (_NEW_LINE if new_line else 0)
        if cost > self._room:
            return False
        self._room -= cost
        for piece in worth.pieces:
            self._covered.add(piece, at)
        if who != CALL:
            self._taken.setdefault(at, []).extend(worth.pieces)
            self._quoted.update((who, window) for window in range((at - _GAP) // _WINDOW, (at + _GAP) // _WINDOW + 1))
        for each in choice.later:  # what a call returned may follow once the call is told
            self._choices.append(each)
            heapq.heappush(self._heap, (-self._worth(each).rate, len(self._choices) - 1))
        return True

    def _worth(self, choice: Choice) -> _Worth:
        return self._of_call(choice) if choice.record.who == CALL else self._of_fragment(choice)

    def _of_call(self, choice: Choice) -> _Worth:
        kept, gain, cost, spared = [], 0.0, choice.overhead, 0
        for piece in choice.pieces:
            value = self._covered.gain(piece, choice.record.at)
            if value > _LEAST:
                kept.append(piece)
                gain += value
                cost += piece.tokens
                spared += _spared(piece)
        return _Worth(gain * choice.speaker / max(cost - spared, 1), tuple(kept), cost)

    def _of_fragment(self, choice: Choice) -> _Worth:
        at, who, piece = choice.record.at, choice.record.who, choice.pieces[0]
        gain = self._covered.gain(piece, at) * choice.speaker
        cost = choice.overhead + piece.tokens
        for other in self._taken.get(at, ()):
            if _hides(other, piece):
                return _Worth(0.0, choice.pieces, 0)
            if piece.start <= other.start and other.end <= piece.end:
                cost -= other.tokens
        if piece.strong < 2 and (who, at // _WINDOW) not in self._quoted:
            gain *= _LONE
        return _Worth(gain / max(cost - _spared(piece), 1), choice.pieces, cost)


def _spared(piece: Piece) -> int:
    """The tokens of the dates in brackets: a date is not to lose its place because it says its day as well."""
    return _BRACKET * piece.text.count(" [")


def _hides(other: Piece, piece: Piece) -> bool:
    """Whether a chosen fragment shares a third of its words with this one, and this one does not hold all of it."""
    shared = min(other.end, piece.end) - max(other.start, piece.start)
    longer = piece.end - piece.start > other.end - other.start
    holds = longer and piece.start <= other.start and other.end <= piece.end
    return 3 * shared > piece.end - piece.start and not holds
