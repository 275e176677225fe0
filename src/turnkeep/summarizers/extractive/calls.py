"""Tool calls as pairs: arguments in the user's own words, and what of a result the assistant passed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias

from turnkeep.summarizers.extractive.dates import DATE_WORDS
from turnkeep.summarizers.extractive.lexicon import tokens
from turnkeep.summarizers.extractive.surfaces import Surfaces
from turnkeep.summarizers.extractive.values import DATE, TIME, Value, find
from turnkeep.summarizers.extractive.words import NUMBERS, STOP

_LONGEST = 80  # characters of a value
_DEEPEST = 4
_NOT_PLAIN = STOP | frozenset(NUMBERS) | DATE_WORDS
_MOST = 24  # pairs of one call or result
_SHORT, _REMEMBERED = 24, 1024  # characters of a value; values
ARGUMENT_WEIGHT = 1.25


def pairs(arguments: Any, depth: int = 0, key: str = "") -> Iterator[tuple[str, str]]:
    """All `key, value` of nested JSON whose values are short; lists of scalars are one value each."""
    if isinstance(arguments, list) and _is_one_number(arguments):
        yield key, " ".join(map(str, arguments))
    elif isinstance(arguments, dict | list):
        if depth < _DEEPEST:
            named = arguments.items() if isinstance(arguments, dict) else ((key, value) for value in arguments[:_MOST])
            for name, value in named:
                if type(value) is str and name:  # most are: no generator for each
                    text = value.strip()
                    if 0 < len(text) <= _LONGEST and "\n" not in text and "[" not in text:
                        yield name, text
                else:
                    yield from pairs(value, depth + 1, str(name))
    elif arguments is not None and key:
        text = str(arguments).strip() if not isinstance(arguments, bool) else str(arguments).lower()
        if 0 < len(text) <= _LONGEST and "\n" not in text and "[" not in text:
            yield key, text


Worth: TypeAlias = tuple[dict[str, float], list[Value]]
_known: dict[str, Worth] = {}  # what the same few short values are worth in all sessions: true, 2, San Jose


def value_weights(text: str, said: date | None = None) -> Worth:
    """What the words of an argument are worth, by id. The result is shared: it is not to be changed."""
    known = _known.get(text)
    if known is not None:
        return known
    worth = _worth(text, said)
    if len(text) <= _SHORT and not any(value.kind == DATE for value in worth[1]):
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[text] = worth
    return worth


def _worth(text: str, said: date | None) -> Worth:
    if text.isascii() and text.isalpha() and text.islower() and text not in _NOT_PLAIN:
        return {text: ARGUMENT_WEIGHT}, []
    values = find(text, tokens(text), said)
    ids = [each for value in values for each in value.ids[:1] if value.kind in {DATE, TIME}]
    ids += [each for value in values if value.kind not in {DATE, TIME} for each in value.ids]
    share = ARGUMENT_WEIGHT * (1 + 0.3 * (len(ids) - 1)) / len(ids) if ids else 0.0
    return dict.fromkeys(ids, round(min(share, ARGUMENT_WEIGHT), 3)), values


def in_words(key: str, value: str, surfaces: Surfaces, at: int) -> str:
    """An argument in the words in which the user, or else the assistant, gave it."""
    return surfaces.lookup(key, value, at) or value


def told(result: Any, said: str, arguments: set[str]) -> Iterator[tuple[str, str]]:
    """What of a result the assistant passed on (`said`: its words, folded), or what names it (a reference, a number to come back with)."""
    single = isinstance(result, Mapping) or (isinstance(result, list) and len(result) == 1)
    seen = set(arguments)
    for count, (key, value) in enumerate(pairs(result)):
        if count > 60 or len(seen) > len(arguments) + 6:
            return
        low = value.casefold()
        if low in seen or value in {"true", "false", "True", "False", "None"}:
            continue
        if low in said or (single and _is_reference(value)):
            seen.add(low)
            yield key, value


def _is_one_number(groups: list[Any]) -> bool:
    """Whether a list is a number in groups, as those of a card: apart they would pass for any number."""
    return 3 <= len(groups) <= 5 and all(
        isinstance(each, str | int) and 3 <= len(str(each)) <= 6 and str(each).isdigit() for each in groups
    )


def _is_reference(value: str) -> bool:
    letters = any(char.isalpha() for char in value)
    return len(value) <= 20 and letters and any(char.isdigit() for char in value) and " " not in value and "T" not in value[10:11]
