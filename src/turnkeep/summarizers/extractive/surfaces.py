"""How values were said: from what a tool was given back to the user's own words for it.

Invariant: a surface is a slice of a message; the newest wins, the user's before the assistant's.
"""

from __future__ import annotations

import re
from datetime import date

from turnkeep.summarizers.extractive.values import DATE, NAME, NUMBER, TIME, Value
from turnkeep.summarizers.extractive.words import plain

_NEAR = 30  # messages back
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d$")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?$")
_NUMBER = re.compile(r"\d[\d.,]*$")


class Surfaces:
    """The newest surface of each value, by id, for both speakers."""

    def __init__(self) -> None:
        self._by_id: tuple[dict[str, tuple[str, int]], dict[str, tuple[str, int]]] = ({}, {})
        self._names: list[tuple[str, str, int]] = []  # as said, folded, where: the user's
        self._texts: list[tuple[int, bool, str]] = []
        self._folded: dict[int, str] = {}

    def add(self, text: str, values: list[Value], at: int, by_user: bool) -> None:
        if not text:
            return
        self._texts.append((at, by_user, text))
        known = self._by_id[0 if by_user else 1]
        for value in values:
            if value.kind in {DATE, TIME, NUMBER}:
                said = (text[value.start : value.end], at)
                for each in value.ids:
                    known[each] = said
                if value.day:
                    known[f"d:{value.day}"] = said
                if value.kind == DATE and value.ids[0][:3] in {"d:r", "d:w"}:
                    known["d:r" if value.ids[0][2] == "r" else "d:w"] = said
            elif value.kind == NAME and by_user:
                said_name = text[value.start : value.end]
                self._names.append((said_name, said_name.casefold(), at))
        del self._texts[:-_NEAR], self._names[:-_NEAR]

    def lookup(self, value: str, at: int) -> str | None:
        """The words for an argument, or None if it stands as it is."""
        if _ISO_DATE.match(value):
            return self._date(value, at)
        clock = _CLOCK.match(value)
        if clock:
            return self._first([f"t:{int(clock[1]):02}:{clock[2]}"], at)
        if _NUMBER.match(value):
            return self._first([plain(value.casefold())], at)
        return self._text(value, at)

    def _first(self, ids: list[str], at: int) -> str | None:
        for known in self._by_id:
            for each in ids:
                found = known.get(each)
                if found is not None and at - found[1] <= _NEAR:
                    return found[0]
        return None

    def _date(self, value: str, at: int) -> str | None:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return None
        ids = [f"d:{value}", f"d:--{value[5:]}", f"d:---{value[8:]}", f"d:w{day.weekday()}"]
        return self._first(ids, at) or self._first(["d:r"], at)

    def _text(self, value: str, at: int) -> str | None:
        """The value itself as it was written; else a name that shortens it: "Philly", "NYC", "Vegas"."""
        low = value.casefold()
        for user in (True, False):
            for _, by_user, text in reversed(self._texts):
                if by_user is user:
                    place = text.casefold().find(low)
                    if place >= 0:
                        return text[place : place + len(value)]
        short = [name for name, folded, _ in reversed(self._names) if _shortens(folded, low)]
        return short[0] if short else None

    def said_by_assistant(self, value: str) -> bool:
        """Whether the newest message of the assistant tells this value."""
        for _, by_user, text in reversed(self._texts[-3:]):
            if not by_user:
                return value.casefold() in text.casefold()
        return False


def _shortens(short: str, long: str) -> bool:
    if len(short) < 2 or not short[0].isalnum():
        return False
    words = long.split()
    initials = "".join(word[0] for word in words)
    letters = short.replace(".", "")
    if len(words) > 1 and letters.startswith(initials) and len(letters) <= len(initials) + 1:
        return True
    if short[:4] == long[:4] and len(short) >= 4:
        return True
    return len(short) > 3 and (short in words or words[0] == short.split()[0] or long.startswith(short[:3] + short[3:4]))
