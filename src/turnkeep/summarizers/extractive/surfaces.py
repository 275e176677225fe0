"""How values were said: from what a tool was given back to the user's own words for it.

Invariant: a surface is a slice of a message; the newest wins, the user's before the assistant's.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from turnkeep.summarizers.extractive.dates import OFFSETS
from turnkeep.summarizers.extractive.values import DATE, NAME, NUMBER, TIME, Value
from turnkeep.summarizers.extractive.words import plain

_NEAR = 30  # messages back
_SOON = 12
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d$")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?$")
_NUMBER = re.compile(r"\d[\d.,]*$")


class Surfaces:
    """The newest surface of each value, by id, for both speakers."""

    def __init__(self) -> None:
        self._by_id: tuple[dict[str, tuple[str, int]], dict[str, tuple[str, int]]] = ({}, {})
        self._names: list[tuple[str, str, int]] = []  # as said, folded, where: the user's
        self._texts: list[tuple[bool, str, str]] = []  # whose, as said, folded: the newest messages
        self._first_day: date | None = None

    def add(self, text: str, values: list[Value], at: int, by_user: bool) -> None:
        if not text:
            return
        self._texts.append((by_user, text, text.casefold()))
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

    def lookup(self, key: str, value: str, at: int) -> str | None:
        """The words for an argument, or None if it stands as it is."""
        if _ISO_DATE.match(value):
            return self._date(value, at)
        clock = _CLOCK.match(value)
        if clock:
            return self._first([f"t:{int(clock[1]):02}:{clock[2]}"], at)
        if _NUMBER.match(value):
            return None if key.endswith(("id", "_no", "number_id")) else self._first([plain(value.casefold())], at, _SOON)
        return self._text(value, at)

    def _first(self, ids: list[str], at: int, reach: int = _NEAR) -> str | None:
        for known in self._by_id:
            for each in ids:
                found = known.get(each)
                if found is not None and at - found[1] <= reach:
                    return found[0]
        return None

    def _today(self, day: date, at: int) -> str | None:
        """The user's "today" or "tomorrow", where no clock tells what it is: as far as it fits what it meant before."""
        said = self._by_id[0].get("d:r")
        if said is None or at - said[1] > _SOON:
            return None
        ahead = OFFSETS.get(said[0].casefold())
        if ahead is None:
            return None
        first = day - timedelta(ahead)
        if self._first_day is None:
            self._first_day = first
        return said[0] if self._first_day == first else None

    def _date(self, value: str, at: int) -> str | None:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return None
        ids = [f"d:{value}", f"d:--{value[5:]}", f"d:---{value[8:]}", f"d:w{day.weekday()}"]
        return self._first(ids, at) or self._today(day, at)

    def _text(self, value: str, at: int) -> str | None:
        """The value itself as it was written; else a name that shortens it: "Philly", "NYC", "Vegas"."""
        low = value.casefold()
        theirs = ""
        for by_user, text, folded in reversed(self._texts):
            if low in folded and (by_user or not theirs) and (place := _whole(folded, low)) >= 0:
                theirs = text[place : place + len(value)]
                if by_user:
                    return theirs
        if theirs:
            return theirs
        short = [name for name, folded, _ in reversed(self._names) if _shortens(folded, low)]
        return short[0] if short else None

    def newest_of_assistant(self) -> str:
        """The newest message of the assistant, folded, if it is not long ago."""
        for by_user, _, folded in reversed(self._texts[-3:]):
            if not by_user:
                return folded
        return ""


def _whole(text: str, part: str) -> int:
    """Where `part` stands in the text, not inside a word of a script with spaces; -1 if it does not."""
    place = text.find(part)
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(part) : place + len(part) + 1]
        if not (before.isalnum() and before < "\u3000" and part[0].isalnum()) and not (after.isalnum() and after < "\u3000"):
            return place
        place = text.find(part, place + 1)
    return -1


def _shortens(short: str, long: str) -> bool:
    words = long.split()
    if not 2 <= len(short) <= len(long) + 1 or short[0] >= "\u3000" or len(words) > 6:
        return False
    initials = "".join(word[0] for word in words)
    letters = short.replace(".", "")
    if len(words) > 1 and letters.startswith(initials) and len(letters) <= len(initials) + 1:
        return True
    if short[:4] == long[:4] and len(short) >= 4:
        return True
    return len(short) > 3 and (
        short in words or words[0] == short.split(maxsplit=1)[0] or long.startswith(short[:3] + short[3:4])
    )
