"""Rows as they are, out of the file and into it.

Invariants: each table is of a kind of rows, or follows from one (`DERIVED`), or is left behind (`LEFT`); what follows from a row is
written and removed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import apsw

from turnkeep.errors import MigrationDiffers, StoreCorrupt
from turnkeep.stores import rows
from turnkeep.stores.forms import FORMS, LARGE_OF_MESSAGES, Form, message_key
from turnkeep.stores.sqlite import statements
from turnkeep.stores.sqlite.reads import Reader
from turnkeep.stores.sqlite.transaction import Transaction
from turnkeep.stores.transfer import KINDS, PAGE_BYTES, Key, MessageRow, NumberRow, Row

DERIVED = {"external_ids": "messages", "calls": "messages", "counters": "messages"}
SOME = 64  # rows that may be in memory however large they are
LEFT = {
    "leases": "who is at work in the background: nobody is",
    "garbage": "logs that are removed already",
    "transfer": "of the file itself",
}

Keys = Sequence[tuple[Any, ...]]


class Table(NamedTuple):
    """How a kind of rows is read from its table, written to it and removed from it. The select takes a key and a limit; `large` are the
    places of those of its columns that may be."""

    select: str
    large: Sequence[int]
    bind: Callable[[Key], tuple[Any, ...]]
    read: Callable[[Reader, list[rows.Row]], list[Any]]
    put: Callable[[Transaction, Sequence[Any]], None]
    drop: Callable[[Transaction, Keys], None]


def _places(columns: str, some: str) -> list[int]:
    names = columns.split(", ")
    return [names.index(name) for name in some.split(", ")]


# --- the three calls


def dump(reader: Reader, kind: str, after: Key, limit: int) -> list[Row]:
    """Some rows at a time, until they are so large that the next are for another page: to step through them one by one takes
    thrice as long."""
    table, key = TABLES[kind], KINDS[kind].key
    page: list[Row] = []
    size = 0
    while len(page) < limit and size < PAGE_BYTES:
        some = min(SOME, limit - len(page))
        found = reader.query(table.select, (*table.bind(after), some))
        page += table.read(reader, found)
        if len(found) < some:
            break
        size += sum([len(row[at] or "") for row in found for at in table.large])
        after = key(page[-1])
    return page


def load(tx: Transaction, kind: str, page: Sequence[Row], gone: Sequence[Key], mark: str | None) -> None:
    table = TABLES[kind]
    tx.forget()
    try:
        if gone:
            table.drop(tx, [table.bind(key) for key in gone])
        if page:
            table.put(tx, page)
    except apsw.ConstraintError as error:
        raise MigrationDiffers(f"{MigrationDiffers.__doc__} (SQLite: {error})") from error
    tx.db.execute("DELETE FROM transfer").fetchall()
    if mark is not None:
        tx.db.execute("INSERT INTO transfer VALUES (?)", (mark,)).fetchall()


def mark(reader: Reader) -> str | None:
    found = reader.query("SELECT mark FROM transfer")
    return found[0][0] if found else None


# --- most tables: a row is found by its key, and nothing follows from it


def _records(form: Form, reader: Reader, found: list[rows.Row]) -> list[Any]:
    return [form.record(row) for row in found]


def _put(sql: str, form: Form, tx: Transaction, page: Sequence[Any]) -> None:
    tx.db.executemany(sql, [tuple(form.row(one)) for one in page]).close()


def _drop(sql: str, tx: Transaction, keys: Keys) -> None:
    tx.db.executemany(sql, keys).close()


def _table(name: str, form: Form, unique: str = "") -> Table:
    """`unique`: by what a row is found that is there already, where that is not the key."""
    columns, key = form.columns.split(", "), form.key.split(", ")
    marks, every = ", ".join("?" * len(key)), ", ".join("?" * len(columns))
    where = f"({form.key}) > ({marks})" + (f" AND {form.condition}" if form.condition else "")
    fresh = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
    return Table(
        f"SELECT {form.columns} FROM {name} WHERE {where} ORDER BY {form.key} LIMIT ?",
        _places(form.columns, form.large),
        form.bind,
        partial(_records, form),
        partial(
            _put,
            f"INSERT INTO {name} ({form.columns}) VALUES ({every}) ON CONFLICT ({unique or form.key}) DO UPDATE SET {fresh}",
            form,
        ),
        partial(_drop, f"DELETE FROM {name} WHERE ({form.key}) = ({marks})"),
    )


# --- sessions


def _drop_sessions(tx: Transaction, keys: Keys) -> None:
    """With all that is their own, the log included."""
    for (number,) in keys:
        first, last = rows.log_range(number)
        tx.db.execute(
            "DELETE FROM external_ids WHERE root = (SELECT root FROM sessions WHERE number = ?) AND message BETWEEN ? AND ?",
            (number, first, last),
        ).fetchall()
        tx.db.execute("DELETE FROM messages WHERE id BETWEEN ? AND ?", (first, last)).fetchall()
        tx.db.execute("DELETE FROM calls WHERE log = ?", (number,)).fetchall()
        for table in ("summaries", "pins", "events", "session_states", "idempotency_keys"):
            tx.db.execute(f"DELETE FROM {table} WHERE session = ?", (number,)).fetchall()
        tx.db.execute("DELETE FROM sessions WHERE number = ?", (number,)).fetchall()


# --- messages


def _messages(reader: Reader, found: list[rows.Row]) -> list[MessageRow]:
    messages = zip(found, reader.messages(found), strict=True)
    return [MessageRow(row[0] >> rows.SHIFT, message) for row, message in messages]


def _put_messages(tx: Transaction, page: Sequence[MessageRow]) -> None:
    ids = [rows.key(row.session, row.message.seq) for row in page]
    if tx.query("SELECT 1 FROM messages WHERE id BETWEEN ? AND ? LIMIT 1", ids[0], ids[-1]):
        _drop_messages(tx, [(one,) for one in ids])
    roots = {number: _root(tx, number) for number in {row.session for row in page}}
    tx.db.executemany(
        statements.INSERT_MESSAGE,
        [rows.message_row(row.message, row.session, tx.counter(row.message.counter)) for row in page],
    ).close()
    tx.db.executemany(
        "INSERT INTO external_ids VALUES (?,?,?)",
        [
            (roots[row.session], row.message.external_id, one)
            for row, one in zip(page, ids, strict=True)
            if row.message.external_id is not None
        ],
    ).close()
    tx.db.executemany(
        "INSERT INTO calls VALUES (?,?,?)",
        [(row.session, call, row.message.seq) for row in page for call in {c["id"] for c in row.message.tool_calls or ()}],
    ).close()


def _root(tx: Transaction, number: int) -> int:
    found = tx.query("SELECT root FROM sessions WHERE number = ?", number)
    if not found:
        raise StoreCorrupt(f"{StoreCorrupt.__doc__} (messages of a session that is not there)")
    return int(found[0][0])


def _drop_messages(tx: Transaction, ids: Keys) -> None:
    tx.db.executemany(
        "DELETE FROM external_ids WHERE (root, external_id) ="
        " (SELECT s.root, m.external_id FROM messages m JOIN sessions s ON s.number = m.id >> 32 WHERE m.id = ?)",
        ids,
    ).close()
    places = [(one >> rows.SHIFT, one & rows.SEQ_MASK) for (one,) in ids]
    tx.db.executemany("DELETE FROM calls WHERE log = ? AND seq = ?", places).close()
    tx.db.executemany("DELETE FROM messages WHERE id = ?", ids).close()


# --- numbers


def _numbers(reader: Reader, found: list[rows.Row]) -> list[NumberRow]:
    return [NumberRow(*row) for row in found]


def _put_numbers(tx: Transaction, page: Sequence[NumberRow]) -> None:
    for row in page:
        tx.db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (row.last, row.kind)).fetchall()
        if not tx.db.changes():
            tx.db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (row.kind, row.last)).fetchall()


TABLES: dict[str, Table] = {
    **{name: _table(name, form, "number" if name in ("summaries", "pins", "events") else "") for name, form in FORMS.items()},
    "messages": Table(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id > ? AND id >> 32 NOT IN (SELECT log FROM garbage) ORDER BY id LIMIT ?",
        _places(rows.MESSAGE_COLUMNS, LARGE_OF_MESSAGES),
        message_key,
        _messages,
        _put_messages,
        _drop_messages,
    ),
    "numbers": Table(
        "SELECT name, seq FROM sqlite_sequence WHERE name > ? AND seq > 0 ORDER BY name LIMIT ?",
        (),
        tuple,
        _numbers,
        _put_numbers,
        partial(_drop, "DELETE FROM sqlite_sequence WHERE name = ?"),
    ),
}
TABLES["sessions"] = TABLES["sessions"]._replace(drop=_drop_sessions)
