"""The bare group-commit floor: what SQLite itself allows, with nothing of a session layer around it.

One writer thread commits all appends that wait, in one transaction (WAL, synchronous=FULL), two statements an append, and
acknowledges the batch by one call to the loop; the newest messages are read uncached on the loop's thread. It counts no tokens,
checks nothing, knows no external ids and no other process.
"""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import apsw

SCHEMA = """
CREATE TABLE sessions (number INTEGER PRIMARY KEY, seq INTEGER NOT NULL, chars INTEGER NOT NULL);
CREATE TABLE messages (id INTEGER PRIMARY KEY, role INTEGER NOT NULL, content TEXT NOT NULL, created_ms INTEGER NOT NULL);
"""
INSERT = "INSERT INTO messages VALUES (?,?,?,?)"
UPDATE = "UPDATE sessions SET seq = ?, chars = chars + ? WHERE number = ?"
NEWEST = "SELECT role, content FROM messages WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 20"

Waiting = tuple[int, int, str, "asyncio.Future[None]"]


def connect(path: Path) -> apsw.Connection:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX)
    db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192").fetchall()
    return db


class BareFloor:
    """`sessions`: how many, numbered from 0."""

    insert, update, newest, first = INSERT, UPDATE, NEWEST, 1

    def __init__(self, path: Path) -> None:
        self.db, self.reader = connect(path), connect(path)

    def prepare(self, sessions: int) -> None:
        self.db.execute(SCHEMA)
        self.db.executemany("INSERT INTO sessions VALUES (?, 0, 0)", [(number + self.first,) for number in range(sessions)])

    async def open(self, sessions: int) -> None:
        self.prepare(sessions)
        self.seqs = dict.fromkeys(range(sessions + self.first), 0)
        self.loop = asyncio.get_running_loop()
        self.collected: list[Waiting] = []
        self.queue: SimpleQueue[list[Waiting] | None] = SimpleQueue()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    async def close(self) -> None:
        self.queue.put(None)
        await asyncio.to_thread(self.thread.join)
        self.reader.close()
        self.db.close()

    def append(self, log: int, role: int, content: str) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self.loop.create_future()
        if not self.collected:
            self.loop.call_soon(self.hand_over)
        self.collected.append((log, role, content, future))
        return future

    def hand_over(self) -> None:
        self.queue.put(self.collected)
        self.collected = []

    def run(self) -> None:
        queue, execute = self.queue, self.db.execute
        while (batch := queue.get()) is not None:
            while not queue.empty():
                more = queue.get_nowait()
                if more is None:
                    queue.put(None)
                    break
                batch += more
            execute("BEGIN IMMEDIATE").fetchall()
            self.write(batch)
            execute("COMMIT").fetchall()
            self.loop.call_soon_threadsafe(self.acknowledge, batch)

    def write(self, batch: list[Waiting]) -> None:
        execute, seqs, insert, update = self.db.execute, self.seqs, self.insert, self.update
        now_ms = int(time.time() * 1000)
        for log, role, content, _ in batch:
            seq = seqs[log] = seqs[log] + 1
            execute(insert, (log << 32 | seq, role, content, now_ms))
            execute(update, (seq, len(content), log))

    @staticmethod
    def acknowledge(batch: list[Waiting]) -> None:
        for waiting in batch:
            waiting[3].set_result(None)

    def load(self, log: int) -> list[tuple[int, str]]:
        return self.reader.execute(self.newest, (log << 32, log << 32 | 0xFFFFFFFF)).fetchall()[::-1]

    async def turn(self, session: int, user: str, assistant: str, external_id: str) -> None:
        log = session + self.first
        await self.append(log, 1, user)
        await self.append(log, 2, assistant)
        self.load(log)
