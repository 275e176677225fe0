"""From messages to records, one message at a time.

Invariant: `add` costs what its message costs, however long the session is; what the user makes of the assistant's words is
decided by the user's next message, so the newest of them stay pending.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from turnkeep import redaction
from turnkeep.summarizers.extractive import calls, outcomes, reading, replies
from turnkeep.summarizers.extractive.context import Context
from turnkeep.summarizers.extractive.lexicon import tokens
from turnkeep.summarizers.extractive.pieces import LONGEST_LINE, is_asked, make_pieces, with_days
from turnkeep.summarizers.extractive.records import AGREED, ASSISTANT, CALL, HEARD, OFFERED, USER, Piece, Record
from turnkeep.summarizers.extractive.values import Value, find
from turnkeep.summarizers.extractive.words import LOWER, Token, listed

_FLAG = 0.6  # a pair without words of its own: true, false
_PERSONAL = 1.6  # in a talk between two people the other one has a life, too
_SELF = listed(
    "my mine our ours we we've mein meine meinen meiner wir unser mi mis nuestro mon ma mes notre mio mia meu minha 私 僕 俺 我 나 내"
)
_OWN = _SELF - listed("our ours we we've wir unser nuestro notre")
_CONFIRMING = listed("confirm confirming confirmation")
_FEW = 8  # words of a message that only says something back


def extract(message: reading.Said, context: Context) -> list[Record]:
    """The records that this message completes: its own, and those that waited for it."""
    line = reading.read(message)
    context.at += 1
    if context.redact is not None and line.role != "tool":
        line = _redacted(line, context, context.redact)
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


def _redacted(line: reading.Line, context: Context, redact: Callable[[str], str]) -> reading.Line:
    """The message without its secrets; an answer to the question for one has no other sign of it."""
    text = redact(reading.shortened(line.text))
    if line.role == "user" and context.asked is not None:
        text = redaction.answer(redact, context.asked, text)
    context.asked = redaction.asked(line.text) if line.role == "assistant" else None
    return line._replace(text=text)


def finish(context: Context) -> list[Record]:
    """The records that still wait for an answer, as things stand."""
    made = [record for _, record in context.answered]
    made += [_call_record(call, at, outcomes.UNKNOWN, None, context) for at, call in context.waiting.values()]
    return made + [record for record, _ in context.pending]


def _day(created: datetime | None, zone: ZoneInfo) -> date | None:
    return created.astimezone(zone).date() if created is not None else None


# --- who said what


def _user(line: reading.Line, said: date | None, context: Context) -> list[Record]:
    text, words, values = _read(line.text, said, context, by_user=True)
    done = _settle(replies.answer(words), context)
    replaces = replies.denied(values, words)
    if replies.corrects(words, text):
        replaces += context.earlier.replaced(context.at, values, words)
    elif values:
        replaces += context.earlier.restated(context.at, values, words)
    context.earlier.add(context.at, values)
    pieces = make_pieces(line.text, text, words, values, context)
    if pieces or replaces:
        done.append(Record(context.at, USER, pieces, replaces=replaces))
    return done


def _assistant(line: reading.Line, said: date | None, context: Context) -> list[Record]:
    text, words, values = _read(line.text, said, context, by_user=False)
    done = [record for record, _ in context.pending] if words else []
    if words:
        context.pending = []
        done += [_with_told(result, _believed(record, line.text), said, context) for result, record in context.answered]
        context.answered = []
        replaces = context.earlier.settled(context.at, values)
        context.earlier.add(context.at, values)
        lows = {word.low for word in words}
        context.turns += 1
        context.own += not _OWN.isdisjoint(lows)
        pieces = make_pieces(line.text, text, words, values, context, 1.0 if _SELF.isdisjoint(lows) else _PERSONAL)
        if replaces:
            done.append(Record(context.at, ASSISTANT, (), replaces=replaces))
        _await(text, words, pieces, context)
    for call in line.calls:
        context.waiting[call.id] = (context.at, call)
    return done


def _await(text: str, words: list[Token], pieces: tuple[Piece, ...], context: Context) -> None:
    """Keeps the assistant's words until the user says what becomes of them."""
    asks = "?" in text or "？" in text or "؟" in text or text.rstrip().endswith(("か。", "ですか", "ますか"))
    asks = asks or not _CONFIRMING.isdisjoint([word.low for word in words[:4]])
    if not asks and sum(word.is_word for word in words) <= _FEW:
        context.earlier.echo = context.at
    if pieces and asks and context.is_talk:  # what one tells of oneself is no offer, whatever is asked after it
        told = tuple(piece for piece in pieces if not is_asked(text, piece))
        pieces = tuple(piece for piece in pieces if is_asked(text, piece))
        context.pending += [(Record(context.at, ASSISTANT, told), False)] if told else []
    if pieces:
        context.pending.append((Record(context.at, OFFERED if asks else ASSISTANT, pieces), asks))


def _settle(answer: str, context: Context) -> list[Record]:
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
    seen = context.seen
    ids: set[str] = set()
    for value in values:
        ids.update(value.ids)
    for each in ids:
        counts = seen.get(each)
        if counts is None:
            counts = seen[each] = [0, 0]
        counts[whose] += 1
    context.surfaces.add(text, values, context.at, by_user)
    return text, words, values


# --- tools


def _result(line: reading.Line, said: date | None, context: Context) -> list[Record]:
    waiting = context.waiting.pop(line.answers or "", None)
    if waiting is None:
        return []
    at, call = waiting
    ended, result = outcomes.outcome(line.text)
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
            if piece.tokens <= LONGEST_LINE - 6:
                made.append(piece)
            context.arguments.update(piece.weights)
    tool = call.name if context.redact is None or call.name.isidentifier() else context.redact(call.name)
    return Record(at, CALL, tuple(made), tool, ended)


def _pair(key: str, value: str, at: int, said: date | None, context: Context) -> Piece:
    if context.redact is not None:
        key, value = redaction.pair(context.redact, key, value)
    words = calls.in_words(key, value, context.surfaces, at)
    weights, values = _valued(words, said, context)
    if not weights:
        weights = {f"{key}={value}".casefold(): _FLAG}
    text = f"{key}={with_days(words, 0, len(words), values, context)}"
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


def _believed(record: Record, said: str) -> Record:
    """The call's record, not as done if the assistant says that it was not."""
    return Record(record.at, CALL, record.pieces, record.tool, outcomes.told_otherwise(record.outcome, said))


def _with_told(result: Any, record: Record, said: date | None, context: Context) -> Record:
    """The call's record with what of its result was passed on to the user."""
    if result is None or isinstance(result, bool | int | float | str):
        return record
    given = {piece.text.partition("=")[2].casefold() for piece in record.pieces}
    made = []
    for key, value in calls.told(result, context.surfaces.newest_of_assistant(), given):
        if context.redact is not None:
            key, value = redaction.pair(context.redact, key, value)  # noqa: PLW2901
        weights, _ = _valued(value, said, context)
        text = f"{key}={value}"
        cost = context.count(" " + text) + 1
        if cost <= LONGEST_LINE // 2:
            made.append(Piece(text, {each: round(weight * 0.4, 3) for each, weight in weights.items()}, cost, result=True))
    return Record(record.at, CALL, record.pieces + tuple(made), record.tool, record.outcome)
