"""Which pieces stay: what there is to choose from, and the records that a choice leaves.

Invariant: what a later record replaced is never chosen, or only with a mark that says what it gave way to (`changes`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turnkeep.summarizers.extractive.greedy import Choice, Greedy, Pick
from turnkeep.summarizers.extractive.records import ANY, ARGUMENT, CALL, CHANGED, GIVEN, PLACE, Piece, Record

_NEXT = 1  # tokens between two fragments
_SHARED = 2  # tokens that a piece may cost less beside others
_REACH = 40  # messages back that a correction reaches


def pick(records: Sequence[Record], max_tokens: int, tool_costs: dict[tuple[str, str], int]) -> list[Pick]:
    """What to take, the best first, for about `max_tokens`. `tool_costs`: tokens of a call's name and outcome."""
    return Greedy(_choices(records, _stale(records), tool_costs), max_tokens).picks()


_OTHERS = frozenset({ANY, ARGUMENT, CHANGED, GIVEN})  # kinds of slots that pieces do not have


class _Slots:
    """What later records replaced, by kind: many records have the same."""

    __slots__ = ("pairs", "several", "slots", "words")

    def __init__(self, slots: list[tuple[str, str]]) -> None:
        self.slots = {slot for slot in slots if slot[0] not in _OTHERS}
        words = [frozenset(words.split()) for kind, words in slots if kind == ANY]
        self.words = {word for some in words if len(some) == 1 for word in some}
        self.several = [some for some in words if len(some) != 1]
        self.pairs = tuple(pair.casefold() for kind, pair in slots if kind == ARGUMENT)


class _Gone:
    """What later records replaced of one record."""

    __slots__ = ("places", "replaced")

    def __init__(self, replaced: _Slots, places: list[int]) -> None:
        self.replaced, self.places = replaced, places

    def has(self, piece: Piece) -> bool:
        """Whether a piece tells anything that is no longer true, its plain words included."""
        replaced, weights = self.replaced, piece.weights
        if not replaced.slots.isdisjoint(piece.slots) or not replaced.words.isdisjoint(weights):
            return True
        for place in self.places:
            if piece.start <= place < piece.end:
                return True
        if replaced.several and any(words <= weights.keys() for words in replaced.several):
            return True
        return bool(replaced.pairs) and piece.text.casefold().startswith(replaced.pairs)


def _stale(records: Sequence[Record]) -> list[_Gone | None]:
    """For each record what a later one replaced of it."""
    gone: dict[tuple[str, str], int] = {}
    places: dict[int, list[int]] = {}
    out: list[_Gone | None] = []
    known: list[tuple[str, str]] = []
    replaced = _Slots(known)
    for record in reversed(records):
        at = record.at
        slots = [slot for slot, where in gone.items() if at < where <= at + _REACH]
        mine = places.get(at, []) if record.who != CALL else []
        if slots != known:
            known, replaced = slots, _Slots(slots)
        out.append(_Gone(replaced, mine) if slots or mine else None)
        for slot in record.replaces:
            if slot[0] == PLACE:
                back, _, start = slot[1].partition(":")
                places.setdefault(at - int(back), []).append(int(start))
            else:
                gone.setdefault(slot, at)
    out.reverse()
    return out


def _choices(records: Sequence[Record], stale: list[_Gone | None], costs: dict[tuple[str, str], int]) -> list[Choice]:
    made: list[Choice] = []
    for record, gone in zip(records, stale, strict=True):
        alive = tuple(piece for piece in record.pieces if not gone.has(piece)) if gone is not None else record.pieces
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
        if len(kept) > 1:
            known = {id(piece) for piece in kept if not _inside(piece, kept)}
            kept = [piece for piece in record.pieces if id(piece) in known]
        if kept or record.replaces:
            out.append(Record(record.at, record.who, tuple(kept), record.tool, record.outcome, record.replaces))
    return out


def fitting(
    records: Sequence[Record], picks: Sequence[Pick], size: Callable[[list[Record]], int], max_tokens: int
) -> list[Record]:
    """The records left by as many of the picks, from the first on, as have room.

    What the pieces cost adds up to what their lines cost but for a few tokens, so a measured text says nearly how many picks are
    too many: two or three texts are made instead of one for each step.
    """
    many = _within(picks, max_tokens)
    chosen = gather(records, picks[:many])
    room = max_tokens - size(chosen)
    while room < 0 and many:
        many = _without(picks, many, -room)
        chosen = gather(records, picks[:many])
        room = max_tokens - size(chosen)
    while many < len(picks) and _tokens(picks[many]) <= room + _SHARED:
        more = gather(records, picks[: many + 1])
        room = max_tokens - size(more)
        if room < 0:
            break
        many, chosen = many + 1, more
    return chosen if many else []


def _tokens(picked: Pick) -> int:
    return sum(piece.tokens for piece in picked[1])


def _within(picks: Sequence[Pick], room: int) -> int:
    """How many of the picks are sure to be too few, or nearly so."""
    for number, picked in enumerate(picks):
        room -= _tokens(picked) + picked[0].overhead
        if room < 0:
            return number
    return len(picks)


def _without(picks: Sequence[Pick], many: int, excess: int) -> int:
    while many and excess > 0:
        many -= 1
        excess -= _tokens(picks[many])
    return many


def _inside(piece: Piece, others: list[Piece]) -> bool:
    """Whether a longer chosen fragment holds this one."""
    if not piece.end:
        return False
    start, end = piece.start, piece.end
    size = end - start
    return any(other.start <= start and end <= other.end and other.end - other.start > size for other in others)
