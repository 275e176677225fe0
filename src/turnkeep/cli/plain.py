"""Plain lines, on any stream: how a text, an error and this program's own name are shown.

Invariants: what a database or a file holds is shown as text, never obeyed: no control character reaches the terminal. And a command
is not slowed by what draws tables for others: here is no rich.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import click

# C0 and C1 but for tab and newline; and the marks that turn the direction of the text after them
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Text that moves no cursor."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


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


def program() -> str:
    """How this program was called, such that it can be called again from here."""
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
