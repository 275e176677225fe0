"""The schema's migrations: numbered files in `sql/`, each applied once, all that are due in one transaction.

Invariant: the table `migrations` has the numbers applied; a database of a newer Turnkeep is never written to. Instances that start at
once wait for each other under an advisory lock: the first migrates, the others find it done.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import asyncpg

from turnkeep.errors import SchemaTooNew

SCHEMA = "turnkeep"
LOCK = 0x54_4B_45_50  # "TKEP"
_APPLIED = f"SELECT max(number) FROM {SCHEMA}.migrations"
_FIRST = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE TABLE IF NOT EXISTS {SCHEMA}.migrations (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())
"""


def migrations() -> dict[int, str]:
    folder = resources.files("turnkeep.stores.postgres") / "sql"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return {int(file.name[:4]): file.read_text("utf-8") for file in files}


async def version(db: Any) -> int:
    """The number of the last migration applied; 0: none."""
    try:
        return await db.fetchval(_APPLIED) or 0
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return 0


async def _due(db: Any) -> dict[int, str]:
    known, now = migrations(), await version(db)
    if now > max(known):
        raise SchemaTooNew(f"{SchemaTooNew.__doc__} (its schema is {now}, this program knows {max(known)})")
    return {number: script for number, script in known.items() if number > now}


async def migrate(db: Any) -> None:
    """Bring the database up to date; nothing is locked, nor a right to create asked for, if it is."""
    if not await _due(db):
        return
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await db.execute(_FIRST)
        for number, script in (await _due(db)).items():
            await db.execute(script)
            await db.execute(f"INSERT INTO {SCHEMA}.migrations (number) VALUES ($1)", number)
