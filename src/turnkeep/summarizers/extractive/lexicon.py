"""Cutting a text into words, each with what is known of it wherever it stands.

Invariant: tokens are slices of the text in its order; nothing is stemmed, lowered or repaired but in `low`, which is for comparing.
What is known of a word is looked up once, not at each place: few words make most of a conversation.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from turnkeep.summarizers.extractive.dates import DATE_WORDS, OPENERS, TIME_WORDS
from turnkeep.summarizers.extractive.words import (
    ARTICLES,
    CLOCK,
    DAY,
    DENIES,
    DENYING,
    EXCEPTING,
    EXCEPTS,
    LOWER,
    MAYBE,
    NUMBERS,
    OPENS,
    PLAIN,
    SKIP,
    STOP,
    Token,
    plain,
)

_JOINED = (  # marks that belong to the letter before them
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0903\u093a-\u094f\u0e31-\u0e4e\u200c\u200d"
)
_TOKEN = re.compile(
    r"https?://[^\s<>\"')\]]+"
    r"|[\u3040-\u30ff\u3400-\u9fff]+(?=[0-9])"
    rf"|\d+(?:[.,:/\-\u2013]\d+)*(?:[^\W\d_{_JOINED}][\w{_JOINED}]*(?:[\-&'’]\w+)*)?"
    rf"|\w[\w{_JOINED}]*(?:(?:[’'&\-]|\.(?=[a-z0-9_]))\w[\w{_JOINED}]*)*"
    r"|\n|[^\w\s]"
)
_ASCII = re.compile(  # the same for a text of ASCII alone, in half the time
    r"https?://[^\s<>\"')\]]+|\d+(?:[.,:/\-]\d+)*(?:[^\W\d_]\w*(?:[\-&']\w+)*)?|\w+(?:(?:['&\-]|\.(?=[a-z0-9_]))\w+)*|\n|[^\w\s]",
    re.ASCII,
)
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_WHENS = "(?:星期|礼拜|禮拜|周|週)[一二三四五六日天](?!次)|[月火水木金土日]曜日?|今天|明天|后天|後天|昨天|今日|明日|昨日"
_WHENS += "|(?:午前|午後|上午|下午|早上|晚上|傍晚|凌晨|中午)(?:[0-9]{1,2}|[一二三四五六七八九十两]{1,3})[時时点點]"
_WHENS += "|[二三四五六七八九十两]{1,3}[时点點](?!儿)"
_RUN = re.compile(
    f"{_WHENS}|"
    "[0-9０-９]+(?:[.,:/\\-][0-9０-９]+)*(?:[a-zA-Z]+)?"
    "|[a-zA-Z\u00c0-\u024f]+(?:[’'&_\\-.]?[a-zA-Z0-9\u00c0-\u024f]+)*"
    "|[一二三四五六七八九十两]+(?=[泊晚夜人名位间個个天张])"
    "|(?:我要|我想|我们)[去订住]?|不[是对行用要]|我是说|改成|改为|改到|换成|还是|(?<![\u3400-\u9fff])[是不](?=[\u3400-\u9fff])"
    "|(?<!目)的(?=[\u3400-\u9fff])|[吧了吗呢](?![\u3400-\u9fff])"
    f"|[\u30a1-\u30ff]+|[\u3400-\u9fff\uf900-\ufaff々]+?(?={_WHENS}|不是|改成|换成|[是住][一二三四五六七八九十两][晚天]|的[\u3400-\u9fff]"
    "|[吧了吗呢](?![\u3400-\u9fff])|[^\u3400-\u9fff\uf900-\ufaff々]|$)|[\u3041-\u309f]+|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]{1,12}|\\w"
)
_UNSPACED_DENIAL = re.compile(
    "[不没沒别]|無法|无法|別(?![的人途館室料荘]|$)|請勿|请勿|除了|除非|ない|なかった|なく|ません|ずに|않|없|지말|지마|못|말아|아니"
)
_NO_DENIAL = re.compile(
    "没问题|沒問題|不好意思|不客气|不客氣|不错|不錯|差不多|对不起|對不起|不过|不過|不仅|不僅|不但|不只|不同|要不|是不是|能不能|可不可以|好不好"
    "|[特分级个區区性]别|别[的人处墅]|すみません|かもしれ(?:ない|ません)|なければ|なくては|なくて(?:も|は)|ませんか|ないか|まちがいない|[少危]ない"
)
_MOST = 4096  # words that are remembered: half a megabyte
Known: TypeAlias = tuple[str, bool, int, tuple[str, ...]]
_known: dict[str, Known] = {}


def tokens(text: str) -> list[Token]:
    """The words and marks of a text. Runs without spaces are cut where the script changes."""
    make, known = Token, _known
    if text.isascii():
        found: list[Token] = []
        end = 0
        add, place = found.append, text.index
        for word in _ASCII.findall(text):
            start = place(word, end)
            end = start + len(word)
            low, is_word, role, ids = known.get(word) or _learn(word)
            add(make(start, end, word, low, is_word, role, ids))
        return found
    return _in_any_script(text)


def _in_any_script(text: str) -> list[Token]:
    make, known = Token, _known
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        start, end = match.span()
        if not word.isascii() and _HAS_UNSPACED.search(word):
            found += [
                make(start + run.start(), start + run.end(), run[0], *(known.get(run[0]) or _learn(run[0], True)))
                for run in _RUN.finditer(word)
            ]
        else:
            low, is_word, role, ids = known.get(word) or _learn(word)
            found.append(make(start, end, word, low, is_word, role, ids))
    return found


def _learn(word: str, is_word: bool = False) -> Known:
    low = word.casefold()
    is_word = is_word or word[0].isalnum() or (word[0] == "_" and len(word) > 1)
    known = low, is_word, *(_role(word, low) if is_word else (MAYBE if word[0] >= "\u3000" else 0, ()))
    if len(word) <= 24:
        if len(_known) >= _MOST:
            _known.clear()
        _known[word] = known
    return known


def _denies(low: str) -> bool:
    """Whether a word may deny something. Of scripts without spaces: a run with a denial in it."""
    if low in DENYING or low.endswith(("n't", "n\u2019t")) or (low[0] == "n" and low[1:2] in {"'", "\u2019"}):
        return True
    return low[0] >= "\u3000" and _UNSPACED_DENIAL.search(_NO_DENIAL.sub(" ", low)) is not None


def _role(word: str, low: str) -> tuple[int, tuple[str, ...]]:
    first = word[0]
    role = LOWER if first.islower() else 0
    role |= (DAY if low in DATE_WORDS else 0) | (CLOCK if low in TIME_WORDS else 0)
    role |= OPENS if low in OPENERS else 0
    role |= DENIES | EXCEPTS if low in EXCEPTING else DENIES if _denies(low) else 0
    role |= (MAYBE | OPENS) if first.isdigit() or first >= "\u3000" else 0
    if first.isdigit() or first.isupper() or "\u30a1" <= first <= "\u30ff" or low in NUMBERS or low in ARTICLES:
        return role, ()
    if low in STOP or (len(word) <= 2 and first < "\u3400"):
        return role | SKIP, ()
    if any(char.isdigit() or char == "_" for char in word):
        return role, ()
    return role | PLAIN, (plain(low),)
