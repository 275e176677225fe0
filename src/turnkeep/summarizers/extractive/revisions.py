"""What a message of the user seems to revise, where no rule says it for sure: both values are told, the older one with a mark.

A correction is a newer value for the same thing. Which thing that is follows from a few signs, whatever the words: the values are of
one type; the message names the slot (a word beside the old value, an argument's name); both stand between the same neighbours; the
old value is named too; it was given to a tool or said back. The signs are added up, and the best pair is taken if it is good enough.

Invariant: nothing is dropped of what the user said; a value of one type never gives way to one of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from turnkeep.summarizers.extractive import contrast, replies
from turnkeep.summarizers.extractive.contrast import alike, content, family, of_one_set
from turnkeep.summarizers.extractive.corrections import takes_leave
from turnkeep.summarizers.extractive.earlier import Earlier, Heard
from turnkeep.summarizers.extractive.values import DATE, NAME, NUMBER, TIME, WORD, Value
from turnkeep.summarizers.extractive.words import ARTICLES, ASKING, CLAUSE_ENDS, DENIES, DENYING, OTHER, STOP, YES, Token, listed

Run: TypeAlias = list[Value]
_LONGEST = 30  # words of a message that revises something
_BARE = 9  # words of a message that may do so without a word for it
_SHORT = 14  # words and marks of a message that says something back
_MANY = 4  # other things told in a message
_NEAR = 3  # messages back: what a bare value is about
_ENOUGH, _ENOUGH_FAR, _ENOUGH_UNCUED = 0.9, 2.2, 4.5
_REPORTS = listed(  # by which others are quoted, and settling is told
    "says said saying wrote writes texted texts told tells hears messaged emailed mailed according insists insisted insisting"
    " wants prefers informed announced mentioned reports reported thinks claims corrected replied answered confirmed pinged rang phoned"
    " apparently settled decided convinced agreed reconsidered revise revised amend needs meant asked reminded pointed swap replace"
    " sagt sagte schreibt schrieb geschrieben meint meinte laut angerufen besteht anscheinend"
    " dit écrit écrire appelé selon d'après mettez mettre décaler"
    " dice dijo escribió escribir llamó según pon poner mover digo"
    " detto scritto vuole secondo disse escreveu ligou segundo quer"
)
_GOING_ON = listed("make made now later earlier must prefer better can't cannot thought thoughts hm er uh extend hold mean")
_RESETS = re.compile(
    r"\b(?:set|push|shift|move|bring|make|change|switch|update|bump|swap|adjust|cut|reduce|raise|lower|increase|extend|shorten)\b"
    r" (?:(?:it|that|this|them)\b|(?:the|my|our) .{1,30} (?:to|instead)\b)|\b(?:message|mail|e-?mail|call|word|note) from\b"
    r"|\b(?:should|must|has to|have to) be\b|\bin the end\b|\b(?:about|as for|back to|regarding|concerning) (?:the|that|my|our)\b"
    r"|\b(?:should|must) (?:read|say)\b|\b(?:different|correct|right|wrong) \w+\b.{0,12}[:,]|\bmy bad\b|\bexcuse me\b|\bpardon\b"
    r"|\b(?:fix|forward)\b|\b(?:right|correct) (?:one|value)\b|\bi (?:gave|said|wrote|told)\b|\bnever mind\b|\bnew plan\b"
    r"|\bcalled(?:[,.!]| me\b| and\b| to\b)|\b(?:think|thought)\w* (?:about|it)\b|\bsecond thoughts?\b|\bafter all\b|\bstill be\b"
    r"|\bal final\b|\bvoulais dire\b|\bmis[a-z]+(?:ed|oke|ote|ad)\b|\b(?:reschedul|reconsider|postpon|revis|amend|änder|verschieb|verleg"
    r"|korrigier|tausch|ersetz|modifi|remplac|décal|corrig|cambi|spost|sostitu)\w*"
)
_REPORTS_UNSPACED = (
    "说", "告诉", "通知", "来电", "想了想", "主意", "其实", "能改", "改", "换", "不行", "连絡", "連絡", "言って", "言った", "だそう",
    "によると", "によれば", "やはり", "実は", "だめ", "ダメ", "変え", "変わ", "ではな", "じゃな", "やめ", "いえ、", "まちが", "間違",
    "应该", "记错", "弄错", "搞错", "等等", "换", "还是", "没空", "違", "考え直", "ずら", "それより", "にして", "無理", "でした", "に変",
)  # fmt: skip
_INTRODUCES = listed(  # what stands right before a new value
    "to is it's its be was on onto make made want wants prefer prefers preferred meant mean with into use take go rather instead now"
    " actually no not sorry : … ... , - – — auf ist ist's nach zu lieber doch sagt à est c'est mettez plutôt dit dire es a pon mejor"
    " dice decir 是 改成 改为 改到 换成 换到 说 说是 还是 要 选"
)
_FOLLOWS = ("です", "でし", "に変", "で", "がいい", "だそう", "と言", "と申", "に", "吧", "になり")
_ASKS = listed("is are does do did was were any")
_ELSE = OTHER - {"instead", "more"} | listed("options elsewhere cheaper")
_OF_SLOT = listed("for about regarding concerning bei für pour de para en sobre")  # before "the colour": the slot, not the value
_NOISE = listed(
    "end mistyped typo slip boss wife husband client coming back thing thinking again bother couldn't settled decided convinced insists"
    " texted heard according corrected apparently email message mail earlier wrong note thought mistake possible happy fault bad news"
    " quick change plan brief hey btw lol haha 主意 想了想 刚说 我改主意了 连絡 連絡 言 変更 実 間違 老板 上司 彼女 彼"
)
_IDENTIFIER = re.compile(r"\w[-_/.\d]\w|\d")
_HAN = re.compile(r"[\u3400-\u9fff々]{2,}|[\u30a1-\u30ff]{2,}")
_WHERE = re.compile(r"在|去|到|从|叫|给|飞|住")
_WHICH = re.compile(r".*(?:在|去|到|从|叫|给|飞|住|是|说|选|要|成|为)([\u3400-\u9fff]{2,4})")


class Revision(NamedTuple):
    """The value `old` of an earlier message seems to have given way to `new`."""

    heard: Heard
    old: Run
    new: str


class _New(NamedTuple):
    run: Run
    worth: float


def revises(words: list[Token], text: str, *, surely: bool) -> bool:
    """Whether a message has a word in it by which people revise something, or tell what others say of it.

    `surely`: words do not count by which people as well go on.
    """
    lows = [word.low for word in words[:40] if not surely or word.low not in _GOING_ON]
    if replies.corrects(lows, text):
        return True
    if any(word.role & DENIES for word in words) or _ends_with_value(words):
        return True
    if not _REPORTS.isdisjoint(lows) or _RESETS.search(text.lower()) is not None:
        return True
    return not text.isascii() and any(cue in text for cue in _REPORTS_UNSPACED)


def _ends_with_value(words: list[Token]) -> bool:
    """Whether a few words lead to a last one behind a colon: "my bad: Graz"."""
    return 2 < len(words) <= _BARE and words[-2].text in ":：" and words[-1].is_word


def revised(at: int, text: str, words: list[Token], values: list[Value], earlier: Earlier, *, starred: bool) -> list[Revision]:
    """The pairs that a user's message makes with what the user said before. `starred`: it begins as "*Lisbon" does."""
    if not values or len(words) > 2 * _LONGEST or contrast.is_adding(words) or takes_leave(words, values):
        return []
    count, last = sum(word.is_word for word in words), earlier.newest
    cued = starred or revises(words, text, surely=False)
    if count > _LONGEST or (not cued and (count > _BARE or (last is not None and last.asks))):
        return []
    told = [value for value in content(values) if not earlier.said_by_user(value) and not contrast.is_pronoun(value, words)]
    found = []
    for kind in (DATE, TIME, NUMBER):
        mine = [value for value in told if value.kind == kind]
        if len({contrast.key(value) for value in mine}) == 1:
            bare = len(content(values)) == 1
            found += _best(at, text, words, [_New([mine[0]], 1.0 if bare else 0.0)], earlier, values, cued=cued)
    if found or any(family(value) != WORD for value in told) or _is_aside(words):
        return found
    if not starred and not revises(words, text, surely=True):
        return []
    return _best(at, text, words, _focus(text, words, told), earlier, values, cued=True)


