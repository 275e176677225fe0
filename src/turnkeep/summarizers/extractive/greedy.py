"""Choosing greedily: always what brings the most weight per token, as things stand by then.

Invariant: gains only fall as pieces are taken (but for the discount of a lone fragment), so a heap of old estimates is enough: what
comes first in it is estimated anew, and taken if it still comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TypeAlias

from turnkeep.summarizers.extractive.records import AGREED, ASSISTANT, CALL, HEARD, OFFERED, USER, Piece, Record

_SPEAKERS = {USER: 1.0, AGREED: 1.4, HEARD: 1.0, ASSISTANT: 0.35, OFFERED: 0.3, CALL: 1.8}
_NEAR = 14  # messages: as far as a chosen value stands for the same value
_AGAIN = 0.8  # what a value is worth for each place farther away where it stands already
_PLACES = 24  # of one value that are remembered
_LONE = 0.4  # what a fragment with one value is worth that stands on a line by itself
_GAP = 6  # messages that one line may span
_WINDOW = 3  # messages
_NEW_LINE = 3  # tokens of a line's own: its speaker, its break
_BRACKET = 4  # tokens of a date in brackets
_LEAST = 0.12  # weight of a pair worth telling
_NOTHING = 0.004  # weight per token


class Choice:
    """Pieces of one record, chosen together: a whole call, or one fragment."""

    __slots__ = ("at", "later", "overhead", "pieces", "record", "spared", "speaker", "window")

    def __init__(self, record: Record, pieces: tuple[Piece, ...], overhead: int, later: Sequence[Choice] = ()) -> None:
        self.record, self.pieces, self.later = record, pieces, later
        self.overhead = overhead  # tokens beside those of its pieces
        self.at, self.speaker = record.at, _SPEAKERS[record.who]
        self.window = record.who, record.at // _WINDOW
        self.spared = [_BRACKET * piece.text.count(" [") for piece in pieces]  # a date is not to lose its place by saying its day


Pick: TypeAlias = tuple[Choice, tuple[Piece, ...]]
_Worth: TypeAlias = tuple[float, tuple[Piece, ...], int]  # weight per token; the pieces that bring something; tokens
_FADED = [_AGAIN**places for places in range(7)]


class _Covered:
    """Where which id has been chosen."""

    def __init__(self) -> None:
        self._places: dict[str, list[int]] = {}

    def gain(self, piece: Piece, at: int) -> float:
        """What a piece still brings."""
        known = self._places
        if known.keys().isdisjoint(piece.weights):
            return sum(piece.weights.values())
        gain = 0.0
        for each, weight in piece.weights.items():
            places = known.get(each)
            if places is None:
                gain += weight
                continue
            for place in places:
                if -_NEAR <= at - place <= _NEAR:
                    break
            else:
                gain += weight * _FADED[min(len(places), 6)]
        return gain

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
        self._heap = [(-rate, n) for n, choice in enumerate(choices) if (rate := self._worth(choice)[0]) > 0]
        heapq.heapify(self._heap)

    def picks(self) -> list[Pick]:
        picked: list[Pick] = []
        heap = self._heap
        while heap and self._room > 4:
            number = heap[0][1]
            choice = self._choices[number]
            rate, pieces, cost = self._worth(choice)
            if rate <= _NOTHING:
                heapq.heappop(heap)
                continue
            heapq.heapreplace(heap, (-rate, number))
            if heap[0][1] == number:
                heapq.heappop(heap)
                if self._take(choice, pieces, cost):
                    picked.append((choice, pieces))
        return picked

    def _take(self, choice: Choice, pieces: tuple[Piece, ...], cost: int) -> bool:
        at, who = choice.at, choice.record.who
        if who != CALL and choice.window not in self._quoted:
            cost += _NEW_LINE
        if cost > self._room:
            return False
        self._room -= cost
        for piece in pieces:
            self._covered.add(piece, at)
        if who != CALL:
            self._taken.setdefault(at, []).extend(pieces)
            self._quoted.update((who, window) for window in range((at - _GAP) // _WINDOW, (at + _GAP) // _WINDOW + 1))
        for each in choice.later:  # what a call returned may follow once the call is told
            self._choices.append(each)
            heapq.heappush(self._heap, (-self._worth(each)[0], len(self._choices) - 1))
        return True

    def _worth(self, choice: Choice) -> _Worth:
        return self._of_call(choice) if choice.record.who == CALL else self._of_fragment(choice)

    def _of_call(self, choice: Choice) -> _Worth:
        kept, gain, cost, spared = [], 0.0, choice.overhead, 0
        for piece, brackets in zip(choice.pieces, choice.spared, strict=True):
            value = self._covered.gain(piece, choice.at)
            if value > _LEAST:
                kept.append(piece)
                gain += value
                cost += piece.tokens
                spared += brackets
        return gain * choice.speaker / max(cost - spared, 1), tuple(kept), cost

    def _of_fragment(self, choice: Choice) -> _Worth:
        piece = choice.pieces[0]
        cost = choice.overhead + piece.tokens
        for other in self._taken.get(choice.at, ()):
            if _hides(other, piece):
                return 0.0, choice.pieces, 0
            if piece.start <= other.start and other.end <= piece.end:
                cost -= other.tokens
        gain = self._covered.gain(piece, choice.at) * choice.speaker
        if piece.strong < 2 and choice.window not in self._quoted:
            gain *= _LONE
        return gain / max(cost - choice.spared[0], 1), choice.pieces, cost


def _hides(other: Piece, piece: Piece) -> bool:
    """Whether a chosen fragment shares a third of its words with this one, and this one does not hold all of it."""
    shared = min(other.end, piece.end) - max(other.start, piece.start)
    longer = piece.end - piece.start > other.end - other.start
    holds = longer and piece.start <= other.start and other.end <= piece.end
    return 3 * shared > piece.end - piece.start and not holds
