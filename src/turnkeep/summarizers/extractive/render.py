"""Records as lines: `user: ...; ...`, `agreed: ...`, `offered: ...`, `Tool(key=value, ...) -> outcome, key=value`.

Invariant: a line has one speaker and less than 40 tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from turnkeep.summarizers.extractive.records import ASSISTANT, CALL, HEARD, Piece, Record

LINE = 38  # tokens
GAP = 6  # messages between two fragments of one line
SEPARATOR = "; "


def render(records: Sequence[Record], count: Callable[[str], int]) -> str:
    """The lines, in the order of what each begins with."""
    lines: list[tuple[int, int, str | _Line]] = []
    open_lines: dict[str, _Line] = {}
    for record in sorted(records, key=lambda record: record.at):
        if record.who == CALL:
            if record.pieces:
                lines += [(record.at, 1, line) for line in _call(record, count)]
            continue
        for piece in record.pieces:
            who = ASSISTANT if record.who == HEARD else record.who
            line = open_lines.get(who)
            if line is None or not line.takes(piece, record.at):
                line = open_lines[who] = _Line(who, record.at, piece)
                lines.append((record.at, 0, line))
            else:
                line.add(piece, record.at)
    return "\n".join(str(line) for _, _, line in sorted(lines, key=lambda line: line[:2]))


class _Line:
    """A speaker's fragments from messages that stand close together."""

    def __init__(self, who: str, at: int, piece: Piece) -> None:
        self._parts = [f"{who}: {piece.text}"]
        self._size, self._last = piece.tokens + 2, at

    def takes(self, piece: Piece, at: int) -> bool:
        return self._size + piece.tokens + 1 <= LINE and at - self._last <= GAP

    def add(self, piece: Piece, at: int) -> None:
        self._parts.append(piece.text)
        self._size += piece.tokens + 1
        self._last = at

    def __str__(self) -> str:
        return SEPARATOR.join(self._parts)


def opening(tool: str, outcome: str) -> str:
    return f"{tool}() -> {outcome}"


def _call(record: Record, count: Callable[[str], int]) -> Iterator[str]:
    """The call on one line; on several, each with its tool and its outcome, if one is too short."""
    frame = count(opening(record.tool, record.outcome))
    room = LINE - frame
    asked = [piece for piece in record.pieces if not piece.result and piece.tokens <= room]
    told = [piece for piece in record.pieces if piece.result and piece.tokens <= room]
    while asked or told:
        now, asked = _fit(asked, room)
        size = sum(piece.tokens for piece in now)
        after: list[Piece] = []
        if not asked:
            after, told = _fit(told, room - size)
        yield f"{record.tool}({', '.join(piece.text for piece in now)}) -> " + ", ".join(
            [record.outcome, *(piece.text for piece in after)]
        )


def _fit(pieces: list[Piece], room: int) -> tuple[list[Piece], list[Piece]]:
    taken = 0
    while taken < len(pieces) and (room := room - pieces[taken].tokens) >= 0:
        taken += 1
    return pieces[:taken], pieces[taken:]
