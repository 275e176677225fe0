"""Looking after the file: backup, sizes, and the invariants proved again from the rows.

Invariant: nothing here changes the database.
"""

from __future__ import annotations

from pathlib import Path

import apsw

from turnkeep.errors import InvalidInput, StoreError
from turnkeep.stores import rules
from turnkeep.stores.sqlite.connection import Key, Patience, connect, translated
from turnkeep.stores.sqlite.reads import Reader

TABLES = (
    *("sessions", "messages", "summaries", "events", "external_ids", "calls", "session_states", "user_states"),
    *("pins", "calibrations", "api_keys", "idempotency_keys", "inbox", "leases", "garbage"),
)

_HIDDEN = "EXISTS (SELECT 1 FROM json_each(coalesce(s.retracted, '[]')) r WHERE seq BETWEEN r.value->>0 AND r.value->>1)"
_TOTALS = f"""
WITH log AS (
    SELECT s.number, m.id & 0xffffffff AS seq, m.role, m.tokens, m.tool_calls,
           (m.id & 0xffffffff) >= s.window_start AND NOT {_HIDDEN.replace("seq BETWEEN", "(m.id & 0xffffffff) BETWEEN")} AS shown
    FROM sessions s JOIN messages m ON m.id BETWEEN s.number << 32 AND (s.number << 32 | 0xffffffff)
), sums AS (
    SELECT number, count(*) AS n, min(seq) AS first, max(seq) AS last, sum(tokens) AS tokens,
           sum(iif(role = 2, tokens, 0)) AS tokens_out, sum(shown) AS window_messages, sum(iif(shown, tokens, 0)) AS window_tokens
    FROM log GROUP BY number
)
SELECT s.id, s.seq, coalesce(n, 0), coalesce(first, 1), coalesce(last, 0), s.tokens, coalesce(sums.tokens, 0),
       s.tokens_out, coalesce(sums.tokens_out, 0), s.window_messages, coalesce(sums.window_messages, 0),
       s.window_tokens, coalesce(sums.window_tokens, 0)
FROM sessions s LEFT JOIN sums USING (number)"""

_RULES: tuple[tuple[str, str], ...] = (
    (
        "messages without a session",
        "SELECT count(*) FROM messages WHERE id >> 32 NOT IN (SELECT number FROM sessions) AND id >> 32 NOT IN (SELECT log FROM garbage)",
    ),
    (
        "summaries without a session",
        "SELECT count(*) FROM summaries WHERE session NOT IN (SELECT number FROM sessions)",
    ),
    ("events without a session", "SELECT count(*) FROM events WHERE session NOT IN (SELECT number FROM sessions)"),
    ("states without a session", "SELECT count(*) FROM session_states WHERE session NOT IN (SELECT number FROM sessions)"),
    ("pins without a session", "SELECT count(*) FROM pins WHERE session NOT IN (SELECT number FROM sessions)"),
    (
        "sessions whose pins are not as many, or have not the tokens, that they say",
        (
            "SELECT count(*) FROM sessions s WHERE (pins, pin_tokens) <>"
            " (SELECT count(*), coalesce(sum(tokens), 0) FROM pins WHERE session = s.number)"
        ),
    ),
    (
        "pins of messages that are retracted or erased",
        (
            f"SELECT count(*) FROM pins p JOIN sessions s ON s.number = p.session WHERE p.seq > 0"
            f" AND ({_HIDDEN.replace('seq BETWEEN', 'p.seq BETWEEN')}"
            " OR EXISTS (SELECT 1 FROM messages WHERE id = p.session << 32 | p.seq AND erased = 1))"
        ),
    ),
    (
        "idempotency keys without their session",
        "SELECT count(*) FROM idempotency_keys WHERE session > 0 AND session NOT IN (SELECT number FROM sessions)",
    ),
    (
        "external ids that point at no message, or at another",
        "SELECT count(*) FROM external_ids x LEFT JOIN messages m ON m.id = x.message WHERE m.external_id IS NOT x.external_id",
    ),
    (
        "messages whose external id is not in the index",
        (
            "SELECT count(*) FROM messages m JOIN sessions s ON s.number = m.id >> 32 WHERE m.external_id IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM external_ids x WHERE x.root = s.root AND x.external_id = m.external_id AND x.message = m.id)"
        ),
    ),
    (
        "sessions whose live summaries reach into the window, or overlap",
        (
            "SELECT count(*) FROM summaries a JOIN sessions s ON s.number = a.session"
            " WHERE a.live AND (a.to_seq >= s.window_start OR EXISTS"
            " (SELECT 1 FROM summaries b WHERE b.session = a.session AND b.live AND b.number > a.number AND b.from_seq <= a.to_seq"
            " AND b.to_seq >= a.from_seq AND a.to_seq > 0))"
        ),
    ),
    (
        "sessions whose summary tokens are not the sum of their live summaries",
        (
            "SELECT count(*) FROM sessions s WHERE s.summary_tokens <>"
            " (SELECT coalesce(sum(tokens), 0) FROM summaries WHERE session = s.number AND live)"
        ),
    ),
    (
        "sessions that the cleanup would overlook",
        (
            "SELECT count(*) FROM sessions WHERE (status = 'active' AND expires_ms IS NOT NULL"
            " AND (sweep_ms IS NULL OR sweep_ms > expires_ms))"
            " OR (status <> 'active' AND sweep_ms IS NOT closed_ms)"
        ),
    ),
)


def check(reader: Reader) -> list[str]:
    """SQLite's own check of the file's pages, then ours of the rows."""
    try:
        damaged = [f"file: {line}" for (line,) in reader.query("PRAGMA integrity_check(20)") if line != "ok"]
    except apsw.CorruptError as error:
        damaged = [f"file: {error}"]
    if damaged:
        return damaged
    reader.db.execute("BEGIN").fetchall()
    try:
        broken = [f"{what}: {reader.query(sql)[0][0]}" for what, sql in _RULES if reader.query(sql)[0][0]]
        for row in reader.query(_TOTALS):
            broken += rules.broken_totals(row)
    finally:
        reader.db.execute("COMMIT").fetchall()
    return broken


def sizes(reader: Reader, path: Path) -> dict[str, int]:
    counts = {table: reader.query(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}
    files = {"file_bytes": path, "wal_bytes": path.with_name(path.name + "-wal")}
    return counts | {name: file.stat().st_size if file.exists() else 0 for name, file in files.items()}


def backup(source: apsw.Connection, target: Path, key: Key) -> None:
    """SQLite's online backup, encrypted with the same key."""
    if target.exists():
        raise InvalidInput("target", f"{target} exists already: name a file that does not")
    try:
        copy = connect(target, key, Patience(5))
    except StoreError as error:
        raise type(error)(f"target: {error}") from error
    try:
        with translated(), copy.backup("main", source, "main") as job:
            job.step(-1)  # all in one read transaction: one snapshot, which writers need not wait for
    except BaseException as error:
        copy.close()
        target.unlink(missing_ok=True)
        if isinstance(error, StoreError):
            raise type(error)(f"target: {target}: {error}") from error
        raise
    copy.close()


def truncate_wal(reader: Reader) -> None:
    """Let the WAL forget what was erased: everything in it goes to the file, and it becomes empty."""
    reader.db.execute("PRAGMA query_only = 0; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA query_only = 1").fetchall()
