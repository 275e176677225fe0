"""Which pieces stay: greedily the one that brings the most weight per token, until the budget is full.

Invariants: what a later record replaced is never chosen; a value that stands nearby in what is chosen already brings nothing more.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TypeAlias

from turnkeep.summarizers.extractive.records import AGREED, ANY, ASSISTANT, CALL, OFFERED, USER, Piece, Record

_SPEAKERS = {USER: 1.0, AGREED: 1.25, ASSISTANT: 0.35, OFFERED: 0.3, CALL: 1.8}
_NEAR = 10  # messages: as far as a chosen value stands for the same value
_AGAIN = 0.8  # what a value is worth that stands farther away already
_NEW_LINE = 3  # tokens of a line's own: its speaker, its break
_NEXT = 1  # tokens between two fragments
_LONE = 0.4
GAP = 6
_WINDOW = 3
_BRACKET = 7  # tokens of a date in brackets
_REACH = 40  # records back that a correction reaches


class Choice:
    """Pieces of one record, chosen together: a whole call, or one fragment."""

    __slots__ = ("cost", "later", "pieces", "record", "speaker")

    def __init__(self, record: Record, pieces: tuple[Piece, ...], overhead: int, later: Sequence[Choice] = ()) -> None:
        self.record, self.pieces, self.later = record, pieces, later
        self.cost = sum(piece.tokens for piece in pieces) + overhead
        self.speaker = _SPEAKERS[record.who]


def pick(records: Sequence[Record], max_tokens: int, tool_costs: dict[tuple[str, str], int]) -> list[Pick]:
    """What to take, the best first, for about `max_tokens`. `tool_costs`: tokens of a call's name and outcome."""
    return _pick(_choices(records, _stale(records), tool_costs), max_tokens)


def _stale(records: Sequence[Record]) -> list[set[tuple[str, str]]]:
    """For each record the slots that a later one replaced."""
    gone: dict[tuple[str, str], int] = {}
    out: list[set[tuple[str, str]]] = []
    for record in reversed(records):
        slots = {slot for piece in record.pieces for slot in _slots(piece)} if gone else set()
        out.append({slot for slot in slots if record.at < gone.get(slot, -1) <= record.at + _REACH})
        for slot in record.replaces:
            gone.setdefault(slot, record.at)
    out.reverse()
    return out


def _slots(piece: Piece) -> list[tuple[str, str]]:
    """All that a later word may replace, its plain words included."""
    return [*piece.slots, *((ANY, each) for each in piece.weights)]


def _choices(records: Sequence[Record], stale: list[set[tuple[str, str]]], costs: dict[tuple[str, str], int]) -> list[Choice]:
    made: list[Choice] = []
    for record, gone in zip(records, stale, strict=True):
        alive = tuple(piece for piece in record.pieces if gone.isdisjoint(_slots(piece))) if gone else record.pieces
        if not alive:
            continue
        if record.who == CALL:
            asked = tuple(piece for piece in alive if not piece.result)
            overhead = costs[record.tool, record.outcome] + 1
            later = [Choice(record, (piece,), 0) for piece in alive if piece.result and asked]
            made.append(Choice(record, asked or alive, overhead, later))
        else:
            made += [Choice(record, (piece,), _NEXT) for piece in alive]
    return made


Pick: TypeAlias = tuple[Choice, tuple[Piece, ...]]


class _Covered:
    """Where which id has been chosen."""

    def __init__(self) -> None:
        self._places: dict[str, list[int]] = {}

    def left(self, each: str, at: int) -> float:
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
            if len(places) < 24:
                places.append(at)


