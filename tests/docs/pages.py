"""Reading the project's pages: code blocks, sections, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "SESSION_MANAGEMENT.md"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").glob("*.md"))

_FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,}|~{3,})(?P<info>[^`]*)$")
_HEADING = re.compile(r"^(#+) (.+)$")


@dataclass(frozen=True)
class Block:
    """A fenced block of code. `info` is the language and a second word, such as "python continued"."""

    page: Path
    line: int  # of its fence
    info: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.page.name}:{self.line} {self.info}"


def blocks(page: Path) -> list[Block]:
    found: list[Block] = []
    opened: tuple[int, re.Match[str], list[str]] | None = None
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if opened is None:
            opened = (number, fence, []) if fence else None
            continue
        start, first, lines = opened
        if fence and not fence["info"].strip() and fence["marks"].startswith(first["marks"]):
            found.append(Block(page, start, first["info"].strip(), "\n".join(lines) + "\n"))
            opened = None
        else:
            lines.append(line.removeprefix(first["indent"]))
    assert opened is None, f"{page.name}: the block that begins in line {opened[0]} has no end"
    return found


def prose(page: Path) -> list[str]:
    """The page's lines, without what stands in code blocks."""
    lines: list[str] = page.read_text("utf-8").splitlines()
    for block in blocks(page):
        count = block.code.count("\n") + 2
        lines[block.line - 1 : block.line - 1 + count] = [""] * count
    return lines


def headings(page: Path) -> Iterator[tuple[int, str, int]]:
    """Level, title, and line of each."""
    for number, line in enumerate(prose(page)):
        if found := _HEADING.match(line):
            yield len(found[1]), found[2], number


def section(page: Path, title: str) -> str:
    """What stands below that heading, smaller headings included, code blocks left out."""
    all_headings = list(headings(page))
    [(level, _, start)] = [entry for entry in all_headings if entry[1] == title]
    end = next((line for other, _, line in all_headings if line > start and other <= level), None)
    return "\n".join(prose(page)[start + 1 : end])


def table(text: str) -> list[list[str]]:
    """The cells of the first table in a text, without its head."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            break
    return rows[2:]


def codes(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title, _ in headings(page)}


def links(page: Path) -> list[str]:
    return [target for line in prose(page) for target in re.findall(r"\]\(([^)\s]+)\)", line)]
