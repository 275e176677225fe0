"""Characters as people see them: where a text may be cut, and how wide it stands in a fixed font.

Invariant: no cut is allowed inside a grapheme cluster (Unicode's annex 29), such as an emoji of several people, a flag, or a letter
with its accents; now and then one between two clusters is not allowed either.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_EXTENDING = "\u200c\u200d\uff9e\uff9f\u0e33\u0eb3"  # not marks by their category
_PREPENDED = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd"
_VIRAMA = 9  # its combining class


def is_boundary(text: str, at: int) -> bool:
    """Whether a text may be cut before its character `at`."""
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return before + after != "\r\n"
    if _extends(after) or before == _JOINER or before in _PREPENDED:
        return False
    if _is_flag(before) and _is_flag(after):
        return _flags_before(text, at) % 2 == 0
    return not (_is_conjunct(text, at) or _is_syllable(before, after))


def boundary(text: str, start: int, end: int) -> int:
    """The last place up to `end` where a text may be cut; `end` itself if there is none behind `start`."""
    for at in range(end, start, -1):
        if is_boundary(text, at):
            return at
    return end


def width(text: str) -> int:
    """Columns in a fixed font."""
    columns = widest = 0
    for at, character in enumerate(text):
        if is_boundary(text, at):
            columns, widest = columns + widest, 0
        widest = max(widest, _columns(character))
    return columns + widest


def _columns(character: str) -> int:
    if character == "\ufe0f" or _is_flag(character):  # shown as an emoji
        return 2
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _extends(character: str) -> bool:
    if unicodedata.category(character) in ("Mn", "Me", "Mc"):
        return True
    return character in _EXTENDING or "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    first = at
    while first > 0 and _is_flag(text[first - 1]):
        first -= 1
    return at - first


def _is_conjunct(text: str, at: int) -> bool:
    """Whether a virama binds a letter to the one before it."""
    last = at - 1
    while last >= 0 and _extends(text[last]):
        if unicodedata.combining(text[last]) == _VIRAMA:
            return text[at].isalpha()
        last -= 1
    return False


def _is_syllable(before: str, after: str) -> bool:
    """Whether they are pieces of one Hangul syllable."""
    if "\u1160" <= after <= "\u11ff" or "\ud7b0" <= after <= "\ud7ff":
        return True
    leads = "\u1100" <= before <= "\u115f" or "\ua960" <= before <= "\ua97c"
    return leads and ("\u1100" <= after <= "\u115f" or "\ua960" <= after <= "\ua97c" or "\uac00" <= after <= "\ud7a3")
