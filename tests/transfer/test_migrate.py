"""A migration brings over all there is, proves it, and says what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.transfer.helpers import STORES, end, moved, sql

from turnkeep import SessionManager
from turnkeep.errors import InvalidInput, MigrationDiffers, MigrationUnfinished, StoreCorrupt, StoreFull
from turnkeep.stores import MemoryStore
from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.stores.sqlite.transfer import DERIVED, LEFT, TABLES
from turnkeep.stores.transfer import KINDS, Key, Row
from turnkeep.testing.builders import APP, NOW, image, message, opened, said
from turnkeep.testing.everything import filled
from turnkeep.testing.store_contract.moving import every_row
from turnkeep.transfer import Tally, migrate


@pytest.mark.parametrize("into", STORES)
@pytest.mark.parametrize("out_of", STORES)
async def test_all_rows_come_from_any_store_into_any_other(tmp_path: Path, out_of: str, into: str) -> None:
    async with end(out_of, tmp_path / "a.db") as source, end(into, tmp_path / "b.db") as target:
        sessions = await filled(source)
        rows, looks = await every_row(source), [await image(source, one) for one in sessions]
        found = await moved(source, target)
        assert await every_row(target) == rows
        assert [await image(target, one) for one in sessions] == looks
        assert {one.kind: one.rows for one in found} == {kind: len(each) for kind, each in rows.items()}
        assert all(one.same for one in found)
        assert await target.mark() is None
        assert await target.check() == []
        after = await said(target, sessions[1], message(content="new"))
        assert after.seq == sessions[1].seq + 1


async def test_a_checksum_is_of_the_rows_and_not_of_the_store(tmp_path: Path) -> None:
    checksums = []
    async with end("memory", tmp_path) as source:
        await filled(source)
        for kind in STORES:
            async with end(kind, tmp_path / f"{kind}.db") as target:
                checksums.append({one.kind: one.checksum for one in await moved(source, target)})
    assert checksums[0] == checksums[1] == checksums[2]
    assert len(set(checksums[0].values())) == len(KINDS)


# --- interruptions


class Broken(MemoryStore):
    """Fails after so many loads, and then again and again, until it is told not to."""

    def __init__(self, loads: int) -> None:
        super().__init__()
        self.left = loads

    async def load(self, kind: str, rows: Sequence[Row], *, gone: Sequence[Key] = (), mark: str | None) -> None:
        if self.left == 0:
            raise StoreFull
        self.left -= 1
        await super().load(kind, rows, gone=gone, mark=mark)


@pytest.mark.parametrize("small_pages", [1, 3])
async def test_it_goes_on_from_wherever_it_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_pages: int
) -> None:
    monkeypatch.setattr("turnkeep.transfer.copy.PAGE", small_pages)
    async with end("sqlite", tmp_path / "a.db") as source:
        await filled(source)
        rows = await every_row(source)
        target = Broken(0)
        await target.open()
        copied = runs = 0
        while True:
            tally = Tally()
            try:
                await migrate(source, target, "the source", tally)
                break
            except StoreFull:
                target.left = 2
                runs += 1
            finally:
                copied += tally.copied
        assert runs > 10 / small_pages
        assert copied == sum(map(len, rows.values()))  # no page was brought twice
        assert await every_row(target) == rows
        await target.close()


async def test_an_unfinished_target_is_no_database_to_work_on(tmp_path: Path) -> None:
    async with end("sqlite", tmp_path / "b.db") as target:
        await target.load("numbers", (), mark="under way")
    with pytest.raises(MigrationUnfinished):
        await SessionManager.open(f"sqlite:///{tmp_path / 'b.db'}", cleanup_interval=0.0)


async def test_the_target_of_one_source_takes_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with end("memory", tmp_path) as source:
        await filled(source)
        target = Broken(1)
        await target.open()
        with pytest.raises(StoreFull):
            await moved(source, target, "the one")
        before = await every_row(target)
        with pytest.raises(MigrationUnfinished, match="the one"):
            await moved(source, target, "another")
        assert await every_row(target) == before
        await target.close()


async def test_a_target_with_rows_of_its_own_is_refused(tmp_path: Path) -> None:
    async with end("memory", tmp_path) as source, end("sqlite", tmp_path / "b.db") as target:
        await filled(source)
        mine = await said(target, await opened(target), "mine")
        before = await image(target, mine)
        with pytest.raises(InvalidInput, match="1 sessions, 1 messages") as caught:
            await moved(source, target)
        assert caught.value.field == "target"
        assert await image(target, mine) == before
        assert await target.mark() is None


async def test_it_may_not_be_run_again_when_it_is_done(tmp_path: Path) -> None:
    async with end("memory", tmp_path) as source, end("memory", tmp_path) as target:
        await filled(source)
        await moved(source, target)
        with pytest.raises(InvalidInput):
            await moved(source, target)


async def test_an_emptied_target_is_an_empty_one(tmp_path: Path) -> None:
    async with end("memory", tmp_path) as source, end("sqlite", tmp_path / "b.db") as target:
        session = await said(source, await opened(source), "hello")
        for mine in await filled(target):
            await target.delete(mine.app, mine.id)
        for statement in ("api_keys", "calibrations", "inbox", "idempotency_keys", "user_states"):
            sql(tmp_path / "b.db", f"DELETE FROM {statement}")
        await moved(source, target)
        assert await every_row(target) == await every_row(source)
        assert (await target.session(APP, session.id)).number == 1


# --- what is wrong is found


class Damaged(SQLiteStore):
    """Somebody does something to its file when all is copied, before it is read again."""

    statement = ""

    async def load(self, kind: str, rows: Sequence[Row], *, gone: Sequence[Key] = (), mark: str | None) -> None:
        await super().load(kind, rows, gone=gone, mark=mark)
        if mark is not None and '"kind":null' in mark and self.statement:
            sql(self.path, self.statement)
            self.statement = ""


DAMAGE = {
    "a letter": ("messages: 1 changed", "UPDATE messages SET content = 'd0ne' WHERE content = 'done'"),
    "a figure": ("sessions: 1 changed", "UPDATE sessions SET usage_in = usage_in + 1 WHERE number = 1"),
    "a role": ("messages: 1 changed", "UPDATE messages SET role = 2 WHERE content = 'elsewhere'"),
    "metadata": ("messages: 1 changed", """UPDATE messages SET metadata = '{"client": 8}' WHERE metadata IS NOT NULL"""),
    "lost": ("messages: 1 missing", "DELETE FROM messages WHERE content = 'line 3'"),
    "one too many": (
        "events: 1 too many",
        "INSERT INTO events SELECT 99, 1, kind, name, 0, 0, '', '', 0, 0, '{}', 0, 0 FROM events LIMIT 1",
    ),
    "live again": ("summaries: 2 changed", "UPDATE summaries SET live = 1"),
    "a pin": ("pins: 4 changed", "UPDATE pins SET tokens = 1"),
    "a state": ("session_states: 1 changed", """UPDATE session_states SET value = '{"step": 2}'"""),
    "a user's": ("user_states: 1 missing", "DELETE FROM user_states"),
    "a key": ("api_keys: 1 changed", "UPDATE api_keys SET revoked_ms = NULL WHERE revoked_ms IS NOT NULL"),
    "a note": ("idempotency_keys: 11 changed", "UPDATE idempotency_keys SET until_ms = 0"),
    "progress": ("inbox: 1 changed", """UPDATE inbox SET progress = '' WHERE progress LIKE '{%'"""),
}  # fmt: skip


@pytest.mark.parametrize(("told", "statement"), DAMAGE.values(), ids=DAMAGE)
async def test_damage_is_found_told_and_mended_by_another_run(tmp_path: Path, told: str, statement: str) -> None:
    async with end("memory", tmp_path) as source:
        await filled(source)
        rows = await every_row(source)
        target = Damaged(tmp_path / "b.db")
        await target.open()
        target.statement = statement
        with pytest.raises(MigrationDiffers, match=told):
            await moved(source, target)
        with pytest.raises(MigrationUnfinished):
            await target.check_whole()
        assert all(one.same for one in await moved(source, target))
        assert await every_row(target) == rows
        assert await target.check() == []
        await target.close()


async def test_what_follows_from_rows_is_proven_as_well(tmp_path: Path) -> None:
    async with end("memory", tmp_path) as source:
        await filled(source)
        target = Damaged(tmp_path / "b.db")
        await target.open()
        target.statement = "DELETE FROM external_ids"
        with pytest.raises(StoreCorrupt, match="external id"):
            await moved(source, target)
        await target.close()


class Written(MemoryStore):
    """A bot goes on writing while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[Any] = []

    async def dump(self, kind: str, after: Key, limit: int) -> list[Row]:
        if kind == "api_keys" and self.writes:
            await self.writes.pop(0)()
        return await super().dump(kind, after, limit)


