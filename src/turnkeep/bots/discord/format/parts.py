"""A text in Discord's own Markdown, cut into what its messages hold.

Invariants: no part is empty or too long; a part ends with a paragraph, else a line, else a word. What is marked as a span stays whole
if it fits into a message; a longer one is closed where a part ends and opened again in the next, so that each part stands alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from turnkeep.bots.discord.format.characters import boundary

# Code points: "Our API uses Python 3, so the API calculates length based on the number of codepoints" (discord/discord-api-docs#1315).
MAX_CHARACTERS = 2000
LEAST_CODE = 80  # characters of a code block that stand in a message before it goes on in the next


class Span(msgspec.Struct, frozen=True):
    """What belongs together in a text. `opening` and `closing` are what it begins and ends with there. A block's lines may be parted."""

    start: int
    end: int
    opening: str = ""
    closing: str = ""
    is_block: bool = False

    @property
    def is_code(self) -> bool:
        """Whether its lines are code, of which no blank is to be lost."""
        return self.closing.endswith("```")


def parts(text: str, spans: Sequence[Span]) -> list[str]:
    """`spans`: one may stand in another, but they do not overlap otherwise, save those that have no marks."""
    page, found, start = _Page(text, spans), list[str](), 0
    while start < len(text):
        opened, end = page.around(start), page.end(start)
        closed = page.around(end)
        piece = _stripped(text[start:end], opened, closed)
        if piece.strip():
            opening, closing = "".join(span.opening for span in opened), "".join(span.closing for span in reversed(closed))
            found.append(f"{opening}{piece}{closing}")
        start = end
    return found


def _stripped(piece: str, opened: Sequence[Span], closed: Sequence[Span]) -> str:
    """Without the blanks around a cut, which a message does not show. Of code the line's end alone: `closing` has one."""
    piece = piece.removesuffix("\n") if closed and closed[-1].is_code else piece.rstrip()
    return piece if opened and opened[-1].is_code else piece.lstrip()


class _Page:
    """The text, and what no cut may go through: `levels`, of which one gives way to the next if there is no place to cut."""

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        self.text = text
        short = [span for span in spans if span.end - span.start <= MAX_CHARACTERS]
        long = [span for span in spans if span.end - span.start > MAX_CHARACTERS]
        marks = [Span(span.start, self._begun(span)) for span in long]
        marks += [Span(span.end - len(span.closing) - 1, span.end) for span in long]
        self.levels = [
            _Sorted([*short, *marks]),
            _Sorted([*(span for span in short if not span.is_block), *marks]),
            _Sorted(marks),
        ]
        self.short, self.long = _Sorted([span for span in short if span.opening]), [span for span in long if span.opening]

    def _begun(self, span: Span) -> int:
        """Behind its opening, of code also behind some of it: a fence with nothing in it is no place to part."""
        first = span.start + len(span.opening)
        if not span.is_code:
            return first + 1
        return min(self.text.find("\n", first + LEAST_CODE, span.end) + 1 or span.end, first + 4 * LEAST_CODE, span.end)

    def around(self, at: int) -> list[Span]:
        """What is cut in two there, from outside to inside."""
        found = [span for span in (*self.long, *self.short.near(at - 1, at + 1)) if span.start < at < span.end]
        return sorted(found, key=lambda span: (span.start, -span.end))

    def end(self, start: int) -> int:
        """Of the part that begins there."""
        opening = sum(len(span.opening) for span in self.around(start))
        room = MAX_CHARACTERS - opening
        while True:
            end = min(len(self.text), start + room)
            end = end if end == len(self.text) else self._cut(start, end)
            over = opening + end - start + sum(len(span.closing) for span in self.around(end)) - MAX_CHARACTERS
            if over <= 0:
                return end
            room = max(1, end - start - over)

    def _cut(self, start: int, end: int) -> int:
        """Behind a paragraph or a line of the part's second half, else behind a word or any line, else between two characters."""
        middle = (start + end) // 2
        for level in self.levels:
            kept = level.near(start, end)
            for separators, least in ((("\n\n",), middle), (("\n",), middle), ((" ", "\n"), start)):
                at = max(self._behind(separator, least, end, kept) for separator in separators)
                if at > least:
                    return at
        at = min((span.start for span in kept if start < span.start < end < span.end), default=boundary(self.text, start, end))
        return at - 1 if self.text[at - 1] == "\\" and at - 1 > start else at

    def _behind(self, separator: str, least: int, end: int, kept: Sequence[Span]) -> int:
        """The last place behind a separator that is in none of them; `least` if there is none."""
        size = len(separator)
        at = self.text.rfind(separator, least, end) + size
        while at >= least + size:
            around = [span.start for span in kept if span.start < at < span.end]
            if not around:
                return at
            at = self.text.rfind(separator, least, max(least, min(around))) + size
        return least


class _Sorted:
    """Spans that are no longer than a part."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = sorted(spans, key=lambda span: span.start)
        self.starts = [span.start for span in self.spans]

    def near(self, start: int, end: int) -> list[Span]:
        """Those that reach into that piece of the text."""
        first, last = bisect_right(self.starts, start - MAX_CHARACTERS - 1), bisect_left(self.starts, end)
        return [span for span in self.spans[first:last] if span.end > start]
