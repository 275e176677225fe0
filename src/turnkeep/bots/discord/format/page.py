"""Blocks, written one below the other as a text, with what belongs together in it: code, tables, lists and their items, headings and
what follows them, and whatever is marked within a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnkeep.bots.discord.format.blocks import Blank, Block, Code, Leaf
from turnkeep.bots.discord.format.inline import Styled, styled
from turnkeep.bots.discord.format.parts import Span

_LONGEST_HEAD = 400  # of a table, which stands again above each part of it


def written(blocks: Iterable[Block], *, growing: bool) -> Styled:
    """`growing`: more is to come, behind the last block."""
    page = _Page()
    groups = list(_groups(blocks))
    for at, block in enumerate(groups):
        page.add(block, growing=growing and at == len(groups) - 1)
    page.end_list()
    return Styled("".join(page.out), tuple(page.spans))


def _groups(blocks: Iterable[Block]) -> Iterator[Block]:
    """Lines of one paragraph, item or quote as one leaf."""
    lines = list[str]()
    first: Leaf | None = None
    for block in blocks:
        follows = isinstance(block, Leaf) and first is not None and _continues(first, block)
        if first is not None and not follows:
            yield Leaf("\n".join(lines), first.kind, first.indent)
            lines, first = [], None
        if isinstance(block, Leaf):
            first = first or block
            lines.append(block.text)
        else:
            yield block
    if first is not None:
        yield Leaf("\n".join(lines), first.kind, first.indent)


def _continues(first: Leaf, line: Leaf) -> bool:
    return line.kind == first.kind if first.kind in ("text", "quote") else first.kind == "item" and line.kind == "text"


class _Page:
    def __init__(self) -> None:
        self.out, self.at, self.spans = list[str](), 0, list[Span]()
        self.items: list[tuple[int, int]] = []  # of the list that is open: indents, and where each begins
        self.list_start: int | None = None
        self.heading: int | None = None  # where one begins that nothing followed yet
        self.end = 0  # of what was written last
        self.is_apart = True  # an empty line stands above

    def add(self, block: Block, *, growing: bool) -> None:
        if isinstance(block, Blank):
            self._write("\n")
            self.is_apart = True
            return
        self._place(block)
        is_heading = isinstance(block, Leaf) and block.kind == "heading"
        if is_heading:
            self.heading = self.at if self.heading is None else self.heading
        elif self.heading is not None:
            self.spans.append(Span(self.heading, self.at + 1, is_block=True))
            self.heading = None
        if isinstance(block, Code):
            self._code(block)
        else:
            self._leaf(block, growing=growing)
        self.is_apart = False

    def _write(self, text: str) -> None:
        self.out.append(text)
        self.at += len(text)

    # --- lists

    def _place(self, block: Leaf | Code) -> None:
        """Whether it goes on with the list that is open, begins one, or ends it."""
        if isinstance(block, Leaf) and block.kind == "item":
            self._end_items(block.indent)
            self.list_start = self.at if self.list_start is None else self.list_start
            self.items.append((block.indent, self.at))
        elif (
            self.items and (isinstance(block, Code) or block.kind != "text" or self.is_apart) and block.indent <= self.items[0][0]
        ):
            self.end_list()

    def _end_items(self, indent: int) -> None:
        while self.items and self.items[-1][0] >= indent:
            self.spans.append(Span(self.items.pop()[1], self.end, is_block=True))

    def end_list(self) -> None:
        self._end_items(0)
        if self.list_start is not None:
            self.spans.append(Span(self.list_start, self.end, is_block=True))
        self.list_start = None

    # --- what is written

    def _leaf(self, leaf: Leaf, *, growing: bool) -> None:
        told = styled(leaf.text, growing=growing)
        if leaf.kind == "quote":
            self._quote_lines(told.text)
        self.spans += (Span(self.at + span.start, self.at + span.end, span.opening, span.closing) for span in told.spans)
        self._write(told.text)
        self.end = self.at
        self._write("\n")

    def _quote_lines(self, text: str) -> None:
        at = self.at
        for line in text.split("\n"):
            if line.startswith("> "):
                self.spans.append(Span(at, at + len(line), "> "))
            at += len(line) + 1

    def _code(self, code: Code) -> None:
        opening, closing = f"{code.before}```{code.language}\n", f"\n{code.before}```"
        head = "".join(f"{line}\n" for line in code.lines[: code.head])
        again = opening + (head if len(head) <= _LONGEST_HEAD else "")
        lines = "\n".join(code.before + line for line in code.lines)
        self.spans.append(Span(self.at, self.at + len(opening) + len(lines) + len(closing), again, closing, is_block=True))
        self._write(f"{opening}{lines}{closing}")
        self.end = self.at
        self._write("\n")
