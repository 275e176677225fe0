"""A file of an older Turnkeep is brought up to date, once, with all that is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from turnkeep.stores.base import Guard
from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.stores.sqlite.schema import APPLICATION_ID, migrations
from turnkeep.testing.builders import APP, NOW, image, message, opened, said

NUMBERS = sorted(migrations())


def schema(db: apsw.Connection) -> list[Any]:
    return db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


def at_number(path: Path, number: int) -> apsw.Connection:
    """An empty file as the Turnkeep left it whose last migration had that number."""
    db = apsw.Connection(str(path))
    for each in NUMBERS[: NUMBERS.index(number) + 1]:
        db.execute(migrations()[each])
    db.pragma("user_version", number)
    db.pragma("application_id", APPLICATION_ID)
    return db


def test_the_numbers_have_no_gap() -> None:
    assert list(range(1, len(NUMBERS) + 1)) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
async def test_an_older_file_gets_the_newest_schema_and_keeps_its_rows(tmp_path: Path, number: int) -> None:
    new = SQLiteStore(tmp_path / "new.db")
    await new.open()
    session = await said(new, await opened(new), message(external_id="x"), "more")
    before = await image(new, session)
    await new.close()
    db = at_number(tmp_path / "old.db", number)
    tables = [name for kind, name, _ in schema(db) if kind == "table" and name not in ("sqlite_sequence",)]
    db.execute("ATTACH ? AS new", (str(tmp_path / "new.db"),))
    wanted = schema(apsw.Connection(str(tmp_path / "new.db")))
    for table in tables:
        columns = ", ".join(name for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,)))
        db.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")
    db.close()
    old = SQLiteStore(tmp_path / "old.db")
    await old.open()
    assert await image(old, session) == before
    await old.append(APP, session.id, [message()], now_ms=NOW, guard=Guard(key="k"))
    assert await old.check() == []
    await old.close()
    assert schema(apsw.Connection(str(tmp_path / "old.db"))) == wanted
