"""Values in scripts that do not part words by spaces: what stands between particles and marks, and which of two are of one kind.

No dictionary is asked. A value is a run of one script (katakana, kanji, digits) before a particle, what follows a preposition or a
verb of being and choosing, a number with what it counts, or all of a short clause.

Invariant: a part is a slice of the text, of one clause, two characters or more unless it is a whole run before a particle.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMERALS = "0-9０-９一二三四五六七八九十百千两半"
_COUNTERS = "个個人名位间間泊晚夜天日月号號点點时時分岁歳歲年张張本枚杯台元円块塊"
_COUNT = re.compile(f"(?:午前|午後|上午|下午|早上|晚上|中午)?[{_NUMERALS}]+[{_COUNTERS}][人半{_NUMERALS}分]*")
_LED = re.compile(
    r"(?:改成|换成|改为|成为|[在去到从叫给飞住是选要换改用说订查买])"
    r"((?:(?![在去到从给是要换的了吧吗呢])[\u3400-\u9fff]){2,5})"
)
_RUN = re.compile(r"[\u30a1-\u30ff]{2,}|[\u3400-\u9fff々]+|[\u3041-\u309f]{3,4}(?=[にでがをはのとへ]|です|だ)")
_PARTICLE = re.compile(r"に|で|が|を|は|の|と|へ|まで|から|です|でし|だ|より|味|出身|…|。|、|$")
_CLAUSE = re.compile(r"[^，。、！？；：,!?;:…\s（）()「」『』《》]+")
_TAIL = re.compile(r"(?:吧|了|吗|呢|的|啊|可以|行|好|怎么样|行吗|可以吗|才对|算了|谢谢|不好|不行|不方便|旅游|上班|出生)+$")
_QUOTED = re.compile(r"[《「『]([^》」』]{1,12})[》」』]")
_SPACELESS = re.compile(r"[\u3041-\u30ff\u3400-\u9fff]")
_TALK = re.compile(
    r"不|错|对|应该|应当|其实|更正|纠正|等等|等一下|抱歉|不好意思|说|改|换|还是|主意|打|搞|弄|可以|一下|麻烦|另外|别的|"
    r"違|間違|訂正|正|変|願|都合|無理|言|聞|思|探|教|呼|予約|注文|調|借|入|起|何|一|今|次|実|本当"
)
_PLANS = ("主意", "一下", "计划", "变卦")  # what one changes when one changes one's mind
_SHORTEST, _LONGEST = 2, 4  # characters of a whole clause that is a value


class Part(NamedTuple):
    """A slice of a text that may be a value."""

    start: int
    end: int
    text: str
    kind: str  # how it was found: count, quoted, led, run, clause


def is_unspaced(text: str) -> bool:
    return _SPACELESS.search(text) is not None


def parts(text: str) -> list[Part]:
    """What may be a value in a text, in its order; none overlaps one that says more of its kind."""
    found = [Part(match.start(1), match.end(1), match[1], "quoted") for match in _QUOTED.finditer(text)]
    found += [Part(*match.span(), match[0], "count") for match in _COUNT.finditer(text)]
    japanese = any("\u3041" <= char <= "\u30ff" for char in text)
    found += _runs(text) if japanese else _led(text)
    kept: list[Part] = []
    for part in found:
        if not any(part.start < other.end and other.start < part.end for other in kept):
            kept.append(part)
    return sorted(kept)


def _runs(text: str) -> list[Part]:
    return [
        Part(*match.span(), match[0], "run")
        for match in _RUN.finditer(text)
        if _PARTICLE.match(text, match.end()) and not _TALK.fullmatch(match[0])
    ]


def _led(text: str) -> list[Part]:
    out = []
    for clause in _CLAUSE.finditer(text):
        end = clause.end()
        if tail := _TAIL.search(clause[0]):
            end = clause.start() + tail.start()
        body = text[clause.start() : end]
        led = [match for match in _LED.finditer(body) if not match[1].startswith(_PLANS)]
        if led:
            last = led[-1]
            start = clause.start() + last.start(1)
            stop = min(end, clause.start() + last.end(1))
            out.append(Part(start, stop, text[start:stop], "led"))
        elif _SHORTEST <= len(body) <= _LONGEST and not _TALK.search(body):
            out.append(Part(clause.start(), end, body, "clause"))
    return out


def alike(one: Part, other: Part) -> float:
    """How much two parts look like values of one kind."""
    if one.text == other.text:
        return 0.0
    counts = [part.kind == "count" for part in (one, other)]
    if any(counts):
        return 3.0 if all(counts) and _counted(one) == _counted(other) else 0.0
    score = 1.0 if len(one.text) == len(other.text) else 0.5 if abs(len(one.text) - len(other.text)) <= 2 else 0.0
    if one.text[-1] == other.text[-1]:
        score += 1.5
    return score + (0.5 if "quoted" in {one.kind, other.kind} and one.kind == other.kind else 0.0)


def _counted(part: Part) -> str:
    unit = re.sub(f"[{_NUMERALS}]|午前|午後|上午|下午|早上|晚上|中午", "", part.text)[:1]
    return {"個": "人", "个": "人", "名": "人", "位": "人", "時": "时", "點": "时", "点": "时"}.get(unit, unit)


def neighbours(one: str, mine: Part, other: str, theirs: Part) -> float:
    """How many characters beside two parts are the same, two on each side at most."""
    score = 0.0
    for n in (1, 2):
        if one[mine.end : mine.end + n] == other[theirs.end : theirs.end + n] and len(one) >= mine.end + n:
            score += 0.6
        if mine.start >= n <= theirs.start and one[mine.start - n : mine.start] == other[theirs.start - n : theirs.start]:
            score += 0.6
    return score
