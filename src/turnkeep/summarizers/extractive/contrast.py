"""What a message takes back by itself: which of its values the words around them put aside for others in it.

Invariant: a value is put aside only for another of its kind that the same message brings, or by a word that denies it. Which of two
it is follows from where they stand (before and after a word of correcting oneself) or from what was said before: the known one is old.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import attrgetter

from turnkeep.summarizers.extractive import cues, replies
from turnkeep.summarizers.extractive.replies import slot
from turnkeep.summarizers.extractive.values import DATE, NAME, NUMBER, TIME, WORD, Value
from turnkeep.summarizers.extractive.words import EVERYDAY, SKIP, Token, listed

_OWN = listed(  # by which people break in on themselves
    "no nope nah wait sorry actually rather scratch strike hang hold oops whoops er erm uh um hmm hm correction typo mean meant make better"
    " pardon"
    " nein moment quatsch entschuldigung ach doch besser vielmehr halt sondern lieber perdón mejor espera digo quiero non pardon plutôt"
    " attendez attends désolé désolée enfin finalement"
    " scusa anzi aspetta desculpa melhor いや 違 すみません やっぱり 不 不对 不是 等等 说错了 哦不 啊不 噢不 哎不"
)
_HESITATES = re.compile(
    r"e+r+m?|e+h+m*|u+h*m*|a+h+m*|ä+h+m*|euh+|h+m+|a*r*gh+|u+gh+|w?h?oops\w*|no{2,}"
)  # that break in anywhere
_STEPS = listed(  # between such a word and the value that it brings
    "i i'd it it's its is that this make let's lets the a an or and no not nope wait on in at to for from with of off sorry actually"
    " rather better mean meant say said should be was scratch strike hang hold oh hmm hm er uh um please das es ich er war ist meine"
    " meinte lieber besser um am den die der el la las los a es decir quise que sea son je voulais dire c'est le les à au plutôt go"
    " instead was wrong that's how about take go then well so no"
)
CONTRASTS = _OWN | listed(
    "not isn't aren't wasn't weren't don't doesn't can't cannot won't instead than forget drop swap replace change changed switch move"
    " moved longer wrong mistake said asked told earlier correct update out closed full gone anymore but nicht statt anstatt kein keine"
    " sondern ändern ändere tausche vez lugar sino cambia cambiar cambie pas lieu changer changez mais remplacer"
)
_UNSPACED = ("ではな", "じゃな", "変更", "変え", "不是", "改成", "改到", "换成", "而是", "代わり")
_ADDING = listed(
    "also plus both either additional extra another auch beide zusätzlich noch también ambos además otro aussi ambas deux egalement"
    " également autre apart besides も 还 也 until till bis hasta jusqu'à between"
)
_AGAINST = listed(
    "but not neither can't cannot won't than isn't aren't wasn't weren't longer nicht statt anstatt kein keine pas ليس of forget drop skip"
    " cancel without 不是"
)
_PUTTING_OFF = listed("of than forget drop skip cancel statt anstatt vez lieu")
_LETTING_GO = listed(
    "not"
    " longer doesn't don't didn't won't isn't can't cannot wasn't out closed full gone wrong mistake booked impossible anymore unavailable"
    " cancelled canceled nicht falsch geschlossen cerrado completo fermé complet"
)
_SMALL = listed("on at in am um im the a an der die das den dem el la los las le les il lo de het o os as for to")
_MARKS = frozenset(".,;:!?…—–-(。、，！？；\n")
_CLAUSE = _MARKS - {"-"}
_TWO = 2
_BEFORE = 3  # words
_READ = 60  # words in which people hesitate
_start = attrgetter("start")
_NEAR = 4  # words between the marker and what it brings
_KINDS = frozenset({DATE, TIME, NUMBER})
_WHENS = frozenset({DATE, TIME})


def family(value: Value) -> str:
    """What a value may be put in the place of."""
    return value.kind if value.kind in _KINDS else WORD


def is_pronoun(value: Value, words: list[Token]) -> bool:
    """ "That one", "one with a garden": no number."""
    if value.kind != NUMBER or value.ids != ("1",) or value.unit in {"money", "person", "night", "day", "week", "month", "room"}:
        return False
    return any(word.start == value.start and word.low == "one" for word in words)


def key(value: Value) -> str:
    return value.ids[0] if value.kind in _WHENS else " ".join(value.ids)


def is_alone(words: list[Token], value: Value) -> bool:
    """Whether a value is all that its clause says, beside small words: "let me rephrase, the 8th"."""
    first = max((word.end for word in words if word.text in _CLAUSE and word.end <= value.start), default=0)
    last = min((word.start for word in words if word.text in _CLAUSE and word.start >= value.end), default=words[-1].end)
    rest = [word for word in words if first <= word.start < last and not value.start <= word.start < value.end]
    return all(word.role & SKIP or word.low == value.unit or cues.meaning(word.low) for word in rest if word.is_word)


def among(value: Value, others: Sequence[Value]) -> bool:
    """Whether a value shares a word with one of the others."""
    return any(not set(value.ids).isdisjoint(other.ids) for other in others)


def content(values: list[Value]) -> list[Value]:
    """The values without what a number counts, and without the words by which people only say that they correct something."""
    out: list[Value] = []
    for value in values:
        if value.kind not in _KINDS and ((value.kind == WORD and value.ids[0] in EVERYDAY) or all(map(_says_nothing, value.ids))):
            continue
        if value.kind == WORD and out and out[-1].kind == NUMBER and out[-1].unit and value.start - out[-1].end <= 1:
            continue
        out.append(value)
    return out


def _says_nothing(word: str) -> bool:
    return word in _NOISE or _is_grammar(word)


def everyday(values: list[Value]) -> list[Value]:
    """What a message brings that brings no more than a word that people say all the time: "no, funny"."""
    return [value for value in values if value.kind == WORD and not _says_nothing(value.ids[0])]


def is_mended(words: list[Token], *, starred: bool, asked: bool) -> bool:
    """Whether the form of a message says that it puts something right: "*Lisbon", "you know what, go with Lisbon".

    `asked`: it may answer a question, where "go with" says nothing.
    """
    lows = [word.low for word in words[:12]]
    if starred or lows[-1] == "*" != lows[0]:
        return len(words) <= _STARRED
    if lows[:3] == ["you", "know", "what"] or lows[:1] == ["还是"]:
        return True
    return not asked and any(pair in _GOING for pair in pairwise(lows))


_STARRED = 8  # words and marks
_GOING = frozenset({("go", "with"), ("went", "with"), ("go", "for")})


def _is_grammar(word: str) -> bool:
    """Hiragana alone are endings and particles."""
    return not word.isascii() and all("\u3041" <= char <= "\u309f" for char in word)


def unit(value: Value) -> str:
    """What a number counts, if it does not only stand beside a word of correcting."""
    return "" if value.unit in _NOISE or value.unit in EVERYDAY or _is_grammar(value.unit) else value.unit


_NOISE = (
    CONTRASTS
    | _STEPS
    | listed(
        "plans plan mind misspoke mistaken mixing mixed slip typing prefer prefers preferred possible switch switched thought second"
        " thoughts adjust modify edit set option choice request requested swap incorrect error confused confuse forgot told"
        " asked meant read fix fixed replace now today's matter fact afraid repeat recap unfortunately regret reconsider reconsidered came"
        " drop swap whoops"
        " keep works fits fine"
        " wife husband boss friend turns turn earlier before today reality after"
        " ändern geändert meinte gemeint irrtum fehler versehen entschuldigen tut leid bitte gedacht überlegt cambio cambiado error"
        " equivoqué pensándolo pensado disculpe erreur trompé trompée changé réflexion fait 変更 間違 訂正 申し訳 意思 改 说错 错 应该"
        " désolé désolée préfère préférerais veuillez plutôt excusez confonds ravisé"
        " 改到 改成 改为 换成 换 不是 还是 抱歉 对不起 不好意思 弄错 我弄错 搞错 我搞错 我说错 更正 其实"
    )
) - listed("a an")


def dead(text: str, words: list[Token], values: list[Value], known: Callable[[Value], bool]) -> list[Value]:
    """The values of the message that it takes back itself. `known`: whether something was said before."""
    values = [value for value in values if value.kind != WORD or not cues.meaning(value.ids[0]) & (cues.FILLS | cues.HESITATES)]
    if not values:
        return []
    lows = [word.low for word in words]
    spaced = text.isascii() or not any(cue in text for cue in _UNSPACED)
    gone = _repaired(words, lows, values, known)
    if (
        not gone
        and spaced
        and CONTRASTS.isdisjoint(lows)
        and "second" not in lows
        and not any(map(_HESITATES.fullmatch, lows[:_READ]))
    ):
        return []
    gone += [value for value in _broken_off(words, lows, values) if value not in gone]
    gone += [value for value in _denied(words, lows, values, known) if value not in gone]
    if gone:
        gone += [value for value in values if value not in gone and any(_is_again(other, value) for other in gone)]
    if not gone and len(words) <= 30 and _ADDING.isdisjoint(lows):
        gone = _known_beside_new(words, values, known)
    return gone


def _denied(words: list[Token], lows: list[str], values: list[Value], known: Callable[[Value], bool]) -> list[Value]:
    """ "Not Friday", "instead of two", "forget Mario's": what was said before and stands behind a word against it."""
    out = []
    told = content(values)
    first: dict[tuple[str, tuple[str, ...]], int] = {}
    for value in told:
        first.setdefault((value.kind, value.ids), value.start)
    ends = [word.end for word in words]
    for value in told:
        after = bisect_left(words, value.end, key=_start)
        let_go = _is_let_go(words, lows, after) and any(other.start > value.end and alike(other, value) for other in told)
        if (let_go or _is_spoken_against(words, lows, bisect_right(ends, value.start), value)) and (
            first[value.kind, value.ids] < value.start or known(value)
        ):
            out.append(value)
    return out


def _is_spoken_against(words: list[Token], lows: list[str], place: int, value: Value) -> bool:
    """Whether a word against it stands right before a value, the word `place` or small words apart."""
    before: list[str] = []
    while place and len(before) < _BEFORE:
        place -= 1
        if words[place].is_word:
            before.insert(0, lows[place])
    if value.kind == WORD and _PUTTING_OFF.isdisjoint(before):
        return False
    while before and before[-1] in _SMALL:
        before.pop()
    return bool(before) and before[-1] in _AGAINST and (before[-1] != "of" or before[-2:-1] == ["instead"])


def _is_again(value: Value, earlier: Value) -> bool:
    """Whether the message named it before already."""
    return earlier.start < value.start and earlier.kind == value.kind and earlier.ids == value.ids


def _is_let_go(words: list[Token], lows: list[str], at: int) -> bool:
    """ "Mario's is closed", "Friday no longer fits": what follows the value in its clause, from `at` on, speaks against it."""
    after: list[str] = []
    while at < len(words) and words[at].text not in _MARKS and len(after) <= _NEAR:
        after.append(lows[at])
        at += 1
    return not _LETTING_GO.isdisjoint(after)


def _broken_off(words: list[Token], lows: list[str], values: list[Value]) -> list[Value]:
    """ "At 19:30. No, wait, make that 20:15": what stands before the marker, if what follows it is of the same kind."""
    gone: list[Value] = []
    for at in range(1, len(words)):
        if (lows[at] in _OWN or _hesitates(lows, at)) and _breaks(words, lows, at):
            new = _brought(words, lows, at, values)
            old = _before(words[at].start, new, values) if new is not None else []
            if lows[at] == "make" and lows[at - 1] not in _OWN:
                old = [value for value in old if new is not None and (value.kind != WORD or kin(value, new))]
            gone += [value for value in old if value not in gone]
    return gone


def _repaired(words: list[Token], lows: list[str], values: list[Value], known: Callable[[Value], bool]) -> list[Value]:
    """ "In linen, I beg your pardon, velvet": nothing stands between two values but words of correcting oneself."""
    gone: list[Value] = []
    by_start = {value.start: value for value in content(values)}
    since, said = -1, 0  # where the words about what was said begin, and what they say together
    for at, word in enumerate(words):
        new = by_start.get(word.start)
        if new is not None and not (new.kind == WORD and cues.meaning(new.ids[0])):
            if since > 0 and said & _REPAIRING and _opens(words, lows, since, at):
                old = _beside(words[since].start, new, values) or _before(words[since].start, new, values)
                old = [new] if old and known(new) and not any(map(known, old)) else old
                gone += [value for value in old if value not in gone]
            since, said = -1, 0
        elif word.is_word and not (meant := cues.meaning(word.low)) and not word.role & SKIP:
            if not any(value.start <= word.start < value.end for value in by_start.values()):
                since, said = -1, 0
        else:
            since = at if since < 0 else since
            said |= meant if word.is_word else 0
    return gone


def _beside(start: int, new: Value, values: list[Value]) -> list[Value]:
    """The word or code right before a place, unless a name comes instead of a plain word."""
    last = next((value for value in reversed(values) if start - 1 <= value.end <= start), None)
    if last is None or family(last) != WORD or not alike(new, last) or (new.kind == NAME != last.kind):
        return []
    return [last]


_REPAIRING = cues.REPAIRS | cues.HESITATES


def _opens(words: list[Token], lows: list[str], since: int, at: int) -> bool:
    """Whether a mark or a word of correcting stands right behind what is taken back, and nothing denies what follows."""
    if at - since > _STEPPED or lows[at - 1] in replies.PLAIN_DENIALS or not _AGREEING.isdisjoint(lows[:at]):
        return False
    if lows[at - 1] in _NONE and not any(cues.meaning(low) & _REPAIRING for low in lows[since : at - 1]):
        return False  # "a bad knee, so no stairs"
    return not words[since].is_word or lows[since] == "or" or bool(cues.meaning(lows[since]) & _REPAIRING)


_STEPPED = 9  # words and marks
_NONE = listed("no kein keine keinen sin sans non não нет")
_AGREEING = listed("yes yeah yep correct confirmed thats that's sounds")


_ONLY_AFTER = {"mean": {"i"}, "meant": {"i"}, "better": {"or", "no", ","}, "rather": {"or"}}


def _hesitates(lows: list[str], at: int) -> bool:
    """ "Uh", "äh", "on second thought": they break in anywhere."""
    return _HESITATES.fullmatch(lows[at]) is not None or (lows[at] == "thought" and lows[at - 1] == "second")


def _breaks(words: list[Token], lows: list[str], at: int) -> bool:
    """Whether a word of correcting begins a clause here, and what it says is not part of that."""
    if _hesitates(lows, at):
        return True
    before, after = words[at - 1], lows[at + 1] if at + 1 < len(words) else ""
    if lows[at] == "make":
        return after in {"it", "that", "them"}
    if lows[at] in _ONLY_AFTER:
        return lows[at - 1] in _ONLY_AFTER[lows[at]]
    begins = (
        before.text in _MARKS or lows[at - 1] in _OWN or lows[at - 1] in {"oh", "or", "but", "and"} or before.text[0] >= "\u3000"
    )
    if lows[at] in {"no", "non", "better", "not", "不是"}:
        return begins and (after in _MARKS or after in _OWN or after in {"not", "it", "make", "that"})
    return begins


def _brought(words: list[Token], lows: list[str], at: int, values: list[Value]) -> Value | None:
    """The value that follows the marker: at once, but for a few small words."""
    place, passed = at + 1, 0
    by_start = {value.start: value for value in values}
    denied = False
    while place < len(words) and passed <= 9:
        value = by_start.get(words[place].start)
        if value is not None and not (value.kind == WORD and value.ids[0] in _NOISE):
            if not denied:
                return value
            denied = False
        elif words[place].is_word and lows[place] not in _STEPS and lows[place] not in _OWN:
            return _strong_after(words[place].start, words, place, values)
        elif lows[place] in {"not", "nicht", "pas"}:
            denied = True
        passed += words[place].is_word
        place += 1
    return None


def _strong_after(start: int, words: list[Token], place: int, values: list[Value]) -> Value | None:
    """A date, time or number in the same sentence, whatever stands before it: words and names have to follow at once."""
    end = next((word.start for word in words[place:] if word.text in ".!?\n。！？"), words[-1].end)
    for value in values:
        if start <= value.start < end and family(value) != WORD:
            return value
    return None


def alike(new: Value, old: Value) -> bool:
    """Whether one may take the other's place."""
    if family(new) != family(old) or key(new) == key(old):
        return False
    if new.kind == NUMBER:
        return not unit(new) or not unit(old) or same_unit(new, old)
    return True


