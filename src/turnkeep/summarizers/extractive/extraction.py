"""From messages to records, one message at a time.

Invariant: `add` costs what its message costs, however long the session is; what the user makes of the assistant's words is
decided by the user's next message, so the newest of them stay pending.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from turnkeep.summarizers.extractive import calls, days, reading, replies
from turnkeep.summarizers.extractive.fragments import fragments
from turnkeep.summarizers.extractive.lexicon import tokens
from turnkeep.summarizers.extractive.records import AGREED, ASSISTANT, CALL, HEARD, OFFERED, USER, Piece, Record
from turnkeep.summarizers.extractive.surfaces import Surfaces
from turnkeep.summarizers.extractive.values import DATE, TIME, WEIGHTS, WORD, Value, find, weight
from turnkeep.summarizers.extractive.words import EVERYDAY, LONGEST_WORD, LOWER, Token, listed
from turnkeep.tokens import Counter

_LONGEST_LINE = 34  # tokens of a fragment, so that a line stays under 40
_FLAG = 0.6  # a pair without words of its own: true, false
_UNSEEN = [0, 0]
_MOSTLY_PLAIN = 1.7 * WEIGHTS[WORD]
_Told: TypeAlias = tuple[float, tuple[str, ...], tuple[str, str] | None, bool]
_OFTEN = 8  # messages with a name in them: above, the name is more and more that of somebody spoken to
_LITTLE = 0.3  # of a plain word: what one of those that people say all the time is worth
_PERSONAL = 1.6  # in a talk between two people the other one has a life, too
_SELF = listed(
    "my mine our ours we we've mein meine meinen meiner wir unser mi mis nuestro mon ma mes notre mio mia meu minha 私 僕 俺 我 나 내"
)
_OWN = _SELF - listed("our ours we we've wir unser nuestro notre")
_SENTENCE_END = re.compile(r"[.!?\n。！？…؟]")
_FEW = 8  # words of a message that only says something back
_ASKING = 0.8  # what a question's values are worth


class Context:
    """What the extractor remembers of the session so far. `counter` counts the pieces' tokens."""

    def __init__(self, counter: Counter, zone: ZoneInfo, redact: Callable[[str], str] | None = None) -> None:
        self.count, self.zone, self.redact = counter.count, zone, redact
        self.at = -1
        self.began: date | None = None  # when the first message was said
        self.year: int | None = None  # that of the message, where it goes without saying: not in a talk that began in another
        self.common: set[str] = set()
        self.seen: dict[str, list[int]] = {}  # id: in how many messages of the user's, the assistant's
        self.arguments: set[str] = set()  # ids that stood in arguments of tools
        self.own = self.turns = 0  # of the assistant's messages: those in which it speaks of itself, all
        self.surfaces = Surfaces()
        self.earlier = replies.Earlier()
        self.valued: dict[tuple[str, date | None], tuple[dict[str, float], list[Value]]] = {}
        self.waiting: dict[str, tuple[int, reading.Call]] = {}
        self.pending: list[tuple[Record, bool]] = []  # the assistant's last words, and whether they ask
        self.answered: list[tuple[Any, Record]] = []  # results that the assistant has not told yet

    @property
    def is_talk(self) -> bool:
        """Whether the assistant is somebody with a life to tell of: no tools, and much of what it says is about itself."""
        return self.own >= 3 and 4 * self.own >= self.turns and not self.arguments


def extract(message: reading.Said, context: Context) -> list[Record]:
    """The records that this message completes: its own, and those that waited for it."""
    line = reading.read(message)
    context.at += 1
    if context.redact is not None and line.role != "tool":
        line = line._replace(text=context.redact(line.text))
    said = _day(line.created, context.zone)
    if said is not None:
        context.began = context.began or said
        context.year = said.year if said.year == context.began.year else None
    if line.role == "user":
        return _user(line, said, context)
    if line.role == "assistant":
        return _assistant(line, said, context)
    if line.role == "tool":
        return _result(line, said, context)
    return []


def finish(context: Context) -> list[Record]:
    """The records that still wait for an answer, as things stand."""
    made = [record for _, record in context.answered]
    made += [_call_record(call, at, calls.UNKNOWN, None, context) for at, call in context.waiting.values()]
    return made + [record for record, _ in context.pending]


def _day(created: datetime | None, zone: ZoneInfo) -> date | None:
    return created.astimezone(zone).date() if created is not None else None


# --- who said what