def _runs(text: str, values: list[Value]) -> list[Run]:
    """Values that stand side by side, with no more than a space or a joint between them: no particle."""
    out: list[Run] = []
    for value in values:
        if out and value.start - out[-1][-1].end == 1 and text[value.start - 1] in " /-.":
            out[-1].append(value)
        else:
            out.append([value])
    return out


def _is_aside(words: list[Token]) -> bool:
    """Whether a message asks for facts or for other offers, agrees, thanks or takes leave: its plain words revise nothing."""
    lows = [word.low for word in words if word.is_word]
    if not lows or lows[0].partition("'")[0] in ASKING or lows[0] in _ASKS or not _ELSE.isdisjoint(lows):
        return True
    return _agrees(words, lows)


def _agrees(words: list[Token], lows: list[str]) -> bool:
    whole = len(words) == 1 or words[1].start > words[0].end or not words[1].is_word  # no part of a word without spaces
    if whole and lows[0] in YES - {"please"}:
        return True
    return whole and "please" not in lows[:6] and replies.answer(words) == replies.ACCEPTS


def _focus(text: str, words: list[Token], told: list[Value]) -> list[_New]:
    """What the message may bring, and how much it looks like that."""
    runs = [run for run in _runs(text, told) if not all(each in _NOISE for value in run for each in value.ids)]
    out = []
    for n, whole in enumerate(runs):
        run = _within(text, whole)
        if not DENYING.isdisjoint(_left(words, run[0].start)[1:]):
            continue
        before = [word for word in words if word.end <= run[0].start]
        after = [word for word in words if word.start >= run[-1].end]
        lows = [
            word.low for word in before if word.low not in ARTICLES and word.low not in {"the", "der", "die", "das", "le", "la"}
        ]
        worth = 0.7 * (n == len(runs) - 1) + 0.5 * (len(runs) == 1)
        worth += 1.0 if lows and lows[-1] in _INTRODUCES else 0.0
        worth += 0.5 if run[0].kind != WORD or _is_identifier(text, run) else 0.0
        if after and (after[0].low in _REPORTS or after[0].low == "is") and not _is_identifier(text, run):
            worth -= 2.0
        if after and after[0].text.startswith(_FOLLOWS) and after[0].text[0] >= "\u3000":
            worth += 1.0
        if len(before) > 1 and len(lows) < len(before) and lows and lows[-1] in _OF_SLOT:
            worth -= 1.5
        out.append(_New(run, worth))
    return out


