"""Under load: the WAL stays bounded, a backup is consistent, and the cleanup is in nobody's way."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import apsw
import pytest
from tests.faults.helpers import contents, log, manager, opened, sound, sql

from turnkeep import lifecycle

MIB = 1_048_576


async def test_the_wal_stays_bounded(tmp_path: Path) -> None:
    """20,000 appends with readers in between: nobody holds a snapshot under which the WAL cannot begin anew."""
    path, wal = tmp_path / "chats.db", tmp_path / "chats.db-wal"
    most = 0
    async with manager(path, cache_sessions=20, compaction="manual") as sessions:
        ids = [(await opened(sessions, number)).id for number in range(50)]

        async def talk(session_id: str) -> None:
            nonlocal most
            for turn in range(200):
                batch = [{"role": "user", "content": f"{turn} " + "x" * 200}, {"role": "assistant", "content": "y" * 200}]
                await sessions.add_messages(session_id, batch)
                if turn % 10 == 0:
                    await sessions.build_context(session_id, max_messages=20)
                    await sessions.get_messages(session_id, limit=5)
                    most = max(most, wal.stat().st_size)
                if turn % 100 == 50:
                    await sessions.get_stats()
                    await sessions.list_sessions()

        await asyncio.gather(*[talk(session_id) for session_id in ids])
        most = max(most, wal.stat().st_size)
        assert most < 16 * MIB
        assert (await sessions.get_stats()).total_messages == 20_000
    assert not wal.exists()


async def test_the_wal_stays_bounded_after_errors(tmp_path: Path) -> None:
    """A read that fails, or is cancelled, leaves no statement open."""
    path, wal = tmp_path / "chats.db", tmp_path / "chats.db-wal"
    async with manager(path, cache_sessions=0, compaction="manual", token_limit=200) as sessions:
        session = await opened(sessions)
        for turn in range(400):
            await sessions.add_messages(session.id, [{"role": "user", "content": f"{turn} " + "x" * 3000}] * 5)
            if turn % 4 == 0:
                calls = [
                    sessions.get_messages("ses_unknown"),
                    sessions.build_context("ses_unknown"),
                    sessions.build_context(session.id, system="x " * 1000),
                    sessions.get_stats(),
                ]
                tasks = [asyncio.ensure_future(call) for call in calls]
                await asyncio.sleep(0)
                tasks[-1].cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        assert wal.stat().st_size < 16 * MIB


def _read_for_ever(path: Path, over: threading.Event, offset: float) -> None:
    """Snapshots of 20 ms, one after the other."""
    reader = apsw.Connection(str(path))
    time.sleep(offset)
    while not over.is_set():
        reader.execute("BEGIN").fetchall()
        reader.execute("SELECT count(*) FROM sessions").fetchall()
        time.sleep(0.02)
        reader.execute("COMMIT").fetchall()
    reader.close()


async def test_the_wal_stays_bounded_though_one_reader_follows_the_other(tmp_path: Path) -> None:
    """At no moment is nobody reading, so that the WAL could begin anew by itself."""
    path, wal = tmp_path / "chats.db", tmp_path / "chats.db-wal"
    most, over = 0, threading.Event()
    async with manager(path, compaction="manual") as sessions:
        session = await opened(sessions)
        readers = [threading.Thread(target=_read_for_ever, args=(path, over, offset)) for offset in (0.0, 0.01, 0.02)]
        for reader in readers:
            reader.start()
        try:
            for turn in range(2000):
                await sessions.add_messages(session.id, [{"role": "user", "content": f"{turn} " + "x" * 3000}] * 5)
                most = max(most, wal.stat().st_size)
        finally:
            over.set()
            for reader in readers:
                reader.join()
    print(f"WAL at most {most}")
    assert most < 16 * MIB


async def test_backups_while_in_use_are_consistent(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, compaction="manual") as sessions:
        ids = [(await opened(sessions, number)).id for number in range(5)]
        going = True

        async def talk(session_id: str) -> int:
            turn = 0
            while going:
                turn += 1
                await sessions.add_messages(session_id, [{"role": "user", "content": f"{turn}.{n}"} for n in range(3)])
                await sessions.update_state(session_id, {"turn": turn})
            return turn

        talks = [asyncio.ensure_future(talk(session_id)) for session_id in ids]
        lengths = []
        for number in range(5):
            while (await sessions.get_session(ids[0])).seq < 60 * (number + 1):
                await asyncio.sleep(0)
            copy = tmp_path / f"copy{number}.db"
            before = (await sessions.get_session(ids[0])).seq
            await sessions.backup(copy)
            async with manager(copy) as copied:
                await sound(copied, *ids)
                for session_id in ids:
                    texts = contents(await log(copied, session_id))
                    assert texts == [f"{turn}.{n}" for turn in range(1, len(texts) // 3 + 1) for n in range(3)]
                    state = await copied.get_state(session_id)
                    assert state.get("turn", 0) in {len(texts) // 3, len(texts) // 3 - 1}
                lengths.append((await copied.get_session(ids[0])).seq)
                assert lengths[-1] >= before  # what was acknowledged before it began is in it
        going = False
        await asyncio.gather(*talks)
        assert lengths == sorted(set(lengths))
        await sound(sessions, *ids)


def _multiply(path: Path, conversation: str, count: int) -> None:
    """Rows like that session's, as many as to make `count`, written around the API, for speed."""
    columns = [row[1] for row in sql(path, "PRAGMA table_info(sessions)")]
    varied = {
        "number": "number + n",
        "id": "id || '.' || n",
        "conversation_id": "conversation_id || '.' || n",
        "root": "root + n",
    }
    sql(
        path,
        f"WITH RECURSIVE more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < ?) INSERT INTO sessions ({', '.join(columns)})"
        f" SELECT {', '.join(varied.get(column, column) for column in columns)} FROM sessions, more WHERE conversation_id = ?",
        count - 1,
        conversation,
    )


