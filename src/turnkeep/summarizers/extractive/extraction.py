"""From messages to records, one message at a time.

Invariant: `add` costs what its message costs, however long the session is; what the user makes of the assistant's words is
decided by the user's next message, so the newest of them stay pending.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from turnkeep import redaction
from turnkeep.summarizers.extractive import (
    calls,
    changes,
    confirmed,
    contrast,
    corrections,
    days,
    offers,
    outcomes,
    reading,
    replies,
    revisions,
    unspaced_revisions,
)
from turnkeep.summarizers.extractive.context import Context
from turnkeep.summarizers.extractive.dates import WEEKDAYS
from turnkeep.summarizers.extractive.earlier import Slots
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.lexicon import tokens
from turnkeep.summarizers.extractive.pieces import LONGEST_LINE, is_asked, is_open_question, make_pieces, with_days
from turnkeep.summarizers.extractive.records import (
    AGREED,
    ASSISTANT,
    CALL,
    CHANGED,
    HEARD,
    OFFERED,
    PLACE,
    USER,
    Piece,
    Record,
)
from turnkeep.summarizers.extractive.values import DATE, WORD, Value, find
from turnkeep.summarizers.extractive.words import LOWER, Token, listed

Places: TypeAlias = dict[int, set[int]]  # how many messages back: where in them something is no longer true
_FLAG = 0.6  # a pair without words of its own: true, false
_PERSONAL = 1.6  # in a talk between two people the other one has a life, too
_SELF = listed(
    "my mine our ours we we've mein meine meinen meiner wir unser mi mis nuestro mon ma mes notre mio mia meu minha 私 僕 俺 我 나 내"
)
_OWN = _SELF - listed("our ours we we've wir unser nuestro notre")
_CONFIRMING = listed("confirm confirming confirmation")
_CHOOSING = 16  # words and marks of a message that only says which
_SOON = 4  # messages
_TALK = 30  # messages that a month goes without saying for
_MARKS = frozenset("+*/=<>{}")  # of what is computed, not told
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
    if line.role == "user" and context.secret_asked is not None:
        text = redaction.answer(redact, context.secret_asked, text)
    context.secret_asked = redaction.asked(line.text) if line.role == "assistant" else None
    return reading.Line(line.role, text, line.calls, line.answers, line.created)


def finish(context: Context) -> list[Record]:
    """The records that still wait for an answer, as things stand."""
    made = [record for _, record in context.answered]
    made += [_call_record(call, at, outcomes.UNKNOWN, None, context) for at, call in context.waiting.values()]
    return made + [record for record, _ in context.pending] + context.salvaged


def _day(created: datetime | None, zone: ZoneInfo) -> date | None:
    return created.astimezone(zone).date() if created is not None else None


# --- who said what


def _user(line: reading.Line, said: date | None, context: Context) -> list[Record]:
    text, words, values = _read(line.text, said, context, by_user=True)
    answer = replies.answer(words)
    if answer == replies.ACCEPTS and revisions.rivals(words, text, values, context.earlier):
        answer = replies.REFUSES
    change, found = _changed(line, text, words, values, context)
    gone = change.gone | offers.left_aside(words, values, answer, change.gone, context)
    marks = [] if text.isascii() or gone or any(one.old[0].kind != WORD for one in found) else _unspaced_marks(text, context)
    marks = marks or _marks([] if change.mended else found, change.values, gone, context)
    gone |= {slot for slot in marks if slot[0] == PLACE}
    replaces = replies.denied(values, words) + tuple(sorted(gone)) + tuple(slot for slot in marks if slot[0] != PLACE)
    if change.empty:
        context.denied = context.at
    elif change.values:
        context.denied = -9
    if change.cued:
        context.corrected = context.at
    done = _settle(_of_the_rest(answer, change, gone, context), context)
    asks = "?" in text or "？" in text
    context.refused = answer == replies.REFUSES
    context.earlier.add(Heard(context.at, True, (line.text, text), change.words, change.values, asks, who=USER))
    pieces = make_pieces(line.text, text, change.words, change.values, context)
    _salvage(gone, context)
    if pieces or replaces:
        done.append(Record(context.at, USER, pieces, replaces=replaces))
    return done


def _changed(
    line: reading.Line, text: str, words: list[Token], values: list[Value], context: Context
) -> tuple[corrections.Change, list[revisions.Revision]]:
    """What a message takes back for sure, and what it seems to revise."""
    starred, earlier = _is_starred(line.text), context.earlier
    found = revisions.revised(context.at, text, words, values, earlier, starred=starred)
    likely = [value for one in found for value in one.old]
    if offered := offers.named(
        context
    ):  # who chooses something else leaves what was offered, and takes nothing back of what he said
        before = context.at - 2
        found = [one for one in found if one.old[0].kind != WORD or one.heard.at < before]
        likely = offered
    denied = context.denied >= context.at - 4
    return corrections.read(context.at, text, words, values, earlier, denied=denied, starred=starred, likely=likely), found


def _marks(found: list[revisions.Revision], values: list[Value], gone: Slots, context: Context) -> list[tuple[str, str]]:
    """Marks on what a message seems to revise, and on what calls were given of that and of what is gone."""
    out: list[tuple[str, str]] = []
    places = _places(gone)
    for heard, old, new in found:
        context.corrected = context.at
        slots = context.earlier.changed(context.at, heard, old, new) + _named_again(values, old, new)
        if _dead(heard, places, context):  # a rule is sure of it
            slots = [slot for slot in slots if slot[0] != CHANGED]
            slots += [(PLACE, f"{context.at - heard.at}:{value.start}") for value in old]
        out += slots
    for heard in context.earlier.heard if places else ():
        out += [slot for value in _dead(heard, places, context) for slot in context.earlier.given(context.at, heard, [value], "")]
    return list(dict.fromkeys(out))


def _unspaced_marks(text: str, context: Context) -> list[tuple[str, str]]:
    """The marks on what a message revises in a script without spaces."""
    if (own := unspaced_revisions.mended(text)) is not None:
        return [changes.place(0, own[0].start, own[0].end, own[1].text)]
    found = unspaced_revisions.revised(context.at, text, context.earlier)
    if found is None:
        return []
    context.corrected = context.at
    heard, old, new = found
    marks = context.earlier.changed(context.at, heard, [Value(old.start, old.end, WORD, (old.text,))], new.text)
    for one in context.earlier.heard:
        if not one.by_user and (start := one.text[1].find(old.text)) >= 0:
            marks.append((PLACE, f"{context.at - one.at}:{start}"))
    if (start := text.find(old.text)) >= 0:
        marks.append(changes.place(0, start, start + len(old.text), new.text))
    return marks


def _named_again(values: list[Value], old: list[Value], new: str) -> list[tuple[str, str]]:
    """The marks on the old value where the message itself names it."""
    runs = (values[n : n + len(old)] for n in range(len(values) - len(old) + 1))
    again = [run for run in runs if all(not set(one.ids).isdisjoint(other.ids) for one, other in zip(run, old, strict=True))]
    return [changes.place(0, run[0].start, run[-1].end, new) for run in again]


def _is_starred(text: str) -> bool:
    text = text.strip()
    return "*" in {text[:1], text[-1:]} and text.count("*") == 1 and "\n" not in text


def _of_the_rest(answer: str, change: corrections.Change, gone: Slots, context: Context) -> str:
    """Who corrects one thing of what is to be confirmed agrees to the rest."""
    told = context.earlier.newest
    if not change.cued or told is None or len(change.words) > _CHOOSING or not _dead(told, _places(gone), context):
        return answer
    return replies.ACCEPTS


def _places(gone: Slots) -> Places:
    out: Places = {}
    for kind, place in gone:
        if kind == PLACE:
            back, _, start = place.partition(":")
            out.setdefault(int(back), set()).add(int(start))
    return out


def _dead(heard: Heard, places: Places, context: Context) -> list[Value]:
    """The values of a message that are no longer true."""
    starts = places.get(context.at - heard.at)
    return [value for value in heard.values if value.start in starts] if starts else []


def _salvage(gone: Slots, context: Context) -> None:
    """Keeps what is left of messages that told something untrue beside other things."""
    places = _places(gone)
    for heard in context.earlier.heard if places else ():
        if context.at - heard.at in places and heard.who:
            pieces = _remade(heard, places, context)
            if pieces:
                context.salvaged.append(Record(heard.at, heard.who, pieces))


def _remade(heard: Heard, places: Places, context: Context) -> tuple[Piece, ...]:
    """A message's pieces without what is no longer true in it."""
    heard.dead += _dead(heard, places, context)
    words, values = contrast.without(heard.words, heard.values, heard.dead)
    pieces = make_pieces(*heard.text, words, values, context)
    return _held(heard.words, pieces) if heard.asks and not heard.by_user else pieces


