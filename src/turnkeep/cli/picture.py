"""A window as a picture: what of the log a summary stands for, what is there word for word, what is not there.

messages 1                                                          132
         ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒████████████████████████████
         ▒ summary: 92 messages, 2,410 tokens in 301   █ word for word: 40, 1,204 tokens
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnkeep.cli.printing import counted, pairs
from turnkeep.context import Context
from turnkeep.session import Message, Session, Summary

PROMPT, SUMMARY, WORDS, OUT = "prompt", "summary", "words", "out"
MARKS = {PROMPT: ("━", "magenta"), SUMMARY: ("▒", "yellow"), WORDS: ("█", "green"), OUT: ("·", "dim")}
MEANING = {PROMPT: "system prompt", SUMMARY: "summaries", WORDS: "word for word", OUT: "left out"}
WIDEST = 120


class Window(msgspec.Struct):
    """What became of each message of the log, oldest first, and what it costs."""

    session: Session
    context: Context
    live: list[Summary]
    kinds: list[str]
    tokens: list[int]

    def figures(self, kind: str) -> tuple[int, int]:
        """How many messages, and their tokens in the log."""
        each = [tokens for mine, tokens in zip(self.kinds, self.tokens, strict=True) if mine == kind]
        return len(each), sum(each)


def look(session: Session, context: Context, live: Sequence[Summary], log: Sequence[Message]) -> Window:
    """`log`: all of it. `live`: the summaries that the context shows."""
    cut = max((left.to_seq for left in context.left_out if left.reason in {"budget", "max_messages"}), default=0)
    return Window(session, context, list(live), [_kind(one, session, live, cut) for one in log], [one.tokens for one in log])


def _kind(message: Message, session: Session, live: Sequence[Summary], cut: int) -> str:
    if message.seq <= session.prompt_seq:
        return PROMPT
    if any(summary.from_seq <= message.seq <= summary.to_seq for summary in live):
        return SUMMARY
    if message.seq < session.window_start or message.seq <= cut or session.hides(message.seq) or message.erased:
        return OUT
    return WORDS


def bar(kinds: Sequence[str], width: int) -> Text:
    """The log from left to right, each column the kind that most of its messages have."""
    made = Text()
    for column in range(min(width, len(kinds))):
        columns = min(width, len(kinds))
        span = kinds[
            column * len(kinds) // columns : max((column + 1) * len(kinds) // columns, column * len(kinds) // columns + 1)
        ]
        made.append(*MARKS[max(set(span), key=span.count)])
    return made


def print_picture(window: Window, screen: Console) -> None:
    width = min(screen.width, WIDEST)
    made = pairs()
    made.add_row("Log", _scale(window, width - 10))
    for kind in (PROMPT, SUMMARY, WORDS, OUT):
        count, tokens = window.figures(kind)
        if count:
            mark, style = MARKS[kind]
            made.add_row("", Text(f"{mark} ", style) + Text(f"{MEANING[kind]}: {_told(window, kind, count, tokens)}"))
    made.add_row("Prompt", _budget(window, width - 10))
    screen.print(made)


def _scale(window: Window, width: int) -> Table:
    drawn = bar(window.kinds, width)
    made = Table.grid()
    made.add_column(no_wrap=True)
    made.add_row(drawn)
    last = f"{len(window.kinds):,}"
    made.add_row(Text("1" + last.rjust(max(drawn.cell_len - 1, len(last) + 1)), "dim"))
    return made


def _told(window: Window, kind: str, count: int, tokens: int) -> str:
    said = f"{counted(count, 'message')}, {counted(tokens, 'token')}"
    if kind == SUMMARY:
        return f"{said}, told in {window.session.summary_tokens:,}"
    if kind == OUT and window.context.parts["gap"]:
        return f"{said}, told in {window.context.parts['gap']:,}"
    return said


def _budget(window: Window, width: int) -> Text:
    """The token limit from left to right, filled as the prompt fills it."""
    context, limit = window.context, window.session.counted_limit
    fixed = context.fixed_tokens
    parts = ((PROMPT, fixed), (SUMMARY, context.parts["summaries"] + context.parts["gap"]), (WORDS, context.parts["messages"]))
    made, used = Text(), 0
    for kind, tokens in parts:
        used += tokens
        made.append(MARKS[kind][0] * (round(used * width / limit) - made.cell_len), MARKS[kind][1])
    made.append(MARKS[OUT][0] * max(width - made.cell_len, 0), MARKS[OUT][1])
    return made + Text(f"\n{context.tokens:,} of {limit:,} tokens", "dim")