def _pick(choices: list[Choice], max_tokens: int) -> list[Pick]:
    covered = _Covered()
    picked: list[Pick] = []
    taken: dict[int, list[Piece]] = {}
    opened: set[int] = set()
    companions: dict[tuple[str, int], int] = {}
    room = max_tokens
    heap = [(-value[0], n, 0) for n, choice in enumerate(choices) if (value := _worth(choice, covered, taken, companions))[0] > 0]
    heapq.heapify(heap)
    version = 0
    while heap and room > 4:
        _, number, _ = heapq.heappop(heap)
        choice = choices[number]
        now, pieces, cost = _worth(choice, covered, taken, companions)
        if now <= 0.004:
            continue
        if heap and -now > heap[0][0]:
            heapq.heappush(heap, (-now, number, version))
            continue
        if choice.record.at not in opened and choice.record.who != CALL:
            cost += _NEW_LINE if opened.isdisjoint(range(choice.record.at - 6, choice.record.at + 7)) else 0
        if cost > room:
            continue
        for piece in pieces:
            covered.add(piece, choice.record.at)
        room -= cost
        version += 1
        opened.add(choice.record.at)
        if choice.record.who != CALL:
            for window in range((choice.record.at - GAP) // _WINDOW, (choice.record.at + GAP) // _WINDOW + 1):
                companions[choice.record.who, window] = 1
        taken.setdefault(choice.record.at, []).extend(piece for piece in pieces if piece.end)
        picked.append((choice, pieces))
        for each in choice.later:  # what a call returned may follow once the call is told
            choices.append(each)
            heapq.heappush(heap, (-_worth(each, covered, taken, companions)[0], len(choices) - 1, version))
    return picked


def _worth(
    choice: Choice, covered: _Covered, taken: dict[int, list[Piece]], companions: dict[tuple[str, int], int]
) -> tuple[float, tuple[Piece, ...], int]:
    """Weight per token of what a choice still brings, its pieces that bring something, and their cost."""
    at, record = choice.record.at, choice.record
    if record.who != CALL:
        piece = choice.pieces[0]
        gain = sum(weight * covered.left(each, at) for each, weight in piece.weights.items())
        spared = sum(other.tokens for other in taken.get(at, ()) if piece.start <= other.start and other.end <= piece.end)
        if any(_hides(other, piece) for other in taken.get(at, ())):
            return 0.0, choice.pieces, 0
        cost = choice.cost - spared
        if piece.strong < 2 and not companions.get((record.who, at // _WINDOW)):
            gain *= _LONE
        return gain * choice.speaker / max(cost - _spared(piece), 1), choice.pieces, cost
    spared, kept, gain, cost = 0, [], 0.0, choice.cost - sum(piece.tokens for piece in choice.pieces)
    for piece in choice.pieces:
        value = sum(weight * covered.left(each, at) for each, weight in piece.weights.items())
        if value > 0.12:
            kept.append(piece)
            gain += value
            cost += piece.tokens
            spared += _spared(piece)
    return gain * choice.speaker / max(cost - spared, 1), tuple(kept), cost


def gather(records: Sequence[Record], picked: Sequence[Pick]) -> list[Record]:
    """The records with only the picked pieces, in order."""
    chosen: dict[int, list[Piece]] = {}
    for choice, pieces in picked:
        chosen.setdefault(id(choice.record), []).extend(pieces)
    out = []
    for record in records:
        kept = chosen.get(id(record), [])
        if kept or record.replaces:
            pieces = tuple(piece for piece in record.pieces if any(piece is each for each in kept) and not _inside(piece, kept))
            out.append(Record(record.at, record.who, pieces, record.tool, record.outcome, record.replaces))
    return out


def _spared(piece: Piece) -> int:
    """The tokens of the dates in brackets: a date is not to lose its place because it says its day as well."""
    return _BRACKET * piece.text.count(" [")


def _hides(other: Piece, piece: Piece) -> bool:
    """Whether a chosen fragment shares a third of its words with this one, and this one does not hold all of it."""
    shared = min(other.end, piece.end) - max(other.start, piece.start)
    longer = piece.end - piece.start > other.end - other.start
    holds = longer and piece.start <= other.start and other.end <= piece.end
    return 3 * shared > piece.end - piece.start and not holds


def _inside(piece: Piece, others: list[Piece]) -> bool:
    """Whether a longer chosen fragment holds this one."""
    if not piece.end:
        return False
    return any(
        other is not piece
        and other.start <= piece.start
        and piece.end <= other.end
        and other.end - other.start > piece.end - piece.start
        for other in others
    )
