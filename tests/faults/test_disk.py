"""A disk that is full, read-only or failing, and a file that somebody else holds."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.faults.helpers import ask, contents, finished, log, manager, opened, sound, sql, worker, writer

from turnkeep import SessionManager
from turnkeep.errors import StoreBusy, StoreError, StoreFull, StoreReadOnly, StoreUnavailable, TurnkeepError

# --- full


def _small_disk(folder: Path) -> bool:
    """Put a file system of 1 MiB there; False where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    mount = getattr(libc, "mount", None)
    return mount is not None and mount(b"none", bytes(folder), b"tmpfs", 0, b"size=1m") == 0


class Full:
    """A database on a disk with little room: `make_room` gives some."""

    def __init__(self, folder: Path, ballast: Path | None) -> None:
        self.path, self._ballast = folder / "chats.db", ballast

    def prepare(self, sessions: SessionManager) -> None:
        """Where no file system can be mounted, SQLite's own limit stands for the disk's."""
        self._db = writer(sessions)
        if self._ballast is None:
            self._db.pragma("max_page_count", 120)

    def make_room(self) -> None:
        if self._ballast is None:
            self._db.pragma("max_page_count", 100_000)
        else:
            self._ballast.unlink()


@pytest.fixture(params=["file system", "page limit"])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Full]:
    mounted = request.param == "file system" and _small_disk(tmp_path)
    ballast = tmp_path / "ballast" if mounted else None
    if ballast:
        ballast.write_bytes(b"x" * 300_000)
    yield Full(tmp_path, ballast)
    if mounted:
        assert ctypes.CDLL(None).umount2(bytes(tmp_path), 2) == 0


async def test_a_full_disk(full: Full) -> None:
    async with manager(full.path, compaction="manual") as sessions:
        session = await opened(sessions)
        full.prepare(sessions)
        stored: list[str] = []
        with pytest.raises(StoreFull, match="disk is full.*free some space"):
            for number in range(1000):
                text = f"{number} " + "x" * 5000
                await sessions.add_message(session.id, "user", text, external_id=f"x{number}")
                stored.append(text)
        assert len(stored) > 5
        refused = len(stored)
        for _ in range(3):
            with pytest.raises(StoreFull):
                await sessions.add_messages(session.id, [{"role": "user", "content": "y" * 50_000}] * 20)
        assert contents(await log(sessions, session.id)) == stored
        context = await sessions.build_context(session.id)
        assert stored[-1].startswith(context.messages[-1]["content"][:3])
        assert (await sessions.get_session(session.id)).seq == refused
        full.make_room()
        text = f"{refused} " + "x" * 5000
        again = await sessions.add_message(session.id, "user", text, external_id=f"x{refused}")
        assert again.seq == refused + 1
        await sound(sessions, session.id)
    async with manager(full.path, compaction="manual") as sessions:
        assert contents(await log(sessions, session.id)) == [*stored, text]
        await sound(sessions, session.id)


