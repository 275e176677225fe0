"""A user's message read as a correction: what of itself it takes back, what of the talk before it, which offers it leaves.

Invariant: a replacement has a reason: a word of correcting in the same sentence, or a bare value that answers no question but
contradicts what the assistant just said. What only adds replaces nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from turnkeep.summarizers.extractive import contrast, cues, replies
from turnkeep.summarizers.extractive.contrast import content, family
from turnkeep.summarizers.extractive.earlier import Earlier, Slots, slots
from turnkeep.summarizers.extractive.heard import HELPING, Heard
from turnkeep.summarizers.extractive.values import WORD, Value
from turnkeep.summarizers.extractive.words import ASKING, NO, OTHER, YES, Token, listed

_ENDS = frozenset(".!?\n。！？")
_LONG = 28  # words of a message that is about many things
_SHORT = 12  # words of a message that is about one thing
_BARE = 9  # words of a message that only brings a value
_BETTER = listed("others elsewhere nicer cheaper closer alternatives alternative skip pass expensive anyone")
_ELSE = (OTHER - {"more", "options"}) | _BETTER
_RATHER = listed("prefer rather lieber mejor prefiero plutôt préfère préférerais meglio preferisco prefiro")
_NEXT = listed("next better no")
_MODAL = frozenset({"can", "could", "may", "might", "would"})
_LEAVES = listed("bye goodbye good-bye much bother alright tschüss adiós")
_SET = listed("it that this")
_THANKS = listed("thank thanks bye goodbye danke tschüss gracias adiós merci grazie obrigado ありがとう 谢谢 appreciate welcome")
_TERSE = 6  # words of a message that only names what is right
_PAIR = 2  # words and marks
_ONE = 2  # plain words that a bare answer may have


class Change(NamedTuple):
    """What a message takes back: words and values of its own that stay, and slots of the talk before it."""

    words: list[Token]
    values: list[Value]
    gone: Slots
    cued: bool  # it corrects something
    empty: bool  # it says that something is wrong, and not yet what is right
    mended: bool = False  # it takes back what it said first itself


def read(
    at: int,
    text: str,
    words: list[Token],
    values: list[Value],
    earlier: Earlier,
    *,
    denied: bool,
    starred: bool,
    likely: Sequence[Value],
) -> Change:
    """`denied`: the user's last message said that something was wrong, and not what. `starred`: it begins as "*Lisbon" does.

    `likely`: what it revises by all signs together.
    """
    last = earlier.newest
    mended = bool(words) and contrast.is_mended(words, starred=starred, asked=last is not None and last.asks)
    any_cue = mended or replies.corrects([word.low for word in words[:40]], text)
    count = sum(word.is_word for word in words)
    if not any_cue and not denied and (count > _BARE or not values) and not _could_contrast(words, text):
        return Change(words, values, set(), False, False)
    put_aside = contrast.dead(text, words, values, earlier.known)
    if likely and not any(
        family(value) != WORD or not earlier.known(value) or contrast.among(value, likely) for value in put_aside
    ):
        put_aside = []  # words that both messages say: what they say of them differs
    broken = any(not earlier.known(value) for value in put_aside)
    gone = earlier.gone(at, put_aside)
    if put_aside:
        words, values = contrast.without(words, values, put_aside)
    cued = False
    told = [] if not any_cue and not denied and count > _BARE else content(values)
    told = [value for value in told if not contrast.is_pronoun(value, words)]
    if any_cue and not told and not put_aside and count <= _TERSE and (only := contrast.everyday(values)):
        gone |= earlier.reworded(at, only)
        cued = bool(gone)
    values = [value for value in values if not contrast.is_pronoun(value, words)] if told else values
    if told and not put_aside and count <= _LONG and not takes_leave(words, told) and not _asks_about(words, told):
        for mine, said in _sentences(words, values, text, denied=denied or mended):
            # a sum of money in a long message is mostly another one
            scope = said if count <= _SHORT else [value for value in said if value.unit != "money"]
            if scope and (scope_cued := mine or (count <= _BARE and _contradicts(words, told, earlier))):
                cued = cued or scope_cued
                gone |= earlier.replaced(
                    at, scope, words, single=len(content(scope)) == len(told) and count <= _SHORT + 2, likely=likely
                )
    stay = {each for value in values for each in slots(value)}
    empty = any_cue and not told and count <= _SHORT
    return Change(words, values, gone - stay, cued or bool(put_aside), empty, broken)


def _could_contrast(words: list[Token], text: str) -> bool:
    return not text.isascii() or not contrast.CONTRASTS.isdisjoint([word.low for word in words])


def _asks_about(words: list[Token], told: list[Value]) -> bool:
    """Whether a message of mere words asks for something: it states nothing that could replace anything."""
    asks = words[-1].text in "?？" or words[0].low in ASKING
    return asks and all(value.kind == WORD for value in told) and not _asks_to_set(words) and words[0].low not in _MODAL


def takes_leave(words: list[Token], told: list[Value]) -> bool:
    """Whether a message only thanks, or says that this is all."""
    lows = [word.low for word in words]
    if "all" in lows and not {"that's", "that", "is", "be"}.isdisjoint(lows[: lows.index("all")]) and "after" not in lows:
        return True
    return not _THANKS.isdisjoint(lows) and all(family(value) == WORD for value in told)


def _sentences(words: list[Token], values: list[Value], text: str, *, denied: bool) -> list[tuple[bool, list[Value]]]:
    """The values of each sentence, and whether a word of correcting is in it, or in a sentence beside it that says nothing else."""
    out: list[tuple[bool, list[Value]]] = []
    start, carried, bare = 0, denied, False
    for at, word in enumerate(words):
        last = at == len(words) - 1
        if not last and not (word.text in _ENDS and not any(value.start <= word.start < value.end for value in values)):
            continue
        part = words[start : at + 1]
        mine = [value for value in values if part[0].start <= value.start < part[-1].end]
        cue = replies.corrects([word.low for word in part], text[part[0].start : part[-1].end]) or _asks_to_set(part)
        if content(mine):
            adds = contrast.is_adding(part)
            out.append(((cue or carried) and not adds, mine))
            carried, bare = False, not adds
        else:
            carried = cue or carried
            if cue and bare and out:
                out[-1] = True, out[-1][1]
            bare = False
        start = at + 1
    return out


def _asks_to_set(words: list[Token]) -> bool:
    """ "Can it be 7?", "could we do Friday?"."""
    lows = [word.low for word in words[:3]]
    return lows[0] in _MODAL and not _SET.isdisjoint(lows) and len(words) <= _BARE


def _contradicts(words: list[Token], told: list[Value], earlier: Earlier) -> bool:
    """Whether a bare value answers no open question, but speaks against what the assistant just said."""
    last = earlier.newest
    if last is None or last.wants or contrast.is_adding(words) or _asks(words):
        return False
    strong = [value for value in told if family(value) != WORD]
    if strong:
        rivals = [value for value in last.values if contrast.alike(strong[0], value)]
        if not _is_bare(words, told, strong, last):  # then only what counts the same: "they raised it to 1,350 euros"
            rivals = [value for value in rivals if contrast.unit(value) and contrast.unit(value) == contrast.unit(strong[0])]
        return any(last.asks or earlier.said_by_user(value) for value in rivals)
    names = [value for value in told if value.kind != WORD]
    rivals = [value for value in last.values if value.kind != WORD and contrast.alike(told[0], value)]
    if len(names) == 1:
        mine = [value for value in rivals if value.kind == names[0].kind and (last.asks or earlier.said_by_user(value))]
        return bool(mine) and replies.answer(words) != replies.ACCEPTS
    if names or len(told) > _ONE or sum(word.is_word for word in words) > _ONE + 2 or replies.answer(words) != replies.NEITHER:
        return False
    return last.at == earlier.echo and any(earlier.said_by_user(value) for value in content(last.values))


def _is_bare(words: list[Token], told: list[Value], strong: list[Value], last: Heard) -> bool:
    """Whether values of one kind are all that a message, or a clause of it, tells."""
    if len({family(value) for value in strong}) > 1:
        return False
    return not _tells_more(told, last) or (len(strong) == 1 and len(words) > _PAIR and contrast.is_alone(words, strong[0]))


def _tells_more(told: list[Value], last: Heard) -> bool:
    """Whether a message has words of its own that the assistant did not just say: "the bus was late again today"."""
    return any(value.kind == WORD and not cues.meaning(value.ids[0]) and not last.tells(value) for value in told)


def _asks(words: list[Token]) -> bool:
    if words[0].low.partition("'")[0] in ASKING:
        return True
    said = [word.text for word in words if word.is_word]
    return any(word.text in "?？" for word in words) or bool(said and said[-1].endswith(("か", "吗", "呢", "怎么样")))


def rejects(words: list[Token], answer: str, asked: list[str]) -> bool:
    """Whether the user turns down what the assistant named. `asked`: the assistant's question, folded."""
    lows = [word.low for word in words if word.is_word]
    if not lows or len(lows) > _SHORT + 4 or (lows[0] in YES - {"please"} and "but" not in lows and "another" not in lows):
        return False
    if not (_ELSE | _RATHER).isdisjoint(lows) or (len(lows) <= 4 and not _NEXT.isdisjoint(lows[1:])):
        return True
    if "all" in lows or not _LEAVES.isdisjoint(lows):
        return False
    return (answer == replies.REFUSES or lows[0] in NO) and HELPING.isdisjoint(asked)


def is_open(words: list[Token], answer: str) -> bool:
    """Whether a message leaves it to the assistant's next words if the offer stands: neither taken nor asked about."""
    return answer != replies.ACCEPTS and not any(word.text in "?？" for word in words) and sum(w.is_word for w in words) <= _SHORT


def wants(words: list[Token]) -> bool:
    """Whether the assistant asks for something that it does not name."""
    lows = {word.low for word in words}
    return not ASKING.isdisjoint(lows)
