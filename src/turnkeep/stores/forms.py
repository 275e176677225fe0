"""The rows that move between stores (`stores.transfer`), as the databases have them in their columns; but for messages.

Invariant: `form.record(form.row(r)) == r`, whatever the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import astuple

from turnkeep.keys import ApiKey
from turnkeep.session import Arrival, Calibration, Session
from turnkeep.stores import rows
from turnkeep.stores.transfer import ArrivalRow, EventRow, Key, NoteRow, PinRow, StateRow, SummaryRow, UserStateRow


class Form(NamedTuple):
    """The columns of a kind's table, of which `key` are those by which a row is found, in their order. `large`: those that may be."""

    columns: str
    key: str
    record: Callable[[Sequence[Any]], Any]
    row: Callable[[Any], Iterable[Any]]
    large: str
    bind: Callable[[Key], tuple[Any, ...]] = tuple
    condition: str = ""


LARGE_OF_MESSAGES = "content, parts, tool_calls, metadata"


def message_key(key: Key) -> tuple[int]:
    return (rows.key(int(key[0]), int(key[1])),)


# --- sessions


def _session(row: Sequence[Any]) -> Session:
    return rows.session(tuple(row)[:-1])


def _session_row(session: Session) -> list[Any]:
    return [*rows.session_row(session), session.expires_ms if session.status == "active" else session.closed_ms]


# --- what belongs to a session


def _summary_row(row: SummaryRow) -> rows.Row:
    s = row.summary
    authors = None if s.authors is None else rows.to_json(list(s.authors))
    plain = (s.number, s.from_seq, s.to_seq, s.text, s.method, s.tokens, s.counter, s.tokens_before, s.duration_ms, s.source)
    return (row.session, *plain, s.live, s.created_ms, s.data, authors)


_PIN_FIELDS = rows.PIN_COLUMNS.split(", ")
_EVENT_FIELDS = rows.EVENT_COLUMNS.split(", ")


def _pin_row(row: PinRow) -> list[Any]:
    return [row.session, *[getattr(row.pin, name) for name in _PIN_FIELDS]]


def _event_row(row: EventRow) -> list[Any]:
    values = [getattr(row.event, name) for name in _EVENT_FIELDS]
    values[_EVENT_FIELDS.index("data")] = rows.to_json(row.event.data)
    return [row.session, *values]


# --- what belongs to none


def _user_state(row: Sequence[Any]) -> UserStateRow:
    app, interface_type, user, value = row
    return UserStateRow(app, interface_type, user, rows.from_json(value))


def _api_key(row: Sequence[Any]) -> ApiKey:
    return ApiKey(**dict(zip(ApiKey.__struct_fields__, row, strict=True)))


def _note(row: Sequence[Any]) -> NoteRow:
    app, key, request, session, result, until = row
    return NoteRow(app, key, request, session, *_told(session, rows.from_json(result)), until)


def _told(session: int | None, result: list[int]) -> tuple[tuple[tuple[int, int, int], ...], tuple[int, ...]]:
    """An append's note is the keys of messages, in pairs; no other note of a session holds two numbers."""
    if session is None or len(result) % 2:
        return (), tuple(result)
    pairs = zip(result[::2], result[1::2], strict=True)
    return tuple((first >> rows.SHIFT, first & rows.SEQ_MASK, last & rows.SEQ_MASK) for first, last in pairs), ()


def _note_row(note: NoteRow) -> rows.Row:
    keys = [rows.key(session, seq) for session, *ends in note.places for seq in ends]
    return (note.app, note.key, note.request, note.session, rows.to_json(keys or list(note.figures)), note.until_ms)


def _note_key(key: Key) -> tuple[Any, ...]:
    return key[0], bytes.fromhex(str(key[1]))


_ARRIVAL_FIELDS = Arrival.__struct_fields__


def _arrival(row: Sequence[Any]) -> ArrivalRow:
    number, *values = row
    return ArrivalRow(number, Arrival(**dict(zip(_ARRIVAL_FIELDS, values, strict=True))))


FORMS: dict[str, Form] = {
    "sessions": Form(f"{rows.SESSION_COLUMNS}, sweep_ms", "number", _session, _session_row, "metadata"),
    "summaries": Form(
        f"session, {rows.SUMMARY_WITH_DATA}",
        "session, number",
        lambda row: SummaryRow(row[0], rows.summary(tuple(row)[1:])),
        _summary_row,
        "text, data",
    ),
    "pins": Form(
        f"session, {rows.PIN_COLUMNS}", "session, number", lambda row: PinRow(row[0], rows.pin(tuple(row)[1:])), _pin_row, "text"
    ),
    "session_states": Form(
        "session, value",
        "session",
        lambda row: StateRow(row[0], rows.from_json(row[1])),
        lambda row: (row.session, rows.to_json(row.value)),
        "value",
        condition="value <> '{}'",
    ),
    "user_states": Form(
        "app, interface_type, external_user_id, value",
        "app, interface_type, external_user_id",
        _user_state,
        lambda row: (*astuple(row)[:3], rows.to_json(row.value)),
        "value",
        condition="value <> '{}'",
    ),
    "events": Form(
        f"session, {rows.EVENT_COLUMNS}",
        "session, number",
        lambda row: EventRow(row[0], rows.event(tuple(row)[1:])),
        _event_row,
        "data",
    ),
    "calibrations": Form(rows.CALIBRATION_COLUMNS, "app, tokenizer, model", lambda row: Calibration(*row), astuple, "model"),
    "api_keys": Form(", ".join(ApiKey.__struct_fields__), "id", _api_key, astuple, "label"),
    "idempotency_keys": Form("app, key, request, session, result, until_ms", "app, key", _note, _note_row, "result", _note_key),
    "inbox": Form(
        f"number, {', '.join(_ARRIVAL_FIELDS)}",
        "number",
        _arrival,
        lambda row: (row.number, *astuple(row.arrival)),
        "payload, progress",
    ),
}
