"""What speaks for it that two values are about one thing: signs between an older one and a newer one, whatever the words.

Invariant: a sign is a pure function of both messages; none knows of the others, and what they come to is decided in `revisions`.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from turnkeep.summarizers.extractive import contrast, cues, subjects
from turnkeep.summarizers.extractive.contrast import content, family, of_one_set
from turnkeep.summarizers.extractive.earlier import Earlier
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.values import NAME, NUMBER, WORD, Value
from turnkeep.summarizers.extractive.words import ARTICLES, CLAUSE_ENDS, STOP, Token, listed

Run: TypeAlias = list[Value]
SHORT = 14  # words and marks of a message that says something back
_CHOSEN = listed("in with via by to as into onto is mit in aus per nach als en con de a à avec como su на в из إلى في")
_ROLES = listed("from to in at with by near von nach bei mit desde con à chez avec da")
_WHERE_TO = listed("to in at near nach bei à chez en a")
_PURPOSE = listed("for für pour para per voor для")
_BUT = listed("but sondern sino mais ma mas а но بل")
_IDENTIFIER = re.compile(r"\w[-_/.\d]\w|\d")
WHERE = re.compile(r"在|去|到|从|叫|给|飞|住")


def is_identifier(text: str, run: Run) -> bool:
    return _IDENTIFIER.search(text, run[0].start, run[-1].end) is not None


def is_echoed(heard: Heard, old: Run, earlier: Earlier) -> bool:
    """Whether the assistant said it back, in a few words."""
    ids, said = {each for value in old for each in value.ids}, heard.text[1][old[0].start : old[-1].end]
    return any(
        ids <= one.all_ids() or said in one.text[1]
        for one in earlier.heard
        if not one.by_user and heard.at < one.at <= heard.at + 3 and len(one.words) <= SHORT
    )


def of_shape(text: str, new: Run, heard: Heard, old: Run) -> float:
    mine, theirs = text[new[0].start : new[-1].end], heard.text[1][old[0].start : old[-1].end]
    score = 0.5 * (old[-1] is _last(heard)) + 0.7 * _is_named_thing(old, heard) + 0.3 * (len(new) == len(old))
    score += 0.3 * _ends_run(heard, old) + 0.4 * _is_whole(heard, old) - 1.5 * _opens(heard, old)
    score += 0.9 * (len(new) == 1 and heard.is_asked_for() and _is_first_of_two(heard, old))
    return score + 0.7 * (mine[0] >= "\u3000" and len(mine) == len(theirs))


def _is_first_of_two(heard: Heard, old: Run) -> bool:
    """ "A carrot cake": what kind of a thing, before the thing."""
    told = content(heard.values)
    follows = any(value.start - old[-1].end == 1 and value.kind == WORD for value in told)
    return len(old) == 1 and old[0].kind == WORD and follows and not any(old[0].start - value.end == 1 for value in told)


def _opens(heard: Heard, old: Run) -> bool:
    """Whether it begins a sentence that goes on: what is to be done, not with what."""
    return len(heard.words) > 2 and old[0].start == heard.words[0].start and old[-1].end < heard.words[-1].start


def stands_as_value(words: list[Token], old: Run) -> float:
    """ "The armchair in linen": what stands behind a preposition is chosen, what stands behind an article is what it is chosen for."""
    if family(old[0]) != WORD:
        return 0.0
    before = [word.low for word in words if word.end <= old[0].start][-2:]
    if not before:
        return 0.0
    if before[-1] == "to" and cues.meaning(before[0]) & cues.WISHES:
        return -1.5  # "I want to fly"
    if before[-1] in _PURPOSE or (before[-1] in subjects.DEFINITE and before[0] in _PURPOSE):
        return -0.9  # "a cake for the party"
    return 0.6 if before[-1] in _CHOSEN else -0.6 if before[-1] in subjects.DEFINITE or before[-1] in ARTICLES else 0.0


def _is_named_thing(old: Run, heard: Heard) -> bool:
    """A capital at the beginning of a sentence says nothing."""
    return old[0].kind != WORD and (old[0].kind != NAME or not _opens(heard, old))


def _ends_run(heard: Heard, old: Run) -> bool:
    return not any(value.start - old[-1].end == 1 for value in content(heard.values))


def _is_whole(heard: Heard, old: Run) -> bool:
    """Whether it is all that stands side by side."""
    begins = not any(old[0].start - value.end == 1 for value in content(heard.values))
    return begins and _ends_run(heard, old)


def _last(heard: Heard) -> Value | None:
    told = content(heard.values)
    return told[-1] if told else None


def is_named(old: str, text: str, new: Run) -> bool:
    """Whether the message names the old value, too, and not as what it goes on to speak of: "not the blue one", "I said Kilkenny"."""
    low, folded = old.casefold(), text.casefold()
    if low not in folded:  # and no expression is made for it
        return False
    for match in re.finditer(rf"(?<![a-z0-9]){re.escape(low)}(?![a-z0-9])", folded):
        beside = min(abs(match.start() - new[-1].end), abs(new[0].start - match.end())) <= 1
        before = text[: match.start()].casefold().split()
        led = (
            not before or not text.isascii() or not before[-1][-1].isalpha() or before[-1] in STOP or cues.meaning(before[-1]) > 0
        )
        if (
            led
            and not beside
            and (not before or before[-1] not in subjects.DEFINITE or "of" in before[-3:] or "not" in before[-3:])
        ):
            return True
    return False


def of_kinds(text: str, words: list[Token], new: Run, heard: Heard, old: Run) -> float:
    one, other = new[-1], old[-1]
    mine, others = text[new[0].start : new[-1].end], heard.text[1][old[0].start : old[-1].end]
    if family(one) != WORD:
        return 1.5 if one.kind == NUMBER and not (contrast.unit(one) and contrast.same_unit(one, other)) else 3.0
    if any(of_one_set(mine, other) for mine in new):
        return 4.0
    if len(mine) == len(others) and WHERE.fullmatch(heard.text[1][old[0].start - 1 : old[0].start]):
        return 1.5
    shaped = is_identifier(text, new), is_identifier(heard.text[1], old)
    score = 1.5 if all(shaped) else 0.0
    named = one.kind == NAME, other.kind == NAME and _is_named_thing(old, heard)
    if all(named):
        score += 1.5
    elif any(named) and not all(shaped):
        score += 0.7 if not any(word.text[0].isupper() for word in words) else -0.5
        name, where = (new, words) if named[0] else (old, heard.words)
        score -= 2.0 if name[0].start > where[0].start and words[0].text[0].isupper() else 0.0
    return score


def of_frame(words: list[Token], new: Run, heard: Heard, old: Run) -> float:
    """What both stand between."""
    mine, theirs = left(words, new[0].start), left(heard.words, old[0].start)
    score = 0.0
    for one, other in zip(reversed(mine), reversed(theirs), strict=False):
        if one != other:
            break
        score += 1.0
    return min(score, 3.0) + min(0.5 * len(set(mine[:-1]) & set(theirs[:-1])), 1.5)


def has_other_role(words: list[Token], new: Run, heard: Heard, old: Run) -> bool:
    """Whether they stand behind different prepositions: "to Mexico City", "with United Airlines"."""
    mine, theirs = left(words, new[0].start)[-1:], left(heard.words, old[0].start)[-1:]
    return {*mine, *theirs} <= _ROLES and {*mine} != {*theirs} and bool(mine and theirs) and not {*mine, *theirs} <= _WHERE_TO


def left(words: list[Token], start: int) -> list[str]:
    """The words of the clause before a place."""
    out: list[str] = []
    for word in words:
        if word.start >= start:
            break
        if word.is_word and word.low not in _BUT:
            out.append("a" if word.low in ARTICLES else word.low)
        elif word.is_word or word.text in CLAUSE_ENDS or word.text in ",:，、：(،":
            out.clear()
    return out


def of_slot(words: list[Token], new: Run, heard: Heard, old: Run, earlier: Earlier) -> float:
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
    return 3.0 if any(word.low.removesuffix("s") in names and not cues.meaning(word.low) for word in before + after) else 0.0
