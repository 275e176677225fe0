"""Tables, of which Discord shows none: narrow ones in a fixed font, wide ones and those with links as a list.

Invariant: no cell is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from turnkeep.bots.discord.format.characters import width
from turnkeep.bots.discord.format.inline import has_links, plain

MAX_COLUMNS = 60  # in a fixed font; what is wider is folded by a window of usual size, and by a phone long before
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\Z")


class Table(msgspec.Struct, frozen=True):
    """`sides`: how each column is aligned, one of `<`, `^`, `>`."""

    head: tuple[str, ...]
    sides: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table(lines: Sequence[str], at: int) -> tuple[Table, int] | None:
    """The table whose head is that line, and the line behind it."""
    if at + 1 >= len(lines) or "|" not in lines[at] or "|" not in lines[at + 1] or not _RULE.match(lines[at + 1]):
        return None
    head, sides = _cells(lines[at]), tuple(_side(cell) for cell in _cells(lines[at + 1]))
    if len(head) != len(sides):
        return None
    end = at + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    rows = tuple(_cells(line) for line in lines[at + 2 : end])
    columns = max(len(row) for row in (head, *rows))
    return Table(
        _filled(head, columns), sides + ("<",) * (columns - len(sides)), tuple(_filled(row, columns) for row in rows)
    ), end


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|")
    cells = re.split(r"(?<!\\)\|", inner)
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    return tuple(cell.strip().replace("\\|", "|") for cell in cells)


def _side(rule: str) -> str:
    return {(True, True): "^", (False, True): ">"}.get((rule.startswith(":"), rule.endswith(":")), "<")


def _filled(row: tuple[str, ...], columns: int) -> tuple[str, ...]:
    return row + ("",) * (columns - len(row))


def drawn(table: Table) -> list[str] | None:
    """Its lines in a fixed font, two of them its head; None if it reads better as a list."""
    written = [table.head, *table.rows]
    if any(has_links(cell) for row in written for cell in row):
        return None
    shown = [[plain(cell).replace("```", "'''") for cell in row] for row in written]
    widths = [max(1, *(width(row[at]) for row in shown)) for at in range(len(table.sides))]
    if sum(widths) + 2 * (len(widths) - 1) > MAX_COLUMNS:
        return None
    lines = ["  ".join(map(_padded, row, widths, table.sides)).rstrip() for row in shown]
    return [lines[0], "  ".join("─" * columns for columns in widths), *lines[1:]]


def _padded(cell: str, columns: int, side: str) -> str:
    over = columns - width(cell)
    left = {"<": 0, "^": over // 2, ">": over}[side]
    return " " * left + cell + " " * (over - left)


def listed(table: Table) -> list[str]:
    """Its lines as a list in Markdown: an item for each row, with the head's words before its cells."""
    if not table.rows:
        return [f"- {' · '.join(cell for cell in table.head if cell)}"]
    lines = []
    for first, *rest in table.rows:
        told = [(head, cell) for head, cell in zip(table.head[1:], rest, strict=True) if cell]
        named = f"**{first}**" if first else "–"
        if len(table.head) == 2:
            lines.append(f"- {named}: {rest[0]}" if rest[0] else f"- {named}")
        else:
            lines += [f"- {named}", *(f"  - {head}: {cell}" if head else f"  - {cell}" for head, cell in told)]
    return lines
