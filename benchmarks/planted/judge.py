"""Does a summary tell the value that holds, and the one put right not at all or as put right?

- **new**: one of its forms stands in the text, as whole words, case folded ("nine" and 9, 7pm and 19:00 are forms of one value).
- **old**: none of its forms stands, or on every line where one does, each occurrence is marked on that line. Marks are a word of
  replacing at most two words before it in its clause ("not in X", "instead of X", "no longer X", "(was X"), a word behind it
  ("X (declined)", "X doesn't work"), "X -> Y" and "from X to Y" where Y is the new value, ~~X~~, a line that opens with "Rejected:" or the
  like; or the user's own sentence of putting right, quoted with both values and most of its words, since a reader understands it
  as the assistant did. The last does not hold within one message: "for two, sorry, three" is what a summary shall settle. "Sorry",
  "oops" and "no," are no marks.
- A call that was made with the old value is a fact. The old value may stand on the line that names the tool if the new value
  is told later, on that line or below.

A summary is right when both hold. An empty one is wrong, since the new value is missing; a copy of the talk is wrong, since the
first statement stands in it unmarked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_BEFORE = r"""not|isn't|wasn't|aren't|don't|doesn't|no\ longer|never|instead\ of|rather\ than|replac(?:es|ed|ing)|
    reject(?:s|ed|ing)|declin(?:es|ed|ing)|refus(?:es|ed)|dismiss(?:es|ed)|turn(?:s|ed)\ down|cancel(?:s|led|ed)|dropp(?:ed|ing)|
    skip|former(?:ly)?|previous(?:ly)?|forget|scrap|scratch|take\ back|took\ back|anything\ but|can'?t\ (?:make|do)|no\ to|pass\ on|
    out:|old:|before:|earlier:|[(;,]\s*was|
    nicht(?:\ mehr)?|kein(?:e|en|er|em)?|statt|anstatt|anstelle|abgelehnt|bisher|vorher|
    pas|plus|au\ lieu\ d[eu]|plutôt\ que|refusée?|remplace|
    ya\ no|en\ vez\ del?|en\ lugar\ del?|rechazad[oa]|reemplaza"""
_BEFORE_CJK = r"不是|而不是|并非|不要|不用|不去|不在|取消|拒绝|而非"
_AFTER = r"""replaced|rejected|declined|refused|cancel(?:l)?ed|dropped|superseded|no\ longer|not\ any\ ?more|anymore|
    (?:is|was|were)\ (?:wrong|declined|rejected|replaced|refused|turned\ down|dropped|out|outdated|bad|a\ mistake)|
    (?:changed|corrected|moved|switched)\ to|doesn't\ work|won't\ work|
    abgelehnt|ersetzt|nicht\ mehr|refusée?|remplacée?|rechazad[oa]|reemplazad[oa]|no\ va"""
_AFTER_CJK = r"ではなく|じゃなく|ではない|じゃない|でなく|をやめ|はだめ|はなし|改成|改为|换成|不行|不要了|被拒|取消"
_FILLERS = r":?(?:\s+(?!sure\b|only\b|just\b|but\b|later\b|before\b|until\b|earlier\b|more\b|less\b|longer\b)[\w'’/-]+){0,2}[\s:\"'“‘(*`]+"
_LEADS = re.compile(rf"(?<!why\ )(?<!\w)(?:{_BEFORE}){_FILLERS}$", re.VERBOSE)
_LEADS_SPANISH = re.compile(r"(?:^|[,;.(]\s*|\by )no\s+(?:(?:el|la|las|los|en|a|de|por)\s+){0,2}$")
_LEADS_CJK = re.compile(rf"(?:{_BEFORE_CJK})[\s:：「“]*$")
_TRAILS = re.compile(rf"[\"'”)*`]*(?:\s+[\w'-]+)?[\s:,(\[—–-]+(?:{_AFTER})(?!\w)", re.VERBOSE)
_ARROW = re.compile(r"[\"'”)*`]*\s*(?:->|→|=>|⇒)\s*")
_FROM = re.compile(r"(?:from|von|vom|de|del|du|从)\s*(?:the\s+)?$")
_TO = re.compile(r"\s*(?:to|auf|à|a|al|换到|改到)\s+")
_TRAILS_CJK = re.compile(rf"[\s」”)]*(?:{_AFTER_CJK})")
_HEADED = re.compile(
    r"^[\s*#>-]*(?:\w+ )?(?:rejected|declined|replaced|dropped|refused|no longer|superseded|turned down)\b[^:]{0,24}:"
)
_WORDS = re.compile(r"\w+")


class Value(NamedTuple):
    """`text` and `short` are ways to say it, `forms` what a reader recognizes it by, `given` what a tool is called with."""

    text: str
    short: str
    forms: tuple[str, ...]
    given: str | int


class Planted(NamedTuple):
    """What is known of a talk: the values, the user's sentence that says both or nothing, the tool called with the old value or nothing."""

    old: Value
    new: Value
    quote: str
    called: str


class Verdict(NamedTuple):
    gone: bool
    kept: bool

    @property
    def right(self) -> bool:
        return self.gone and self.kept


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """As whole words; in scripts without spaces wherever it stands. A number is no part of a longer number, time or date."""
    word = "a-z0-9à-ÿ_"
    start = rf"(?<![{word}])(?<!\d[.,:-])" if re.match(rf"[{word}$€]", form.casefold()) else ""
    end = rf"(?![{word}])(?![.,:-]\d)" if re.search(rf"[{word}]$", form.casefold()) else ""
    return re.compile(start + re.escape(form.casefold()) + end)


def places(value: Value, text: str) -> Iterator[tuple[int, int]]:
    """Where one of its forms stands in case-folded text, longer forms first, each place once."""
    taken: list[tuple[int, int]] = []
    for form in sorted(value.forms, key=len, reverse=True):
        for match in _pattern(form).finditer(text):
            if not any(start < match.end() and match.start() < end for start, end in taken):
                taken.append(match.span())
    return iter(sorted(taken))


def stands(value: Value, text: str) -> bool:
    return any(True for _ in places(value, text.casefold()))


def _followed(joint: re.Pattern[str], after: str, new: Value) -> bool:
    """Whether the joint stands here and the new value a word or two behind it, in the same clause."""
    match = joint.match(after)
    if match is None:
        return False
    between = [after[match.end() : at] for at, _ in places(new, after) if at >= match.end()]
    return any(len(words) <= 12 and not re.search("[;,.(]", words) for words in between)


def _marked(line: str, start: int, end: int, new: Value) -> bool:
    before, after = line[:start], line[end:]
    if any(lead.search(before) for lead in (_LEADS, _LEADS_SPANISH, _LEADS_CJK, _HEADED)):
        return True
    if _TRAILS.match(after) or _TRAILS_CJK.match(after) or (before.endswith("~~") and after.startswith("~~")):
        return True
    return _followed(_ARROW, after, new) or (_FROM.search(before) is not None and _followed(_TO, after, new))


def _quoted(planted: Planted, line: str) -> bool:
    """Whether most of the user's correcting sentence stands here in one piece, with both values."""
    words, here = _WORDS.findall(planted.quote.casefold()), f" {' '.join(_WORDS.findall(line))} "
    least = max(1, round(len(words) * 0.6))
    pieces = (words[at : at + size] for size in range(len(words), least - 1, -1) for at in range(len(words) - size + 1))
    whole = (" ".join(piece) for piece in pieces if f" {' '.join(piece)} " in here)
    return any(_holds(planted.old, piece) and _holds(planted.new, piece) for piece in whole)


def _holds(value: Value, words: str) -> bool:
    """As `stands`, in words without their punctuation."""
    return any(f" {' '.join(_WORDS.findall(form.casefold()))} " in f" {words} " for form in value.forms) or stands(value, words)


def _line_is_right(line: str, below: str, planted: Planted) -> bool:
    found = list(places(planted.old, line))
    if not found or all(_marked(line, start, end, planted.new) for start, end in found):
        return True
    if planted.quote and _quoted(planted, line):
        return True
    called = planted.called and re.search(rf"(?<!\w){planted.called}(?!\w)", line)
    return bool(called) and stands(planted.new, line[found[-1][1] :] + "\n" + below)


def judge(summary: str, planted: Planted) -> Verdict:
    lines = summary.casefold().replace("’", "'").splitlines()
    gone = all(_line_is_right(line, "\n".join(lines[at + 1 :]), planted) for at, line in enumerate(lines))
    return Verdict(gone, stands(planted.new, summary))
