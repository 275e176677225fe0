"""Making the newest turn fit: shorter tool results, then fewer of its messages, then shorter texts; the user's word stays.

Invariants: what comes out costs at most `limit` (if that is `SMALLEST` or more), keeps every call beside its results, and says in
the text itself, by a marker, what is not there. The work is bounded by the limit, not by the size of what is shortened.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

import msgspec

from turnkeep.session import Content, JsonObject, LeftOut
from turnkeep.tokens import Counter, count_message
from turnkeep.turns import Piece, Turn, Unit, cost

SMALLEST = 16  # tokens that the smallest form of a turn fits into: a marker beside the user's message
ELLIPSIS = "[...]"
_ROUNDS = 8
_CHEAP = 65_536  # characters that are counted rather than estimated for a marker
_LARGE_ARGUMENTS = 64  # tokens; calls with less are left as they are


def large(budget: int) -> int:
    """The tokens to which a tool result of an older turn is shortened before anything is left out of a prompt."""
    return max(64, budget // 32)


def note(counter: Counter, text: str, limit: int) -> Piece:
    """A marker as a system message, or its shortest form if the text is over the limit."""
    out = {"role": "system", "content": text}
    tokens = cost(counter, out)
    if tokens > limit:
        out = {"role": "system", "content": ELLIPSIS}
        tokens = cost(counter, out)
    return Piece(0, out, tokens, made_up=True)


# --- texts


def _joins(char: str) -> bool:
    """Whether a character belongs to the one before it: combining marks, joiners, variation selectors, skin tones."""
    return unicodedata.category(char)[0] == "M" or char == "\u200d" or "\U0001f3fb" <= char <= "\U0001f3ff"


def _whole(text: str, at: int) -> int:
    """The nearest place at or before `at` that splits no character as readers see it; gives up after 16."""
    for place in range(at, max(at - 16, 0), -1):
        if place >= len(text) or not (_joins(text[place]) or text[place - 1] == "\u200d"):
            return place
    return at


def _length(counter: Counter, text: str, tokens: int, end: Callable[[int], str]) -> int:
    """How many characters of one end of the text stay within that many tokens: nearly as many as can."""
    low, high = 0, min(len(text), tokens * 8)
    size = min(high, tokens * 4)
    for _ in range(_ROUNDS):
        found = counter.count(end(size))
        if found <= tokens:
            low = size
            if found >= tokens * 0.95 or size >= high:
                break
        else:
            high = size
        guess = size * tokens // max(found, 1)
        size = guess if low < guess < high else (low + high) // 2
        if size <= low:
            break
    return low


def _ends(counter: Counter, text: str, tokens: int) -> tuple[str, str]:
    """The text's start and its end, two thirds and one third of the tokens."""
    head = _length(counter, text, tokens - tokens // 3, lambda size: text[:size])
    tail = _length(counter, text, tokens // 3, lambda size: text[len(text) - size :] if size else "")
    tail_at = max(head, len(text) - tail)
    return text[: _whole(text, head)], text[_whole(text, tail_at) :] if tail else ""


def shorten(counter: Counter, text: str, limit: int, total: int, what: str) -> str:
    """The text with its middle replaced by a marker, in at most `limit` tokens. `total` is what the whole text costs."""
    keep = limit - counter.count(_marker(total, what)) - 2
    for _ in range(_ROUNDS):
        if keep < 4:
            break
        head, tail = _ends(counter, text, keep)
        short = head + _marker(max(total - keep, 1), what) + tail
        excess = counter.count(short) - limit
        if excess <= 0:
            return short
        keep -= excess + 1
    marker = _marker(total, what)
    return marker if counter.count(marker) <= limit else ELLIPSIS


def _marker(tokens: int, what: str) -> str:
    return f"[... {tokens:,} tokens of {what} left out ...]"


# --- contents


def _shorten_parts(counter: Counter, parts: list[JsonObject], limit: int, what: str) -> list[JsonObject]:
    """The other parts stay if they take up to half; the texts become one and give way."""
    texts = [part["text"] for part in parts if part.get("type") == "text" and isinstance(part.get("text"), str)]
    others = [part for part in parts if not (part.get("type") == "text" and isinstance(part.get("text"), str))]
    spent = count_message(counter, "user", others) - count_message(counter, "user", [])
    if others and spent > limit // 2:
        texts.insert(0, f"[{len(others)} attached parts of {what} left out]")
        others, spent = [], 0
    text = "\n".join(texts)
    total = counter.count(text) if len(text) < 8 * limit else max(limit, len(text) // 4)
    if total > limit - spent:
        text = shorten(counter, text, limit - spent, total, what)
    return [{"type": "text", "text": text}, *others]


def _content_tokens(counter: Counter, whole: Piece, bare: int) -> int:
    """What the content of a message costs: exactly where that is at hand or cheap, it only stands in a marker."""
    content = whole.out["content"]
    if "tool_calls" not in whole.out:
        return whole.tokens - bare
    return counter.count(content) if len(content) < _CHEAP else len(content) // 4


def shorten_piece(counter: Counter, piece: Piece, whole: Piece, limit: int) -> Piece:
    """The message with less content: in at most `limit` tokens, unless what stands beside the content is already over.

    `whole` is the message as it was before anything was shortened, so that a text shortened twice has one marker.
    """
    what = f"message {piece.seq}"
    bare = cost(counter, {**piece.out, "content": ""})
    content: Content = whole.out["content"]
    if isinstance(content, str):
        content = shorten(counter, content, limit - bare, _content_tokens(counter, whole, bare), what)
    elif content:
        content = _shorten_parts(counter, content, limit - bare, what)
    out = {**piece.out, "content": content}
    short = Piece(piece.seq, out, cost(counter, out), piece.made_up)
    return short if short.tokens < piece.tokens else piece


def _without_arguments(counter: Counter, piece: Piece) -> Piece:
    """The message with its largest arguments replaced by a note that is JSON still."""
    calls = [_without_large_argument(counter, call) for call in piece.out["tool_calls"]]
    out = {**piece.out, "tool_calls": calls}
    return Piece(piece.seq, out, cost(counter, out))


def _without_large_argument(counter: Counter, call: JsonObject) -> JsonObject:
    function = call.get("function")
    if not isinstance(function, dict):
        return call
    arguments = function.get("arguments")
    if not isinstance(arguments, str) or len(arguments) < _LARGE_ARGUMENTS:
        return call
    tokens = counter.count(arguments) if len(arguments) < _CHEAP else len(arguments) // 4
    if tokens < _LARGE_ARGUMENTS:
        return call
    left_out = msgspec.json.encode({"_left_out": f"{tokens:,} tokens"}).decode()
    return {**call, "function": {**function, "arguments": left_out}}


# --- the turn


class _Shrinking:
    """The newest turn on its way to fit; each step does nothing once it does."""

    def __init__(self, turn: Turn, limit: int, counter: Counter) -> None:
        self.units = [list(unit) for unit in turn.units]
        self.whole = {piece.seq: piece for piece in turn.pieces() if not piece.made_up}
        self.limit, self.counter = limit, counter
        self.dropped: list[Unit] = []
        self.marker: Piece | None = None

    def over(self) -> int:
        marker = self.marker.tokens if self.marker else 0
        return marker + sum(piece.tokens for unit in self.units for piece in unit) - self.limit

    def places(self, wanted: Callable[[Piece], bool]) -> list[tuple[Unit, int]]:
        return [(unit, place) for unit in self.units for place, piece in enumerate(unit) if wanted(piece)]

    def level(self, wanted: Callable[[Piece], bool], floor: int) -> None:
        """Shorten the largest to a common size, no smaller than the floor, that makes the turn fit."""
        over, places = self.over(), self.places(wanted)
        if over <= 0:
            return
        size = max(floor, _common_size([unit[place].tokens for unit, place in places], over))
        for unit, place in places:
            if unit[place].tokens > size:
                piece = unit[place]
                unit[place] = shorten_piece(self.counter, piece, self.whole[piece.seq], size)

    def restore(self, wanted: Callable[[Piece], bool]) -> None:
        """Whole again, to be shortened by what is still needed."""
        for unit, place in self.places(wanted):
            unit[place] = self.whole[unit[place].seq]

    def shorten_arguments(self) -> None:
        places = self.places(lambda piece: "tool_calls" in piece.out)
        for unit, place in sorted(places, key=lambda at: -at[0][at[1]].tokens):
            if self.over() > 0:
                unit[place] = _without_arguments(self.counter, unit[place])

    def user_units(self) -> int:
        return 1 if self.units[0][0].out["role"] == "user" else 0

    def drop_units(self, keep_last: int) -> None:
        """Drop what follows the user's message, the oldest first."""
        first = self.user_units()
        while self.over() > 0 and len(self.units) > max(first + keep_last, 1):
            self.dropped.append(self.units.pop(first))
            seqs = [piece.seq for unit in self.dropped for piece in unit]
            text = f"[{_real(self.dropped)} messages ({min(seqs)}-{max(seqs)}) of this turn are not shown here.]"
            self.marker = note(self.counter, text, max(self.limit // 4, 8))

    def bare(self) -> None:
        """The last resort: one message, without its name and its calls."""
        if self.over() <= 0:
            return
        piece = self.units[0][0]
        role = "user" if piece.out["role"] == "user" else "assistant"
        room = self.limit - (self.marker.tokens if self.marker else 0)
        whole = self.whole[piece.seq]
        out = {"role": role, "content": piece.out["content"] or ""}
        plain = Piece(piece.seq, out, cost(self.counter, out))
        if plain.tokens > room:
            plain = shorten_piece(self.counter, plain, whole, room)
        if plain.tokens > room:
            out = {"role": role, "content": ELLIPSIS}
            plain = Piece(piece.seq, out, cost(self.counter, out))
        self.dropped.append(self.units[0][1:])
        self.units = [[plain]]

    def pieces(self) -> list[Piece]:
        flat = [piece for unit in self.units for piece in unit]
        if self.marker:
            flat.insert(self.user_units(), self.marker)
        return flat


def _real(units: Iterable[Unit]) -> int:
    return sum(not piece.made_up for unit in units for piece in unit)


def _common_size(sizes: list[int], over: int) -> int:
    """The size to which the largest must come down so that all together lose `over`; 0 if even that is not enough."""
    sizes = sorted(sizes, reverse=True)
    for count, following in enumerate([*sizes[1:], 0], start=1):
        saved = sum(sizes[:count]) - count * following
        if saved >= over:
            return following + (saved - over) // count
    return 0


def _is_result(piece: Piece) -> bool:
    return piece.out["role"] == "tool" and not piece.made_up


def _has_text(piece: Piece) -> bool:
    return bool(piece.out["content"]) and not piece.made_up


def _shortened(whole: dict[int, Piece], kept: list[Piece]) -> list[LeftOut]:
    return [
        LeftOut("shortened", piece.seq, piece.seq, 1, lost)
        for piece in kept
        if not piece.made_up and (lost := whole[piece.seq].tokens - piece.tokens) > 0
    ]


def _dropped(units: list[Unit]) -> list[LeftOut]:
    real = [piece for unit in units for piece in unit if not piece.made_up]
    if not real:
        return []
    seqs = [piece.seq for piece in real]
    return [LeftOut("budget", min(seqs), max(seqs), len(real), sum(piece.tokens for piece in real))]


def shrink(turn: Turn, limit: int, counter: Counter) -> tuple[list[Piece], list[LeftOut]]:
    """The turn's messages in at most `limit` tokens, and what they lost."""
    work = _Shrinking(turn, limit, counter)
    floor = max(32, min(100, limit // 8))
    work.level(_is_result, floor)
    if work.over() > 0:  # what the arguments give up beyond that goes back to the results
        work.shorten_arguments()
        work.restore(_is_result)
        work.level(_is_result, floor)
    work.drop_units(keep_last=1)
    work.level(_has_text, 16)
    work.drop_units(keep_last=0)
    work.level(_has_text, 0)
    work.bare()
    kept = work.pieces()
    return kept, _dropped(work.dropped) + _shortened(work.whole, kept)