async def test_many_callers_on_a_full_disk_each_get_the_truth(full: Full) -> None:
    async with manager(full.path, compaction="manual") as sessions:
        session = await opened(sessions)
        full.prepare(sessions)
        calls = [sessions.add_message(session.id, "user", f"{n} " + "x" * 5000) for n in range(300)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        told = {result.seq: result.content for result in results if not isinstance(result, BaseException)}
        assert {type(result) for result in results if isinstance(result, BaseException)} == {StoreFull}
        assert {row.seq: row.content for row in await log(sessions, session.id)} == told
        full.make_room()
        await sessions.add_message(session.id, "user", "room")
        await sound(sessions, session.id)


def test_a_limit_on_file_sizes(tmp_path: Path) -> None:
    [told] = ask("fill_up", tmp_path / "chats.db", 1_000_000)
    assert told["stored"] == told["readable"] > 30
    assert told["refused"][0] in {"StoreFull", "StoreUnavailable"}
    assert told["after"] == told["stored"] + 1
    assert told["check"] == []


# --- failing, at every write and every sync


class Faults:
    """The k-th write to a file fails; `kinds` counts what was asked of the files."""

    def __init__(self) -> None:
        self.count, self.at, self.length = 0, 10**9, 0
        self.error: type[apsw.Error] = apsw.FullError

    def hit(self) -> None:
        self.count += 1
        if self.at <= self.count < self.at + self.length:
            raise self.error("a fault made by a test")


@pytest.fixture
def faults() -> Iterator[Faults]:
    made = Faults()

    class File(apsw.VFSFile):
        def xWrite(self, data: Any, offset: int) -> None:
            made.hit()
            super().xWrite(data, offset)

        def xSync(self, flags: int) -> None:
            made.hit()
            super().xSync(flags)

        def xTruncate(self, size: int) -> None:
            made.hit()
            super().xTruncate(size)

    class Disk(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("faulty", "unix", makedefault=True)

        def xOpen(self, name: Any, flags: list[int]) -> File:
            return File("unix", name, flags)

    before = apsw.vfs_names()[0]
    disk = Disk()
    yield made
    disk.unregister()
    apsw.set_default_vfs(before)


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError])
@pytest.mark.parametrize("length", [1, 10**6])
async def test_a_fault_at_every_write(tmp_path: Path, faults: Faults, error: type[apsw.Error], length: int) -> None:
    """What a call answers is what the file holds, wherever the disk refuses, once or from then on."""
    faults.error, faults.length = error, length
    path, history = tmp_path / "chats.db", dict[str, list[str]]()
    async with manager(path, compaction="manual") as sessions:
        for at in range(1, 60):
            session = await opened(sessions, at)
            told, refused = history.setdefault(session.id, []), []
            faults.count, faults.at = 0, at
            for number in range(5):
                text = f"{number} " + "x" * 3000 * (number % 3)
                try:
                    await sessions.add_message(session.id, "user", text)
                except StoreError as refusal:
                    assert type(refusal) in {StoreFull, StoreUnavailable}
                    refused.append(text)
                else:
                    told.append(text)
                assert contents(await sessions.get_messages(session.id)) == told
            spent, faults.at = faults.count, 10**9
            told.append((await sessions.add_message(session.id, "user", "last")).content)  # type: ignore[arg-type]
            if spent < at:
                break
            assert refused or length == 1
        assert 12 < at < 59
    async with manager(path) as sessions:
        await sound(sessions, *history)
        for session_id, told in history.items():
            assert contents(await log(sessions, session_id)) == told


async def test_a_new_file_on_a_disk_that_refuses_is_made_the_next_time(tmp_path: Path, faults: Faults) -> None:
    path = tmp_path / "chats.db"
    faults.length = 10**6
    for at in range(1, 200):
        faults.count, faults.at = 0, at
        try:
            async with manager(path) as sessions:
                try:
                    await opened(sessions)
                finally:
                    done, faults.at = faults.count < at, 10**9
        except StoreFull:
            continue
        if done:
            break
    assert at > 3
    faults.at = 10**9
    async with manager(path) as sessions:
        session = await opened(sessions)
        await sessions.add_message(session.id, "user", "hello")
        await sound(sessions, session.id)


