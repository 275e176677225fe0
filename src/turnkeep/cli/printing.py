"""What is shown, and in which form.

Invariants: what a database or a file holds is shown as text, never obeyed: no markup, and no control character reaches the
terminal. With `--json`, stdout holds one JSON value and nothing else, and nothing in it is shortened.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnkeep.session import JsonObject, Message, Session, Summary

PIPE_COLUMNS = 160  # nobody's window limits a pipe
ROLE_STYLES = {"system": "magenta", "user": "bold cyan", "assistant": "green", "tool": "yellow"}
STATUS_STYLES = {"active": "green", "inactive": "dim", "expired": "yellow"}

# C0 and C1 but for tab and newline; and the marks that turn the direction of the text after them
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


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


def clean(text: str) -> str:
    """Text that moves no cursor."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


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


# --- JSON


def print_json(value: Any, *, one_line: bool = False) -> None:
    """One value on stdout, as JSON that any encoding carries; `one_line`: of several."""
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    click.echo(json.dumps(msgspec.to_builtins(value), ensure_ascii=plain, indent=None if one_line else 2))


def session_json(session: Session) -> JsonObject:
    """A session as the outside sees it: the store's own integers stay inside."""
    hidden = ("number", "root", "seq")
    fields = {name: getattr(session, name) for name in session.__struct_fields__ if name not in hidden}
    for name, new in (("created", "created_at"), ("active", "last_active"), ("expires", "expires_at"), ("closed", "closed_at")):
        del fields[f"{name}_ms"]
        fields[new] = getattr(session, new)
    return {**fields, "messages": session.seq}


def timed_json(record: Message | Summary) -> JsonObject:
    """A message or a summary, its time readable."""
    hidden = ("created_ms", "number", "data", "authors")
    fields: JsonObject = {name: getattr(record, name) for name in record.__struct_fields__ if name not in hidden}
    return {**fields, "created_at": record.created_at}


# --- errors


def print_error(error: Exception, *, as_json: bool) -> None:
    """One line on stderr, or with `--json` one object."""
    usage = isinstance(error, click.ClickException)
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    message = clean("; ".join([" ".join(message.split()), *getattr(error, "__notes__", ())]))
    if not as_json:
        click.echo(f"Error: {message}", err=True)
        return
    told = {"code": "usage" if usage else getattr(error, "code", "error"), "message": message}
    parameter = getattr(error, "param", None)
    for name in ("field", "line", "size", "limit", "session_id"):
        value = getattr(error, name, None)
        if value is not None:
            told[name] = value
    if parameter is not None:
        told["field"] = parameter.name
    click.echo(json.dumps({"error": told}), err=True)


# --- this program


def command(*words: str) -> Text:
    """A command line to copy."""
    return Text("  " + clean(shlex.join((program(), *words))))


def program() -> str:
    """How it was called, such that it can be called again from here."""
    called = Path(sys.argv[0])
    if called.stem != "turnkeep":
        return "turnkeep"
    found = shutil.which("turnkeep")
    if found is not None and Path(found).resolve() == called.resolve():
        return "turnkeep"
    try:
        return str(called.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(called)
