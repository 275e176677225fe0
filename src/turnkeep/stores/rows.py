"""Rows to records and back, the same in every database: the one place that knows the order of columns.

Invariant: `message(message_row(m)) == m`, and so for every other kind.
"""

from __future__ import annotations

from sys import intern
from typing import Any

import msgspec
from msgspec.structs import astuple

from turnkeep.session import ROLES, Calibration, Event, Json, Message, NewSummary, Pin, Role, Session, Summary

Row = tuple[Any, ...]

SHIFT = 32
SEQ_MASK = (1 << SHIFT) - 1
ROLE_NUMBER = {role: number for number, role in enumerate(ROLES)}
ASSISTANT = ROLE_NUMBER["assistant"]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


def to_json(value: Json) -> str | None:
    return None if value is None else _encode(value).decode()


def from_json(text: str | None) -> Any:
    return None if text is None else _decode(text)


def key(log: int, seq: int) -> int:
    return log << SHIFT | seq


def log_range(log: int) -> tuple[int, int]:
    """The first and the last key that a log can have."""
    return log << SHIFT, log << SHIFT | SEQ_MASK


# --- messages

MESSAGE_COLUMNS = (
    "id, role, content, tokens, counter, created_ms, external_id, parts, tool_calls, tool_call_id, name, author_id,"
    " metadata, erased"
)


def message_row(m: Message, log: int, counter: int) -> Row:
    content, parts = m.content, None
    if content.__class__ is list:
        content, parts = None, to_json(content)
    return (
        log << SHIFT | m.seq,
        ROLE_NUMBER[m.role],
        content,
        m.tokens,
        counter,
        m.created_ms,
        m.external_id,
        parts,
        to_json(m.tool_calls),
        m.tool_call_id,
        m.name,
        m.author_id,
        to_json(m.metadata),
        1 if m.erased else None,
    )


def message(row: Row, counters: dict[int, str], roles: tuple[Role, ...] = ROLES) -> Message:
    rowid, role, content, tokens, counter, created, external, parts, calls, call_id, name, author, metadata, erased = row
    return Message(
        roles[role],
        content if parts is None else _decode(parts),
        tokens,
        counters[counter],
        created,
        external,
        None if calls is None else _decode(calls),
        call_id,
        name,
        author,
        None if metadata is None else _decode(metadata),
        seq=rowid & SEQ_MASK,
        erased=erased is not None,
    )


# --- sessions

SESSION_FIELDS = Session.__struct_fields__
SESSION_COLUMNS = ", ".join(SESSION_FIELDS)
_RETRACTED = SESSION_FIELDS.index("retracted")
_METADATA = SESSION_FIELDS.index("metadata")
NUMBER = SESSION_FIELDS.index("number")
_REPEATED = ("app", "interface_type", "status", "tokenizer", "carry_over")  # few values in many cached sessions
_FIXED = {
    "id",
    "number",
    "app",
    "interface_type",
    "conversation_id",
    "external_user_id",
    "external_chat_id",
    "created_ms",
    "token_limit",
    "tokenizer",
    "lifetime_ms",
    "predecessor",
    "root",
    "carry_over",
    "metadata",
    "status",  # these two are written when it closes: an index holds the status
    "closed_ms",
}
CHANGING = tuple(field for field in SESSION_FIELDS if field not in _FIXED)
_CHANGING_AT = tuple(SESSION_FIELDS.index(field) for field in CHANGING)


def session_row(s: Session) -> list[Any]:
    row = list(astuple(s))
    row[_RETRACTED] = to_json(s.retracted) if s.retracted else None
    row[_METADATA] = to_json(s.metadata)
    return row


def changing_row(s: Session) -> Row:
    row = session_row(s)
    return (*(row[at] for at in _CHANGING_AT), s.number)


def session(row: Row) -> Session:
    values = dict(zip(SESSION_FIELDS, row, strict=True))
    retracted = values["retracted"]
    values["retracted"] = () if retracted is None else tuple((first, last) for first, last in _decode(retracted))
    values["metadata"] = from_json(values["metadata"])
    for name in _REPEATED:
        values[name] = intern(values[name])
    return Session(**values)


def changed_fields(text: str) -> dict[str, Any]:
    """The fields of an open session that change, from a JSON array of their columns in the order of `CHANGING`."""
    fields = dict(zip(CHANGING, _decode(text), strict=True))
    fields["retracted"] = tuple((first, last) for first, last in fields["retracted"] or ())
    return fields


# --- summaries, pins and events

SUMMARY_COLUMNS = "number, from_seq, to_seq, text, method, tokens, counter, tokens_before, duration_ms, source, live, created_ms"
SUMMARY_WITH_DATA = f"{SUMMARY_COLUMNS}, data, authors"
PIN_COLUMNS = "number, seq, role, text, tokens, counter, author_id, source, created_ms"
NEW_EVENT_COLUMNS = (
    "kind, name, created_ms, duration_ms, outcome, tool_call_id, tokens_in, tokens_out, cache_read_tokens, counted_tokens, data"
)
EVENT_COLUMNS = f"number, {NEW_EVENT_COLUMNS}"
CALIBRATION_COLUMNS = ", ".join(Calibration.__struct_fields__)


_SUMMARY_NAMES = SUMMARY_WITH_DATA.split(", ")


def new_summary_row(s: NewSummary) -> Row:
    """What a summary has before it is stored, from its `from_seq` on."""
    return (
        s.from_seq,
        s.to_seq,
        s.text,
        s.method,
        s.tokens,
        s.counter,
        s.tokens_before,
        s.duration_ms,
        s.source,
        s.data,
        None if s.authors is None else to_json(list(s.authors)),
    )


def summary(row: Row) -> Summary:
    values = dict(zip(_SUMMARY_NAMES, row, strict=False))  # the data is there, or not
    values["live"] = bool(values["live"])
    if values.get("authors") is not None:
        values["authors"] = tuple(_decode(values["authors"]))
    return Summary(**values)


_PIN_NAMES = PIN_COLUMNS.split(", ")


def pin(row: Row) -> Pin:
    return Pin(**dict(zip(_PIN_NAMES, row, strict=True)))


def event_row(e: Event) -> Row:
    """All but its number."""
    return (
        e.kind,
        e.name,
        e.created_ms,
        e.duration_ms,
        e.outcome,
        e.tool_call_id,
        e.tokens_in,
        e.tokens_out,
        e.cache_read_tokens,
        e.counted_tokens,
        to_json(e.data),
    )


def event(row: Row) -> Event:
    values = dict(zip(EVENT_COLUMNS.split(", "), row, strict=True))
    values["data"] = from_json(values["data"])
    return Event(**values)