# --- read-only


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder whose path another user can walk."""
    folder = Path(tempfile.mkdtemp(prefix="turnkeep-"))
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.iterdir()]:
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
async def written(public: Path) -> AsyncIterator[tuple[Path, str]]:
    path = public / "chats.db"
    async with manager(path) as sessions:
        session = await opened(sessions)
        await sessions.add_message(session.id, "user", "kept")
    yield path, session.id


def _actionable(answer: Any) -> bool:
    kind, text = answer
    return kind in {"StoreReadOnly", "StoreUnavailable"} and "permissions" in text


def test_a_read_only_file(written: tuple[Path, str]) -> None:
    path, session_id = written
    path.chmod(0o444)
    path.parent.chmod(0o555)
    before = path.read_bytes()
    access, answer = ask("as_nobody", path, session_id)
    assert access == "EACCES"
    assert _actionable(answer)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [path]


def test_a_read_only_file_in_a_writable_folder(written: tuple[Path, str]) -> None:
    path, session_id = written
    path.chmod(0o444)
    path.parent.chmod(0o777)
    access, history, refusal, again = ask("as_nobody", path, session_id)
    assert access == "EACCES"
    assert history == ["open", ["kept"]]
    assert _actionable(refusal)
    assert again == ["kept"]


def test_a_writable_file_in_a_read_only_folder(written: tuple[Path, str]) -> None:
    path, session_id = written
    path.chmod(0o666)
    path.parent.chmod(0o555)
    access, *answers = ask("as_nobody", path, session_id)
    assert access == "writable"
    assert _actionable(answers[0])


def test_a_file_that_may_not_be_read(written: tuple[Path, str]) -> None:
    path, session_id = written
    path.chmod(0o000)
    access, answer = ask("as_nobody", path, session_id)
    assert access == "EACCES"
    assert _actionable(answer)


def test_no_file_can_be_made_in_a_read_only_folder(public: Path) -> None:
    public.chmod(0o555)
    access, answer = ask("as_nobody", public / "new.db", "-")
    assert access == "ENOENT"
    assert _actionable(answer)
    assert not list(public.iterdir())


async def test_a_connection_that_may_only_read(tmp_path: Path) -> None:
    """A file system that turns read-only under an open store: the writer's words, the reader's rows."""
    async with manager(tmp_path / "chats.db") as sessions:
        session = await opened(sessions)
        await sessions.add_message(session.id, "user", "kept")
        db = writer(sessions)
        db.pragma("query_only", True)
        with pytest.raises(StoreReadOnly, match="check the permissions"):
            await sessions.add_message(session.id, "user", "refused")
        assert contents(await log(sessions, session.id)) == ["kept"]
        db.pragma("query_only", False)
        assert (await sessions.add_message(session.id, "user", "accepted")).seq == 2


@pytest.mark.parametrize("place", ["missing/chats.db", "file/chats.db", "."])
async def test_a_path_where_no_file_can_be(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("a file, no folder")
    with pytest.raises(StoreUnavailable, match="path, its folder and their permissions") as caught:
        await manager(tmp_path / place)
    assert str(caught.value).startswith(f"{tmp_path / place}: ")


# --- locked


@contextlib.contextmanager
def held(path: Path, statements: str) -> Iterator[None]:
    process = worker("hold_lock", path, statements)
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == '"ready"\n'
    try:
        yield
    finally:
        assert finished(process) == ["released"]


async def test_a_file_locked_by_another_program(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, busy_timeout=0.1) as sessions:
        session = await opened(sessions)
        await sessions.add_message(session.id, "user", "before")
        with held(path, "BEGIN EXCLUSIVE"):
            with pytest.raises(StoreBusy, match="locked.*busy_timeout"):
                await sessions.add_message(session.id, "user", "during")
            assert contents(await log(sessions, session.id)) == ["before"]
            assert (await sessions.build_context(session.id)).messages
        assert (await sessions.add_message(session.id, "user", "after")).seq == 2
        await sound(sessions, session.id)
    assert contents_of(path) == ["before", "after"]


async def test_all_who_wait_for_a_locked_file_are_told_in_time(tmp_path: Path) -> None:
    """The time-out is one for all who wait, not one each."""
    path = tmp_path / "chats.db"
    async with manager(path, busy_timeout=0.2) as sessions:
        session = await opened(sessions)
        with held(path, "BEGIN IMMEDIATE"):
            began = time.monotonic()
            calls = [sessions.add_message(session.id, "user", f"{n}") for n in range(40)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            waited = time.monotonic() - began
        assert {type(result) for result in results} == {StoreBusy}
        assert waited < 2
        assert (await sessions.add_message(session.id, "user", "after")).seq == 1


async def test_the_loop_goes_on_while_a_file_is_locked(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, busy_timeout=0.5) as sessions:
        session = await opened(sessions)
        with held(path, "BEGIN IMMEDIATE"):
            waiting = asyncio.ensure_future(sessions.add_message(session.id, "user", "x"))
            turns = 0
            while not waiting.done():
                await asyncio.sleep(0.001)
                turns += 1
            assert isinstance(waiting.exception(), StoreBusy)
        assert turns > 50


async def test_a_short_lock_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    async with manager(path) as sessions:
        session = await opened(sessions)
        with held(path, "BEGIN IMMEDIATE"):
            waiting = asyncio.ensure_future(sessions.add_message(session.id, "user", "patient"))
            await asyncio.sleep(0)
            assert not waiting.done()
        assert (await waiting).seq == 1


@pytest.mark.parametrize(
    "statements", ["BEGIN EXCLUSIVE; CREATE TABLE t (x)", "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE"]
)
async def test_opening_a_locked_file(tmp_path: Path, statements: str) -> None:
    path = tmp_path / "chats.db"
    path.touch()
    with held(path, statements):
        began = time.monotonic()
        with pytest.raises(StoreBusy, match="busy_timeout"):
            await manager(path, busy_timeout=0.1)
        assert time.monotonic() - began < 3
    async with manager(path) as sessions:
        await opened(sessions)
        await sound(sessions)


async def test_backup_into_a_place_that_refuses(tmp_path: Path) -> None:
    async with manager(tmp_path / "chats.db") as sessions:
        await opened(sessions)
        for target in (tmp_path / "missing" / "copy.db", tmp_path, tmp_path / "chats.db"):
            with pytest.raises(TurnkeepError, match=f"^target: .*{target}"):
                await sessions.backup(target)
        assert sorted(os.listdir(tmp_path)) == ["chats.db", "chats.db-shm", "chats.db-wal"]


def contents_of(path: Path) -> list[str]:
    return [row[0] for row in sql(path, "SELECT content FROM messages ORDER BY id")]
