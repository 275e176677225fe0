"""With `--json`.

Invariant: stdout holds one JSON value and nothing else, and nothing in it is shortened.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import msgspec

from turnkeep.session import JsonObject, Message, Pin, Session, Summary


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


def pin_json(pin: Pin) -> JsonObject:
    return {**timed_json(pin), "number": pin.number}


def timed_json(record: Message | Summary | Pin) -> JsonObject:
    """A message, a summary or a pin, its time readable."""
    hidden = ("created_ms", "number", "data", "authors")
    fields: JsonObject = {name: getattr(record, name) for name in record.__struct_fields__ if name not in hidden}
    return {**fields, "created_at": record.created_at}
