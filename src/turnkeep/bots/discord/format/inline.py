"""What is formatted within a line: Markdown as models write it (CommonMark, strikethrough, and Discord's spoilers) in Discord's own.

Invariant: what CommonMark does not format is not formatted by Discord either, which pairs marks more freely (`__` inside words, `**`
beside blanks, across paragraphs): marks without a partner are escaped. The scan is linear in the text.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import msgspec

from turnkeep.bots.discord.format.parts import Span

_TOKEN = re.compile(
    r"""(?P<escape>\\[!-/:-@\[-`{-~])
    |(?P<code>`+)
    |(?P<whole><(?:https?://[^\s<>]+|@[!&]?\d+|\#\d+|a?:\w+:\d+|t:-?\d+(?::\w)?|/[\w -]+:\d+|id:\w+)>)
    |(?P<newline><br\s*/?>)
    |(?P<link>!?\[(?P<label>(?:\\.|[^\[\]\\\n]|\[[^\[\]\n]{0,300}\]){0,500})\]
        \(\s*<?(?P<target>(?:[^\s()<>]|\([^\s()]{0,300}\)){1,2000})>?(?P<title>\s+"[^"\n]{0,300}")?\s*\))
    |(?P<url>https?://(?:(?!~~)[^\s<>*`|])+)
    |(?P<entity>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});)
    |(?P<marks>\*+|_+|~~+|\|\|+)""",
    re.VERBOSE,
)
_MARKS = "*_~|`\\<"
_UNFINISHED_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\s]{0,2000}\Z")
_UNFINISHED_MARKS = re.compile(r"[*_~|`\\<\[!&]{1,10}\Z")
Kind = Literal["strong", "emphasis", "strike", "spoiler"]
_KINDS: dict[tuple[str, int], Kind] = {
    ("*", 1): "emphasis",
    ("_", 1): "emphasis",
    ("*", 2): "strong",
    ("_", 2): "strong",
    ("~", 2): "strike",
    ("|", 2): "spoiler",
}


class Styled(msgspec.Struct, frozen=True):
    """A text in Discord's Markdown, and what belongs together in it."""

    text: str
    spans: tuple[Span, ...] = ()


class _Atom(msgspec.Struct, frozen=True):
    """What holds no marks of its own. `plain`: without formatting. `mark`: what it begins and ends with, if it may be cut at all."""

    text: str
    plain: str
    mark: str = ""
    is_whole: bool = True


class _Pair(msgspec.Struct, eq=False):
    """Two marks that format what stands between them; not if `mark` is empty, since it is formatted so already."""

    kind: Kind
    opener: int
    mark: str
    start: int = 0


class _Marks(msgspec.Struct, eq=False):
    """A run of marks; `count` of them have no partner, and are text. Pairs stand as they were found: from inside to outside."""

    character: str
    length: int
    before: str
    after: str
    count: int = 0
    closes: list[_Pair] = []
    opens: list[_Pair] = []

    def __post_init__(self) -> None:
        self.count = self.length

    @property
    def may_open(self) -> bool:
        return not self.after.isspace() and (self.character != "_" or not _is_word(self.before))

    @property
    def may_close(self) -> bool:
        return not self.before.isspace() and (self.character != "_" or not _is_word(self.after))

    @property
    def plain(self) -> str:
        return self.character * self.count

    @property
    def rest(self) -> str:
        """Those without a partner, escaped where Discord would find them one."""
        alone = self.after.isspace() if self.character == "*" else _is_inner(self.before) and _is_inner(self.after)
        harmless = self.count == 1 and alone and not (self.opens or self.closes)
        return (self.character if harmless else f"\\{self.character}") * self.count


_Piece = str | _Atom | _Marks


def styled(text: str, *, growing: bool = False) -> Styled:
    """`growing`: the text goes on; what it leaves open at its end is closed there."""
    if growing:
        text = _UNFINISHED_MARKS.sub("", _UNFINISHED_LINK.sub(r"\1", text))
        text = text.rstrip()
    return _written(_Pairing(_pieces(text, growing=growing)).run(growing=growing))


def plain(text: str) -> str:
    """Without formatting, in one line."""
    pieces = _Pairing(_pieces(text)).run(growing=False)
    return " ".join("".join(piece if isinstance(piece, str) else piece.plain for piece in pieces).split())


def has_links(text: str) -> bool:
    return "](" in text or "://" in text


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _is_inner(character: str) -> bool:
    """Whether a `_` beside it ends nothing in Discord."""
    return character.isascii() and _is_word(character)


# --- pieces


def _pieces(text: str, *, growing: bool = False) -> list[_Piece]:
    pieces: list[_Piece] = []
    unclosed = set[int]()  # lengths of backtick runs that have no second behind here
    piece: _Piece
    at = 0
    while (found := _TOKEN.search(text, at)) is not None:
        pieces.append(text[at : found.start()])
        at = found.end()
        if found.lastgroup == "code":
            piece, at = _code(text, found, unclosed, growing=growing)
        elif found.lastgroup == "marks":
            marks = found[0]
            piece = _Marks(marks[0], len(marks), text[found.start() - 1 : found.start()] or "\n", text[at : at + 1] or "\n")
        else:
            piece = _atom(found)
        pieces.append(piece)
    pieces.append(text[at:])
    return pieces


def _code(text: str, found: re.Match[str], unclosed: set[int], *, growing: bool) -> tuple[_Atom, int]:
    ticks, start = found[0], found.end()
    if len(ticks) not in unclosed:
        second = re.compile(rf"(?<!`){ticks}(?!`)").search(text, start)
        if second is not None:
            inner = text[start : second.start()]
            return _Atom(f"{ticks}{inner}{ticks}", inner, ticks), second.end()
        unclosed.add(len(ticks))
        if growing:
            inner = text[start:]
            return _Atom(f"{ticks}{inner}{ticks}", inner, ticks), len(text)
    return _Atom("\\`" * len(ticks), ticks, is_whole=False), start


def _atom(found: re.Match[str]) -> _Atom:
    told = found[0]
    match found.lastgroup:
        case "escape":
            return _Atom(told, told[1:])
        case "newline":
            return _Atom("\n", " ", is_whole=False)
        case "entity":
            shown = html.unescape(told)
            if not all(character.isprintable() or character == "\xa0" for character in shown):
                return _Atom(told, told)
            return _Atom("".join(f"\\{one}" if one in _MARKS else one for one in shown), shown)
        case "link":
            return _link(found)
        case _:
            return _Atom(told, told)


def _link(found: re.Match[str]) -> _Atom:
    """Discord shows no images, and a link as such only with a web address behind words that are none."""
    label, target = found["label"].strip(), found["target"]
    if not label or label == target:
        shown = target
    elif not re.match(r"https?://", target) or "://" in label:
        shown = f"{label} ({target})"
    else:
        shown = f"[{label}]({target}{found['title'] or ''})"
    return _Atom(shown, shown)


# --- pairs


class _Pairing:
    """Finds the marks' partners, as CommonMark does: a closer takes the nearest opener of its kind, and what waits between is text."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self.pieces = pieces
        self.waiting: list[tuple[int, _Marks]] = []
        self.count = Counter[str]()  # of those that wait, by character
        self.innermost = defaultdict[Kind, list[_Pair]](list)
        self.within = {one: list(accumulate((_shows(piece, one) for piece in pieces), initial=0)) for one in "*_"}

    def run(self, *, growing: bool) -> list[_Piece]:
        for at, piece in enumerate(self.pieces):
            if isinstance(piece, _Marks):
                self._close(at, piece)
                if piece.may_open and _size(piece, piece):
                    self.waiting.append((at, piece))
                    self.count[piece.character] += 1
        end = _Marks("", 0, "\n", "\n")
        while growing and self.waiting:
            at, opener = self.waiting[-1]
            self._pair(at, opener, len(self.pieces), end, _size(opener, opener))
        return [*self.pieces, end]

    def _close(self, at: int, closer: _Marks) -> None:
        while closer.may_close and self.count[closer.character] and _size(closer, closer):
            while self.waiting[-1][1].character != closer.character:
                self._drop()
            first, opener = self.waiting[-1]
            size = _size(opener, closer)
            if not _fit(opener, closer):
                return
            self._pair(first, opener, at, closer, size)
            closer.count -= size

    def _pair(self, first: int, opener: _Marks, last: int, closer: _Marks, size: int) -> None:
        kind = _KINDS[opener.character, size]
        pair = _Pair(kind, first, self._mark(first, opener.character, last, kind))
        known = self.innermost[kind]
        while known and known[-1].opener >= first:
            known.pop().mark = ""
        known.append(pair)
        opener.opens.append(pair)
        closer.closes.append(pair)
        opener.count -= size
        if not _size(opener, opener):
            self._drop()

    def _mark(self, first: int, character: str, last: int, kind: Kind) -> str:
        """Discord's own: `__` underlines there, and what stands between two `_` has none, code neither; the same for `*`."""
        if kind == "emphasis":
            return next((one for one in (character, *"*_") if self.within[one][last] == self.within[one][first + 1]), "")
        return "**" if kind == "strong" else character * 2

    def _drop(self) -> None:
        _, dropped = self.waiting.pop()
        self.count[dropped.character] -= 1


def _size(opener: _Marks, closer: _Marks) -> int:
    """How many marks a pair of them takes; 0 if they are too few."""
    count = min(opener.count, closer.count)
    return 2 if count >= 2 else count if opener.character in "*_" else 0


def _shows(piece: _Piece, mark: str) -> bool:
    """Whether it ends what is emphasized by that mark: code and addresses, and a `_` that is text."""
    if isinstance(piece, _Atom):
        return mark in piece.text and not piece.text.startswith("\\")
    return isinstance(piece, _Marks) and piece.character == mark == "_"


def _fit(opener: _Marks, closer: _Marks) -> bool:
    """CommonMark's rule of three: `a**b*c` is no pair."""
    if opener.character not in "*_" or not (opener.may_close or closer.may_open):
        return True
    return (opener.length + closer.length) % 3 != 0 or opener.length % 3 == closer.length % 3 == 0


def _written(pieces: Sequence[_Piece]) -> Styled:
    out, at, spans, stars = list[str](), 0, list[Span](), 0

    def write(told: str) -> None:
        nonlocal at
        out.append(told)
        at += len(told)

    for piece in pieces:
        if isinstance(piece, str):
            write(piece)
        elif isinstance(piece, _Atom):
            if piece.is_whole:
                spans.append(Span(at, at + len(piece.text), piece.mark, piece.mark))
            write(piece.text)
        else:
            for pair in piece.closes:
                write(pair.mark)
                stars -= pair.mark == "*"
                if pair.mark:
                    spans.append(Span(pair.start, at, pair.mark, pair.mark))
            write("\\*" * piece.count if stars and piece.character == "*" else piece.rest)
            for pair in reversed(piece.opens):
                stars += pair.mark == "*"
                pair.start = at
                write(pair.mark)
    return Styled("".join(out), tuple(spans))
