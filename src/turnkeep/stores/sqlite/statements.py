"""SQLite's statements that write rows, with the order of what they bind. `turnkeep.stores.rows` knows the columns."""

from __future__ import annotations

from turnkeep.session import Message, Session
from turnkeep.stores.rows import (
    CHANGING,
    MESSAGE_COLUMNS,
    ROLE_NUMBER,
    SESSION_COLUMNS,
    SESSION_FIELDS,
    SHIFT,
    Row,
    to_json,
)

INSERT_MESSAGE = f"INSERT INTO messages ({MESSAGE_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
INSERT_SESSION = f"INSERT INTO sessions ({SESSION_COLUMNS}, sweep_ms) VALUES ({','.join('?' * (len(SESSION_FIELDS) + 1))})"
UPDATE_SESSION = f"UPDATE sessions SET {', '.join(f'{field} = ?' for field in CHANGING)} WHERE number = ?"
CLOSE_SESSION = "UPDATE sessions SET status = ?, closed_ms = ?, sweep_ms = ? WHERE number = ?"
APPEND_TO_SESSION = (
    "UPDATE sessions SET seq = ?, version = ?, tokens = ?, tokens_out = ?, window_messages = ?, window_tokens = ?, tool_calls = ?,"
    " fixed_tokens = ?, active_ms = ?, expires_ms = ?, prompt_seq = ?, window_start = ? WHERE number = ?"
)
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
        ROLE_NUMBER[m.role],
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
