"""Rows as they are, out of the database and into it, by COPY.

Invariants: as in the SQLite store each table is of a kind of rows, follows from one or is left behind, and what follows from a row is
written and removed with it; texts are in the order of their code points, whatever the database's collation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from turnkeep.errors import MigrationDiffers, StoreCorrupt
from turnkeep.stores import rows
from turnkeep.stores.forms import FORMS, LARGE_OF_MESSAGES, Form, message_key
from turnkeep.stores.postgres.reads import Reader
from turnkeep.stores.postgres.schema import SCHEMA
from turnkeep.stores.postgres.statements import places
from turnkeep.stores.postgres.transaction import Transaction
from turnkeep.stores.transfer import KINDS, NUMBERED, PAGE_BYTES, Key, MessageRow, NumberRow, Row

DERIVED = {"external_ids": "messages", "calls": "messages", "counters": "messages"}
LEFT = {
    "leases": "who is at work in the background: nobody is",
    "garbage": "logs that are removed already",
    "transfer": "of the database itself",
    "migrations": "of the database itself",
}
OF_A_SESSION = ("summaries", "pins", "events", "session_states", "idempotency_keys")
_SEQUENCES = {kind: f"pg_get_serial_sequence('{SCHEMA}.{kind}', 'number')" for kind in (*NUMBERED, "inbox")}
_SEQUENCES["sessions"] = f"'{SCHEMA}.session_numbers'"
_TEXTS = ("id", "app", "interface_type", "external_user_id", "tokenizer", "model")


# --- out


async def dump(reader: Reader, kind: str, after: Key, limit: int) -> list[Row]:
    if kind == "numbers":
        return await _numbers(reader, after, limit)
    if kind == "messages":
        found = await reader.query(_MESSAGES, *message_key(after), limit)
        messages = zip(found, await reader.messages([tuple(row)[:-1] for row in found]), strict=True)
        return [MessageRow(row[0] >> rows.SHIFT, message) for row, message in messages]
    form = FORMS[kind]
    return [form.record(tuple(row)[:-1]) for row in await reader.query(_SELECT[kind], *form.bind(after), limit)]


def _ordered(columns: str) -> str:
    return ", ".join(f'{name} COLLATE "C"' if name in _TEXTS else name for name in columns.split(", "))


def _paged(table: str, columns: str, where: str, order: str, large: str, limit: str) -> str:
    """No more rows than the limit, and of these only the first that come to `PAGE_BYTES`; one in any case. The last column tells."""
    size = " + ".join(f"coalesce(octet_length({name}), 0)" for name in large.split(", "))
    return (
        f"SELECT * FROM (SELECT {columns}, sum({size}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - ({size}) AS bytes_before"
        f" FROM (SELECT * FROM {table} WHERE {where} ORDER BY {order} LIMIT {limit}) AS few) AS paged"
        f" WHERE bytes_before < {PAGE_BYTES} ORDER BY {order}"
    )


def _select(table: str, form: Form) -> str:
    count = len(form.key.split(", "))
    where = f"({_ordered(form.key)}) > ({places(count)})" + (f" AND {form.condition}" if form.condition else "")
    return _paged(table, form.columns, where, _ordered(form.key), form.large, f"${count + 1}")


_SELECT = {kind: _select(kind, form) for kind, form in FORMS.items()}


def _within(table: str, form: Form) -> str:
    count = len(form.key.split(", "))
    first, last = places(count), places(count, count + 1)
    return f"SELECT FROM {table} WHERE ({_ordered(form.key)}) >= ({first}) AND ({_ordered(form.key)}) <= ({last}) LIMIT 1"


_WITHIN = {kind: _within(kind, form) for kind, form in FORMS.items()}
_MESSAGES = _paged(
    "messages",
    rows.MESSAGE_COLUMNS,
    "id > $1 AND id >> 32 NOT IN (SELECT log FROM garbage)",
    "id",
    LARGE_OF_MESSAGES,
    "$2",
)


async def _numbers(reader: Reader, after: Key, limit: int) -> list[Row]:
    found: list[Row] = []
    for kind in NUMBERED:
        [(last,)] = await reader.query(f"SELECT coalesce(pg_sequence_last_value({_SEQUENCES[kind]}::regclass), 0)")
        if last and (kind,) > after:
            found.append(NumberRow(kind, last))
    return found[:limit]


# --- in


async def load(tx: Transaction, kind: str, page: Sequence[Row], gone: Sequence[Key], mark: str | None) -> None:
    try:
        await _drop(tx, kind, gone)
        if page:
            await _put(tx, kind, page)
    except asyncpg.UniqueViolationError as error:
        raise MigrationDiffers from error
    if mark is None:
        await tx.execute("DELETE FROM transfer")
    elif not await tx.execute("UPDATE transfer SET mark = $1", mark):
        await tx.execute("INSERT INTO transfer VALUES ($1)", mark)


async def mark(reader: Reader) -> str | None:
    found = await reader.query("SELECT mark FROM transfer")
    return found[0][0] if found else None


async def _put(tx: Transaction, kind: str, page: Sequence[Any]) -> None:
    if kind == "numbers":
        for row in page:
            await tx.query(f"SELECT setval({_SEQUENCES[row.kind]}, $1)", row.last)
        return
    if kind == "messages":
        await _put_messages(tx, page)
        return
    form = FORMS[kind]
    keys = [form.bind(KINDS[kind].key(row)) for row in page]
    if await tx.query(_WITHIN[kind], *keys[0], *keys[-1]):
        await _remove(tx, kind, keys)
    await _copy(tx, kind, form.columns, [tuple(form.row(row)) for row in page])
    if kind == "inbox":  # the next that arrives comes after these
        await tx.query(f"SELECT setval({_SEQUENCES[kind]}, (SELECT max(number) FROM inbox))")


async def _copy(tx: Transaction, table: str, columns: str, records: Sequence[rows.Row]) -> None:
    if records:
        await tx.db.copy_records_to_table(table, schema_name=SCHEMA, columns=columns.split(", "), records=records)


async def _put_messages(tx: Transaction, page: Sequence[MessageRow]) -> None:
    ids = [rows.key(row.session, row.message.seq) for row in page]
    if await tx.query("SELECT FROM messages WHERE id BETWEEN $1 AND $2 LIMIT 1", ids[0], ids[-1]):
        await _drop_messages(tx, ids)
    roots = await _roots(tx, {row.session for row in page})
    counters = await _counters(tx, {row.message.counter for row in page})
    records = [rows.message_row(row.message, row.session, counters[row.message.counter]) for row in page]
    await _copy(tx, "messages", rows.MESSAGE_COLUMNS, records)
    pairs = list(zip(page, ids, strict=True))
    named = [(roots[row.session], row.message.external_id, one) for row, one in pairs if row.message.external_id is not None]
    await _copy(tx, "external_ids", "root, external_id, message", named)
    calls = [(row.session, call, row.message.seq) for row in page for call in {c["id"] for c in row.message.tool_calls or ()}]
    await _copy(tx, "calls", "log, call_id, seq", calls)


async def _roots(tx: Transaction, sessions: set[int]) -> dict[int, int]:
    found = dict(await tx.query("SELECT number, root FROM sessions WHERE number = ANY ($1)", sessions))
    if len(found) < len(sessions):
        raise StoreCorrupt(f"{StoreCorrupt.__doc__} (messages of a session that is not there)")
    return found


async def _counters(tx: Transaction, names: set[str]) -> dict[str, int]:
    """Looked up each time: what this transaction adds is not there if it fails."""
    named = "SELECT name, number FROM counters WHERE name = ANY ($1)"
    found = dict(await tx.query(named, names))
    if len(found) == len(names):
        return found
    new = "INSERT INTO counters (name) SELECT n FROM unnest($1::text[]) AS n WHERE n NOT IN (SELECT name FROM counters)"
    await tx.execute(new, names)
    return dict(await tx.query(named, names))


# --- away


async def _drop(tx: Transaction, kind: str, gone: Sequence[Key]) -> None:
    if not gone:
        return
    if kind == "messages":
        await _drop_messages(tx, [message_key(key)[0] for key in gone])
    elif kind == "numbers":
        for (name,) in gone:
            await tx.query(f"SELECT setval({_SEQUENCES[str(name)]}, 1, false)")
    else:
        if kind == "sessions":
            await _drop_all_of(tx, [int(key[0]) for key in gone])
        await _remove(tx, kind, [FORMS[kind].bind(key) for key in gone])


async def _remove(tx: Transaction, kind: str, keys: Sequence[rows.Row]) -> None:
    key = FORMS[kind].key
    await tx.many(f"DELETE FROM {kind} WHERE ({key}) = ({places(len(key.split(', ')))})", keys)


async def _drop_messages(tx: Transaction, ids: Sequence[int]) -> None:
    await tx.execute(
        "DELETE FROM external_ids x USING messages m, sessions s WHERE m.id = ANY ($1) AND s.number = m.id >> 32"
        " AND x.root = s.root AND x.external_id = m.external_id",
        ids,
    )
    places_of = [one >> rows.SHIFT for one in ids], [one & rows.SEQ_MASK for one in ids]
    await tx.execute("DELETE FROM calls WHERE (log, seq) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))", *places_of)
    await tx.execute("DELETE FROM messages WHERE id = ANY ($1)", ids)


async def _drop_all_of(tx: Transaction, sessions: Sequence[int]) -> None:
    """What is these sessions' own, the logs included."""
    for number in sessions:
        first, last = rows.log_range(number)
        await tx.execute(
            "DELETE FROM external_ids WHERE root = (SELECT root FROM sessions WHERE number = $1) AND message BETWEEN $2 AND $3",
            number,
            first,
            last,
        )
        await tx.execute("DELETE FROM messages WHERE id BETWEEN $1 AND $2", first, last)
    await tx.execute("DELETE FROM calls WHERE log = ANY ($1)", sessions)
    for table in OF_A_SESSION:
        await tx.execute(f"DELETE FROM {table} WHERE session = ANY ($1)", sessions)
