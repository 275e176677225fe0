"""What in a text is worth keeping: names, numbers, dates, times, money, codes, quotations, and words that are rare.

Invariant: a value is a slice of the text with the words it stands for (`ids`), comparable across messages and tool calls whatever
the spelling: "Half past 11", "11:30 am" and "11:30" are `t:11:30`; "two" is `2`; a name is its words.
"""

from __future__ import annotations

from datetime import date
from operator import attrgetter

import msgspec

from turnkeep.summarizers.extractive.dates import When, find_dates, find_times
from turnkeep.summarizers.extractive.words import (
    ARTICLES,
    ASKING,
    CLOCK,
    DAY,
    MAYBE,
    NO,
    NUMBERS,
    PLAIN,
    SKIP,
    STOP,
    YES,
    Token,
    listed,
    plain,
)

DATE, TIME, NAME, NUMBER, CODE, QUOTE, WORD = "date", "time", "name", "number", "code", "quote", "word"
WEIGHTS = {DATE: 1.3, TIME: 1.3, NAME: 1.0, NUMBER: 0.8, CODE: 1.0, QUOTE: 1.2, WORD: 0.2}
_LINKS = listed("of the and & de da do das dos del la le les el von van der den di du bin al y e vs at's by")
_QUOTES = {"“": "”", "„": "“", "«": "»", "「": "」", "『": "』", "《": "》", "‘": "’", "〈": "〉", '"': '"'}
_BEGINNINGS = frozenset(".!?\n:。！？•")
_MONEY = frozenset("$£€¥₹₩₽")
_CURRENCIES = listed("dollars dollar bucks euros euro pounds pound yen usd eur gbp € £ ¥ $ 円 元 ريال")
_UNITS = listed(
    "day days night nights week weeks month months year years hour hours minute minutes person people adult adults"
    " guest guests room"
    " rooms bed beds ticket tickets seat seats passenger passengers bag bags km kg cm star stars tag tage tagen"
    " nacht nächte woche wochen"
    " monat monate jahre personen zimmer días noches semanas personas habitaciones jours nuits semaines personnes"
    " giorni notti persone"
)
_SPANS = listed("day week fortnight month year night tag woche monat jahr semana mes año noche jour semaine mois settimana mese")
_WHENS = DAY | CLOCK | MAYBE
_place = attrgetter("start")
_SELF = frozenset({"i", "i'm", "i'd", "i'll", "i've"})
_BETWEEN = listed("number no nr nummer número numéro is was ist war es est :")  # a number and what it is the number of
_PARTS = listed("la le el los las da de di il lo")  # that names begin with
_STARTS = listed(  # by which people put something right
    "drop swap change replace scratch strike switch correction update forget cancel skip moment finalement attendez plutôt enfin"
    " cámbialo cámbiala cámbielo mejor lieber besser doch statt whoops typo instead"
)
_WISHED = [[",", "please"], ["it", "is"], [",", "bitte"], [",", "por"]]  # that follow what is wished for
_LONGEST_NAME = 7
_SHORT = 5  # words and marks of an answer that is perhaps a name alone


class Value(msgspec.Struct, frozen=True, gc=False):
    """A slice `start..end` of a text; `kind` is one of the constants above, `ids` what it is compared by."""

    start: int
    end: int
    kind: str
    ids: tuple[str, ...]
    day: str = ""
    unit: str = ""  # what a number counts


def weight(value: Value) -> float:
    """What a value is worth by itself."""
    if value.kind == NUMBER and value.unit:
        return 1.15 if value.unit == "money" else 0.95 if value.unit in _UNITS else WEIGHTS[NUMBER]
    return WEIGHTS[value.kind]


def find(text: str, words: list[Token], said: date | None, common: set[str] | frozenset[str] = frozenset()) -> list[Value]:
    """The values of a text in its order, none overlapping. `common` are words seen in lower case: no names."""
    found = _whens(text, words, said)
    if not found:
        _until(text, words, 0, len(text) + 1, common, found)
        return found
    at = 0
    for start, end in [*((when.start, when.end) for when in found), (len(text) + 1, 0)]:
        at = _until(text, words, at, start, common, found)
        while at < len(words) and words[at].start < end:
            at += 1
    found.sort(key=_place)
    return found


