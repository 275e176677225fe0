"""What a user's answer does to what stood before it: agrees, refuses, or puts a new value in the place of an old one.

Invariant: the newest word of the user wins, and only a value of the same kind is replaced: a date by a date, nights by nights.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from turnkeep.summarizers.extractive.records import ANY
from turnkeep.summarizers.extractive.values import CODE, DATE, NAME, NUMBER, TIME, WORD, Value
from turnkeep.summarizers.extractive.words import NO, OTHER, STOP, YES, Token, listed

ACCEPTS, REFUSES, NEITHER = "accepts", "refuses", "neither"
_CUES = listed(
    "isn't aren't anymore longer no nope actually sorry instead rather change changed correction correct wait meant"
    " mean make moved move moves push switch mistake"
    " wrong scratch oops update updated reschedule postpone earlier later thought thoughts misspoke misread mistaken typo correcting"
    " rescheduled postponed delayed rebooked replaced replace swap swapped now forget turns can't cannot extend"
    " extended shorten better prefer said hold whoops"
    " incorrect strike slip mixing confused hmm er uh nah must nein doch lieber sondern stattdessen"
    " eigentlich moment falsch"
    " meinte gemeint entschuldigung ach jetzt statt vertan verlegt verschoben besser ändern geändert verschieben quatsch"
    " versehen irrtum"
    " espera pensándolo cámbialo cámbiala cámbielo"
    " perdón mejor realidad cambia cambiar cambio cambió cambiado cambiamos equivoqué quise corrijo ahora disculpa"
    " non plutôt désolé désolée préfère préférerais pardon excusez ravisé ravisée"
    " finalement attendez attends changer changé trompé trompée erreur"
    " scusa anzi meglio invece desculpa melhor não nee liever toch нет лучше вернее لا بل عذراً عفواً بدلاً آسف أقصد やっぱり 変更"
    " いや ではなく じゃなくて すみません 不 改 改成 换 不对 아니"
)
_WEAK = listed("ok okay cool nice good hm alright well")  # before a question they agree to nothing
_UNSPACED_CUES = listed(
    "やっぱり じゃなくて ではなく いや 変更 違い 間違 訂正 変え ではない"
    " 改成 不对 换成 改为 说错 說錯 改到 更正 搞错 弄错 抱歉 对不起 我是说 不是"
)
_TOO = listed("too zu demasiado trop troppo 太")
_NOT = frozenset({"not", "nicht", "no", "pas", "non", "não", "niet", "не", "لا", "ليس"})
_NOT_THIS = listed("not nicht pas niet не ليس")  # that begin a sentence and deny what follows: "no problem" does not
PLAIN_DENIALS = _NOT_THIS | listed("isn't wasn't aren't weren't kein keine وليس")
_TAKING_BACK = _NOT | {"of", "than"}
_WHENS = frozenset({DATE, TIME})
BARE = "number "  # the kind of a number that counts nothing


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


def corrects(lows: Sequence[str], text: str) -> bool:
    """Whether a message has a word in it by which people take something back. `lows`: its words, folded."""
    if not _CUES.isdisjoint(lows[:40]):
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
