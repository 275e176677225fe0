"""Dates and times of day as people write them: where they stand in a text, what they mean, which calendar day.

Invariant: nothing is guessed. A relative date means a day only beside the moment at which it was said, in the speaker's zone.
"next Friday" is the Friday of the next calendar week (from Monday on), "the 4th" the next 4th from that day on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from turnkeep.summarizers.extractive import days
from turnkeep.summarizers.extractive.words import CLOCK, DAY, MAYBE, NUMBERS, OPENS, Token, listed

_MONTH_WORDS = (
    "january jan januar januari enero janvier janeiro gennaio يناير",
    "february feb februar februari febrero février fevereiro febbraio فبراير",
    "march mar märz maart marzo mars março مارس",
    "april apr abril avril aprile أبريل ابريل",
    "may mai mei mayo maio maggio مايو",
    "june jun juni junio juin junho giugno يونيو",
    "july jul juli julio juillet julho luglio يوليو",
    "august aug augustus agosto août أغسطس",
    "september sep sept septiembre septembre setembro settembre سبتمبر",
    "october oct oktober okt octubre octobre outubro ottobre أكتوبر",
    "november nov noviembre novembre novembro نوفمبر",
    "december dec dezember dez diciembre décembre dezembro dicembre ديسمبر",
)
_DAY_WORDS = (
    "monday mon montag montags maandag lunes lundi segunda-feira lunedì الاثنين الإثنين 月曜 月曜日 星期一 周一 週一 礼拜一",
    "tuesday tue tues dienstag dienstags dinsdag martes mardi terça-feira martedì الثلاثاء 火曜 火曜日 星期二 周二 週二 礼拜二",
    "wednesday wed mittwoch mittwochs woensdag miércoles mercredi quarta-feira mercoledì الأربعاء 水曜 水曜日 星期三 周三 週三 礼拜三",
    "thursday thu thurs donnerstag donnerstags donderdag jueves jeudi quinta-feira giovedì الخميس 木曜 木曜日 星期四 周四 週四 礼拜四",
    "friday fri freitag freitags vrijdag viernes vendredi sexta-feira venerdì الجمعة 金曜 金曜日 星期五 周五 週五 礼拜五",
    "saturday sat samstag samstags zaterdag sábado samedi sabato السبت 土曜 土曜日 星期六 周六 週六 礼拜六",
    "sunday sun sonntag sonntags zondag domingo dimanche domenica الأحد 日曜 日曜日 星期日 星期天 周日 周天 週日 礼拜天 礼拜日",
)
MONTHS = {word: number for number, words in enumerate(_MONTH_WORDS, 1) for word in words.split()}
WEEKDAYS = {word: number for number, words in enumerate(_DAY_WORDS) for word in words.split()}
_OFFSETS = {
    0: "today|tonight|this morning|this afternoon|this evening|later today|heute|heute abend|hoy|aujourd'hui|ce soir|oggi|hoje|vandaag"
    "|今日|本日|今天|今晚|اليوم|сегодня|오늘",
    1: "tomorrow|tomorrow morning|tomorrow evening|tomorrow night|morgen|morgen früh|mañana|demain|domani|amanhã"
    "|明日|明天|غداً|غدا|завтра|내일",
    2: "day after tomorrow|the day after tomorrow|übermorgen|pasado mañana|après-demain|dopodomani|depois de amanhã|overmorgen"
    "|明後日|あさって"
    "|后天|後天|بعد غد|послезавтра|모레",
    -1: "yesterday|last night|yesterday evening|gestern|gestern abend|ayer|anoche|hier|ieri|ontem|gisteren|昨日|昨天|أمس|вчера|어제",
    -2: "day before yesterday|the day before yesterday|vorgestern|anteayer|avant-hier|altroieri|anteontem|eergisteren"
    "|一昨日|おととい|前天|позавчера",
}
OFFSETS = {words: days for days, group in _OFFSETS.items() for words in group.split("|")}
_UNITS = {
    "day": 1,
    "days": 1,
    "tag": 1,
    "tage": 1,
    "tagen": 1,
    "día": 1,
    "días": 1,
    "jour": 1,
    "jours": 1,
    "giorni": 1,
    "dias": 1,
}
_UNITS |= {"week": 7, "weeks": 7, "woche": 7, "wochen": 7, "semana": 7, "semanas": 7, "semaine": 7, "semaines": 7, "settimane": 7}


_CJK = "\u3000"


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_M, _D = _any(word for word in MONTHS if word != "mar"), _any(word for word in WEEKDAYS if word not in {"sun", "sat", "mon"})
_N = "|".join([r"\d{1,2}", *(word for word in NUMBERS if len(word) > 2)])
_DATE = re.compile(
    rf"(?P<iso>\b\d{{4}}-\d{{2}}-\d{{2}}\b)"
    rf"|(?P<cjk>(?:(?P<cm>\d{{1,2}})月)(?P<cd>\d{{1,2}})日)"
    rf"|(?P<dotted>\b(?P<dd>\d{{1,2}})[./](?P<dm>\d{{1,2}})[./](?P<dy>\d{{4}}|\d{{2}})\b)"
    rf"|(?:(?:{_D}),? )?\b(?P<m1>{_M})\.? (?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y1>\d{{4}})\b)?(?!:)"
    rf"|(?:\b(?:{_D}),? )?(?:the )?\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th|\.|º)?(?: of| de)? (?P<m2>{_M})\b(?:,?(?: de)? (?P<y2>\d{{4}})\b)?"
    rf"|(?P<rel>(?:{_any(word for word in OFFSETS if word[0] < _CJK)})(?!\w)|{_any(word for word in OFFSETS if word[0] >= _CJK)})"
    rf"|\b(?P<how>this|next|last|past|nächste[nr]?|kommenden|letzten?|el próximo|ce|diesen) (?P<w1>{_D})\b(?! (?:next|this|last) week)"
    rf"|\b(?P<w2>{_D}),? (?P<how2>(?:of )?(?:this|next|last) week|prochain|dernier|próximo|que viene|pasado|القادم|الماضي)\b"
    rf"|\b(?P<month>(?:this|next|last) (?:month|year|week|weekend))\b"
    rf"|\b(?P<inn>in|within|vor|hace|il y a|dans|dentro de|en) (?P<n1>{_N}|a) (?P<u1>{_any(_UNITS)})\b"
    rf"|\b(?P<n2>{_N}|a) (?P<u2>days?|weeks?|months?|years?) (?P<dir>ago|from now|later)\b"
    rf"|\b(?:(?P<wd>{_D}),? )?(?P<ord>(?:the )?(?P<d3>\d{{1,2}})(?:st|nd|rd|th)\b(?:,? of (?P<tm>this|next|last) month)?)"
    rf"|(?P<jday>(?<![月\d])\d{{1,2}}日(?!間))"
    rf"|\b(?P<w3>{_D})\b|(?P<w4>{_any(word for word in WEEKDAYS if word[0] >= _CJK)})",
)
DATE_WORDS = frozenset(
    [
        *MONTHS,
        *WEEKDAYS,
        *(word for words in OFFSETS for word in words.split()),
        "month",
        "week",
        "weekend",
        "ago",
        "year",
        *_UNITS,
    ]
) - {"in", "de", "the", "day", "this", "after", "ce", "last", "mar", "before", "tag", "may"} | {"may", "days", "day"}
_CJK_PARTS = "午前|午後|上午|下午|早上|晚上|傍晚|凌晨|中午"
_PARTS = "morning|afternoon|evening|night|noon|midday"
_TIME = re.compile(
    rf"(?:(?:(?P<p1>{_PARTS}) )?(?P<half>half past|quarter past|quarter to) (?P<h1>{_N})(?: (?P<ap1>[ap]\.?m\b))?"
    rf"|(?P<p2>{_PARTS}) (?P<h2>\d{{1,2}})(?::(?P<m2>\d\d))?\b(?!\d*(?:st|nd|rd|th))"
    rf"|(?P<h3>\d{{1,2}})[:.](?P<m3>[0-5]\d)(?!\.?\d)(?: ?(?P<ap3>[ap]\.?m\b)| uhr| ?h\b)?"
    rf"|(?P<h4>{_N}) ?(?P<ap4>[ap]\.?m\b|o'clock|uhr\b|heures?\b)"
    rf"|(?P<h5>{_N})(?= in the (?:{_PARTS}))|(?P<noon>noon|midday|midnight)\b"
    rf"|(?<!\d)(?P<p6>{_CJK_PARTS})?(?P<h6>\d{{1,2}}|[一二三四五六七八九十两]{{1,3}})[時时点點](?:(?P<m6>\d\d)分)?(?![間间儿])"
    rf"|(?P<h7>\d{{1,2}}) ?h(?P<m7>[0-5]\d)?\b)"
    rf"(?: in the (?P<p5>{_PARTS}))?",
)
TIME_WORDS = frozenset(_PARTS.split("|")) | {"half", "quarter", "am", "pm", "o'clock", "uhr", "midnight", "p", "heure", "heures"}


# Words that a date or a time of day may begin with, beside digits and scripts without spaces
OPENERS = {word.split()[0] for word in (*MONTHS, *OFFSETS)} | set(WEEKDAYS) | set(NUMBERS) | TIME_WORDS
OPENERS |= listed(
    "the a this next last past nächste nächster nächsten kommenden letzte letzten el ce diesen in within vor hace il dans dentro en"
    " terça-feira"
)


class When(msgspec.Struct, frozen=True, gc=False):
    """A date (`2019-03-04`, `--03-04`, `---04`, `w5` Friday, `r1` tomorrow) or times of day (`11:30`) at `start..end`."""

    start: int
    end: int
    is_time: bool
    names: tuple[str, ...]  # what it may stand for, the surest first
    day: str = ""  # the calendar day, month or year, if it is relative and the moment is known


_DAY_TOKEN = re.compile(r"\d{1,2}(?:st|nd|rd|th)$|\d{4}-\d\d-\d\d$|\d{1,2}[./]\d{1,2}[./]\d{2,4}$")
_HOUR_TOKEN = re.compile(r"\d{1,2}(?:[:.][0-5]\d)?(?:[ap]m|h(?:[0-5]\d)?)?$")
_EARLIEST = 6
_DAYS, _CLOCKS = DAY | MAYBE, CLOCK | MAYBE
_BEFORE = 4  # words that may stand before the word that gives a date away


def find_dates(text: str, words: list[Token], said: date | None, hints: list[int]) -> list[When]:
    """The dates of a text, with the calendar day of the relative ones if the day it was said is known.

    `hints`: the words that may belong to a date or a time of day, as far as each tells by itself.
    """
    clues = [at for at in hints if (role := words[at].role) & _DAYS and (role & DAY or _is_day(text, words[at]))]
    if not clues:
        return []
    return [when for match in _matches(_DATE, text, words, clues) if (when := _read(match, said)) is not None]


def find_times(text: str, words: list[Token], hints: list[int]) -> list[When]:
    """The times of day of a text."""
    clues = [at for at in hints if (role := words[at].role) & _CLOCKS and (role & CLOCK or _is_hour(text, words[at]))]
    if not clues:
        return []
    matches = _matches(_TIME, text, words, clues)
    return [When(*match.span(), True, names) for match in matches if (names := _clock(match))]


def _is_day(text: str, word: Token) -> bool:
    if word.text[0].isdigit():
        return _DAY_TOKEN.match(word.text) is not None or text[word.end : word.end + 1] in {"\u65e5", "\u6708"}
    return word.text[0] >= _CJK and (word.low[:2] in DATE_WORDS or word.low[:3] in DATE_WORDS)


def _is_hour(text: str, word: Token) -> bool:
    if word.text[0] >= _CJK:
        return word.text[-1] in "時时点點" or text[word.end : word.end + 1] in "時时点點"
    if not word.text[0].isdigit():
        return False
    if (
        ":" in word.text
        or "h" in word.low
        or word.text[-1].isalpha()
        or text[word.end : word.end + 1] in {"時", "时", "点", "點"}
    ):
        return _HOUR_TOKEN.match(word.text) is not None
    return False


def _matches(pattern: re.Pattern[str], text: str, words: list[Token], clues: list[int]) -> Iterator[re.Match[str]]:
    """The longest match around each clue: scanning whole texts for all forms would cost a hundred times as much."""
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = text
    done = 0
    for clue in clues:
        for at in range(max(clue - _BEFORE, 0), clue + 1):
            if words[at].start >= done and words[at].role & OPENS:
                match = pattern.match(lowered, words[at].start)
                if match is not None and match.end() >= words[clue].end and match.end() > done:
                    done = match.end()
                    yield match
                    break


# --- reading one date


def _number(word: str) -> int:
    word = word.lower()
    if word == "a":
        return 1
    return int(NUMBERS.get(word, word))


def _read(got: re.Match[str], said: date | None) -> When | None:
    start, end = got.span()
    if got["rel"]:
        offset = OFFSETS[got["rel"]]
        return When(start, end, False, (f"r{offset}",), days.on(said, offset))
    if got["iso"]:
        return When(start, end, False, (got["iso"],))
    if got["m1"] or got["m2"] or got["cjk"] or got["dotted"]:
        return _fixed(got, start, end)
    if got["ord"] or got["jday"]:
        return _ordinal(got, start, end, said)
    return _relative(got, start, end, said)


def _fixed(got: re.Match[str], start: int, end: int) -> When | None:
    month = int(got["cm"] or got["dm"] or MONTHS[(got["m1"] or got["m2"] or "").lower()])
    day = int(got["d1"] or got["d2"] or got["cd"] or got["dd"] or 0)
    year = int(got["y1"] or got["y2"] or got["dy"] or 0)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if year:
        return When(
            start, end, False, (f"{year + 2000 if year < 100 else year:04}-{month:02}-{day:02}", f"--{month:02}-{day:02}")
        )
    return When(start, end, False, (f"--{month:02}-{day:02}", f"---{day:02}"))


def _ordinal(got: re.Match[str], start: int, end: int, said: date | None) -> When | None:
    day = int(got["d3"] or (got["jday"] or "").rstrip("日"))
    if not 1 <= day <= 31:
        return None
    meant = said and days.day_of_month(said, day, (got["tm"] or "").lower(), _weekday_of(got))
    return When(start, end, False, (f"---{day:02}",), meant.isoformat() if meant else "")


def _weekday_of(got: re.Match[str]) -> int | None:
    """The weekday that stands with a day of the month: "Thursday the 14th"."""
    return WEEKDAYS[got["wd"].lower()] if got["wd"] else None


def _relative(got: re.Match[str], start: int, end: int, said: date | None) -> When:
    if got["month"]:
        return When(start, end, False, (f"r {got['month'].lower()}",), days.span(got["month"].lower(), said))
    if got["u1"] or got["u2"]:
        sign = -1 if (got["inn"] or "").lower() in {"vor", "hace", "il y a"} or got["dir"] == "ago" else 1
        count, unit = sign * _number(got["n1"] or got["n2"] or "1"), (got["u1"] or got["u2"] or "").lower()
        if unit.startswith(("month", "year")):
            return When(start, end, False, (f"r{count} {unit}",), days.ahead(count, unit.removesuffix("s"), said))
        return When(start, end, False, (f"r{count * _UNITS[unit]}",), days.on(said, count * _UNITS[unit]))
    weekday = WEEKDAYS[(got["w1"] or got["w2"] or got["w3"] or got["w4"] or "").lower()]
    how = (got["how"] or got["how2"] or "").lower()
    return When(start, end, False, (f"w{weekday}",), days.on(said, days.to_weekday(said, weekday, how)) if how and said else "")


# --- reading one time of day

_PART = {"午前": "morning", "上午": "morning", "早上": "morning", "凌晨": "morning"}
_PART |= dict.fromkeys(("午後", "下午", "晚上", "傍晚", "中午"), "afternoon")


def _clock(got: re.Match[str]) -> tuple[str, ...]:
    if got["noon"]:
        return ("00:00",) if got["noon"].lower() == "midnight" else ("12:00",)
    word = got["h1"] or got["h2"] or got["h3"] or got["h4"] or got["h5"] or got["h6"] or got["h7"]
    hour, minute = _number(word or "99"), int(got["m2"] or got["m3"] or got["m6"] or got["m7"] or 0)
    if got["h7"] and hour < _EARLIEST:  # "2h" is how long
        return ()
    half = (got["half"] or "").lower()
    if half:
        minute = 30 if half.startswith("half") else 15
        if half.endswith("to"):
            hour, minute = hour - 1, 45
    if hour > 23:
        return ()
    part = _PART.get(got["p6"] or "", got["p1"] or got["p2"] or got["p5"] or "")
    return _halves(hour, minute, (got["ap1"] or got["ap3"] or got["ap4"] or "").lower(), part.lower())


def _halves(hour: int, minute: int, mark: str, part: str) -> tuple[str, ...]:
    if mark.startswith("p") or part in {"afternoon", "evening"}:
        return (f"{hour % 12 + 12:02}:{minute:02}",)
    if mark.startswith("a") or part == "morning":
        return (f"{hour % 12:02}:{minute:02}",)
    if hour > 12 or hour == 0:
        return (f"{hour:02}:{minute:02}",)
    return (f"{hour % 24:02}:{minute:02}", f"{(hour + 12) % 24:02}:{minute:02}")