def _within(text: str, run: Run) -> Run:
    """What stands at the end of a clause without spaces: "我姐姐住在苏州"."""
    match = _WHICH.fullmatch(text, run[0].start, run[-1].end) if run[0].kind == WORD and not text.isascii() else None
    return [Value(match.start(1), match.end(1), WORD, (match[1],))] if match else run


def _is_identifier(text: str, run: Run) -> bool:
    return _IDENTIFIER.search(text, run[0].start, run[-1].end) is not None


# --- what it is about


class _Pair(NamedTuple):
    score: float
    heard: Heard
    old: Run
    new: Run


def _best(
    at: int, text: str, words: list[Token], brought: list[_New], earlier: Earlier, values: list[Value], *, cued: bool
) -> list[Revision]:
    pairs = [
        _Pair(score + new.worth, heard, old, new.run)
        for new in brought
        for heard in _statements(earlier)
        for old in _candidates(heard, new.run, words, text, earlier)
        if (score := _score(at, text, words, new.run, heard, old, earlier, values, cued=cued)) is not None
    ]
    if not pairs:
        return []
    best = max(pairs, key=lambda pair: (pair.score, pair.heard.at))
    enough = _ENOUGH if cued and at - best.heard.at <= _NEAR else _ENOUGH_FAR if cued else _ENOUGH_UNCUED
    return [Revision(best.heard, best.old, text[best.new[0].start : best.new[-1].end])] if best.score >= enough else []


