"""Files that are damaged, are something else, or come from the future: a typed error, never an empty history."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.faults.helpers import contents, log, manager, opened, sql

from turnkeep.errors import SchemaTooNew, StoreCorrupt, StoreUnavailable, TurnkeepError, UnknownSession, WrongKey
from turnkeep.session import Message

PAGE = 4096
SESSIONS = 8
TEXTS = [f"text {number}: " + "lorem ipsum " * 20 for number in range(60)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A database of eight sessions whose rows fill pages of their own, and the sessions' ids."""
    path = tmp_path_factory.mktemp("template") / "chats.db"

    async def write() -> list[str]:
        async with manager(path) as sessions:
            made = [await opened(sessions, number, metadata={"n": number}) for number in range(SESSIONS)]
            for session in made:
                batch = [
                    {"role": "user", "content": text, "external_id": f"x{at}", "metadata": {"at": at}}
                    for at, text in enumerate(TEXTS)
                ]
                await sessions.add_messages(session.id, batch)
        return [session.id for session in made]

    return path, asyncio.run(write())


@pytest.fixture
def damaged(template: tuple[Path, list[str]], tmp_path: Path) -> tuple[Path, list[str]]:
    """A copy to be damaged."""
    return Path(shutil.copy(template[0], tmp_path / "chats.db")), template[1]


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def leaves(path: Path, table: str) -> list[int]:
    """The numbers of a table's leaf pages."""
    return [row[0] for row in sql(path, "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", table)]


async def histories(path: Path, ids: list[str]) -> list[Any]:
    """Each session's texts, or the error that reading it, or opening the file, ended with."""
    found: list[Any] = []
    try:
        async with manager(path) as sessions:
            for session_id in ids:
                try:
                    found.append(contents(await log(sessions, session_id)))
                except TurnkeepError as error:
                    found.append(error)
    except TurnkeepError as error:
        return [error] * len(ids)
    return found


def _leaf_of_messages(path: Path) -> int:
    pages = leaves(path, "messages")
    assert len(pages) > SESSIONS * 2
    return pages[len(pages) // 2]


DAMAGE = {
    "zeros": bytes(PAGE),
    "noise": random.Random(3).randbytes(PAGE),
    "no rows": b"\x0d\x00\x00\x00\x00\x10\x00\x00",  # a leaf's head that says it is empty: a page never written
    "a cell outside": b"\x0d\x00\x00\x00\x05\x00\x10\x00" + b"\xff\xff" * 5,
}


@pytest.mark.parametrize("kind", DAMAGE)
async def test_a_corrupt_page(damaged: tuple[Path, list[str]], kind: str) -> None:
    path, ids = damaged
    overwrite(path, (_leaf_of_messages(path) - 1) * PAGE, DAMAGE[kind])
    found = await histories(path, ids)
    broken = [one for one in found if one != TEXTS]
    assert 1 <= len(broken) <= 2  # a page has rows of two sessions at most
    for error in broken:
        assert isinstance(error, StoreCorrupt)
        assert "turnkeep doctor" in str(error)
        assert "backup" in str(error)
    async with manager(path) as sessions:
        assert await sessions.check() != []
        whole = ids[next(at for at, one in enumerate(found) if one == TEXTS)]
        assert (await sessions.build_context(whole)).messages
        assert (await sessions.add_message(whole, "user", "more")).seq == len(TEXTS) + 1
        torn = ids[next(at for at, one in enumerate(found) if one != TEXTS)]
        with pytest.raises(StoreCorrupt):
            await sessions._store.window("default", torn)


async def test_bytes_overwritten_anywhere(damaged: tuple[Path, list[str]], template: tuple[Path, list[str]]) -> None:
    """Wherever some bytes are lost: what is told is true, but for the letters of texts, or it is a typed error."""
    path, ids = damaged
    chance = random.Random(4)
    size = path.stat().st_size
    refused = 0
    for _ in range(150):
        shutil.copy(template[0], path)
        for leftover in path.parent.glob("chats.db-*"):
            leftover.unlink()
        overwrite(path, chance.randrange(size), chance.randbytes(chance.choice([1, 4, 16, 64])))
        for found in await histories(path, ids):
            if isinstance(found, TurnkeepError):
                assert isinstance(found, StoreCorrupt | WrongKey | StoreUnavailable | SchemaTooNew | UnknownSession), found
                refused += 1
            else:
                assert len(found) == len(TEXTS)
    assert refused > 10


@pytest.mark.parametrize("column, value", [("metadata", "{"), ("role", 9), ("counter", 99), ("parts", "[1")])
async def test_a_row_that_cannot_be_read(damaged: tuple[Path, list[str]], column: str, value: Any) -> None:
    path, ids = damaged
    sql(path, f"UPDATE messages SET {column} = ? WHERE id = (SELECT max(id) FROM messages)", value)
    *whole, torn = await histories(path, ids)
    assert whole == [TEXTS] * (SESSIONS - 1)
    assert isinstance(torn, StoreCorrupt)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
async def test_a_truncated_file(damaged: tuple[Path, list[str]], share: float) -> None:
    path, ids = damaged
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share) // PAGE * PAGE)
    found = await histories(path, ids)
    assert any(isinstance(one, StoreCorrupt) for one in found)
    assert all(isinstance(one, StoreCorrupt) or one == TEXTS for one in found)


