"""What a message of the user seems to revise, where no rule says it for sure: both values are told, the older one with a mark.

A correction is a newer value for the same thing. Which thing that is follows from a few signs, whatever the words: the values are of
one type; the message names the slot (a word beside the old value, an argument's name); both stand between the same neighbours; the
old value is named too; it was asked for, given to a tool or said back. The signs are added up, and the best pair is taken if it is good
enough. That a message revises at all shows in that it tells nothing else: beside the value it has words about what was said (cues.py).

Invariant: nothing is dropped of what the user said; a value of one type never gives way to one of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from turnkeep.summarizers.extractive import contrast, cues, evidence, naming, replies, subjects
from turnkeep.summarizers.extractive.contrast import alike, content, family
from turnkeep.summarizers.extractive.corrections import takes_leave
from turnkeep.summarizers.extractive.earlier import Earlier
from turnkeep.summarizers.extractive.evidence import Run
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.values import DATE, NUMBER, TIME, WORD, Value
from turnkeep.summarizers.extractive.words import ARTICLES, ASKING, OTHER, YES, Token, listed

_LONGEST = 30  # words of a message that revises something
_BARE = 9  # words of a message that may do so without a word for it
_FEW = 4  # words of a question that only names something
_MANY = 4  # other things told in a message
_NEAR = 3  # messages back: what a bare value is about
_ENOUGH, _ENOUGH_FAR, _ENOUGH_UNCUED = 0.9, 2.2, 4.5
_INTRODUCES = listed(  # what stands right before a new value
    "to is it's its be was on onto been make made want wants prefer prefers preferred meant mean with into use take go rather instead now"
    " actually no not sorry need needs : … ... , - – — = > auf ist ist's nach zu lieber doch sagt à est c'est mettez plutôt dit dire es a"
    " pon mejor dice decir на это лучше إلى هو أريد 是 改成 改为 改到 换成 换到 说 说是 还是 要 选"
)
_JUDGES = listed("is was would sounds suits works fits looks seems makes ist wäre passt est serait es sería è sarebbe é seria")
_FOLLOWS = ("です", "でし", "に変", "で", "がいい", "だそう", "と言", "と申", "に", "吧", "になり", "のほう", "の方", "より")
_ASKS = listed("is are does do did does was were any have has")
_ELSE = OTHER - {"instead", "more"} | listed("options elsewhere cheaper")
_AGAINST = listed("but not than instead nicht sondern aber pas mais sino pero а но не بل ليس")
_HAN = re.compile(r"[\u3400-\u9fff々]{2,}|[\u30a1-\u30ff]{2,}")
_WHICH = re.compile(r".*(?:在|去|到|从|叫|给|飞|住|是|说|选|要|成|为|换|来)([\u3400-\u9fff]{2,4})")


class Revision(NamedTuple):
    """The value `old` of an earlier message seems to have given way to `new`."""

    heard: Heard
    old: Run
    new: str


class _New(NamedTuple):
    run: Run
    worth: float


class _Message(NamedTuple):
    """What a user's message says: `subject`: of that, what it only names to say what it is about; `cued`: it talks of what was said;
    `weak`: only by that; `by_name`: only by naming what it sets.
    """

    at: int
    text: str
    words: list[Token]
    values: list[Value]
    subject: list[Value]
    cued: bool
    weak: bool
    by_name: bool


def revised(at: int, text: str, words: list[Token], values: list[Value], earlier: Earlier, *, starred: bool) -> list[Revision]:
    """The pairs that a user's message makes with what the user said before. `starred`: it begins as "*Lisbon" does."""
    count, last = sum(word.is_word for word in words), earlier.newest
    if not values or count > _LONGEST or len(words) > 2 * _LONGEST:
        return []
    said = subjects.meaning(words, text, last) | (cues.REPAIRS if starred else 0)
    if contrast.is_adding(words) and not said & cues.CHANGES:
        return []
    if takes_leave(words, values) and not said & cues.CHANGES and not subjects.suggests(words):
        return []
    told = [
        value for run in _runs(text, content(values)) for value in subjects.trimmed(run) if not contrast.is_pronoun(value, words)
    ]
    named = _runs(text, [value for value in told if family(value) == WORD])
    subject = [value for run in named if subjects.is_subject(words, run) for value in run]
    set_so, by_name = naming.named(words, _runs(text, told)), not said & (cues.CUES | cues.SAYS)
    if set_so is not None and not (last is not None and last.wants):
        subject, said = set_so.subject, said | cues.CHANGES
    fresh = [value for value in told if value not in subject and not earlier.said_by_user(value)]
    alone = len(_runs(text, [value for value in told if value not in subject])) == 1
    cued = bool(said & (cues.CUES | cues.SAYS))
    by_name = by_name and cued
    cued = cued or _contrasts(words, values, fresh, earlier)
    weak = not cued
    cued = cued or subjects.ends_with_value(words, told)
    sets = replies.corrects(
        [word.low for word in words[:40]], text
    )  # by words that say less: enough for a date, a time, a number
    if not cued and subject and alone and fresh:
        cued = not (last is not None and last.wants) and not subjects.is_told_of(words, subject, fresh)
    if not cued and not sets and (count > _BARE or (last is not None and last.asks)):
        return []
    message = _Message(at, text, words, values, subject, cued or sets, weak, by_name)
    found = []
    for kind in (DATE, TIME, NUMBER):
        mine = [value for value in fresh if value.kind == kind and not _is_address(value, words)]
        if len({contrast.key(value) for value in mine}) == 1:
            found += _best(message, [_New([mine[0]], 1.0 if len(fresh) == 1 else 0.0)], earlier)
    if found or not cued or any(family(value) != WORD for value in fresh) or _is_aside(words, said):
        return found
    return _best(message, _focus(text, words, fresh or told), earlier)


