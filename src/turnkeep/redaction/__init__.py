"""What must not be carried on in a summary: addresses, numbers and secrets, each replaced by a visible mark like `[mail address]`.

Invariants: the log is never touched, only a text made from it; a text that was redacted is not changed by being redacted again. The
work is linear in the text. Patterns find what has a form of its own; a secret that looks like any other word is found only where
somebody calls it a password, in words or by the key it stands under.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import NamedTuple, Protocol, TypeAlias

from turnkeep.errors import InvalidInput
from turnkeep.redaction.checks import (
    card_numbers,
    is_bank_account,
    is_card_number,
    is_phone_number,
    is_secret,
    looks_secret,
    names_secret,
)
from turnkeep.redaction.pairs import answer, asked, pair
from turnkeep.redaction.patterns import DEFAULT_PATTERNS, HINTS, NEEDS, Expressions

Check: TypeAlias = Callable[[str], bool]

CHECKS: Mapping[str, Check] = {"bank account": is_bank_account, "phone number": is_phone_number, "password": is_secret}
_TRAILING = ".,;:!?)…。、*`}]"
_DIGITS = re.compile(r"\d[^\d\n]{0,5}\d[^\d\n]{0,5}\d[^\d\n]{0,5}\d[^\d\n]{0,5}\d[^\d\n]{0,5}\d")
_NUMBERED = frozenset({"bank account", "card number", "phone number"})

__all__ = [
    "CHECKS",
    "DEFAULT_PATTERNS",
    "Redactor",
    "answer",
    "asked",
    "card_numbers",
    "is_card_number",
    "is_phone_number",
    "is_secret",
    "pair",
    "redactor",
]


class Redactor:
    """Replaces what its patterns find by the pattern's name in square brackets.

    `patterns` maps a name to a regular expression or several; where one has a group `secret`, only that is replaced. Those of the
    names in `CHECKS`, and card numbers, are verified beyond their form. Raises `InvalidInput` for an expression that does not compile
    or that matches the empty text, and for an empty name.
    """

    def __init__(self, patterns: Mapping[str, Expressions] | None = None) -> None:
        self._given = DEFAULT_PATTERNS if patterns is None else patterns
        for name, each in self._given.items():
            if each != DEFAULT_PATTERNS.get(name):
                _prepared(name, each)

    @cached_property
    def _steps(self) -> list[_Step]:
        """Compiled when a text first comes: the built-in patterns take 30 ms, which programs that redact nothing need not wait for."""
        return [_prepared(name, each) for name, each in self._given.items()]

    @cached_property
    def _unspared(self) -> list[_Step]:
        """Those that may find something in any text."""
        return [step for step in self._steps if not step.hints and not step.numbered]

    @cached_property
    def _hint(self) -> re.Pattern[str]:
        """One look for all hints: most texts hold none."""
        return re.compile("|".join(sorted(re.escape(hint) for step in self._steps for hint in step.hints)) or "(?!)")

    def redact(self, text: str) -> str:
        """The text with marks in the place of what was found."""
        return self._redacted(text, None)

    def found(self, text: str) -> list[str]:
        """What `redact` puts marks in the place of, as it stands in the text."""
        kept: list[str] = []
        self._redacted(text, kept)
        return kept

    def _redacted(self, text: str, kept: list[str] | None) -> str:
        low, digits, given = text.casefold(), _DIGITS.search(text) is not None, text
        hinted = self._hint.search(low) is not None
        for step in self._steps if hinted or digits else self._unspared:
            if (step.numbered and not digits) or (step.hints and not (hinted and _holds(low, step.hints))):
                continue
            replace = step.replace if kept is None else partial(step.replace, kept=kept)
            for pattern, needs in step.patterns:
                if not needs or text != given or not low.isascii() or _holds(low, needs):
                    text = pattern.sub(replace, text)
        return text


def _holds(low: str, hints: Iterable[str]) -> bool:
    return any(map(low.__contains__, hints))


def redactor(patterns: Mapping[str, str]) -> Redactor:
    """The built-in patterns with these beside them, or in their place; an empty one takes its namesake away."""
    return Redactor({name: each for name, each in {**DEFAULT_PATTERNS, **patterns}.items() if each})


class _Step(NamedTuple):
    """One name's expressions, each with what it needs; `numbered`: they find nothing in a text that has no number."""

    hints: tuple[str, ...]
    numbered: bool
    patterns: list[tuple[re.Pattern[str], tuple[str, ...]]]
    replace: _Replace


def _prepared(name: str, given: Expressions) -> _Step:
    numbered = name in _NUMBERED and given == DEFAULT_PATTERNS[name]
    several = [_compiled(name, one) for one in _several(given)]
    needs = NEEDS.get(name) if given == DEFAULT_PATTERNS.get(name) else None
    return _Step(_hints(name, given), numbered, list(zip(several, needs or [()] * len(several), strict=True)), _replacer(name))


def _several(given: Expressions) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _hints(name: str, given: Expressions) -> tuple[str, ...]:
    return HINTS.get(name, ()) if given == DEFAULT_PATTERNS.get(name) else ()


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    if not name.strip():
        raise InvalidInput(
            "redaction_patterns", f"the pattern {pattern!r} has no name: its name is the mark that is put in its place"
        )
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InvalidInput("redaction_patterns", f"the pattern {name!r} is no regular expression: {error}") from error
    if compiled.search("") is not None:
        raise InvalidInput("redaction_patterns", f"the pattern {name!r} matches the empty text, that is, everywhere")
    return compiled


class _Replace(Protocol):
    def __call__(self, match: re.Match[str], kept: list[str] | None = None) -> str: ...


def _replacer(name: str) -> _Replace:
    mark = f"[{name}]"
    find = card_numbers if name == "card number" else None
    check = CHECKS.get(name)

    def replace(match: re.Match[str], kept: list[str] | None = None) -> str:
        start, stop, group = _place(match)
        found = match.string[start:stop]
        if not _is_meant(match, group, found, check):
            return match[0]
        end = len(found.rstrip(_TRAILING)) if group in {"secret", "mixed"} else len(found)
        spans = [(0, end)]
        if find is not None:
            spans = [(0, len(found))] if "," in found and is_card_number(found) else list(find(found))
        if kept is not None:
            kept += [found[first:last] for first, last in spans]
        return "".join(_marked(match[0], start - match.start(), spans, mark))

    return replace


def _marked(text: str, shift: int, spans: Iterable[tuple[int, int]], mark: str) -> Iterator[str]:
    at = 0
    for start, end in spans:
        yield text[at : shift + start]
        yield mark
        at = shift + end
    yield text[at:]


def _place(match: re.Match[str]) -> tuple[int, int, str]:
    """Where what is to be replaced stands, and the name of its group."""
    for group, found in match.groupdict().items():
        if found is not None and group != "named":
            return *match.span(group), group.rstrip("0123456789")
    return *match.span(), ""


def _is_meant(match: re.Match[str], group: str, found: str, check: Check | None) -> bool:
    named = match.groupdict().get("named")
    if named is not None and not names_secret(named):
        return False
    if group == "mixed":
        return looks_secret(found)
    if group == "exact":
        return not found.startswith("[") and found.casefold() not in {"true", "false", "null", "none"}
    return check is None or check(found)
