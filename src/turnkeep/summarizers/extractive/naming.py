"""Messages that give a value to something that they name: "use production as the environment", "the fabric must be linen".

Invariant: nothing else is told in such a message; whether there was another value before is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from turnkeep.summarizers.extractive import cues
from turnkeep.summarizers.extractive.contrast import family
from turnkeep.summarizers.extractive.subjects import DEFINITE, OF_SLOT
from turnkeep.summarizers.extractive.values import NAME, WORD, Value
from turnkeep.summarizers.extractive.words import SKIP, Token, listed

Run: TypeAlias = list[Value]
_LONGEST = 16  # words and marks
_PUTS = listed(
    "set put make use enter take note write have choose pick go switch change setz setze nimm nehmen trag mettez mets pon ponga"
)
_PUTS_AT = 4  # words before
_SETS = listed(": = must be should needs has read reads soll muss sein doit être debe ser deve должен") | {">"}
_TO = listed("to into auf in à por a на إلى 到")
_IS = listed("is are ist est es è is هو это")
_RIGHT = listed("right correct proper actual new richtige korrekte bonne correcte correcta giusta")
_LINKS = _SETS | _IS | _RIGHT | listed("be been being please pls now ok instead bitte jetzt favor")
_ASKS_FOR_FACTS = listed("what who why how when where which whose")


class Named(NamedTuple):
    """`subject` is what the message is about, `new` what it is to be."""

    subject: Run
    new: Run


def named(words: Sequence[Token], runs: Sequence[Run]) -> Named | None:
    """What a message names and sets, if it does nothing else. `runs`: of its values, without words about what was said."""
    if len(runs) != 2 or len(words) > _LONGEST or words[0].low in _ASKS_FOR_FACTS:
        return None
    one, other = runs
    before, between, after = _around(words, one, other)
    if not all(_says_nothing(word) for word in before + between + after):
        return None
    if any(cues.meaning(word.low) == cues.FILLS and word.low not in _LINKS for word in between if word.is_word):
        return None  # "the fridge should come on Monday"
    if _sets(before, between):
        about = one
    elif not _IS.isdisjoint(lows := [word.low for word in between]):
        about = other if not _RIGHT.isdisjoint(lows) else one if family(other[0]) != WORD else []
    else:
        about = other if "as" in lows and _puts(before) else one if _opens_with_slot(before) else []
    if not about or not _may_be_subject(about):
        return None
    return Named(about, other if about is one else one)


def _sets(before: list[Token], between: list[Token]) -> bool:
    """ "The fabric must be linen", "change the fabric to linen"."""
    lows = [word.low for word in between]
    changes = _puts(before) or any(cues.meaning(word.low) & (cues.CHANGES | cues.REPAIRS) for word in before)
    return not _SETS.isdisjoint(lows) or (changes and not _TO.isdisjoint(lows))


def _puts(before: list[Token]) -> bool:
    return any(word.low in _PUTS for word in before[:_PUTS_AT])


def _opens_with_slot(before: list[Token]) -> bool:
    """ "For the fabric, please use linen"."""
    lows = [word.low for word in before if word.low not in DEFINITE and not cues.meaning(word.low) & cues.FILLS]
    return bool(lows) and lows[-1] in OF_SLOT


def _says_nothing(word: Token) -> bool:
    return not word.is_word or word.role & SKIP > 0 or cues.meaning(word.low) > 0 or word.low in _RIGHT


def _may_be_subject(run: Run) -> bool:
    return family(run[0]) == WORD and run[0].kind != NAME


def _around(words: Sequence[Token], one: Run, other: Run) -> tuple[list[Token], list[Token], list[Token]]:
    before = [word for word in words if word.end <= one[0].start]
    between = [word for word in words if one[-1].end <= word.start and word.end <= other[0].start]
    return before, between, [word for word in words if word.start >= other[-1].end]