def _until(text: str, words: list[Token], at: int, limit: int, common: set[str] | frozenset[str], found: list[Value]) -> int:
    """Reads the words from `at` on that end before the character `limit`; returns the first that does not."""
    begins = at == 0  # a sentence
    count, add = len(words), found.append
    while at < count:
        word = words[at]
        if word.end > limit:
            break
        role = word.role
        if role & SKIP:
            at += 1
            begins = False
        elif role & PLAIN:
            add(Value(word.start, word.end, WORD, word.ids))
            at += 1
            begins = False
        elif word.is_word:
            at += _word(words, at, limit, begins, common, found)
            begins = False
        else:
            begins = begins or word.text in _BEGINNINGS
            at += _mark(text, words, at, limit, found)
    return at


def _mark(text: str, words: list[Token], at: int, limit: int, found: list[Value]) -> int:
    """Reads what begins with a mark: a quotation, an amount of money, or nothing."""
    word = words[at]
    if word.text in _MONEY and at + 1 < len(words) and words[at + 1].text[0].isdigit():
        found.append(Value(word.start, words[at + 1].end, NUMBER, (plain(words[at + 1].low),), unit="money"))
        return 2
    return (_quotation(text, words, at, limit, found) if word.text in _QUOTES else 0) or 1


def _whens(text: str, words: list[Token], said: date | None) -> list[Value]:
    """Dates and times; where two overlap the longer one."""
    hints = [at for at, word in enumerate(words) if word.role & _WHENS]
    if not hints:
        return []
    whens: list[When] = find_dates(text, words, said, hints) + find_times(text, words, hints)
    if not whens:
        return []
    whens.sort(key=lambda when: (when.start, -when.end))
    kept: list[Value] = []
    for when in whens:
        if not kept or when.start >= kept[-1].end:
            kind = TIME if when.is_time else DATE
            kept.append(Value(when.start, when.end, kind, tuple(f"{kind[0]}:{name}" for name in when.names), when.day))
    return kept


def _quotation(text: str, words: list[Token], at: int, limit: int, found: list[Value]) -> int:
    """How many tokens a quotation takes, if one stands here: at most eight words in quotes."""
    close = _QUOTES[words[at].text]
    for end in range(at + 1, min(at + 14, len(words))):
        if words[end].text == close:
            inner = [plain(word.low) for word in words[at + 1 : end] if word.is_word]
            if inner and words[end].end <= limit:
                marks = (text[words[at].start : words[end].end],) if words[at].text >= "\u3000" else ()  # a way of confirming
                found.append(Value(words[at + 1].start, words[end - 1].end, QUOTE, marks + tuple(inner)))
                return end - at + 1
            return 0
    return 0


def _word(words: list[Token], at: int, limit: int, begins: bool, common: set[str] | frozenset[str], found: list[Value]) -> int:
    """Reads one value that begins with this word, or passes over it; returns how many tokens it took."""
    word = words[at]
    first = word.text[0]
    if first.isdigit():
        return _digits(words, at, found)
    if word.low in NUMBERS and (begins or not first.isupper()):
        if word.low != "one" or not at or words[at - 1].low != "which":
            unit = words[at + 1].low if at + 1 < len(words) and words[at + 1].is_word else ""
            found.append(Value(word.start, word.end, NUMBER, (NUMBERS[word.low],), unit=_unit(unit)))
        return 1
    if word.low in ARTICLES and at + 1 < len(words) and words[at + 1].low in _SPANS:
        found.append(Value(word.start, words[at + 1].end, NUMBER, ("1", words[at + 1].low), unit=words[at + 1].low))
        return 2
    if first.isupper() and _may_be_name(words, at, begins, common) and not (begins and _is_opening(words, at)):
        return _name(words, at, limit, common, found)
    if not word.text.isascii() and "\u30a1" <= first <= "\u30ff" and len(word.text) > 1:
        found.append(Value(word.start, word.end, NAME, (word.low,)))
        return 1
    if word.low not in STOP and (len(word.text) > 2 or first >= "\u3400"):
        if any(char.isdigit() or char == "_" for char in word.text):
            found.append(Value(word.start, word.end, CODE, (word.low,)))
        else:
            found.append(Value(word.start, word.end, WORD, (plain(word.low),)))
    return 1