def _statements(earlier: Earlier) -> list[Heard]:
    """What the user said before, the newest first."""
    return [one for one in reversed(earlier.heard) if one.by_user and one.values]


def _candidates(heard: Heard, new: Run, words: list[Token], text: str, earlier: Earlier) -> Iterator[Run]:
    if family(new[0]) != WORD:
        yield from ([value] for value in heard.values if alike(new[0], value) and value not in heard.dead)
        return
    told = [value for value in content(heard.values) if family(value) == WORD and value not in heard.dead]
    if heard.is_aside():
        return
    for run in _runs(heard.text[1], told):
        yield from (run[first:last] for first in range(len(run)) for last in range(first + 1, min(len(run), first + 3) + 1))
    if not heard.text[1].isascii():
        yield from _parts(heard, new, words, text, earlier)


def _parts(heard: Heard, new: Run, words: list[Token], text: str, earlier: Earlier) -> Iterator[Run]:
    """Parts of words of a script without spaces: what is said again by itself, or stands behind a preposition."""
    said = heard.text[1]
    fresh = text[new[0].start : new[-1].end]
    again = [one.text[1] for one in earlier.heard if one is not heard and one.at > heard.at] + [text, *earlier.given_texts()]
    found = {match[0] for other in again for match in _HAN.finditer(other) if match[0] in said and match[0] not in fresh}
    for part in sorted(found):
        start = said.find(part)
        yield [Value(start, start + len(part), WORD, (part,))]
    if len(fresh) <= 4 and _HAN.fullmatch(fresh):
        for match in _WHERE.finditer(said):
            end = match.end() + len(fresh)
            if _HAN.fullmatch(said, match.end(), end):
                yield [Value(match.end(), end, WORD, (said[match.end() : end],))]


def _score(
    at: int, text: str, words: list[Token], new: Run, heard: Heard, old: Run, earlier: Earlier, values: list[Value], *, cued: bool
) -> float | None:
    """How much speaks for it that one gave way to the other; None if nothing may."""
    mine, others = text[new[0].start : new[-1].end], heard.text[1][old[0].start : old[-1].end]
    if mine.casefold() == others.casefold():
        return None
    kinds, frame, slot = (
        _of_kinds(text, words, new, heard, old),
        _of_frame(words, new, heard, old),
        _of_slot(words, new, heard, old, earlier),
    )
    others_told, named = _beside(new, heard, values, words), _is_named(others, text)
    if not cued and (others_told or heard is not _newest(earlier)):
        return None
    novelty = len(others_told) - _names_slot(words, new, others_told)
    ids = {each for value in old for each in value.ids}
    echoed = any(
        ids <= one.all_ids() or others in one.text[1]
        for one in earlier.heard
        if not one.by_user and heard.at < one.at <= heard.at + 3 and len(one.words) <= _SHORT
    )
    was_given = earlier.was_given(ids)
    evidence = max(kinds, frame, slot, 1.5 * (echoed and not novelty), 1.5 * was_given)
    least = 3.0 if novelty > 1 else 1.5 if novelty or at - heard.at > _NEAR else 0.0
    if family(new[0]) == WORD and not named and evidence < least:
        return None
    score = kinds + frame + slot + 3.0 * named - 0.4 * novelty - 0.15 * max(0, at - heard.at - 2)
    score += 0.5 * (old[-1] is _last(heard)) + 0.7 * (old[0].kind != WORD) + _of_place(heard, earlier)
    score += 0.3 * (len(new) == len(old)) + 0.3 * _ends_run(heard, old) + 0.7 * (mine[0] >= "\u3000" and len(mine) == len(others))
    return score + 1.5 * was_given + echoed


def _newest(earlier: Earlier) -> Heard | None:
    return next((one for one in reversed(earlier.heard) if one.by_user), None)


def _of_place(heard: Heard, earlier: Earlier) -> float:
    """What was said last is revised first, and what was only asked last."""
    if heard is _newest(earlier):
        return -1.0 if heard.asks else 0.3 if heard.asks_for_facts() else 1.0
    return -1.5 if heard.asks or heard.asks_for_facts() else 0.0