def _contrasts(words: list[Token], values: list[Value], fresh: list[Value], earlier: Earlier) -> bool:
    """ "I typed Finnish, but it's Greek": whether a message sets something new against what the user said."""
    if not fresh or len(words) > evidence.SHORT or not any(word.low in _AGAINST or word.low.endswith("n't") for word in words):
        return False
    return any(earlier.said_by_user(value) and any(alike(new, value) for new in fresh) for value in values)


def rivals(words: list[Token], text: str, values: list[Value], earlier: Earlier) -> bool:
    """Whether a message brings something of its own in the place of what was offered: "Lupo sounds better"."""
    last = earlier.newest
    told = [value for value in content(values) if not subjects.is_talk(value)]
    if last is None or last.wants or not told or len(words) > evidence.SHORT:
        return False
    if any(last.tells(value) for value in told) or words[0].low in YES - {"please"}:
        return False
    kinds = {value.kind for value in earlier.offered()}
    if all(value.kind in kinds for value in told) and len(_runs(text, told)) == 1:
        return True
    if not last.asks:
        return False
    return cues.meanings([word.low for word in words], text) & cues.CHANGES > 0


def _is_address(value: Value, words: list[Token]) -> bool:
    """Whether a number goes on as a name: "84 Ranch Drive"."""
    after = next((word for word in words if word.start >= value.end), None)
    return (
        value.kind == NUMBER and after is not None and after.is_word and after.text[0].isupper() and after.start - value.end == 1
    )


def _runs(text: str, values: list[Value]) -> list[Run]:
    """Values that stand side by side, with no more than a space or a joint between them: no particle."""
    out: list[Run] = []
    for value in values:
        if out and value.start - out[-1][-1].end == 1 and text[value.start - 1] in " /-.":
            out[-1].append(value)
        else:
            out.append([value])
    return out


def _is_aside(words: list[Token], said: int) -> bool:
    """Whether a message asks for facts or for other offers, agrees, thanks or takes leave: its plain words revise nothing."""
    lows = [word.low for word in words if word.is_word]
    if not lows or not _ELSE.isdisjoint(lows):
        return True
    asks = lows[0].partition("'")[0] in ASKING or lows[0] in _ASKS
    if asks and not subjects.suggests(words) and not said & (cues.REPAIRS | cues.CHANGES):
        return True
    if words[-1].text in "?？" and not said & cues.CHANGES and not subjects.suggests(words) and len(lows) > _FEW:
        return True
    return _agrees(words, lows) and not (said & (cues.REPAIRS | cues.CHANGES) and lows[0] not in YES)


