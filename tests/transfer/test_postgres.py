"""The same with PostgreSQL at one end: into it, out of it, and over interruptions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import asyncpg
import pytest
from tests.cli.conftest import PROGRAM
from tests.transfer.helpers import end, moved

from turnkeep.errors import MigrationDiffers, MigrationUnfinished
from turnkeep.stores.postgres import PostgresStore
from turnkeep.stores.postgres.transfer import DERIVED, LEFT
from turnkeep.stores.transfer import KINDS
from turnkeep.testing.builders import APP, image, message, opened, said
from turnkeep.testing.everything import filled
from turnkeep.testing.store_contract.inbox import arrival
from turnkeep.testing.store_contract.moving import every_row


async def sql(url: str, statement: str) -> list[asyncpg.Record]:
    db = await asyncpg.connect(url, server_settings={"search_path": "turnkeep"})
    try:
        return list(await db.fetch(statement))
    finally:
        await db.close()


async def test_all_rows_come_into_postgresql_and_out_of_it(tmp_path: Path, database: str) -> None:
    target = PostgresStore(database)
    await target.open()
    async with end("sqlite", tmp_path / "a.db") as source, end("encrypted", tmp_path / "b.db") as last:
        sessions = await filled(source)
        rows, looks = await every_row(source), [await image(source, one) for one in sessions]
        into = await moved(source, target)
        assert await every_row(target) == rows
        assert [await image(target, one) for one in sessions] == looks
        assert await target.check() == []
        out_of = await moved(target, last)
        assert await every_row(last) == rows
        assert [one.checksum for one in into] == [one.checksum for one in out_of]
        after = await said(target, sessions[1], message(content="new", external_id="tg:77"))
        assert after.seq == sessions[1].seq + 1
        assert (await opened(target, conversation_id="fresh")).number > max(one.number for one in sessions)
        assert await target.take_in(arrival("tg:new", conversation_id="5"))
        assert [one.external_id for one in await target.arrivals(APP, "telegram")][-1] == "tg:new"
        assert await target.check() == []
    await target.close()


async def test_damage_in_postgresql_is_found_and_mended(tmp_path: Path, database: str) -> None:
    target = PostgresStore(database)
    await target.open()
    async with end("sqlite", tmp_path / "a.db") as source:
        first, *_ = await filled(source)
        rows = await every_row(source)
        await target.load("numbers", (), mark='{"source": "the source", "kind": null}')
        with pytest.raises(MigrationDiffers, match=f"messages: {len(rows['messages'])} missing"):
            await moved(source, target)
        with pytest.raises(MigrationUnfinished):
            await target.check_whole()
        await moved(source, target)
        assert await every_row(target) == rows
        assert await target.check() == []
        await target.load("numbers", (), mark='{"source": "the source", "kind": null}')
        await sql(database, "UPDATE messages SET content = 'd0ne' WHERE content = 'done'")
        with pytest.raises(MigrationDiffers, match="messages: 1 changed"):
            await moved(source, target)
        await source.delete(APP, first.id)
        await moved(source, target)
        assert await every_row(target) == await every_row(source)
        assert await target.check() == []
    await target.close()


async def test_every_table_is_carried_or_follows_or_is_left_behind_for_a_reason(database: str) -> None:
    store = PostgresStore(database)
    await store.open()
    await store.close()
    found = await sql(database, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'turnkeep'")
    assert {row[0] for row in found} == {*KINDS, *DERIVED, *LEFT} - {"numbers"}


def test_the_command_shows_no_password(tmp_path: Path, database: str) -> None:
    source = f"sqlite:///{tmp_path / 'a.db'}"
    made = subprocess.run([PROGRAM, "demo", "--limit", "1", "--db", source], capture_output=True, check=True)
    done = subprocess.run([PROGRAM, "migrate", source, database], capture_output=True, check=False, text=True)
    assert made.stdout
    assert done.returncode == 0, done.stderr
    password = database.partition("://")[2].partition(":")[2].partition("@")[0]
    assert password not in done.stdout + done.stderr