def _held(words: list[Token], pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """What a message that asks holds beside its open questions and interjections."""
    told = tuple(piece for piece in pieces if " " in piece.text or piece.strong)
    if not corrections.wants(words):
        return told
    return tuple(piece for piece in told if not is_open_question(words, piece))


def _assistant(line: reading.Line, said: date | None, context: Context) -> list[Record]:
    text, words, values = _read(line.text, said, context, by_user=False)
    done = [record for record, _ in context.pending] if words else []
    if words:
        context.pending = []
        done += [_with_told(result, _believed(record, line.text), said, context) for result, record in context.answered]
        context.answered = []
        gone = (
            context.earlier.settled(context.at, values)
            | offers.overtaken(values, context)
            | confirmed.restated(words, values, context)
        )
        lows = {word.low for word in words}
        asks = _asks(text, words)
        wants = asks and corrections.wants(words)
        context.earlier.add(Heard(context.at, False, (line.text, text), words, values, asks, wants, ASSISTANT))
        context.asked = _last_question(words) if asks else []
        context.turns += 1
        context.own += not _OWN.isdisjoint(lows)
        pieces = make_pieces(line.text, text, words, values, context, 1.0 if _SELF.isdisjoint(lows) else _PERSONAL)
        gone |= confirmed.told(text, words, context) | offers.passed_over(text, words, context)
        if gone:
            done.append(Record(context.at, ASSISTANT, (), replaces=tuple(sorted(gone))))
        _await(text, words, pieces, asks, context)
    for call in line.calls:
        context.waiting[call.id] = (context.at, call)
        gone = confirmed.called(call, said, context) | offers.overtaken(_arguments(call, said, context), context)
        if gone:
            done.append(Record(context.at, ASSISTANT, (), replaces=tuple(sorted(gone))))
    return done


def _arguments(call: reading.Call, said: date | None, context: Context) -> list[Value]:
    return [value for _, text in calls.pairs(call.arguments) for value in context.worth(text, said)[1]]


def _asks(text: str, words: list[Token]) -> bool:
    asks = "?" in text or "？" in text or "؟" in text or text.rstrip().endswith(("か。", "ですか", "ますか"))
    return asks or not _CONFIRMING.isdisjoint([word.low for word in words[:4]])


def _last_question(words: list[Token]) -> list[str]:
    ends = [at for at, word in enumerate(words[:-1]) if word.text in ".!\n。！;"]
    return [word.low for word in words[ends[-1] if ends else 0 :]]


def _await(text: str, words: list[Token], pieces: tuple[Piece, ...], asks: bool, context: Context) -> None:
    """Keeps the assistant's words until the user says what becomes of them."""
    if not asks and sum(word.is_word for word in words) <= _FEW:
        context.earlier.echo = context.at
    if pieces and asks and context.is_talk:  # what one tells of oneself is no offer, whatever is asked after it
        told = tuple(piece for piece in pieces if not is_asked(text, piece))
        pieces = tuple(piece for piece in pieces if is_asked(text, piece))
        context.pending += [(Record(context.at, ASSISTANT, told), False)] if told else []
    if asks:
        pieces = _held(words, pieces)
    if pieces:
        context.pending.append((Record(context.at, OFFERED if asks else ASSISTANT, pieces), asks))


def _settle(answer: str, context: Context) -> list[Record]:
    """What becomes of the assistant's last words under the user's answer."""
    done = []
    told = context.earlier.newest
    for record, asks in context.pending:
        if answer == replies.ACCEPTS:
            done.append(_as(record, HEARD if context.is_talk and not asks else AGREED))
        elif answer == replies.NEITHER or not asks:
            done.append(record)
    if told is not None:
        told.who = done[-1].who if done else ""
    context.pending = []
    return done


def _as(record: Record, who: str) -> Record:
    return Record(record.at, who, record.pieces)


def _read(text: str, said: date | None, context: Context, *, by_user: bool) -> tuple[str, list[Token], list[Value]]:
    text = reading.prose(text)
    words = tokens(text)
    values = find(text, words, said, context.common)
    if said is not None and any(value.kind == DATE for value in values):
        values = [_in_named_month(text, value, said, context) if value.kind == DATE else value for value in values]
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


def _in_named_month(text: str, value: Value, said: date, context: Context) -> Value:
    """ "The 14th" in a talk about May: that of May, if the weekday that stands with it fits."""
    name = value.ids[0].removeprefix("d:")
    named = name[2:4] if name.startswith("--") else name[5:7]
    if named.isdigit() and len(name) in {7, 10}:
        context.month = context.at, int(named)
    words = text[value.start : value.end].lower().split()
    if not name.startswith("---") or context.at - context.month[0] > _TALK or "month" in words:
        return value
    meant = days.in_month(said, context.month[1], int(name[3:]))
    weekday = WEEKDAYS.get(words[0].rstrip(","))
    fits = meant is not None and weekday in {None, meant.weekday()}
    return msgspec.structs.replace(value, day=meant.isoformat() if meant is not None and fits else "")


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
    if ended in {outcomes.DONE, outcomes.DATA} and at == context.agreed + 1:
        context.earlier.settle_before(at)
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
    weights, values = context.worth(words, said)
    if not weights:
        weights = {f"{key}={value}".casefold(): _FLAG}
    text = f"{key}={with_days(words, 0, len(words), values, context)}"
    slots = tuple(found for each in values if (found := replies.slot(each)) is not None and found[0] != "number ")
    return Piece(text, weights, context.count(" " + text) + 1, slots=slots)


def _believed(record: Record, said: str) -> Record:
    """The call's record, not as done if the assistant says that it was not."""
    return Record(record.at, CALL, record.pieces, record.tool, outcomes.told_otherwise(record.outcome, said))


def _with_told(result: Any, record: Record, said: date | None, context: Context) -> Record:
    """The call's record with what of its result was passed on to the user."""
    if result is None or isinstance(result, bool | int | float | str):
        return record
    given = {piece.text.partition("=")[2].casefold() for piece in record.pieces}
    made = []
    for pair in calls.told(result, context.surfaces.newest_of_assistant(), given):
        key, value = pair if context.redact is None else redaction.pair(context.redact, *pair)
        weights, _ = context.worth(value, said)
        text = f"{key}={value}"
        cost = context.count(" " + text) + 1
        if cost <= LONGEST_LINE // 2:
            made.append(Piece(text, {each: round(weight * 0.4, 3) for each, weight in weights.items()}, cost, result=True))
    return Record(record.at, CALL, record.pieces + tuple(made), record.tool, record.outcome)
