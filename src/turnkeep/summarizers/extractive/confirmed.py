"""What the assistant's next words and calls say of a correction: "Deploying to production", where it said "Deploying to staging".

Who is told something new says it back, or calls a tool with it. Where the same words, or the same argument, held something else
before, that gave way, whatever words the user had for it.

Invariant: only what the user said gives way to what he said later, and only if the later message tells nothing else: who asks for
a second thing in the same words takes nothing back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from turnkeep.summarizers.extractive import calls, contrast, cues, frames, subjects
from turnkeep.summarizers.extractive.context import Context
from turnkeep.summarizers.extractive.earlier import Slots
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.reading import Call
from turnkeep.summarizers.extractive.records import ARGUMENT, PLACE
from turnkeep.summarizers.extractive.values import WORD, Value
from turnkeep.summarizers.extractive.words import Token, plain

_SOON = 4  # messages
_ECHOED = 3  # messages after which something is said back
_MARKS = frozenset("+*/=<>{}")  # of what is computed, not told
_LONGEST = 24  # words of a message that puts one thing right
_SHORT = 18  # characters of one without spaces


def told(text: str, words: list[Token], context: Context) -> Slots:
    """What gives way when the assistant says the newest words of the user where it said others before."""
    newest = _newest(context)
    if newest is None or context.at - newest.at > _ECHOED:
        return set()
    for before in reversed(context.earlier.heard):
        if before.by_user or before.at > newest.at:
            continue
        swap = frames.swap(before.text[1], before.words, text, words)
        if swap is None:
            continue
        old, new = before.text[1][slice(*swap.old)], text[slice(*swap.new)]
        if found := _gives_way(old, new, newest, before.at, context):
            return found | {(PLACE, f"{context.at - before.at}:{swap.old[0]}")}
    return set()


def _gives_way(old: str, new: str, newest: Heard, before: int, context: Context) -> Slots:
    """The marks on what the user said, if he said `old` and then `new`, and nothing else with it."""
    if not _says(newest, new) or not _tells_only(newest, new, old):
        return set()
    for heard in reversed(context.earlier.heard):
        if not heard.by_user or heard.at >= before or (place := _place(heard, old)) is None or _says(heard, new):
            continue
        context.corrected = newest.at
        value = Value(*place, WORD, _ids(heard, place))
        return set(context.earlier.changed(context.at, heard, [value], new))
    return set()


def _newest(context: Context) -> Heard | None:
    return next((one for one in reversed(context.earlier.heard) if one.by_user), None)


def _says(heard: Heard, said: str) -> bool:
    return _place(heard, said) is not None


def _place(heard: Heard, said: str) -> tuple[int, int] | None:
    """Where a message says something, as whole words of a script with spaces."""
    text, said = heard.text[1].casefold(), said.casefold()
    if said not in text or len(text) != len(heard.text[1]):
        return None
    edge = r"(?<![^\W_])" if said[:1] < "\u3000" else "", r"(?![^\W_])" if said[-1:] < "\u3000" else ""
    match = re.search(edge[0] + re.escape(said) + edge[1], text)
    return match.span() if match else None


def _ids(heard: Heard, place: tuple[int, int]) -> tuple[str, ...]:
    inside = [value for value in heard.values if place[0] <= value.start and value.end <= place[1]]
    return tuple(each for value in inside for each in value.ids) or (plain(heard.text[1][slice(*place)].casefold()),)


def _tells_only(heard: Heard, new: str, old: str) -> bool:
    """Whether a message has beside a new value, and the old one, only words about what was said, or names what it is about."""
    text = heard.text[1]
    known = [place for said in (new, old) if (place := _place(heard, said)) is not None]
    if text[:1] >= "\u3000":
        rest = len(text) - sum(end - start for start, end in known)
        return rest <= _SHORT or bool(cues.meanings([], text) & (cues.CUES | cues.SAYS))
    inside = [value for value in heard.values if any(start < value.end and value.start < end for start, end in known)]
    return tells_only(heard, [each for value in inside for each in value.ids])


def tells_only(heard: Heard, *known: Sequence[str]) -> bool:
    """Whether a message has beside the words `known` only words about what was said, or names what it is about."""
    words, ids = heard.words, {each for some in known for each in some}
    if len(words) > _LONGEST or contrast.is_adding(words):
        return False
    if cues.meanings([word.low for word in words], heard.text[1]) & cues.CUES:
        return True
    told = [value for value in contrast.content(heard.values) if ids.isdisjoint(value.ids) and not subjects.is_talk(value)]
    return all(subjects.is_subject(words, run) for run in contrast.runs(told))


def restated(words: list[Token], values: list[Value], context: Context) -> Slots:
    """What the assistant said before a correction where it now says the new value: "on the kitchen speaker", "on the TV"."""
    heard = context.earlier.heard
    if context.at - context.corrected > 2 or len(heard) < 2:
        return set()
    before = next((one for one in reversed(heard) if not one.by_user and one.at < context.corrected), None)
    new = {contrast.key(value) for one in heard if one.at == context.corrected for value in one.values}
    if before is None or not new:
        return set()
    return context.earlier.gone(context.at, contrast.swapped(before.words, before.values, words, values, new))


def called(call: Call, said: date | None, context: Context) -> Slots:
    """What a tool was given before, if it is called again with something else after a correction."""
    given = dict(calls.pairs(call.arguments))
    before = context.calls.get(call.name)
    context.calls[call.name] = given
    values = [value for text in given.values() for value in context.worth(text, said)[1]]
    context.earlier.tools = True
    for key, text in given.items():
        context.earlier.give(key, text, context.worth(text, said)[0])
    context.earlier.take(values)
    gone = context.earlier.settled(context.at, values)
    if before is None:
        return gone
    changed = [key for key, value in given.items() if before.get(key, value) != value]
    if len(changed) != 1 or not _MARKS.isdisjoint(before[changed[0]]):
        return gone
    name, old = changed[0], before[changed[0]]
    words = calls.in_words(name, old, context.surfaces, context.at)
    if context.at - context.corrected > _SOON:
        new = calls.in_words(name, given[name], context.surfaces, context.at)
        newest = _newest(context)
        if newest is None or context.at - newest.at > _ECHOED:
            return gone
        return gone | _gives_way(words, new, newest, newest.at, context)
    gone |= {(ARGUMENT, f"{name}={old}"), (ARGUMENT, f"{name}={words}")}
    for text in {old, words}:
        _, values = calls.value_weights(text, said)
        gone |= context.earlier.count(context.at, values) if text.isdigit() else context.earlier.gone(context.at, values)
    return gone