def alike_units(one: Value, other: Value) -> bool:
    return not unit(one) or not unit(other) or same_unit(one, other)


def same_unit(one: Value, other: Value) -> bool:
    """Whether two numbers count the same: nights and days, people and guests."""
    mine, others = slot(one), slot(other)
    return mine is not None and others is not None and mine[0] == others[0]


def _before(start: int, new: Value, values: list[Value]) -> list[Value]:
    """What stood before the marker and gives way: the last of the kind; of plain words the last run."""
    old = [value for value in content(values) if value.end <= start and alike(new, value)]
    old = [value for value in old if value.ids[0] != "1" or len(value.ids) == 1] or old  # "a day" is said of everything
    if not old:
        return []
    last = old[-1]
    if family(last) != WORD:
        return [value for value in old if key(value) == key(last)]
    similar = [value for value in old if kin(value, new)]
    if similar:
        return similar[-1:]
    if new.kind != last.kind:
        same = [value for value in old if value.kind == new.kind]
        return same[-1:] or old[-1:]
    run = [last]
    for value in reversed(old[:-1]):
        if value.kind == WORD and run[0].start - value.end == 1:
            run.insert(0, value)
    return run


def kin(one: Value, other: Value) -> bool:
    """Whether two words are made alike ("vegetarian", "vegan") or name things of one well-known set."""
    a, b = one.ids[0], other.ids[0]
    if one.ids[-1] == other.ids[-1] and min(len(one.ids), len(other.ids)) > 1:
        return one.ids != other.ids  # "Delta Airlines", "United Airlines"
    if a == b:
        return False
    return (len(a) > 4 < len(b) and a[:3] == b[:3]) or of_one_set(one, other)


