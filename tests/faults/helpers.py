"""What the fault tests share: databases at hand, other processes, and the proof that a file is sound."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw

from turnkeep import SessionManager
from turnkeep.session import Message, Session

ROOT = Path(__file__).parents[2]
OPTIONS: dict[str, Any] = {"cleanup_interval": 0, "tokenizer": "estimate", "busy_timeout": 30.0}

OK: dict[str, Any] = {"role": "user", "content": "x"}
HUGE = 10**5000
NUL, LONE = "a\0b", "a\ud800b"
CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def manager(path: Path, **options: Any) -> SessionManager:
    """A manager without background work, on the estimator: loading a vocabulary is not what these tests are about."""
    return SessionManager.open(url(path), **(OPTIONS | options))


def made_at(place: str, tmp_path: Path) -> SessionManager:
    if place == "file":
        return manager(tmp_path / "chats.db", compaction="manual")
    return SessionManager.open("memory://", cleanup_interval=0, tokenizer="estimate", compaction="manual")


async def opened(sessions: SessionManager, conversation: int | str = 1, **options: Any) -> Session:
    return await sessions.get_or_create_session("test", conversation, **options)


async def log(sessions: SessionManager, session_id: str) -> list[Message]:
    """All messages, page by page."""
    found: list[Message] = []
    while page := await sessions.get_messages(session_id, after=found[-1].seq if found else 0, limit=1000):
        found += page
    return found


async def sound(sessions: SessionManager, *session_ids: str) -> None:
    """The invariants hold, as the file's rows prove them; the logs are dense."""
    assert await sessions.check() == []
    for session_id in session_ids:
        seqs = [message.seq for message in await log(sessions, session_id)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert (await sessions.get_session(session_id)).seq == len(seqs)


def contents(messages: Sequence[Message]) -> list[Any]:
    return [message.content for message in messages]


# --- other processes


def worker(task: str, *args: object, **options: Any) -> subprocess.Popen[str]:
    """`tests.faults.workers` in a process of its own, doing `task`."""
    command = [sys.executable, "-W", "error", "-m", "tests.faults.workers", task, *map(str, args)]
    pipes: Mapping[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **{**pipes, **options})


def finished(process: subprocess.Popen[str], timeout: float = 60) -> list[Any]:
    """What a worker printed, a JSON value a line; it must have ended well and said nothing on stderr."""
    out, err = process.communicate(timeout=timeout)
    assert (process.returncode, err) == (0, ""), err[-3000:]
    return [json.loads(line) for line in out.splitlines()]


def ask(task: str, *args: object, timeout: float = 60) -> list[Any]:
    return finished(worker(task, *args), timeout)


def at_once(processes: Sequence[subprocess.Popen[str]]) -> list[list[Any]]:
    """Wait until all are ready (each prints a line), let them go together, and collect what they print."""
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == '"ready"\n'
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return [finished(process) for process in processes]


# --- the file, around the API


def writer(sessions: SessionManager) -> Any:
    """The connection that a manager's store writes by."""
    store: Any = sessions._store
    return getattr(store, "inner", store)._write_db


def sql(path: Path, statement: str, *bindings: Any) -> list[Any]:
    """Another program's look into the file."""
    db = apsw.Connection(str(path))
    try:
        return db.execute(statement, bindings).fetchall()
    finally:
        db.close()


def steps() -> Iterator[int]:
    """Turns of the loop to cancel after: each of the first, then further and further apart, while a thread is at work."""
    step = 0
    while step < 10**6:
        yield step
        step = step + 1 if step < 16 else step * 3 // 2
    raise AssertionError("the call never ended")


def step_by_step(make: Callable[[], Coroutine[Any, Any, Any]], steps: int) -> Coroutine[Any, Any, Any]:
    """Run a call for that many turns of the loop and then cancel it; its result, or the exception that it ended with."""

    async def run() -> Any:
        task = asyncio.ensure_future(make())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    return run()