def _user(line: reading.Line, said: date | None, context: Context) -> list[Record]:
    text, words, values = _read(line.text, said, context, by_user=True)
    done = _settle(replies.answer(words), bool(values), context)
    replaces = replies.denied(values, words)
    if replies.corrects(words, text):
        replaces += context.earlier.replaced(context.at, values, words)
    elif values:
        replaces += context.earlier.restated(context.at, values, words)
    context.earlier.add(context.at, values)
    pieces = _pieces(line.text, text, words, values, context)
    if pieces or replaces:
        done.append(Record(context.at, USER, pieces, replaces=replaces))
    return done


def _assistant(line: reading.Line, said: date | None, context: Context) -> list[Record]:
    text, words, values = _read(line.text, said, context, by_user=False)
    done = [record for record, _ in context.pending] if words else []
    if words:
        context.pending = []
        done += [_with_told(result, record, said, context) for result, record in context.answered]
        context.answered = []
        replaces = context.earlier.settled(context.at, values)
        context.earlier.add(context.at, values)
        lows = {word.low for word in words}
        factor = _PERSONAL if not _SELF.isdisjoint(lows) else 1.0
        context.turns += 1
        context.own += not _OWN.isdisjoint(lows)
        pieces = _pieces(line.text, text, words, values, context, factor)
        if replaces:
            done.append(Record(context.at, ASSISTANT, (), replaces=replaces))
        asks = "?" in text or "？" in text or "؟" in text or text.rstrip().endswith(("か。", "ですか", "ますか"))
        asks = asks or not {"confirm", "confirming", "confirmation"}.isdisjoint(word.low for word in words[:4])
        if not asks and sum(word.is_word for word in words) <= _FEW:
            context.earlier.echo = context.at
        if pieces and asks and context.is_talk:  # what one tells of oneself is no offer, whatever is asked after it
            told = tuple(piece for piece in pieces if not _is_asked(text, piece))
            pieces = tuple(piece for piece in pieces if _is_asked(text, piece))
            context.pending += [(Record(context.at, ASSISTANT, told), False)] if told else []
        if pieces:
            context.pending.append((Record(context.at, OFFERED if asks else ASSISTANT, pieces), asks))
    for call in line.calls:
        context.waiting[call.id] = (context.at, call)
    return done


def _is_asked(text: str, piece: Piece) -> bool:
    """Whether the sentence that a fragment stands in is a question."""
    end = _SENTENCE_END.search(text, piece.end)
    return end is not None and end[0] in "?？؟"


def _settle(answer: str, has_values: bool, context: Context) -> list[Record]:
    """What becomes of the assistant's last words under the user's answer."""
    done = []
    for record, asks in context.pending:
        if answer == replies.ACCEPTS:
            done.append(_as(record, HEARD if context.is_talk and not asks else AGREED))
        elif answer == replies.NEITHER or not asks:
            done.append(record)
    context.pending = []
    return done


def _as(record: Record, who: str) -> Record:
    return Record(record.at, who, record.pieces)


def _read(text: str, said: date | None, context: Context, *, by_user: bool) -> tuple[str, list[Token], list[Value]]:
    text = reading.prose(text)
    words = tokens(text)
    values = find(text, words, said, context.common)
    context.common.update([word.low for word in words if word.role & LOWER])
    whose = 0 if by_user else 1
    seen, ids = context.seen, set()
    for value in values:
        ids.update(value.ids)
    for each in ids:
        counts = seen.get(each)
        if counts is None:
            counts = seen[each] = [0, 0]
        counts[whose] += 1
    context.surfaces.add(text, values, context.at, by_user)
    return text, words, values


def _pieces(
    original: str, text: str, words: list[Token], values: list[Value], context: Context, factor: float = 1.0
) -> tuple[Piece, ...]:
    if not values:
        return ()
    made = []
    told = [_tells(value, factor) for value in values]
    dated = any(value.day for value in values)
    for part in fragments(text, words, values, runs=not context.arguments):
        start, end, first, last = part.start, part.end, part.first, part.last
        said = _with_days(original, start, end, values[first:last], context) if dated else original[start:end]
        cost = context.count(" " + said) if len(said) <= 8 * LONGEST_WORD else _LONGEST_LINE + 1
        if cost <= _LONGEST_LINE:
            weights, slots, strong = _sum(told[first:last], _ASKING if part.asks else 0.0)
            made.append(Piece(said, weights, cost, start, end, slots, strong))
    return tuple(made)