def of_one_set(one: Value, other: Value) -> bool:
    """Whether two words name different things of one well-known set: colours, sizes."""
    a, b = one.ids[0], other.ids[0]
    return a != b and any(a in each and b in each for each in _SETS)


_SETS = tuple(
    listed(words)
    for words in (
        "red green blue white black yellow brown grey gray orange purple pink beige turquoise teal navy violet cream gold silver olive",
        "rot rote grün grüne grünen blau blaue weiß weiße weißen schwarz schwarze gelb gelbe braun grau orange lila rosa türkis beige",
        "rojo roja verde azul blanco blanca negro negra amarillo amarilla gris marrón rosa morado naranja beige",
        "rouge vert verte bleu bleue blanc blanche noir noire jaune gris grise marron rose violet orange beige",
        "赤 青 緑 白 黒 黄 紫 茶色 灰色 赤色 青色 緑色 白色 黒色 黄色",
        "红色 绿色 蓝色 白色 黑色 黄色 灰色 紫色 粉色 棕色 橙色 米色",
        "economy business premium first",
        "vegetarian vegan kosher halal pescatarian omnivore",
        "window aisle middle",
        "savings checking current",
        "single double twin suite king queen",
        "indoor outdoor inside outside",
        "small medium large s m l xs xl xxl xxxl klein mittel groß petit moyen grand",
        "left right",
        "morning afternoon evening night noon",
        "breakfast lunch dinner brunch",
    )
)


