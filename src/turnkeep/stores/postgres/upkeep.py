"""Looking after the database: sizes, and the invariants proved again from the rows.

Invariant: nothing here changes the database.
"""

from __future__ import annotations

from turnkeep.stores import rules
from turnkeep.stores.postgres.reads import Reader
from turnkeep.stores.postgres.schema import SCHEMA

TABLES = (
    *("sessions", "messages", "summaries", "events", "external_ids", "calls", "session_states", "user_states"),
    *("pins", "calibrations", "api_keys", "idempotency_keys", "inbox", "leases", "garbage"),
)

_SEQ = "(m.id & x'ffffffff'::bigint)"
_HIDDEN = (
    "EXISTS (SELECT FROM jsonb_array_elements(coalesce(s.retracted, '[]')::jsonb) r"
    f" WHERE {_SEQ} BETWEEN (r->>0)::bigint AND (r->>1)::bigint)"
)
_TOTALS = f"""
WITH log AS (
    SELECT s.number, {_SEQ} AS seq, m.role, m.tokens, {_SEQ} >= s.window_start AND NOT {_HIDDEN} AS shown
    FROM sessions s JOIN messages m ON m.id >> 32 = s.number
), sums AS (
    SELECT number, count(*) AS n, min(seq) AS first, max(seq) AS last, sum(tokens) AS tokens,
           coalesce(sum(tokens) FILTER (WHERE role = 2), 0) AS tokens_out, count(*) FILTER (WHERE shown) AS window_messages,
           coalesce(sum(tokens) FILTER (WHERE shown), 0) AS window_tokens
    FROM log GROUP BY number
)
SELECT s.id, s.seq, coalesce(n, 0), coalesce(first, 1), coalesce(last, 0), s.tokens, coalesce(sums.tokens, 0)::bigint,
       s.tokens_out, coalesce(sums.tokens_out, 0)::bigint, s.window_messages, coalesce(sums.window_messages, 0),
       s.window_tokens, coalesce(sums.window_tokens, 0)::bigint
FROM sessions s LEFT JOIN sums USING (number)"""
_ORPHANS = "SELECT count(*) FROM {0} t WHERE NOT EXISTS (SELECT FROM sessions s WHERE s.number = t.session)"

_RULES: tuple[tuple[str, str], ...] = (
    (
        "messages without a session",
        (
            "SELECT count(*) FROM messages m WHERE NOT EXISTS (SELECT FROM sessions s WHERE s.number = m.id >> 32)"
            " AND NOT EXISTS (SELECT FROM garbage g WHERE g.log = m.id >> 32)"
        ),
    ),
    ("summaries without a session", _ORPHANS.format("summaries")),
    ("events without a session", _ORPHANS.format("events")),
    ("states without a session", _ORPHANS.format("session_states")),
    ("pins without a session", _ORPHANS.format("pins")),
    ("idempotency keys without their session", _ORPHANS.format("idempotency_keys") + " AND t.session IS NOT NULL"),
    (
        "external ids that point at no message, or at another",
        (
            "SELECT count(*) FROM external_ids x LEFT JOIN messages m ON m.id = x.message"
            " WHERE m.external_id IS DISTINCT FROM x.external_id"
        ),
    ),
    (
        "messages whose external id is not in the index",
        (
            "SELECT count(*) FROM messages m JOIN sessions s ON s.number = m.id >> 32 WHERE m.external_id IS NOT NULL AND NOT EXISTS"
            " (SELECT FROM external_ids x WHERE x.root = s.root AND x.external_id = m.external_id AND x.message = m.id)"
        ),
    ),
    (
        "sessions whose live summaries reach into the window, or overlap",
        (
            "SELECT count(*) FROM summaries a JOIN sessions s ON s.number = a.session"
            " WHERE a.live AND (a.to_seq >= s.window_start OR EXISTS"
            " (SELECT FROM summaries b WHERE b.session = a.session AND b.live AND b.number > a.number AND b.from_seq <= a.to_seq"
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
        "sessions whose pins are not as many, or have not the tokens, that they say",
        (
            "SELECT count(*) FROM sessions s WHERE (pins, pin_tokens) <>"
            " (SELECT count(*), coalesce(sum(tokens), 0) FROM pins WHERE session = s.number)"
        ),
    ),
    (
        "pins of messages that are retracted or erased",
        (
            "SELECT count(*) FROM pins p JOIN sessions s ON s.number = p.session WHERE p.seq > 0"
            f" AND ({_HIDDEN.replace(_SEQ, 'p.seq')}"
            " OR EXISTS (SELECT FROM messages WHERE id = (p.session << 32 | p.seq) AND erased = 1))"
        ),
    ),
    (
        "sessions that the cleanup would overlook",
        (
            "SELECT count(*) FROM sessions WHERE (status = 'active' AND expires_ms IS NOT NULL"
            " AND (sweep_ms IS NULL OR sweep_ms > expires_ms))"
            " OR (status <> 'active' AND sweep_ms IS DISTINCT FROM closed_ms)"
        ),
    ),
)

_COUNTS = " UNION ALL ".join(f"SELECT '{what}', ({sql})" for what, sql in _RULES)


async def check(reader: Reader) -> list[str]:
    """One snapshot; writers need not wait for it."""
    async with reader.db.transaction(isolation="repeatable_read", readonly=True):
        broken = [f"{what}: {count}" for what, count in await reader.query(_COUNTS) if count]
        for row in await reader.query(_TOTALS):
            broken += rules.broken_totals(row)
    return broken


async def server(reader: Reader) -> str:
    [(version, used, most)] = await reader.query(
        "SELECT current_setting('server_version'), count(*), current_setting('max_connections') FROM pg_stat_activity"
        " WHERE backend_type = 'client backend'"
    )
    return f"PostgreSQL {version}, {used} of {most} connections in use"


async def sizes(reader: Reader) -> dict[str, int]:
    counts = {table: (await reader.query(f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}
    used = f"SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace"
    tables = f"{used} AND relkind = 'r'"
    return counts | {"database_bytes": (await reader.query(tables))[0][0]}
