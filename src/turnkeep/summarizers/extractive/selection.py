"""Which pieces stay: what there is to choose from, and the records that a choice leaves.

Invariant: what a later record replaced is never chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnkeep.summarizers.extractive.greedy import Choice, Greedy, Pick
from turnkeep.summarizers.extractive.records import ANY, CALL, Piece, Record

_NEXT = 1  # tokens between two fragments
_REACH = 40  # messages back that a correction reaches


def pick(records: Sequence[Record], max_tokens: int, tool_costs: dict[tuple[str, str], int]) -> list[Pick]:
    """What to take, the best first, for about `max_tokens`. `tool_costs`: tokens of a call's name and outcome."""
    return Greedy(_choices(records, _stale(records), tool_costs), max_tokens).picks()


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


def gather(records: Sequence[Record], picked: Sequence[Pick]) -> list[Record]:
    """The records with only the picked pieces, in order."""
    chosen: dict[int, list[Piece]] = {}
    for choice, pieces in picked:
        chosen.setdefault(id(choice.record), []).extend(pieces)
    out = []
    for record in records:
        kept = chosen.get(id(record), [])
        if kept or record.replaces:
            known = set(map(id, kept))
            pieces = tuple(
                piece for piece in record.pieces if id(piece) in known and not (len(kept) > 1 and _inside(piece, kept))
            )
            out.append(Record(record.at, record.who, pieces, record.tool, record.outcome, record.replaces))
    return out


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