async def test_a_lost_row_is_told_by_the_check(damaged: tuple[Path, list[str]]) -> None:
    path, ids = damaged
    sql(path, "DELETE FROM messages WHERE id = (SELECT max(id) - 5 FROM messages)")
    async with manager(path) as sessions:
        problems = "\n".join(await sessions.check())
        assert ids[-1] in problems
        assert "not dense" in problems
        with pytest.raises(StoreCorrupt):
            await log(sessions, ids[-1])
        assert contents(await log(sessions, ids[0])) == TEXTS


async def test_a_wal_torn_by_the_crash_of_the_machine(tmp_path: Path) -> None:
    """What stands behind the last whole commit in the WAL never was: cut anywhere, the log is a prefix, and dense."""
    path = tmp_path / "chats.db"
    async with manager(path) as sessions:
        session = await opened(sessions)
        for text in TEXTS[:20]:
            await sessions.add_message(session.id, "user", text)
        wal = path.with_name("chats.db-wal").read_bytes()
        before = path.read_bytes()
    lengths = []
    for cut in range(0, len(wal), len(wal) // 12):
        copy = tmp_path / f"{cut}.db"
        copy.write_bytes(before)
        copy.with_name(f"{cut}.db-wal").write_bytes(wal[:cut])
        async with manager(copy) as sessions:
            assert await sessions.check() == []
            try:
                found = contents(await log(sessions, session.id))
            except UnknownSession:
                found = []
            assert found == TEXTS[: len(found)]
            lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert lengths[-1] > 10


# --- other files


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "other.db"
    sql(path, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')")
    yield path


async def refused_untouched(path: Path, error: type[TurnkeepError], match: str) -> None:
    before = path.read_bytes()
    with pytest.raises(error, match=match):
        await manager(path)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("data", [b"hello, this is a text file\n" * 400, bytes(PAGE * 2), random.Random(5).randbytes(9000)])
async def test_a_file_that_is_no_database(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(data)
    await refused_untouched(path, WrongKey, "(?i)no.* database")


async def test_the_database_of_another_program(foreign: Path) -> None:
    await refused_untouched(foreign, StoreUnavailable, "another program")
    assert sql(foreign, "SELECT * FROM notes") == [("mine",)]


async def test_the_database_of_another_program_with_versions_like_ours(foreign: Path) -> None:
    sql(foreign, "PRAGMA user_version = 1")
    await refused_untouched(foreign, StoreUnavailable, "another program")


@pytest.mark.parametrize("journal", ["wal", "delete"])
async def test_a_newer_schema(damaged: tuple[Path, list[str]], journal: str) -> None:
    path, _ = damaged
    db = apsw.Connection(str(path))
    db.pragma("user_version", db.pragma("user_version") + 1)
    db.pragma("journal_mode", journal)
    db.close()
    await refused_untouched(path, SchemaTooNew, "upgrade")


@pytest.fixture
async def half_made(tmp_path: Path) -> AsyncIterator[Path]:
    """A file with a schema of ours whose tables are gone."""
    path = tmp_path / "chats.db"
    async with manager(path) as sessions:
        await sessions.add_message((await opened(sessions)).id, "user", "hello")
    sql(path, "DROP TABLE messages")
    yield path


async def test_a_table_that_is_missing(half_made: Path) -> None:
    with pytest.raises(TurnkeepError):
        async with manager(half_made) as sessions:
            session = await opened(sessions)
            await log(sessions, session.id)


async def test_a_message_is_not_damaged_by_its_own_content(tmp_path: Path) -> None:
    """Nothing that passes the front door reads back as corrupt."""
    async with manager(tmp_path / "chats.db") as sessions:
        session = await opened(sessions)
        texts = [
            "\x01\x1f\x7f",
            "\ufeff",
            "\ufffe\uffff",
            "👩‍👩‍👧‍👦",
            "'; DROP TABLE messages; --",
            "\r\n\t ",
            "\U0010ffff",
            "{",
            "null",
        ]
        for text in texts:
            await sessions.add_message(session.id, "user", text, metadata={text: text}, external_id=text, author_id=text)
        found: list[Message] = await log(sessions, session.id)
        assert [(one.content, one.metadata, one.external_id, one.author_id) for one in found] == [
            (t, {t: t}, t, t) for t in texts
        ]