@pytest.mark.parametrize("what", ["append", "delete", "erase", "succeed", "state"])
async def test_a_write_to_the_source_is_told_and_brought_over_by_another_run(tmp_path: Path, what: str) -> None:
    source = Written()
    await source.open()
    _, session, group, _ = await filled(source)

    async def succeed() -> None:
        await source.deactivate(APP, session.id, NOW + 1)
        await said(source, await opened(source), message(external_id="tg:6"))

    source.writes.append(
        {
            "append": lambda: said(source, session, message(external_id="tg:8"), "late"),
            "delete": lambda: source.delete(APP, session.id),
            "erase": lambda: source.erase_user(APP, "cem", None, NOW),
            "succeed": succeed,
            "state": lambda: source.update_state(APP, group.id, "user", {"x": 1}, limit=99, now_ms=NOW),
        }[what]
    )
    async with end("sqlite", tmp_path / "b.db") as target:
        with pytest.raises(MigrationDiffers, match="sessions: "):
            await moved(source, target)
        assert all(one.same for one in await moved(source, target))
        assert await every_row(target) == await every_row(source)
        assert await target.check() == []
    await source.close()


async def test_a_successor_between_two_runs_is_no_contradiction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session that was copied as active is closed by now, and the next one is active in its place."""
    monkeypatch.setattr("turnkeep.transfer.copy.PAGE", 1)
    async with end("memory", tmp_path) as source:
        first = await said(source, await opened(source), "one")
        target = Broken(1)
        await target.open()
        with pytest.raises(StoreFull):
            await moved(source, target)
        await source.deactivate(APP, first.id, NOW)
        await said(source, await opened(source), "two")
        target.left = 10**6
        await moved(source, target)
        assert await every_row(target) == await every_row(source)
        await target.close()


# --- every table


def _tables(path: Path) -> dict[str, list[str]]:
    names = [name for (name,) in sql(path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: [row[1] for row in sql(path, f"PRAGMA table_info({name})")] for name in names if name != "sqlite_sequence"}


async def test_every_table_is_carried_or_follows_or_is_left_behind_for_a_reason(tmp_path: Path) -> None:
    async with end("sqlite", tmp_path / "a.db"):
        pass
    assert set(_tables(tmp_path / "a.db")) == {*TABLES, *DERIVED, *LEFT} - {"numbers"}
    assert set(TABLES) == set(KINDS)


ITS_OWN = {  # numbers of a file's own, and what stands for them
    ("messages", "counter"): "(SELECT name FROM counters WHERE number = counter)",
    ("counters", "number"): "0",
}


async def test_every_column_is_carried(tmp_path: Path) -> None:
    async with end("sqlite", tmp_path / "a.db") as source, end("sqlite", tmp_path / "b.db") as target:
        await filled(source)
        await moved(source, target)
    for table, columns in _tables(tmp_path / "a.db").items():
        look = f"SELECT {', '.join(ITS_OWN.get((table, name), name) for name in columns)} FROM {table}"
        there, here = (sorted(sql(tmp_path / file, look), key=repr) for file in ("a.db", "b.db"))
        assert here == there or table in LEFT
        for at, name in enumerate(columns):
            assert table in LEFT or any(row[at] is not None for row in there), f"`filled` has nothing in {table}.{name}"