def _agrees(words: list[Token], lows: list[str]) -> bool:
    whole = len(words) == 1 or words[1].start > words[0].end or not words[1].is_word  # no part of a word without spaces
    if whole and lows[0] in YES - {"please"}:
        return True
    return whole and "please" not in lows[:6] and replies.answer(words) == replies.ACCEPTS


def _focus(text: str, words: list[Token], told: list[Value]) -> list[_New]:
    """What the message may bring, and how much it looks like that."""
    runs = _runs(text, told)
    out = []
    for n, whole in enumerate(runs):
        run = _within(text, whole)
        if any(low in replies.PLAIN_DENIALS or low.endswith("n't") for low in evidence.left(words, run[0].start)):
            continue
        out.append(_New(run, _looks_new(text, words, run, alone=len(runs) == 1, last=n == len(runs) - 1)))
    return out


def _looks_new(text: str, words: list[Token], run: Run, *, alone: bool, last: bool) -> float:
    before = [word.low for word in words if word.end <= run[0].start]
    after = [word for word in words if word.start >= run[-1].end]
    definite = bool(before) and before[-1] in subjects.DEFINITE
    lows = [low for low in before if low not in ARTICLES and low not in subjects.DEFINITE]
    worth = 0.7 * last + 0.5 * alone
    worth += 1.0 if lows and lows[-1] in _INTRODUCES else 0.0
    worth += 0.5 if run[0].kind != WORD or evidence.is_identifier(text, run) else 0.0
    worth += _before_what(after, run, text, last=last)
    if not alone and lows and (definite or len(lows) < len(before)) and lows[-1] in subjects.OF_SLOT:
        worth -= 1.5
    elif definite and not alone:
        worth -= 1.0
    return worth


def _before_what(after: list[Token], run: Run, text: str, *, last: bool) -> float:
    """What follows a run says whether it is the value ("staging is better"), the slot ("the colour is") or who speaks ("Ann says")."""
    if not after:
        return 0.0
    low = after[0].low
    if after[0].text[0] >= "\u3000":
        return 1.0 if after[0].text.startswith(_FOLLOWS) else 0.0
    if low in _JUDGES and last:
        return 1.0
    if (cues.meaning(low) & cues.SAYS or low in {"is", "are", "should", "must", ":", "="}) and not evidence.is_identifier(
        text, run
    ):
        return -2.0
    return 0.7 if low in {"for", "as"} and after[1:] and after[1].low in subjects.DEFINITE else 0.0


def _within(text: str, run: Run) -> Run:
    """What stands at the end of a clause without spaces: "我姐姐住在苏州"."""
    match = _WHICH.fullmatch(text, run[0].start, run[-1].end) if run[0].kind == WORD and not text.isascii() else None
    return [Value(match.start(1), match.end(1), WORD, (match[1],))] if match else run


# --- what it is about


class _Signs(NamedTuple):
    """What speaks for a pair."""

    kinds: float
    frame: float
    slot: float
    named: bool
    echoed: bool
    given: bool
    asked: bool
    stands: float


class _Pair(NamedTuple):
    score: float
    heard: Heard
    old: Run
    new: Run


def _best(message: _Message, brought: list[_New], earlier: Earlier) -> list[Revision]:
    pairs = [
        _Pair(score + new.worth, heard, old, new.run)
        for new in brought
        for heard in _statements(message, earlier)
        for old in _candidates(heard, new.run, message, earlier)
        if (score := _score(message, new.run, heard, old, earlier)) is not None
    ]
    if not pairs:
        return []
    best = max(pairs, key=lambda pair: (pair.score, pair.heard.at))
    enough = (
        _ENOUGH if message.cued and _is_near(message.at, best.heard, earlier) else _ENOUGH_FAR if message.cued else _ENOUGH_UNCUED
    )
    new = message.text[best.new[0].start : best.new[-1].end]
    return [Revision(best.heard, best.old, new)] if best.score >= enough else []


def _statements(message: _Message, earlier: Earlier) -> list[Heard]:
    """What the user said before, the newest first; only that, where the message does not say that it revises anything."""
    newest = _newest(earlier)
    return [one for one in reversed(earlier.heard) if one.by_user and one.values and (message.cued or one is newest)]