def _with_days(text: str, start: int, end: int, values: Sequence[Value], context: Context) -> str:
    """The slice, with the calendar day in brackets after each relative date in it."""
    out, at = [], start
    for value in values:
        if value.day:
            out.append(f"{text[at : value.end]} [{days.shown(value.day, context.year)}]")
            at = value.end
    out.append(text[at:end])
    return "".join(out)


def _tells(value: Value, factor: float) -> _Told:
    """What each id of a value is worth (the value's weight, a little more if it has several words, shared among them); its slot."""
    if value.kind == WORD:
        return round(WEIGHTS[WORD] * (_LITTLE if value.ids[0] in EVERYDAY else 1.0) * factor, 3), value.ids, None, False
    ids = value.ids
    if value.kind == DATE or value.kind == TIME:
        return round(WEIGHTS[DATE] * factor, 3), ids[:1], (value.kind, ids[0]), True
    found = replies.slot(value)
    bare = found is not None and found[0] == "number "
    worth = weight(value) * (1 + 0.3 * (len(ids) - 1)) / len(ids)
    return round(worth * factor, 3), ids, None if bare else found, True


def _sum(told: list[_Told], less: float) -> tuple[dict[str, float], tuple[tuple[str, str], ...], int]:
    """What the ids of some values are worth together, their slots, and how many of them are more than plain words."""
    weights: dict[str, float] = {}
    slots = []
    count = 0
    for worth, ids, slot, strong in told:
        for each in ids:
            if worth > weights.get(each, 0.0):
                weights[each] = worth
        if strong:
            count += 1
            if slot is not None:
                slots.append(slot)
    if less:
        weights = {each: round(worth * less, 3) for each, worth in weights.items()}
    return weights, tuple(slots), count


# --- tools


def _result(line: reading.Line, said: date | None, context: Context) -> list[Record]:
    waiting = context.waiting.pop(line.answers or "", None)
    if waiting is None:
        return []
    at, call = waiting
    ended, result = calls.outcome(line.text)
    if context.redact is not None:
        ended = context.redact(ended)
    record = _call_record(call, at, ended, said, context)
    context.answered.append((result, record))
    return []


def _call_record(call: reading.Call, at: int, ended: str, said: date | None, context: Context) -> Record:
    made = []
    for count, (key, value) in enumerate(calls.pairs(call.arguments)):
        if count < 24:
            piece = _pair(key, value, at, said, context)
            if piece.tokens <= _LONGEST_LINE - 6:
                made.append(piece)
            context.arguments.update(piece.weights)
    return Record(at, CALL, tuple(made), call.name, ended)


def _pair(key: str, value: str, at: int, said: date | None, context: Context) -> Piece:
    if context.redact is not None:
        value = context.redact(value)
    words = calls.in_words(key, value, context.surfaces, at)
    weights, values = _valued(words, said, context)
    if not weights:
        weights = {f"{key}={value}".casefold(): _FLAG}
    text = f"{key}={_with_days(words, 0, len(words), values, context)}"
    slots = tuple(found for each in values if (found := replies.slot(each)) is not None and found[0] != "number ")
    return Piece(text, weights, context.count(" " + text) + 1, slots=slots)


def _valued(words: str, said: date | None, context: Context) -> tuple[dict[str, float], list[Value]]:
    key = words, said
    known = context.valued.get(key)
    if known is None:
        if len(context.valued) > 500:
            context.valued.clear()
        known = context.valued[key] = calls.value_weights(words, said)
    return known


def _with_told(result: Any, record: Record, said: date | None, context: Context) -> Record:
    """The call's record with what of its result was passed on to the user."""
    if result is None or isinstance(result, bool | int | float | str):
        return record
    given = {piece.text.partition("=")[2].casefold() for piece in record.pieces}
    made = []
    for key, value in calls.told(result, context.surfaces.newest_of_assistant(), given):
        if context.redact is not None:
            value = context.redact(value)  # noqa: PLW2901
        weights, _ = _valued(value, said, context)
        text = f"{key}={value}"
        cost = context.count(" " + text) + 1
        if cost <= _LONGEST_LINE // 2:
            made.append(Piece(text, {each: round(weight * 0.4, 3) for each, weight in weights.items()}, cost, result=True))
    return Record(record.at, CALL, record.pieces + tuple(made), record.tool, record.outcome)


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
    for each, weight in piece.weights.items():
        factor = factors.get(each)
        if factor is None:
            factor = factors[each] = _factor(each, weight > _MOSTLY_PLAIN, context)
        if factor != 1.0:
            changed = dict(piece.weights) if changed is None else changed
            changed[each] = round(weight * factor, 3)
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