def _unit(low: str) -> str:
    low = low[0] if low[:1] >= "\u3400" else low  # a counter is one character: what follows it is grammar
    if low in _CURRENCIES:
        return "money"
    return low if low in _UNITS or (low.isalpha() and low not in STOP and low not in NUMBERS) else ""


def _digits(words: list[Token], at: int, found: list[Value]) -> int:
    """A number with what it counts, or a code, telephone number or address made of several groups."""
    word, end = words[at], at + 1
    while end < len(words) and words[end].text[0].isdigit() and words[end].start <= words[end - 1].end + 1:
        end += 1
    ids = tuple(plain(each.low) for each in words[at:end])
    if end - at > 1 or not word.text[-1].isdigit() or "-" in word.text:
        found.append(Value(word.start, words[end - 1].end, CODE, ids))
        return end - at
    unit = _unit(words[end].low) if end < len(words) else ""
    if unit == "money":  # "1,470 bucks" is one thing
        found.append(Value(word.start, words[end].end, NUMBER, ids, unit=unit))
        return 2
    found.append(Value(word.start, word.end, NUMBER, ids, unit=unit or _numbered(words, at)))
    return 1


def _numbered(words: list[Token], at: int) -> str:
    """What a number that counts nothing is the number of: "room 12", "invoice number 4471"."""
    before = at - 1
    while before > 0 and words[before].low in _BETWEEN:
        before -= 1
    low = words[before].low if before >= 0 else ""
    return low if low.isalpha() and low not in STOP and low not in NUMBERS else ""


def _may_be_name(words: list[Token], at: int, begins: bool, common: set[str] | frozenset[str]) -> bool:
    low = words[at].low
    if low in _PARTS and at + 1 < len(words) and words[at + 1].text[0].isupper() and words[at + 1].start == words[at].end + 1:
        return True  # "Da Mario", "La Scala"
    if low in STOP or low in YES or low in NO or len(low) > 48 or (begins and (low in _STARTS or low in ASKING)):
        return False
    return not begins or low not in common


def _is_opening(words: list[Token], at: int) -> bool:
    """Whether a sentence goes on in small letters after this word: then its capital says nothing."""
    if len(words) <= _SHORT or (at and words[at - 1].text == ":") or [word.low for word in words[at + 1 : at + 3]] in _WISHED:
        return False
    if at + 1 >= len(words):
        return True
    if words[at].text.isupper() and words[at + 1].text.isdigit() and 1 < len(words[at].text) < 4:
        return words[at + 1].start != words[at].end + 1  # "BX 77"
    if not words[at].text[1:].islower():
        return True
    after = words[at + 1].text
    return not after[0].isupper() and after not in _LINKS


def _name(words: list[Token], at: int, limit: int, common: set[str] | frozenset[str], found: list[Value]) -> int:
    """A run of capitalised words, with the small words that link them."""
    last, place = at, at + 1
    while place < len(words) and place - at < _LONGEST_NAME and words[place].end <= limit:
        word, gap = words[place], words[place].start - words[place - 1].end
        if gap > 1 or word.text == "\n" or word.low in _SELF:
            break
        if word.text[0].isupper() or (word.text[0].isdigit() and gap and len(word.text) < 5 and ":" not in word.text):
            last = place
        elif not _links(words, place):
            break
        place += 1
    ids = tuple(plain(word.low) for word in words[at : last + 1] if word.is_word and word.low not in STOP)
    kind = CODE if any(char.isdigit() for word in words[at : last + 1] for char in word.text) else NAME
    found.append(Value(words[at].start, words[last].end, kind, ids or (words[at].low,)))
    return last + 1 - at


def _links(words: list[Token], at: int) -> bool:
    """Whether a name may go on after this word or mark: "Tower of London", "John A. Smith", "Fresno, CA"."""
    mark = words[at].text
    if mark == ".":
        return len(words[at - 1].text) <= 3 and words[at - 1].text.isalpha()
    return _short_capitals(words, at + 1) if mark == "," else mark == "-" or words[at].low in _LINKS


def _short_capitals(words: list[Token], at: int) -> bool:
    """Whether what follows a comma is an abbreviation that belongs to the name before it: "Fresno, CA"."""
    return at < len(words) and len(words[at].text) < 4 and words[at].text.isupper() and words[at].text.isalpha()