def _candidates(heard: Heard, new: Run, message: _Message, earlier: Earlier) -> Iterator[Run]:
    if family(new[0]) != WORD:
        mine = (value for value in heard.values if _may_give_way(value, new[0], heard, message) and value not in heard.dead)
        yield from (
            [value] for value in mine if not _is_address(value, heard.words) and not contrast.is_pronoun(value, heard.words)
        )
        return
    told = [
        value
        for value in content(heard.values)
        if family(value) == WORD and value not in heard.dead and not subjects.is_talk(value)
    ]
    if heard.is_aside():
        return
    for run in _runs(heard.text[1], told):
        yield from (run[first:last] for first in range(len(run)) for last in range(first + 1, min(len(run), first + 3) + 1))
    if not heard.text[1].isascii():
        yield from _parts(heard, new, message.text, earlier)


def _may_give_way(old: Value, new: Value, heard: Heard, message: _Message) -> bool:
    """`alike`; and a number may be counted in words beside the old one: "my daughter is 7", "is 9 years old"."""
    if alike(new, old):
        return True
    if not new.kind == old.kind == NUMBER or contrast.key(new) == contrast.key(old):
        return False
    counted = next((word.low for word in message.words if word.start >= new.end), "") == contrast.unit(new)
    return not counted and contrast.unit(new) in {word.low for word in heard.words}


def _parts(heard: Heard, new: Run, text: str, earlier: Earlier) -> Iterator[Run]:
    """Parts of words of a script without spaces: what is said again by itself, or stands behind a preposition."""
    said = heard.text[1]
    fresh = text[new[0].start : new[-1].end]
    again = [one.text[1] for one in earlier.heard if one is not heard and one.at > heard.at] + [text, *earlier.given_texts()]
    found = {match[0] for other in again for match in _HAN.finditer(other) if match[0] in said and match[0] not in fresh}
    for part in sorted(found):
        start = said.find(part)
        yield [Value(start, start + len(part), WORD, (part,))]
    if len(fresh) <= 4 and _HAN.fullmatch(fresh):
        for match in evidence.WHERE.finditer(said):
            end = match.end() + len(fresh)
            if _HAN.fullmatch(said, match.end(), end):
                yield [Value(match.end(), end, WORD, (said[match.end() : end],))]


def _score(message: _Message, new: Run, heard: Heard, old: Run, earlier: Earlier) -> float | None:
    """How much speaks for it that one gave way to the other; None if nothing may."""
    at, text, words = message.at, message.text, message.words
    others = _beside(message, new, heard)
    if (others and not message.cued) or _is_same(text, new, heard, old):
        return None
    signs = _Signs(
        kinds=evidence.of_kinds(text, words, new, heard, old),
        frame=evidence.of_frame(words, new, heard, old),
        slot=evidence.of_slot(words, new, heard, old, earlier),
        named=not message.weak and evidence.is_named(heard.text[1][old[0].start : old[-1].end], text, new),
        echoed=evidence.is_echoed(heard, old, earlier),
        given=earlier.was_given({each for value in old for each in value.ids}),
        asked=heard.is_asked_for(),
        stands=evidence.stands_as_value(heard.words, old),
    )
    if _is_out(message, new, heard, old, earlier, signs):
        return None
    novelty = len(_runs(text, others))
    if family(new[0]) == WORD and not signs.named and not _is_backed(message, heard, novelty, earlier, signs):
        return None
    score = signs.kinds + signs.frame + signs.slot + 3.0 * signs.named + 1.5 * signs.given + signs.echoed + 1.2 * signs.asked
    score -= 0.4 * novelty + (0.15 if message.subject or family(new[0]) != WORD else 0.3) * max(0, at - heard.at - 2)
    return score + signs.stands + _of_place(heard, earlier) + evidence.of_shape(text, new, heard, old)


def _is_same(text: str, new: Run, heard: Heard, old: Run) -> bool:
    return text[new[0].start : new[-1].end].casefold() == heard.text[1][old[0].start : old[-1].end].casefold()


