"""Which calendar day a relative date means, from the day on which it was said.

"next Friday" is the Friday of the next calendar week (weeks begin on Monday), "this Friday" the first one from that day on, "last
Friday" the one before it, "the 4th" the next 4th from that day on.
"""

from __future__ import annotations

from datetime import date, timedelta

_NEXT = {
    "next",
    "nächsten",
    "nächste",
    "nächster",
    "kommenden",
    "próximo",
    "próxima",
    "prochain",
    "prossimo",
    "来週の",
    "下",
    "القادم",
}
_LAST = {
    "last",
    "past",
    "letzten",
    "letzte",
    "vergangenen",
    "pasado",
    "pasada",
    "dernier",
    "passé",
    "scorso",
    "先週の",
    "上",
    "الماضي",
}


_MONTHS = [
    "-",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def shown(day: str, year: int | None) -> str:
    """A day, week, month or year as it stands in brackets: half the tokens of ISO. `year`: the one that goes without saying."""
    if len(day) < 7:
        return day
    week, iso = ("week of ", day[8:]) if day.startswith("week of ") else ("", day)
    number = f"{int(iso[8:])} " if len(iso) > 7 else ""
    other = "" if year is not None and int(iso[:4]) == year else f" {iso[:4]}"
    return f"{week}{number}{_MONTHS[int(iso[5:7])]}{other}"


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def day_of_month(said: date, day: int, which: str, weekday: int | None = None) -> date | None:
    """The next such day from the one on which it was said, if the weekday that was said with it fits."""
    months = {"this": [0], "next": [1], "last": [-1]}.get(which, [0, 1, 2])
    for ahead in months:
        index = said.year * 12 + said.month - 1 + ahead
        meant = _valid(index // 12, index % 12 + 1, day)
        if meant is not None and (which or meant >= said):
            return meant if weekday in {None, meant.weekday()} else None
    return None


def in_month(said: date, month: int, day: int) -> date | None:
    """The next such day of that month."""
    meant = _valid(said.year, month, day)
    return meant if meant is None or meant >= said else _valid(said.year + 1, month, day)


def on(said: date | None, days: int) -> str:
    try:
        return (said + timedelta(days)).isoformat() if said else ""
    except OverflowError:
        return ""


def to_weekday(said: date, weekday: int, how: str) -> int:
    ahead = (weekday - said.weekday()) % 7
    words = set(how.replace("el ", "").split())
    if "que" in words or words & _NEXT:
        return weekday - said.weekday() + 7
    if "week" in words and "last" in words:
        return weekday - said.weekday() - 7
    if words & _LAST:
        return ahead - 7
    return ahead


def span(words: str, said: date | None) -> str:
    """The week, month or year of "next week", "last year"."""
    if said is None:
        return ""
    step = {"this": 0, "next": 1, "last": -1}[words.split(maxsplit=1)[0]]
    if words.endswith("weekend"):
        return on(said, 5 - said.weekday() + 7 * step)
    if words.endswith("week"):
        return f"week of {on(said, 7 * step - said.weekday())}"
    return ahead(step, words.rpartition(" ")[2], said)


def ahead(count: int, unit: str, said: date | None) -> str:
    """The month or the year that many from the one in which it was said."""
    if said is None:
        return ""
    if unit == "year":
        return str(said.year + count)
    index = said.year * 12 + said.month - 1 + count
    return f"{index // 12}-{index % 12 + 1:02}"