def _beside(new: Run, heard: Heard, values: list[Value], words: list[Token]) -> list[Value]:
    """What the message tells beside the new value: what is about something else revises nothing."""
    known = heard.all_ids()
    return [
        value
        for value in content(values)
        if not new[0].start <= value.start < new[-1].end
        and known.isdisjoint(value.ids)
        and not _NOISE.issuperset(value.ids)
        and not _reports(words, value)
    ][:_MANY]


def _names_slot(words: list[Token], new: Run, others: list[Value]) -> bool:
    """Whether one of the others leads to the new value, as the name of its slot does: "the branch to develop"."""
    before = [value for value in others if value.end <= new[0].start][-1:]
    between = [word for word in words if before and before[0].end <= word.start < new[0].start]
    return bool(before) and all(not word.is_word or word.low in _INTRODUCES or word.low in _NOISE for word in between)


def _reports(words: list[Token], value: Value) -> bool:
    """Whether a value is who says something."""
    after = next((word.low for word in words if word.start >= value.end), "")
    return after in _REPORTS


def _ends_run(heard: Heard, old: Run) -> bool:
    return not any(value.start - old[-1].end == 1 for value in content(heard.values))


def _last(heard: Heard) -> Value | None:
    told = content(heard.values)
    return told[-1] if told else None


def _is_named(old: str, text: str) -> bool:
    """Whether the message names the old value, too."""
    return re.search(rf"(?<![a-z0-9]){re.escape(old.casefold())}(?![a-z0-9])", text.casefold()) is not None


def _of_kinds(text: str, words: list[Token], new: Run, heard: Heard, old: Run) -> float:
    one, other = new[-1], old[-1]
    mine, others = text[new[0].start : new[-1].end], heard.text[1][old[0].start : old[-1].end]
    if family(one) != WORD:
        return 1.5 if one.kind == NUMBER and not (contrast.unit(one) and contrast.same_unit(one, other)) else 3.0
    if any(of_one_set(mine, other) for mine in new):
        return 4.0
    if len(mine) == len(others) and _WHERE.fullmatch(heard.text[1][old[0].start - 1 : old[0].start]):
        return 1.5
    shaped = _is_identifier(text, new), _is_identifier(heard.text[1], old)
    score = 1.5 if all(shaped) else 0.0
    if one.kind == NAME == other.kind:
        score += 1.5
    elif NAME in {one.kind, other.kind} and not all(shaped):
        score += 0.7 if not any(word.text[0].isupper() for word in words) else -0.5
    return score


def _of_frame(words: list[Token], new: Run, heard: Heard, old: Run) -> float:
    """What both stand between."""
    mine, theirs = _left(words, new[0].start), _left(heard.words, old[0].start)
    score = 0.0
    for one, other in zip(reversed(mine), reversed(theirs), strict=False):
        if one != other:
            break
        score += 1.0
    return min(score, 3.0) + min(0.5 * len(set(mine[:-1]) & set(theirs[:-1])), 1.5)


def _left(words: list[Token], start: int) -> list[str]:
    """The words of the clause before a place."""
    out: list[str] = []
    for word in words:
        if word.start >= start:
            break
        if word.is_word:
            out.append("a" if word.low in ARTICLES else word.low)
        elif word.text in CLAUSE_ENDS or word.text in ",:，、：(":
            out.clear()
    return out


def _of_slot(words: list[Token], new: Run, heard: Heard, old: Run, earlier: Earlier) -> float:
    """Whether the message names what the old value is: the word beside it, or the argument that it was."""
    spans = {(value.start, value.end) for value in new}
    names = {
        word.low.removesuffix("s")
        for word in words
        if word.is_word and word.low not in STOP and (word.start, word.end) not in spans
    }
    if not names:
        return 0.0
    ids = {each for value in old for each in value.ids}
    if earlier.was_given(ids, names):
        return 4.0
    before = [word for word in heard.words if word.end <= old[0].start and word.is_word][-1:]
    after = [word for word in heard.words if word.start >= old[-1].end and word.is_word][:1]
    return 3.0 if any(word.low.removesuffix("s") in names and word.low not in _NOISE for word in before + after) else 0.0
