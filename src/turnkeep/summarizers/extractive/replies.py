"""What a user's answer does to what stood before it: agrees, refuses, or puts a new value in the place of an old one.

Invariant: the newest word of the user wins, and only a value of the same kind is replaced: a date by a date, nights by nights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from turnkeep.summarizers.extractive.records import ANY
from turnkeep.summarizers.extractive.values import CODE, DATE, NAME, NUMBER, TIME, WORD, Value
from turnkeep.summarizers.extractive.words import NO, OTHER, STOP, YES, Token, listed

ACCEPTS, REFUSES, NEITHER = "accepts", "refuses", "neither"
_CUES = listed(
    "isn't aren't anymore longer no nope actually sorry instead rather change changed correction correct wait meant"
    " mean make moved move moves push switch mistake"
    " wrong scratch oops update updated reschedule postpone earlier later thought thoughts misspoke misread mistaken typo correcting"
    " rescheduled postponed delayed rebooked replaced replace swap swapped now forget turns can't cannot extend"
    " extended shorten better prefer nein doch lieber sondern stattdessen"
    " eigentlich moment falsch"
    " meinte gemeint entschuldigung ach jetzt statt vertan verlegt verschoben besser ändern geändert verschieben quatsch"
    " perdón mejor realidad cambia cambiar cambio cambió cambiado cambiamos equivoqué quise corrijo ahora disculpa"
    " non plutôt désolé"
    " finalement changer changé trompé trompée erreur"
    " scusa anzi meglio invece desculpa melhor não nee liever toch нет лучше вернее لا بل عذراً عفواً بدلاً آسف أقصد やっぱり 変更"
    " いや ではなく じゃなくて すみません 不 改 改成 换 不对 아니"
)
_WEAK = listed("ok okay cool nice good hm alright well")  # before a question they agree to nothing
_UNSPACED_CUES = listed(
    "やっぱり じゃなくて ではなく いや 変更 違い 間違 訂正 変え ではない 改成 不对 换成 改为 说错 說錯 改到 更正 搞错 不是"
)
_AGAINST = listed("not can't cannot won't than isn't aren't wasn't weren't longer nicht statt anstatt kein keine pas ليس of")
_THE = listed("on at in am um im the a an der die das den dem el la los las le les il lo de het o os as")
_ADDS = listed(
    "and also plus another more extra additional each und auch noch dazu weitere y e también más et aussi plus anche 和 还 と も"
)
_TOO = listed("too zu demasiado trop troppo 太")
_SHORT = 10  # words of a message that only states a number anew
_NEAR = 24  # messages back
_REMEMBERED = 60  # values
_NOT = frozenset({"not", "nicht", "no", "pas", "non", "não", "niet", "не", "لا", "ليس"})
_NOT_THIS = listed("not nicht pas niet не ليس")  # that begin a sentence and deny what follows: "no problem" does not
_TAKING_BACK = _NOT | {"of", "than"}
_WHENS = frozenset({DATE, TIME})
_OPEN = frozenset({DATE, TIME, NAME})  # kinds of which a talk has many at once
_REACH = 4  # messages
_BARE = "number "  # the kind of a number that counts nothing


def answer(words: list[Token]) -> str:
    """What the beginning of an answer says to the question before it."""
    first = [word.low for word in words if word.is_word or ord(word.text[0]) > 0x2600][:6]
    opening = set(first[:5])
    if not first:
        return NEITHER
    if first[0] in NO or first[0] in _TOO or (not NO.isdisjoint(first[:3]) and YES.isdisjoint(first[:1])):
        return REFUSES
    if not OTHER.isdisjoint(word.low for word in words[:16]):
        return REFUSES
    if first[0] in _WEAK and any(word.text in "?？؟" for word in words) and YES.isdisjoint(first[1:]):
        return NEITHER
    if not opening.isdisjoint(YES) or any(word.startswith(("はい", "お願い", "大丈夫", "نعم", "好的", "可以")) for word in first):
        return ACCEPTS
    return NEITHER


def corrects(words: list[Token], text: str) -> bool:
    """Whether a message has a word in it by which people take something back."""
    lows = [word.low for word in words[:40]]
    if not _CUES.isdisjoint(lows):
        return True
    return not text.isascii() and any(cue in text for cue in _UNSPACED_CUES)


def slot(value: Value) -> tuple[str, str] | None:
    """The kind of a value and what it says, if another of its kind may replace it."""
    if value.kind == WORD:
        return None
    if value.kind in _WHENS:
        return value.kind, value.ids[0]
    if value.kind == NUMBER:
        return f"number {_family(value.unit)}", value.ids[0]
    if value.kind == CODE and (counted := _COUNTED.match(value.ids[0])) is not None and len(value.ids) == 1:
        return f"number {_family(counted[1])}", value.ids[0]
    if value.kind == CODE and len(value.ids) == 2 and value.ids[1].isdigit() and value.ids[0].isalpha():
        return f"number {value.ids[0]}", value.ids[1]  # "Gate 4", "Room 12"
    return (NAME, " ".join(value.ids)) if value.kind == NAME else None


_COUNTED = re.compile(r"[\d.,]+([^\W\d_]{1,8})$")
_FAMILIES = {
    "time": "day days night nights week weeks month months year years tag tage tagen nacht nächte woche wochen monat monate noches días"
    " semanas jours nuits semaines giorni notti",
    "people": "person people persons persone personas personen personnes adult adults guest guests passenger passengers",
}
_FAMILY = {unit: family for family, units in _FAMILIES.items() for unit in units.split()}


def _family(unit: str) -> str:
    return _FAMILY.get(unit, unit.removesuffix("s"))


_NOTHING: tuple[str, str, set[str], int] = ("", "", set(), 0)


class Earlier:
    """The values that were said lately, the newest last: candidates for being replaced."""

    def __init__(self) -> None:
        self._said: list[tuple[int, str, str]] = []  # where, kind, id
        self.echo = -1  # where the assistant last said something in few words, without asking
        self._open: tuple[str, str, set[str], int] = _NOTHING

    def add(self, at: int, values: list[Value]) -> None:
        new = [(at, *found) for value in values if value.kind != WORD and (found := slot(value)) is not None]
        if new:
            self._said += new
            del self._said[:-_REMEMBERED]

    def recall(self, at: int, slots: Iterable[tuple[str, str]]) -> None:
        """Values that an earlier summary tells; `at` is less than 0."""
        self._said += [(at, kind, old) for kind, old in slots]
        del self._said[:-_REMEMBERED]

    def replaced(self, at: int, values: list[Value], words: list[Token]) -> tuple[tuple[str, str], ...]:
        """The slots that a correcting message makes untrue."""
        against = _against(values, words)
        denied = {found[1] for value in against if (found := slot(value)) is not None}
        gone = {(kind, old) for where, kind, old in self._said if old in denied and at - where <= _NEAR}
        gone |= {found for value in against if (found := slot(value)) is not None and found[0] != _BARE}
        short = sum(word.is_word for word in words) <= 12
        kept = {found for value in values if value not in against and (found := slot(value)) is not None}
        for value in values:
            found = slot(value)
            if found in kept and found[0] == _BARE and short:
                gone |= self._only_number(at, found[1])
            elif found in kept and (value.kind != NAME or short):
                gone |= self._last(at, *found)
        return tuple(sorted(gone - kept))

    def restated(self, at: int, values: list[Value], words: list[Token]) -> tuple[tuple[str, str], ...]:
        """What a short message states anew, right after the assistant said it back: "5 weeks" after "For 3 weeks."."""
        if sum(word.is_word for word in words) > _SHORT or not _ADDS.isdisjoint([word.low for word in words]):
            return ()
        stated: dict[str, list[str]] = {}
        for value in values:
            found = slot(value)
            if found is not None and found[0] != _BARE and (self.echo == at - 1 or value.kind not in _OPEN):
                stated.setdefault(found[0], []).append(found[1])
        echoed = {(kind, old) for where, kind, old in self._said if where == at - 1}
        gone = {each for kind, new in stated.items() if len(new) == 1 for each in self._last(at, kind, new[0])}
        return tuple(sorted(gone & echoed))

    def settled(self, at: int, values: list[Value]) -> tuple[tuple[str, str], ...]:
        """The slot that a correction left open, when the assistant says the new values: what it no longer says is gone."""
        kind, new, candidates, where = self._open
        if not candidates or at - where > 4:
            return ()
        said = {found[1] for value in values if (found := slot(value)) is not None and found[0] == kind}
        if new not in said:
            return ()
        self._open = _NOTHING
        gone = candidates - said
        return tuple((kind, old) for old in gone) if len(gone) == 1 else ()

    def _only_number(self, at: int, new: str) -> set[tuple[str, str]]:
        """The number that "make that 3" replaces: the only one of the newest message with numbers."""
        numbers = [each for each in self._said if each[1].startswith(_BARE) and at - each[0] <= _REACH]
        last = {(kind, old) for where, kind, old in numbers if where == numbers[-1][0]}
        return last if len(last) == 1 and all(old != new for _, old in last) else set()

    def _last(self, at: int, kind: str, new: str) -> set[tuple[str, str]]:
        """The newest other value of the kind, unless its message held several: then nobody knows which was meant."""
        place = -1
        found: set[str] = set()
        for where, other, old in reversed(self._said):
            if other == kind and old != new and at - where <= _NEAR:
                if place not in {-1, where}:
                    break
                place = where
                found.add(old)
        if len(found) > 1:
            self._open = kind, new, found, at
        return {(kind, old) for old in found} if len(found) == 1 else set()


def denied(values: list[Value], words: list[Token]) -> tuple[tuple[str, str], ...]:
    """Plain words that the message itself puts others in the place of: "hazelnuts, not walnuts", "instead of the blue one"."""
    if _TAKING_BACK.isdisjoint([word.low for word in words]):
        return ()
    after = {
        words[n + 1 + (words[n + 1].low in STOP and n + 2 < len(words))].start
        for n, word in enumerate(words[:-1])
        if (word.low in _NOT and n and words[n - 1].text in {",", "،", ";"})
        or (word.low in _NOT_THIS and not n)
        or (word.low in {"of", "than"} and n and words[n - 1].low in {"instead", "rather"})
    }
    if not after:
        return ()
    return tuple((ANY, value.ids[0]) for value in values if value.start in after and value.kind == WORD)


def _against(values: list[Value], words: list[Token]) -> list[Value]:
    """Values that the message itself speaks against: "not Friday", "instead of two"."""
    ends = {word.end: word.low for word in words if word.is_word}
    marks = sorted(ends)
    out = []
    for value in values:
        before = [ends[mark] for mark in marks if mark <= value.start][-3:]
        before = before[-3:-1] if len(before) > 1 and before[-1] in _THE else before[-2:]
        if before and before[-1] in _AGAINST and (before[-1] != "of" or before[0] == "instead"):
            out.append(value)
    return out
