"""PostgreSQL's statements that write rows, with the order of what they bind. `turnkeep.stores.rows` knows the columns."""

from __future__ import annotations

from turnkeep.stores.rows import CHANGING, MESSAGE_COLUMNS, SESSION_COLUMNS, SESSION_FIELDS


def places(count: int, first: int = 1) -> str:
    return ", ".join(f"${number}" for number in range(first, first + count))


INSERT_MESSAGE = f"INSERT INTO messages ({MESSAGE_COLUMNS}) VALUES ({places(MESSAGE_COLUMNS.count(',') + 1)})"
INSERT_SESSION = f"INSERT INTO sessions ({SESSION_COLUMNS}, sweep_ms) VALUES ({places(len(SESSION_FIELDS) + 1)})"
_SET = ", ".join(f"{field} = ${at}" for at, field in enumerate(CHANGING, 1))
UPDATE_SESSION = f"UPDATE sessions SET {_SET} WHERE number = ${len(CHANGING) + 1}"
CLOSE_SESSION = "UPDATE sessions SET status = $1, closed_ms = $2, sweep_ms = $2 WHERE number = $3"

# What `append_batch` is given; figures as array literals, see `batch`.
_TYPES = ["bigint[]", "bigint[]", "bigint[]", "text[]", "text[]", "text[]", "bigint[]", "text[]", "integer[]", "text[]"]
_ARGUMENTS = ", ".join(f"${at}" + ("" if kind == "text[]" else f"::text::{kind}") for at, kind in enumerate(_TYPES, 1))
# Of the types of arrays asyncpg knows that of texts alone, and asks each new connection for the others: an append would wait for that.
APPEND_BATCH = f"SELECT seqs::text[], changed FROM append_batch({_ARGUMENTS})"
