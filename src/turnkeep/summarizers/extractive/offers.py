"""What the assistant offered, and what becomes of it: taken, turned down, or passed over for something else.

Invariant: an offer is what nobody but the assistant has named. It is let go when the user turns it down, and else only once the
assistant, or a call, goes on with another one.
"""

from __future__ import annotations

from turnkeep.summarizers.extractive import changes, confirmed, contrast, corrections, frames, replies, subjects
from turnkeep.summarizers.extractive.context import Context
from turnkeep.summarizers.extractive.earlier import NAMES, Slots
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.records import PLACE
from turnkeep.summarizers.extractive.values import WORD, Value
from turnkeep.summarizers.extractive.words import Token

CHOOSING = 16  # words and marks of a message that only says which
_FEW = 8  # words that an offer may have more
_SOON = 4  # messages
_PAIR = 2  # words and marks


def named(context: Context) -> list[Value]:
    """Names that the assistant just brought up in a few words."""
    told = context.earlier.newest
    if told is None or len(told.words) > CHOOSING + _FEW:
        return []
    inside = {word.end + 1 for word in told.words if word.is_word}  # where a capital says something
    offered = context.earlier.offered()
    return [value for value in offered if value.kind in NAMES and (told.asks or value.start in inside)]


def left_aside(words: list[Token], values: list[Value], answer: str, corrected: Slots, context: Context) -> Slots:
    """What the assistant offered and the user does not take: other alternatives, or all that it named."""
    earlier = context.earlier
    gone: Slots = set()
    offered = earlier.offered()
    if answer == replies.ACCEPTS:
        told = earlier.newest
        if told is not None and told.asks and not told.wants and not contrast.content(values):
            context.agreed = context.at
        earlier.take(offered)
    elif offered and not corrected:
        gone = _turned_down(words, values, answer, offered, context)
    chooses = answer != replies.REFUSES and not any(word.text in "?？" for word in words)
    if len(words) <= CHOOSING and (others := earlier.not_taken(values, chooses=chooses)):
        gone |= earlier.gone(context.at, others) | earlier.around(context.at, others)
    return gone


def _turned_down(words: list[Token], values: list[Value], answer: str, offered: list[Value], context: Context) -> Slots:
    """What is gone of an offer that the user does not take; else it is kept in mind until it shows what comes in its place."""
    earlier = context.earlier
    names_it = any(earlier.same_name(value, offered) for value in values)
    if names_it and _ends_with_another(words, values, offered):
        again = [value for value in values if any(not set(value.ids).isdisjoint(other.ids) for other in offered)]
        return earlier.gone(context.at, offered) | {changes.place(0, value.start, value.end, "") for value in again}
    if not names_it and not context.is_talk and corrections.rejects(words, answer, context.asked):
        return earlier.gone(context.at, offered)
    if names_it or corrections.is_open(words, answer):
        context.left = context.at, offered
    return set()


def _ends_with_another(words: list[Token], values: list[Value], offered: list[Value]) -> bool:
    """Whether a message names an offer, and then something else of its kind in a sentence of its own: "Lupo? No way. Sino." """
    ends = [word.start for word in words[:-1] if word.text in ".!?。！？"]
    if not ends or len(words) > CHOOSING + _FEW:
        return False
    last = [value for value in contrast.content(values) if value.start > ends[-1]]
    alike = any(contrast.alike(last[0], other) for other in offered) if last else False
    known = {each for value in offered for each in value.ids}
    rest = [word for word in words if word.is_word and word.start > ends[-1]]
    return alike and len(contrast.runs(last)) == 1 and known.isdisjoint(last[0].ids) and len(rest) <= len(last) + _PAIR


def overtaken(values: list[Value], context: Context) -> Slots:
    """The names on offer that the user did not take, once the assistant, or a call, brings up others."""
    at, left = context.left
    earlier = context.earlier
    user = next((one for one in reversed(earlier.heard) if one.at == at), None)
    if context.at - at > _SOON or not left or user is None:
        context.left = -9, []
        return set()
    if any(earlier.same_name(value, left) for value in values):
        context.left = -9, []
        return set()
    if not _names_another(user, values, left):
        names_it = any(earlier.same_name(value, left) for value in user.values)
        kinds = NAMES | {value.kind for value in left}
        if names_it or _turns_away(user.values) or all(earlier.known(value) for value in values if value.kind in kinds):
            return set()
    context.left = -9, []
    return earlier.gone(context.at, left)


def _names_another(user: Heard, values: list[Value], left: list[Value]) -> bool:
    """Whether the user himself named what comes in the place of the offer, and nothing else."""
    ids = user.all_ids()
    return any(
        set(value.ids) <= ids and confirmed.tells_only(user, value.ids, [each for other in left for each in other.ids])
        for value in values
        if value.kind in NAMES or any(value.kind == other.kind for other in left)
    )


def _turns_away(values: list[Value]) -> bool:
    """Whether a message goes on to something else."""
    told = contrast.content(values)
    return bool(told) and all(value.kind == WORD for value in told) and not all(map(subjects.is_talk, told))


def _says_nothing(user: Heard) -> bool:
    """ "Meh": a word that is no name, or words about what was said."""
    told = contrast.content(user.values)
    if not told or (len(told) == 1 and told[0].kind == WORD and len(user.words) <= _PAIR and not user.asks):
        return True
    return confirmed.tells_only(user)


def passed_over(text: str, words: list[Token], context: Context) -> Slots:
    """What the assistant offered before, if it now offers something else in the same words, and the user turned that down."""
    user = next((one for one in reversed(context.earlier.heard) if one.by_user), None)
    if user is None or context.at - user.at > 1:
        return set()
    before = next((one for one in reversed(context.earlier.heard) if not one.by_user and one.at < user.at), None)
    swap = frames.swap(before.text[1], before.words, text, words) if before is not None and user.at - before.at == 1 else None
    if before is None or swap is None or not (context.refused or _says_nothing(user)):
        return set()
    places = {swap.old[0]} | {value.start for value in before.values if swap.old[0] <= value.start < swap.old[1]}
    return {(PLACE, f"{context.at - before.at}:{start}") for start in places}