def _known_beside_new(words: list[Token], values: list[Value], known: Callable[[Value], bool]) -> list[Value]:
    """ "Not nine but seven", "change the blue one to red": what was said before gives way to what was not."""
    told = content(values)
    gone: list[Value] = []
    for kind in {value.kind for value in told}:
        mine = [value for value in told if value.kind == kind]
        if len(mine) < 2 or (kind == NAME and any(family(value) != WORD and not known(value) for value in told)):
            continue
        old = [value for value in mine if known(value)]
        fresh = [value for value in mine if value not in old]
        if kind == WORD and len([value for value in told if family(value) == WORD]) > _TWO:
            continue
        if old and len(fresh) == 1 and len({key(value) for value in old}) <= 2:
            gone += [value for value in old if alike(fresh[0], value)]
    return gone


def swapped(before: list[Token], old: list[Value], after: list[Token], new: list[Value], fresh: set[str]) -> list[Value]:
    """Values of a message that another says again with `fresh` ones in their place, between the same words."""
    said = {key(value) for value in new}
    left = [value for value in content(old) if key(value) not in said]
    stay = sum(key(value) in said for value in content(old))
    if not stay or not left or len(left) > 2 * _TWO:
        return []
    frames = {_frame(after, run) for run in runs(new) if any(key(value) in fresh for value in run)}
    return [value for run in runs(left) if _frame(before, run) in frames for value in run]


def runs(values: list[Value]) -> list[list[Value]]:
    """Values that stand side by side."""
    out: list[list[Value]] = []
    for value in values:
        if out and value.start - out[-1][-1].end == 1:
            out[-1].append(value)
        else:
            out.append([value])
    return out


def _frame(words: list[Token], run: list[Value]) -> tuple[str, str]:
    before = [word.low for word in words if word.end <= run[0].start][-1:]
    after = [word.low for word in words if word.start >= run[-1].end][:1]
    return "".join(before), "".join(after).replace("?", ".")


def without(words: list[Token], values: list[Value], gone: list[Value]) -> tuple[list[Token], list[Value]]:
    """The words with the end of a clause in the place of what is taken back, and the values that stay."""
    out = list(words)
    for value in gone:
        at = bisect_left(out, value.start, key=_start)
        while at < len(out) and (word := out[at]).start < value.end:
            out[at] = Token(word.start, word.end, ";", ";", False)
            at += 1
    return out, [value for value in values if value not in gone]


def is_adding(words: list[Token]) -> bool:
    lows = [word.low for word in words]
    begins = bool(lows) and lows[0] in {"and", "und", "y", "et", "e"}
    return begins or not _ADDING.isdisjoint(lows) or "too" in lows[-2:]
