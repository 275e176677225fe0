"""What words are worth in the light of the whole session."""

from __future__ import annotations

from turnkeep.summarizers.extractive.context import Context
from turnkeep.summarizers.extractive.records import CALL, Piece, Record
from turnkeep.summarizers.extractive.values import WEIGHTS, WORD

_UNSEEN = [0, 0]
_MOSTLY_PLAIN = 1.7 * WEIGHTS[WORD]
_OFTEN = 8  # messages with a name in them: above, the name is more and more that of somebody spoken to


def weigh(records: list[Record], context: Context) -> list[Record]:
    """The records with their weights as the whole session makes them: rare words and those that both speakers used count more."""
    factors: dict[str, float] = {}
    out = []
    for record in records:
        pieces = record.pieces
        if record.who != CALL and pieces:
            pieces = tuple([_weighed(piece, factors, context) for piece in pieces])
            out.append(Record(record.at, record.who, pieces, replaces=record.replaces))
        else:
            out.append(record)
    return out


def _weighed(piece: Piece, factors: dict[str, float], context: Context) -> Piece:
    changed: dict[str, float] | None = None
    for each, worth in piece.weights.items():
        factor = factors.get(each)
        if factor is None:
            factor = factors[each] = _factor(each, worth > _MOSTLY_PLAIN, context)
        if factor != 1.0:
            changed = dict(piece.weights) if changed is None else changed
            changed[each] = round(worth * factor, 3)
    if changed is None:
        return piece
    return Piece(piece.text, changed, piece.tokens, piece.start, piece.end, piece.slots, piece.strong)


def _factor(each: str, strong: bool, context: Context) -> float:
    by_user, by_assistant = context.seen.get(each, _UNSEEN)
    if not strong:
        return _rarity(by_user, by_assistant, context.is_talk, each in context.arguments)
    total = by_user + by_assistant
    if total < _OFTEN or context.arguments or not each.isalpha():
        return 1.0
    return _OFTEN / total


def _rarity(by_user: int, by_assistant: int, talk: bool, argument: bool) -> float:
    """How much a plain word counts: more if both said it, which in open talk tells only what the talk is about."""
    total = by_user + by_assistant
    rare = 1.0 if total <= 3 else 0.75 if total <= 6 else 0.5 if total <= 10 else 0.25
    echoed = 2.0 if by_user and by_assistant and total <= 8 and not talk else 1.0
    return rare * echoed * (3.0 if argument else 1.0)
