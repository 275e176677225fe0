"""What is shown with columns and colours.

Invariant: what a database or a file holds is shown as text, never obeyed: no markup, and nothing that `clean` does not let pass.
"""

from __future__ import annotations

import os
import shlex
import sys
from datetime import UTC, datetime

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnkeep.cli.plain import clean, program
from turnkeep.session import JsonObject

PIPE_COLUMNS = 160  # nobody's window limits a pipe
ROLE_STYLES = {"system": "magenta", "user": "bold cyan", "assistant": "green", "tool": "yellow"}
STATUS_STYLES = {"active": "green", "inactive": "dim", "expired": "yellow"}


def console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_COLUMNS
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def table(*columns: str, tight: bool = False) -> Table:
    """Right-aligned where the column's name starts with `#`, of which it is then rid."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 0 if tight else 1, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name.removeprefix("#"), justify="right" if name.startswith("#") else "left", overflow="fold")
    return made


def pairs() -> Table:
    """Names and values, one pair a line."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    return made


# --- values


def shorten(text: str, cells: int) -> str:
    """On one line, in at most so many columns; wide characters take two."""
    begins = text[: 4 * cells]
    line = clean(" ".join(begins.split()))
    if len(begins) == len(text) and cell_len(line) <= cells:
        return line
    return set_cell_size(line, min(cell_len(line), cells - 1)).rstrip() + "…"


def cell(text: str | None, style: str = "") -> Text:
    return Text(clean(text or "-"), style)


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def size(count: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"


def short_time(moment: datetime) -> str:
    """Local, to the minute; of another year, only the day."""
    local, today = moment.astimezone(), datetime.now(UTC).astimezone()
    return f"{local:%d %b %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d}"


def shortest_time(moment: datetime) -> str:
    """Local: of today only the time, else only the day."""
    local, today = moment.astimezone(), datetime.now(UTC).astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%d %b}" if local.year == today.year else f"{local:%Y-%m-%d}"


def duration(seconds: float) -> str:
    for limit, unit, each in ((1, "ms", 0.001), (120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{seconds / each:,.1f} {unit}" if each == 1 else f"{seconds / each:,.0f} {unit}"
    return f"{seconds / 86400:,.0f} days"


def message_text(message: JsonObject) -> str:
    """What an OpenAI message says, tool calls included, for people."""
    content = message.get("content")
    said = [content] if isinstance(content, str) and content else []
    if isinstance(content, list):
        said = [part["text"] if part.get("type") == "text" else f"[{part.get('type')}]" for part in content]
    for call in message.get("tool_calls") or ():
        said.append(f"→ {call['function']['name']}({call['function']['arguments']})")
    return " ".join(said)


# --- this program


def command(*words: str) -> Text:
    """A command line to copy."""
    return Text("  " + clean(shlex.join((program(), *words))))
