"""Words that deny, and how far they reach: a fragment that is cut off from its "not" says the opposite of what was said.

Invariant: reaching too far costs tokens, reaching too little tells a lie; so a reach ends only at the end of a clause, at a comma that
continues no list, and at a word that begins another statement.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from turnkeep.summarizers.extractive.words import CLAUSE_ENDS, DENIES, EXCEPTS, SKIP, STOP, Token, listed

_COMMAS = frozenset(",،、，")
_DASHES = frozenset("–—")
_MOST = 200  # words and marks that a denial reaches
_BEFORE = 2  # small words before a denial that are told with it: "I do", "we are"
_AFTER = 4  # words after what is told, until a denial of it
_REST = 4  # words after such a denial that are told with it
_FEW = 3  # words of a part of a list
_JOINING = listed("and or but und oder aber y o pero et ou mais e ma maar of en")
_TURNS = listed(
    "but because although though whereas aber weil denn obwohl sondern pero porque sino aunque mais parce car mas ma perché però maar"
    " omdat но а потому whether"
)
_LINKS = listed("and und y et e en и so then dann luego alors")
_SUBJECTS = listed(
    "i i'm i'd i'll i've we we're we'd we'll you he she they it it's ich wir er sie es yo nosotros je j'ai j' nous io noi eu nós ik wij"
    " я мы"
)
_OTHERS = listed("who which where that when if while whose wenn dass der welche que quien donde qui che dat die что who's")
_ALL = listed("anything everything all any nothing everyone anyone")
_INTERJECTIONS = listed("no non não nao нет не nope not nein")
_NO_WAY = listed(  # after "no", which is then a word by itself
    "problem problems worries worry doubt matter rush hurry trouble thanks thank wait make sorry actually i i'd i'm i'll i've we let's"
    " it's that's please it that this he she they you offense biggie sweat make problema"
)
_MERELY = listed("only just merely simply nur bloß solo sólo solamente soltanto solamente seulement só apenas alleen только")
_WHY = listed("why warum wieso pourquoi perché waarom qué why's почему")


class Denial(msgspec.Struct, frozen=True, gc=False):
    """A word that denies what stands at `start..end`; told with it is what begins at `begin`.

    What ends between `back` and `start` is denied, too, and told as far as `rest`.
    """

    begin: int
    start: int
    end: int
    back: int
    rest: int


def denials(words: Sequence[Token]) -> list[Denial]:
    """The denials of a text, in order."""
    return [_denial(words, at) for at, word in enumerate(words) if word.role & DENIES and _denies(words, at)] if words else []


def carried(start: int, end: int, found: Sequence[Denial]) -> tuple[int, int]:
    """The slice with the denials that reach into it."""
    for denial in reversed(found):
        if denial.begin < start < denial.end:
            start = denial.begin
    for denial in found:
        if denial.back < end <= denial.start:
            end = denial.rest
    return start, end


def _denies(words: Sequence[Token], at: int) -> bool:
    """Whether the word denies anything: "no, nine days", "no problem", "not only" and "why not" do not."""
    low = words[at].low
    after = words[at + 1] if at + 1 < len(words) else None
    if low == "but":
        return bool(at) and words[at - 1].low in _ALL and after is not None and after.is_word
    if low == "mai":
        return after is not None and after.low.endswith(("are", "ere", "ire", "mi"))
    if at and words[at - 1].low in _WHY:
        return False
    if after is None or not after.is_word:
        return low not in _INTERJECTIONS or (at > 0 and words[at - 1].is_word)
    if after.low in _MERELY:
        return False
    return low != "no" or not (after.text[0].isdigit() and at > 0 and words[at - 1].is_word)  # "room no 12"


def _denial(words: Sequence[Token], at: int) -> Denial:
    word = words[at]
    first = at
    while first and at - first < _BEFORE and _belongs(words, first - 1):
        first -= 1
    if word.role & EXCEPTS and first == at and at and words[at - 1].is_word:
        first = at - 1
    end = _end(words, at)
    back = word.start if word.role & EXCEPTS else _back(words, at)
    return Denial(words[first].start, word.start, end, back, _rest(words, at))


def _belongs(words: Sequence[Token], at: int) -> bool:
    word = words[at]
    return word.is_word and (word.low in STOP or word.low in _ALL) and word.low not in _JOINING and word.low != "please"


def _end(words: Sequence[Token], at: int) -> int:
    """How far a denial reaches."""
    if words[at].low == "no" and at + 1 < len(words) and words[at + 1].low in _NO_WAY:
        return words[at + 1].end  # "no problem" alone
    last = min(len(words), at + _MOST)
    held = False  # whether it has denied anything yet
    for place in range(at + 1, last):
        word = words[place]
        if word.is_word:
            if _turns(words, place) and place > at + 1:
                return word.start
            held = held or not word.role & SKIP
        elif _ends(words, place) or word.text in _DASHES or (word.text in _COMMAS and _parts(words, at, place, held=held)):
            return word.start
    return words[last - 1].end + 1


def _parts(words: Sequence[Token], at: int, place: int, *, held: bool) -> bool:
    """Whether a comma ends what is denied: not before it has begun ("don't, in any case, book"), and not within a list."""
    if held:
        return not _lists(words, place + 1)
    return place == at + 1 and words[at].low in _INTERJECTIONS


def _ends(words: Sequence[Token], at: int) -> bool:
    if words[at].text not in CLAUSE_ENDS:
        return False
    if words[at].text != "." or at + 1 >= len(words):
        return True
    return words[at + 1].start > words[at].end and not words[at + 1].text[0].islower()


def _turns(words: Sequence[Token], at: int) -> bool:
    """Whether another statement begins here."""
    low = words[at].low
    if low in _TURNS:
        return words[at].text[0].islower() and not words[at].role & DENIES
    return low in _LINKS and at + 1 < len(words) and words[at + 1].low in _SUBJECTS


def _lists(words: Sequence[Token], at: int) -> bool:
    """Whether what follows a comma goes on with a list."""
    for count, word in enumerate(words[at : at + _FEW + 1]):
        if word.low in _SUBJECTS or word.low in _TURNS:
            return False
        if not word.is_word or word.low in _JOINING:
            return count > 0 or word.low in _JOINING
    return len(words) - at <= _FEW


def _back(words: Sequence[Token], at: int) -> int:
    """From where on a denial is said of what stands before it: "the Adler I do not want"."""
    place, count = at, 0
    while place and count <= _AFTER:
        before = words[place - 1]
        if not before.is_word or before.low in _JOINING or before.low in _OTHERS or before.low in _TURNS:
            break
        place -= 1
        count += 1
    return words[place].start if place < at else words[at].start


def _rest(words: Sequence[Token], at: int) -> int:
    """To where a denial is told of what stands before it."""
    place = at
    while place + 1 < len(words) and words[place + 1].is_word and not _turns(words, place + 1) and place - at <= _REST:
        place += 1
    return words[place if place - at <= _REST else at + 2].end