def _is_out(message: _Message, new: Run, heard: Heard, old: Run, earlier: Earlier, signs: _Signs) -> bool:
    """Whether something forbids the pair."""
    if message.by_name and heard.asks and not (signs.slot or signs.given):
        return True
    if family(new[0]) != WORD:
        return _is_other_number(message, new, heard, old, earlier, signs) or _is_past(message, heard, old, signs)
    return _is_other_word(message, new, heard, old, earlier, signs)


def _is_other_number(message: _Message, new: Run, heard: Heard, old: Run, earlier: Earlier, signs: _Signs) -> bool:
    counted = new[0].kind == NUMBER and contrast.unit(new[0]) and not contrast.same_unit(new[0], old[0])
    return bool(counted) and not signs.slot and not _is_near(message.at, heard, earlier)


def _is_past(message: _Message, heard: Heard, old: Run, signs: _Signs) -> bool:
    """ "I was late today": no plan that "the fridge should come on Monday" could change."""
    return message.weak and old[0].ids[0].startswith("d:r") and not (signs.slot or signs.given or heard.is_asked_for())


def _is_other_word(message: _Message, new: Run, heard: Heard, old: Run, earlier: Earlier, signs: _Signs) -> bool:
    subject = {each for value in message.subject for each in value.ids}
    if {each for value in old for each in value.ids} <= subject or (message.weak and heard.asks_for_facts()):
        return True
    if signs.named:
        return False
    return _is_kept(old, message) or not (
        signs.slot or (_is_at_issue(old, earlier.newest) and not evidence.has_other_role(message.words, new, heard, old))
    )


def _is_backed(message: _Message, heard: Heard, novelty: int, earlier: Earlier, signs: _Signs) -> bool:
    """Whether enough speaks for a pair of mere words, by what else the message tells and how long ago the old one was said."""
    near = _is_near(message.at, heard, earlier)
    if message.weak and max(signs.kinds, signs.frame, signs.slot) < 1.5:
        return False
    sure = max(signs.kinds, signs.frame, signs.slot, 1.5 * signs.given)
    asked = signs.asked and not novelty and (signs.stands > 0 or not heard.text[1].isascii() or near)
    least = 3.0 if novelty > 1 else 1.5 if novelty or not near else 0.0
    return max(sure, 1.5 * (signs.echoed and not novelty), 1.5 * asked) >= least


def _is_kept(old: Run, message: _Message) -> bool:
    """Whether the message goes on to speak of it."""
    said = {each for value in message.values for each in value.ids}
    return all(not said.isdisjoint(value.ids) for value in old)


def _is_at_issue(old: Run, last: Heard | None) -> bool:
    """Whether the assistant's last words are no question, or one that has the old value in it: else it is that which is answered."""
    return last is None or not last.asks or not last.all_ids().isdisjoint({each for value in old for each in value.ids})


def _is_near(at: int, heard: Heard, earlier: Earlier) -> bool:
    """Whether it was just said, asides apart."""
    if at - heard.at <= _NEAR:
        return True
    return heard is next((one for one in reversed(earlier.heard) if one.by_user and one.values and not one.is_aside()), None)


def _newest(earlier: Earlier) -> Heard | None:
    return next((one for one in reversed(earlier.heard) if one.by_user), None)


def _of_place(heard: Heard, earlier: Earlier) -> float:
    """What was said last is revised first, and what was only asked last."""
    if heard is _newest(earlier):
        return -1.0 if heard.asks else 0.3 if heard.asks_for_facts() else 1.0
    return -1.5 if heard.asks or heard.asks_for_facts() else 0.0


def _beside(message: _Message, new: Run, heard: Heard) -> list[Value]:
    """What the message tells beside the new value: what is about something else revises nothing."""
    known = heard.all_ids()
    return [
        value
        for value in content(message.values)
        if not new[0].start <= value.start < new[-1].end
        and known.isdisjoint(value.ids)
        and value not in message.subject
        and not subjects.is_talk(value)
        and not _reports(message.words, value)
    ][:_MANY]


def _reports(words: list[Token], value: Value) -> bool:
    """Whether a value is who says something."""
    after = next((word.low for word in words if word.start >= value.end), "")
    return bool(after) and cues.meaning(after) & cues.SAYS > 0
