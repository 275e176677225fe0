"""What stands on lines of its own: Markdown as models write it, in Discord's own, and what belongs together in it.

Invariants: a code block is a fence of three backticks, closed, and nothing in it ends it; no line that is text begins a block for
Discord alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from turnkeep.bots.discord.format.tables import drawn, listed, table

_FENCE = re.compile(r"(?P<before>(?:[ \t]|>|(?:[-*+]|\d{1,9}[.)])[ \t])*)(?P<fence>`{3,}(?=[^`]*\Z)|~{3,})[ \t]*(?P<info>.*)\Z")
_LANGUAGE = re.compile(r"[a-zA-Z0-9_+\-.#]{1,32}\Z")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*\Z")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})\Z")
_QUOTE = re.compile(r"[ \t]*((?:>[ \t]?)+)(.*)\Z")
_ITEM = re.compile(r"([ \t]*)([-*+]|\d{1,9}[.)])[ \t]+(.*)\Z")
LINE = "─" * 12


class Leaf(msgspec.Struct, frozen=True):
    """Lines whose formatting is one. `indent`: of a list's item, how deep it stands."""

    text: str
    kind: str = "text"  # or "item", "heading", "quote", "rule"
    indent: int = 0


class Code(msgspec.Struct, frozen=True):
    """Lines in a fixed font. `head`: how many of them stand again where the block goes on in another message."""

    lines: tuple[str, ...]
    language: str = ""
    before: str = ""  # a quote's mark
    indent: int = 0
    head: int = 0


class Blank(msgspec.Struct, frozen=True):
    """An empty line."""


Block = Leaf | Code | Blank


def blocks(text: str) -> Iterator[Block]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = 0
    while at < len(lines):
        if fence := _FENCE.match(lines[at]):
            found, at = _code(lines, at, fence)
        elif grid := table(lines, at):
            shown = drawn(grid[0])
            found = [Code(tuple(shown), head=2)] if shown else [_leaf(line) for line in listed(grid[0])]
            at = grid[1]
        elif not lines[at].strip():
            found, at = [Blank()], at + 1
        else:
            found, at = [_leaf(lines[at])], at + 1
        yield from found


def _code(lines: Sequence[str], at: int, opening: re.Match[str]) -> tuple[list[Block], int]:
    before, fence = opening["before"].expandtabs(4), opening["fence"]
    depth, indent = before.count(">"), 0 if ">" in before else len(before)
    within = re.compile(rf"(?:[ \t]*>[ \t]?){{{depth}}}")
    closing = re.compile(rf"[ \t]{{0,{indent + 3}}}{fence[0]}{{{len(fence)},}}[ \t]*\Z")
    told, end = list[str](), at + 1
    while end < len(lines):
        quoted = within.match(lines[end])
        if quoted is None or closing.match(lines[end], quoted.end()):
            end += quoted is not None
            break
        told.append(_outdented(lines[end][quoted.end() :], indent))
        end += 1
    info = (opening["info"].split() or [""])[0]
    language = info if _LANGUAGE.match(info) else ""
    item = [_leaf(before)] if before.strip("> ") else []
    shown = tuple(line.replace("```", "`\u200b`\u200b`") for line in told)
    code = [Code(shown, language, "> " if depth else "", indent)] if any(line.strip() for line in told) else []
    return [*item, *code], end


def _outdented(line: str, indent: int) -> str:
    """Without what the fence itself is indented by."""
    blank = len(line) - len(line.lstrip(" "))
    return line[min(indent, blank) :]


def _leaf(line: str) -> Leaf:
    if heading := _HEADING.match(line):
        level, told = len(heading[1]), heading[2]
        return Leaf(f"{heading[1]} {told}" if level <= 3 else f"**{told}**" if told else "", "heading")
    if _RULE.match(line):
        return Leaf(LINE, "rule")
    if quote := _QUOTE.match(line):
        return Leaf(f"> {quote[2]}", "quote")
    if item := _ITEM.match(line):
        indent = item[1].expandtabs(4)
        return Leaf(f"{indent}{'-' if len(item[2]) == 1 else item[2][:-1] + '.'} {item[3]}", "item", len(indent))
    return Leaf(line.expandtabs(4).rstrip(), indent=len(line) - len(line.lstrip()))
