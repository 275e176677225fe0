"""Rows to records and back: the one place that knows the order of columns.

Invariant: `message(message_row(m)) == m`, and so for every other kind.
"""

from __future__ import annotations

from sys import intern
from typing import Any

import msgspec
from msgspec.structs import astuple

from turnkeep.session import ROLES, Event, Json, Message, Role, Session, Summary

Row = tuple[Any, ...]

SHIFT = 32
SEQ_MASK = (1 << SHIFT) - 1
_ROLE_NUMBER = {role: number for number, role in enumerate(ROLES)}
ASSISTANT = _ROLE_NUMBER["assistant"]
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
INSERT_MESSAGE = f"INSERT INTO messages ({MESSAGE_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"


def message_row(m: Message, log: int, counter: int) -> Row:
    content, parts = m.content, None
    if content.__class__ is list:
        content, parts = None, to_json(content)
    return (
        log << SHIFT | m.seq,
        _ROLE_NUMBER[m.role],
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

_SESSION_FIELDS = Session.__struct_fields__
SESSION_COLUMNS = ", ".join(_SESSION_FIELDS)
_RETRACTED = _SESSION_FIELDS.index("retracted")
_METADATA = _SESSION_FIELDS.index("metadata")
NUMBER = _SESSION_FIELDS.index("number")
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
    "root",
    "status",  # these two are written when it closes: an index holds the status
    "closed_ms",
}
_CHANGING = tuple(field for field in _SESSION_FIELDS if field not in _FIXED)
_CHANGING_AT = tuple(_SESSION_FIELDS.index(field) for field in _CHANGING)

INSERT_SESSION = f"INSERT INTO sessions ({SESSION_COLUMNS}, sweep_ms) VALUES ({','.join('?' * (len(_SESSION_FIELDS) + 1))})"
UPDATE_SESSION = f"UPDATE sessions SET {', '.join(f'{field} = ?' for field in _CHANGING)} WHERE number = ?"
CLOSE_SESSION = "UPDATE sessions SET status = ?, closed_ms = ?, sweep_ms = ? WHERE number = ?"
APPEND_TO_SESSION = (
    "UPDATE sessions SET seq = ?, version = ?, tokens = ?, tokens_out = ?, window_messages = ?, window_tokens = ?, tool_calls = ?,"
    " fixed_tokens = ?, active_ms = ?, expires_ms = ?, prompt_seq = ?, window_start = ? WHERE number = ?"
)


def session_row(s: Session) -> list[Any]:
    row = list(astuple(s))
    row[_RETRACTED] = to_json(s.retracted) if s.retracted else None
    row[_METADATA] = to_json(s.metadata)
    return row


def changing_row(s: Session) -> Row:
    row = session_row(s)
    return (*(row[at] for at in _CHANGING_AT), s.number)


KNOWN_CALL = "SELECT 1 FROM calls WHERE log = ? AND call_id = ? LIMIT 1"


def append_row(s: Session) -> Row:
    return (
        s.seq,
        s.version,
        s.tokens,
        s.tokens_out,
        s.window_messages,
        s.window_tokens,
        s.tool_calls,
        s.fixed_tokens,
        s.active_ms,
        s.expires_ms,
        s.prompt_seq,
        s.window_start,
        s.number,
    )


# --- appends, as one statement writes many: see `ahead`

_APPENDED = "id, role, content, tokens, counter, created_ms, external_id, root"
_HEAD = (
    "seq, version, tokens, tokens_out, window_messages, window_tokens, tool_calls, fixed_tokens, active_ms, expires_ms, prompt_seq,"
    " window_start"
)
APPENDED_PLAIN = f"{_APPENDED}, session, head_{_HEAD.replace(', ', ', head_')}"
_RARE = "parts, tool_calls, tool_call_id, name, author_id, metadata"
APPENDED_COLUMNS = f"{APPENDED_PLAIN}, {_RARE}"
PLAIN_WIDTH, APPENDED_WIDTH = len(APPENDED_PLAIN.split()), len(APPENDED_COLUMNS.split())
_NO_HEAD = (None,) * (1 + len(_HEAD.split()))
NOTHING_RARE = (None,) * len(_RARE.split())
_MESSAGE = f"{_APPENDED.removesuffix(', root')}, {_RARE}"
MESSAGE_OF_APPENDED = f"INSERT INTO messages ({_MESSAGE}) SELECT NEW.{_MESSAGE.replace(', ', ', NEW.')}"
HEAD_OF_APPENDED = (
    f"UPDATE sessions SET {', '.join(f'{name} = NEW.head_{name}' for name in _HEAD.split(', '))}"
    " WHERE number = NEW.session AND version = NEW.head_version - 1"
)


def appended_row(m: Message, s: Session, counter: int, first: bool) -> Row:
    """A message, with the session as it is after the append that it is the `first` of; without what is rare, if it has none of that."""
    row: Row = (
        s.number << SHIFT | m.seq,
        _ROLE_NUMBER[m.role],
        m.content,
        m.tokens,
        counter,
        m.created_ms,
        m.external_id,
        s.root,
        s.number,
        s.seq,
        s.version,
        s.tokens,
        s.tokens_out,
        s.window_messages,
        s.window_tokens,
        s.tool_calls,
        s.fixed_tokens,
        s.active_ms,
        s.expires_ms,
        s.prompt_seq,
        s.window_start,
    )
    if not first:
        row = row[: -len(_NO_HEAD)] + _NO_HEAD
    if (
        m.content.__class__ is str
        and m.tool_calls is None
        and m.tool_call_id is None
        and m.name is None
        and m.author_id is None
        and m.metadata is None
    ):
        return row
    parts = None
    if m.content.__class__ is list:
        parts, row = to_json(m.content), (*row[:2], None, *row[3:])
    return (*row, parts, to_json(m.tool_calls), m.tool_call_id, m.name, m.author_id, to_json(m.metadata))


def session(row: Row) -> Session:
    values = dict(zip(_SESSION_FIELDS, row, strict=True))
    retracted = values["retracted"]
    values["retracted"] = () if retracted is None else tuple((first, last) for first, last in _decode(retracted))
    values["metadata"] = from_json(values["metadata"])
    for name in _REPEATED:
        values[name] = intern(values[name])
    return Session(**values)


# --- summaries and events

SUMMARY_COLUMNS = "number, from_seq, to_seq, text, method, tokens, counter, tokens_before, duration_ms, source, live, created_ms"
SUMMARY_WITH_DATA = f"{SUMMARY_COLUMNS}, data, authors"
EVENT_COLUMNS = "number, kind, name, created_ms, duration_ms, outcome, tool_call_id, tokens_in, tokens_out, data"


_SUMMARY_NAMES = SUMMARY_WITH_DATA.split(", ")


def summary(row: Row) -> Summary:
    values = dict(zip(_SUMMARY_NAMES, row, strict=False))  # the data is there, or not
    values["live"] = bool(values["live"])
    if values.get("authors") is not None:
        values["authors"] = tuple(_decode(values["authors"]))
    return Summary(**values)


def event(row: Row) -> Event:
    values = dict(zip(EVENT_COLUMNS.split(", "), row, strict=True))
    values["data"] = from_json(values["data"])
    return Event(**values)
