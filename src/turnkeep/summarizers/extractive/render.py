"""Records as lines: `user: ...; ...`, `agreed: ...`, `offered: ...`, `Tool(key=value, ...) -> outcome, key=value`.

Invariant: a line has one speaker and less than 40 tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from turnkeep.summarizers.extractive.records import CALL, Piece, Record

LINE = 38  # tokens
_GAP = 6  # messages between two fragments of one line
SEPARATOR = "; "


def render(records: Sequence[Record], count: Callable[[str], int]) -> str:
    return "\n".join(_lines(records, count))


def _lines(records: Sequence[Record], count: Callable[[str], int]) -> Iterator[str]:
    speaker, line, size, last = "", "", 0, 0
    for record in sorted(records, key=lambda record: record.at):
        if record.who == CALL:
            if line:
                yield line
            speaker, line = "", ""
            if record.pieces:
                yield from _call(record, count)
            continue
        for piece in record.pieces:
            if line and record.who == speaker and size + piece.tokens + 1 <= LINE and record.at - last <= _GAP:
                line += SEPARATOR + piece.text
                size += piece.tokens + 1
            else:
                if line:
                    yield line
                line, size = f"{record.who}: {piece.text}", piece.tokens + 2
            speaker, last = record.who, record.at
    if line:
        yield line


def opening(tool: str, outcome: str) -> str:
    return f"{tool}() -> {outcome}"


def _call(record: Record, count: Callable[[str], int]) -> Iterator[str]:
    """The call on one line; on several, each with its tool and its outcome, if one is too short."""
    frame = count(opening(record.tool, record.outcome))
    room = LINE - frame
    asked = [piece for piece in record.pieces if not piece.result]
    told = [piece for piece in record.pieces if piece.result]
    while asked or told:
        now, asked = _fit(asked, room)
        size = sum(piece.tokens for piece in now)
        after: list[Piece] = []
        if not asked:
            after, told = _fit(told, room - size)
            if not now and not after:
                return
        yield f"{record.tool}({', '.join(piece.text for piece in now)}) -> " + ", ".join(
            [record.outcome, *(piece.text for piece in after)]
        )
        if not now and not after:
            return


def _fit(pieces: list[Piece], room: int) -> tuple[list[Piece], list[Piece]]:
    taken = 0
    while taken < len(pieces) and (room := room - pieces[taken].tokens) >= 0:
        taken += 1
    return pieces[:taken], pieces[taken:]
