"""Marks of layout in a text: a fragment holds both marks of a pair or none, and neither begins nor ends with one.

Invariant: a fragment is only ever cut at a mark, never written anew.
"""

from __future__ import annotations

import re
from typing import TypeAlias

_MARK = re.compile(r"\*+|__+|`+|\||\n")
_EDGE_BEFORE = " \t,;:.)-\u2013\u2014\u2022\u00b7"
_EDGE_AFTER = " \t,;:(-\u2013\u2014\u2022\u00b7"
Mark: TypeAlias = tuple[int, int, int]  # where it begins and ends, where its other half begins (-1: it has none)


def marks(text: str) -> list[Mark]:
    """The marks of a text, in order."""
    found: list[Mark] = []
    opened: dict[str, int] = {}
    for match in _MARK.finditer(text):
        mark, (start, end) = match[0], match.span()
        if mark == "\n":
            opened.clear()
        elif mark == "|" or not (_is_plain(text[start - 1 : start]) and _is_plain(text[end : end + 1])):  # "2*3", "a__b"
            other = opened.pop(mark, None) if mark != "|" else None
            if other is not None:
                found[other] = (*found[other][:2], start)
            elif mark != "|":
                opened[mark] = len(found)
            found.append((start, end, found[other][0] if other is not None else -1))
    return found


def _is_plain(char: str) -> bool:
    return char.isascii() and char.isalnum()


def apart(text: str, start: int, end: int, found: list[Mark]) -> list[tuple[int, int]]:
    """The slice, or what is left of it between the marks that may not stand in it."""
    cuts = [mark for mark in found if mark[0] < end and mark[1] > start]
    if not cuts:
        return [(start, end)]
    parts = []
    at = start
    for first, last, other in cuts:
        if not start <= other < end or first <= start or last >= end:
            parts.append((at, first))
            at = last
    if at == start:
        return [(start, end)]
    parts.append((at, end))
    out: list[tuple[int, int]] = []
    for part in parts:
        begin, stop = part
        while begin < stop and text[begin] in _EDGE_BEFORE:
            begin += 1
        while begin < stop and text[stop - 1] in _EDGE_AFTER:
            stop -= 1
        if begin < stop:
            out += apart(text, begin, stop, cuts)
    return out


def opened_before(start: int, end: int, found: list[Mark]) -> int:
    """Where the slice begins with the mark before it that closes in it."""
    return next((first for first, last, other in found if last == start and start <= other < end), start)