async def test_the_cleanup_blocks_no_turn(tmp_path: Path) -> None:
    """20,000 expired sessions, and one with 20,000 messages past its retention, go while another session is used."""
    path = tmp_path / "chats.db"
    now = [1_000_000_000.0]
    async with manager(path, clock=lambda: now[0], retention=86_400.0, compaction="manual") as sessions:
        long = await opened(sessions, "long")
        for _ in range(20):
            await sessions.add_messages(long.id, [{"role": "user", "content": "x" * 50}] * 1000)
        await sessions.deactivate_session(long.id)
        await opened(sessions, "expired", expires_in=1.0)
        _multiply(path, "expired", 20_000)
        now[0] += 86_400 * 2
        session = await opened(sessions, "busy", expires_in=None)
        cleaning = asyncio.ensure_future(sessions.cleanup())
        waits = []
        while not cleaning.done():
            began = time.perf_counter()
            await sessions.add_message(session.id, "user", "turn")
            waits.append(time.perf_counter() - began)
        cleaned = await cleaning
        assert (cleaned.expired, cleaned.deleted) == (20_000, 1)
        waits.sort()
        p50, p99 = waits[len(waits) // 2] * 1e3, waits[len(waits) * 99 // 100] * 1e3
        print(f"{len(waits)} appends while cleaning: p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {waits[-1] * 1e3:.1f} ms")
        assert len(waits) > 20
        assert p99 < 100
        assert sql(path, "SELECT count(*) FROM messages") == [(len(waits),)]
        assert sql(path, "SELECT count(*) FROM garbage") == [(0,)]
        await sound(sessions, session.id)


async def test_a_cleanup_that_failed_is_tried_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only when its hour comes again."""
    monkeypatch.setattr(lifecycle, "LOOK", 0.05)
    path = tmp_path / "chats.db"
    now = [1_000_000_000.0]
    async with manager(path, clock=lambda: now[0]) as sessions:
        session = await opened(sessions, expires_in=1.0)
    now[0] += 60
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE").fetchall()
    async with manager(path, clock=lambda: now[0], cleanup_interval=3600.0, busy_timeout=0.0) as sessions:
        while sessions.failures["cleanup"] == 0:
            await asyncio.sleep(0.01)
        other.execute("ROLLBACK").fetchall()
        while sql(path, "SELECT status FROM sessions WHERE id = ?", session.id) != [("expired",)]:
            await asyncio.sleep(0.01)
    other.close()
