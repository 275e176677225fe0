"""What a user's message is about and how it speaks of it: which of its words name a slot ("the colour"), which only talk of what was said.

Invariant: a word is judged by where it stands in its sentence, not by what the talk was about before.
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import TypeAlias

from turnkeep.summarizers.extractive import cues, replies
from turnkeep.summarizers.extractive.contrast import family
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.values import NAME, WORD, Value
from turnkeep.summarizers.extractive.words import NO, STOP, Token, listed

Run: TypeAlias = list[Value]
_ARTICLES = frozenset({"a", "an", "my"})
_SHORT = 14  # words and marks of a message that names a value behind a colon
_FEW = 4  # words
DEFINITE = listed(
    "the that this these those my our your his her their der die das den dem le la les l el los las il lo gli o os as"
    " unser unsere mein meine"
)
_COPULAS = listed("is are was should must needs has have will to : = … soll muss ist debe es doit est deve è должно должен هو")
OF_SLOT = listed(
    "for about regarding concerning under as bei für wegen pour de para en sobre con für насчёт بخصوص"
)  # before "the colour"


def meaning(words: list[Token], text: str, last: Heard | None) -> int:
    """What the message says of others, apart from what only answers the assistant's question."""
    lows = [word.low for word in words[:40] if word.is_word or word.text[0] >= "\u3000"]
    first = 1 if last is not None and last.offers_help() and lows[:1] and lows[0] in NO else 0
    found = cues.meanings(lows[first:], text)
    if len(lows) <= _SHORT and any(low in replies.PLAIN_DENIALS for low in lows):
        found |= cues.REPAIRS
    if last is not None and last.wants and not {"instead", "changed", "change"} & set(lows):
        found &= ~(cues.CHANGES | cues.SAYS)  # "which do you prefer?"
    if "?" in text or "？" in text or _asks_to_tell(lows):
        found &= ~cues.SAYS
    if len(lows) > _FEW:
        found &= ~cues.HESITATES  # "hmm, that is more than I expected"
    return found


def _asks_to_tell(lows: list[str]) -> bool:
    """ "Can you tell me": who says something is not the one who is asked to."""
    return (
        any(low in {"tell", "inform", "ask", "call", "message", "text", "mail", "email"} for low in lows[:4]) and "me" in lows[:6]
    )


def suggests(words: list[Token]) -> bool:
    """ "What about Lupo?"."""
    return any(one.low in {"what", "how"} and other.low == "about" for one, other in pairwise(words))


def is_talk(value: Value) -> bool:
    """Whether a value is only a word about what was said."""
    return value.kind == WORD and all(cues.meaning(each) for each in value.ids)


def ends_with_value(words: list[Token], told: list[Value]) -> bool:
    """Whether a few words lead to a last value behind a colon: "my bad: Graz"."""
    colon = next((word for word in words if word.text in ":："), None)
    if colon is None or not 2 < len(words) <= _SHORT or colon.start == words[0].start:
        return False
    after = [word for word in words if word.start > colon.start]
    inside = [value for value in told if value.start > colon.start]
    return bool(inside) and len(after) <= _FEW and inside[0].start <= after[min(1, len(after) - 1)].start


def trimmed(run: Run) -> Run:
    """A run without the words of correcting before it; nothing of one of such words alone."""
    if all(map(is_talk, run)):
        return []
    while is_talk(run[0]):
        run = run[1:]
    return run


def is_subject(words: list[Token], run: Run) -> bool:
    """Whether the message names something only to say what it is about: "for the colour", "the colour: red", "it is the right colour"."""
    if family(run[0]) != WORD or run[0].kind == NAME:
        return False
    lows = _before(words, run[0].start)
    after = list(islice((word.low for word in words if word.start >= run[-1].end and word.low not in _ARTICLES), 2))
    definite = bool(lows) and lows[-1] in DEFINITE
    ahead = lows[-2:-1] if definite else lows[-1:]
    begins = not ahead or not ahead[0][0].isalpha() or bool(cues.meaning(ahead[0]) & cues.CUES)
    if after and (after[0] in _COPULAS or after == ["-", ">"]):
        judged = len(after) > 1 and cues.meaning(after[1]) & (cues.REPAIRS | cues.CHANGES) and after[0] != "has"
        return (definite or begins) and not judged
    alone = not after or not after[0][0].isalpha() or bool(cues.meaning(after[0]))
    changed = bool(ahead) and bool(cues.meaning(ahead[0]) & (cues.CHANGES | cues.REPAIRS))
    return definite and (changed or (begins and alone) or (bool(ahead) and ahead[0] in OF_SLOT))


def _before(words: list[Token], start: int) -> list[str]:
    """The last two words before a place, without those that only carry the talk on."""
    lows = (word.low for word in reversed(words) if word.end <= start and not cues.meaning(word.low) & cues.FILLS)
    return list(islice(lows, 2))[::-1]


def is_told_of(words: list[Token], subject: list[Value], fresh: list[Value]) -> bool:
    """Whether a sentence only says something of its subject: "the heating is making noises"; not "the colour is red"."""
    between = [word for word in words if subject[-1].end <= word.start < fresh[0].start]
    return any(word.is_word and word.low not in STOP and not cues.meaning(word.low) for word in between)
