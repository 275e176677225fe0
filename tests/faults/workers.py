"""The other process: `python -m tests.faults.workers TASK ARG...` prints JSON, a line a value, each flushed at once."""

from __future__ import annotations

import asyncio
import errno
import importlib.readers
import json
import os
import random
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
from tests.faults.helpers import contents, log, manager, opened

import turnkeep.stores.sqlite as _sqlite
from turnkeep import SessionManager, sync
from turnkeep.errors import TurnkeepError
from turnkeep.session import Message
from turnkeep.stores.base import Store

_OPTIONS: dict[str, Any] = {"cleanup_interval": 0, "tokenizer": "estimate"}
_LOADED = (_sqlite, importlib.readers)  # loaded before a process gives up its rights to read Python's own files


def say(value: Any) -> None:
    os.write(1, json.dumps(value).encode() + b"\n")  # whole lines, whatever the thread and however the process ends


def ready() -> None:
    say("ready")
    sys.stdin.readline()


async def attempt(call: Any) -> Any:
    """A call's error as [its class, what it says], or its result's `seq`."""
    try:
        result = await call
    except TurnkeepError as error:
        return [type(error).__name__, str(error)]
    return getattr(result, "seq", None)


# --- killed


async def append_for_ever(path: str, first: str) -> None:
    """Each line: the number of a message whose call has returned. Several callers, so that commits are shared."""
    async with manager(Path(path)) as sessions:
        session = await opened(sessions)
        numbers = iter(range(int(first), 10**9))

        async def talk() -> None:
            for number in numbers:
                role = "user" if number % 2 else "assistant"
                stored = await sessions.add_message(session.id, role, f"text {number}", external_id=f"x{number}")
                say([number, stored.seq])

        await asyncio.gather(*[talk() for _ in range(4)])


async def write_under_keys_for_ever(path: str, first: str) -> None:
    """The same for messages that only their idempotency keys tell from others, and whose numbers are counted as usage."""
    async with manager(Path(path)) as sessions:
        session = await opened(sessions)
        numbers = iter(range(int(first), 10**9))

        async def talk() -> None:
            for number in numbers:
                stored = await write_under_key(sessions, session.id, number)
                say([number, stored.seq])

        await asyncio.gather(*[talk() for _ in range(4)])


async def write_under_key(sessions: SessionManager, session_id: str, number: int) -> Message:
    await sessions.conditional(idempotency_key=f"usage {number}").record_usage(session_id, tokens_in=number, tokens_out=1)
    return await sessions.conditional(idempotency_key=f"text {number}").add_message(session_id, "user", f"text {number}")


BREEDS = {"ids": append_for_ever, "keys": write_under_keys_for_ever}


def breed(path: str, kind: str) -> None:
    """For each number on stdin a fork that appends from there on until it is killed: [its pid], its lines, "dead"."""
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            say([os.getpid()])
            asyncio.run(BREEDS[kind](path, line.strip()))
        os.waitpid(child, 0)
        say("dead")


def make_deadly(inner: Store, fatal: int) -> None:
    """A store that kills its process at the `fatal`-th moment: moments 0, 2, 4.. are before a call of it, 1, 3, 5.. after."""
    moment = -1

    def die_if_due() -> None:
        nonlocal moment
        moment += 1
        if moment == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        async def called(*args: Any, **kwargs: Any) -> Any:
            die_if_due()
            result = await call(*args, **kwargs)
            die_if_due()
            return result

        return called

    for name in Store.__abstractmethods__:
        setattr(inner, name, deadly(getattr(inner, name)))


TURN: list[dict[str, Any]] = [
    {"role": "user", "content": "question", "external_id": "tg:1"},
    {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "content": "result", "tool_call_id": "c1"},
    {"role": "assistant", "content": "answer", "external_id": "reply:1"},
]


async def one_turn(path: str, fatal: str) -> None:
    """A whole turn over a store that kills: every kind of call a turn makes, each message acknowledged by a line."""
    made = manager(Path(path), compaction="inline", compaction_min_messages=1, compaction_threshold=0.1, summary_tokens=16)
    inner = getattr(made._store, "inner", made._store)
    make_deadly(inner, int(fatal))
    async with made as sessions:
        session = await opened(sessions, token_limit=200, external_user_id="u")
        say(["session", session.id])
        for number in range(4):
            await sessions.add_message(session.id, "user" if number % 2 == 0 else "assistant", f"earlier {number} " * 8)
            say(["stored", f"earlier {number} " * 8])
        for message in TURN:
            stored = await sessions.add_message(session.id, **message)
            say(["stored", stored.content])
            await sessions.build_context(session.id)
        await sessions.update_state(session.id, {"mood": "good"})
        await sessions.update_state(session.id, {"lang": "en"}, "user")
        say(["state", 1])
        await sessions.record_tool_call(session.id, "f", tool_call_id="c1")
    say(["end", 0])


def turns_to_the_death(folder: str, first: str, step: str) -> None:
    """`one_turn` for every fatal moment, each in a fork of this process; lines: [moment, status, what it said]."""
    for fatal in range(int(first), 10_000, int(step)):
        reads, writes = os.pipe()
        if (child := os.fork()) == 0:
            os.dup2(writes, 1)
            asyncio.run(one_turn(f"{folder}/{fatal}.db", str(fatal)))
            os._exit(0)
        os.close(writes)
        with os.fdopen(reads) as lines:
            said = [json.loads(line) for line in lines]
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        say([fatal, status, said])
        if status != -signal.SIGKILL:
            return


# --- side by side


async def append_to_all(path: str, name: str, ids: str, count: str) -> None:
    async with manager(Path(path)) as sessions:
        targets = ids.split(",")
        ready()

        async def talk(lane: int) -> list[int]:
            waits = []
            loop = asyncio.get_running_loop()
            for number in range(lane, int(count), 4):
                began = loop.time()
                target = targets[number % len(targets)]
                await sessions.add_message(target, "user", f"{name}:{number}", external_id=f"{name}:{number}")
                waits.append(round((loop.time() - began) * 1e6))
            return waits

        say([wait for waits in await asyncio.gather(*[talk(lane) for lane in range(4)]) for wait in waits])


async def append_when_told(path: str, session_id: str) -> None:
    async with manager(Path(path)) as sessions:
        say("ready")
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            say((await sessions.add_message(session_id, "user", line.strip())).seq)


async def open_sessions(path: str) -> None:
    async with manager(Path(path)) as sessions:
        ready()
        say([list(await _opened(sessions, number)) for number in range(20)])


async def _opened(sessions: SessionManager, number: int) -> tuple[str, bool]:
    session, created = await sessions.open_session("test", number)
    return session.id, created


async def open_new_file(path: str) -> None:
    ready()
    async with manager(Path(path)) as sessions:
        session = await opened(sessions, os.getpid())
        say((await sessions.add_message(session.id, "user", "hello")).seq)


def hold_lock(path: str, statements: str) -> None:
    """Another program that holds the file until it is told to let go."""
    db = apsw.Connection(path)
    db.execute(statements).fetchall()
    ready()
    db.close()
    say("released")


# --- a disk that refuses


async def fill_up(path: str, limit: str) -> None:
    """Files may not grow beyond `limit` bytes: what a quota or a full disk looks like to a process of any user."""
    async with manager(Path(path), compaction="manual") as sessions:
        session = await opened(sessions)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
        stored, refused = [], None
        for number in range(100_000):
            answer = await attempt(sessions.add_message(session.id, "user", f"{number} " + "x" * 5000))
            if isinstance(answer, list):
                refused = answer
                break
            stored.append(answer)
        readable = len(await log(sessions, session.id))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        after = await attempt(sessions.add_message(session.id, "user", "after"))
        say({"stored": len(stored), "refused": refused, "readable": readable, "after": after, "check": await sessions.check()})


async def as_nobody(path: str, session_id: str) -> None:
    """Without the right to write: what a service sees whose file belongs to someone else. Root gives up its rights first."""
    if os.geteuid() == 0:
        os.setegid(65534)
        os.seteuid(65534)
    try:
        Path(path).open("r+b").close()
    except OSError as error:
        say(errno.errorcode[error.errno or 0])
    else:
        say("writable")
    try:
        async with manager(Path(path), busy_timeout=0.2) as sessions:
            say(["open", contents(await log(sessions, session_id)) if session_id != "-" else None])
            target = session_id if session_id != "-" else (await opened(sessions)).id
            say(await attempt(sessions.add_message(target, "user", "more")))
            say(contents(await log(sessions, target)))
    except TurnkeepError as error:
        say([type(error).__name__, str(error)])


async def loses_its_rights(path: str) -> None:
    """Opened with the right to write; then the file and its folder become read-only, for connections opened from then on."""
    async with manager(Path(path)) as sessions:
        session = await opened(sessions)
        say((await sessions.add_message(session.id, "user", "before")).seq)
        ready()
        say(await attempt(sessions.add_message(session.id, "user", "during")))
        say(contents(await log(sessions, session.id)))


# --- misuse


def use_after_fork(path: str) -> None:
    """The child uses what the parent opened, and opens the same file itself; then the parent goes on."""
    loop = asyncio.new_event_loop()
    sessions = loop.run_until_complete(_start(path))
    session_id = loop.run_until_complete(_say(sessions, "before"))
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writes, json.dumps(asyncio.run(_in_the_child(path, sessions, session_id))).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as lines:
        say(json.loads(lines.read() or "null"))
    say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    loop.run_until_complete(_say(sessions, "after"))
    say(contents(loop.run_until_complete(log(sessions, session_id))))
    say(loop.run_until_complete(sessions.check()))
    loop.run_until_complete(sessions.close())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def _start(path: str) -> SessionManager:
    return await manager(Path(path))


async def _say(sessions: SessionManager, text: str) -> str:
    session = await opened(sessions)
    await sessions.add_message(session.id, "user", text)
    await sessions.build_context(session.id)
    return session.id


async def _in_the_child(path: str, sessions: SessionManager, session_id: str) -> list[Any]:
    answers = [
        await attempt(sessions.add_message(session_id, "assistant", "from the child")),
        await attempt(sessions.get_messages(session_id)),
        await attempt(sessions.build_context(session_id)),
        await attempt(sessions.get_stats()),
        await attempt(sessions.get_or_create_session("test", 1)),
        await attempt(sessions.find_message(session_id, "x")),
        await attempt(sessions.close()),
    ]
    return [answers, [await attempt(_use(where, session_id)) for where in _names_of(Path(path))]]


def _names_of(path: Path) -> list[Path]:
    """The ways to name one file, and last another file beside it."""
    linked, hard = path.with_name("linked.db"), path.with_name("hard.db")
    linked.symlink_to(path)
    hard.hardlink_to(path)
    return [path, path.parent / ".." / path.parent.name / path.name, linked, hard, path.with_name("another.db")]


async def _use(path: Path, session_id: str) -> Message:
    """What a manager of the child's own acknowledges."""
    async with manager(path) as own:
        target = session_id if path.name != "another.db" else (await opened(own)).id
        return await own.add_message(target, "assistant", "from the child's own")


def after_a_closed_manager(path: str) -> None:
    """The parent closes before it forks; the child works, its own fork is refused while the child has the file open."""
    session_id = asyncio.run(_closed(path))
    if (child := os.fork()) == 0:
        loop = asyncio.new_event_loop()
        sessions = loop.run_until_complete(_start(path))
        loop.run_until_complete(sessions.add_message(session_id, "user", "child"))
        if (grandchild := os.fork()) == 0:
            say(asyncio.run(attempt(_use(Path(path), session_id))))
            os._exit(0)
        os.waitpid(grandchild, 0)
        loop.run_until_complete(sessions.add_message(session_id, "user", "child again"))
        loop.run_until_complete(sessions.close())
        os._exit(0)
    say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    asyncio.run(_afterwards(path, session_id))


async def _afterwards(path: str, session_id: str) -> None:
    async with manager(Path(path)) as sessions:
        await sessions.add_message(session_id, "user", "after")
        say(contents(await log(sessions, session_id)))
        say(await sessions.check())


async def _closed(path: str) -> str:
    async with manager(Path(path)) as sessions:
        return await _say(sessions, "before")


def sync_prefork(path: str) -> None:
    """A WSGI server: the master has used a manager and closed it, then workers are forked, each opening its own at once."""
    with sync.SessionManager.open(f"sqlite:///{path}", **_OPTIONS) as sessions:
        session = sessions.get_or_create_session("test", 1)
        sessions.add_message(session.id, "user", "parent")
    children = []
    for number in range(3):
        if (child := os.fork()) == 0:
            with sync.SessionManager.open(f"sqlite:///{path}", **_OPTIONS) as own:
                for turn in range(40):
                    stored = own.add_message(session.id, "user", f"child {number}.{turn}")
                    say([stored.seq, stored.content])
            os._exit(0)
        children.append(child)
    say([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    with sync.SessionManager.open(f"sqlite:///{path}", **_OPTIONS) as again:
        again.add_message(session.id, "user", "parent again")
        say([message.content for message in again.get_messages(session.id, limit=1000)])
        say(again.check())


def sync_prefork_left_open(path: str) -> None:
    """The master keeps its manager open: workers are told so, by the inherited one and by one of their own."""
    with sync.SessionManager.open(f"sqlite:///{path}", **_OPTIONS) as sessions:
        session = sessions.get_or_create_session("test", 1)
        sessions.add_message(session.id, "user", "parent")
        children = []
        for number in range(3):
            if (child := os.fork()) == 0:
                say([number, _refusal(lambda: sessions.add_message(session.id, "user", "inherited"))])
                say([number, _refusal(lambda: sync.SessionManager.open(f"sqlite:///{path}", **_OPTIONS))])
                say([number, _refusal(sessions.close)])
                os._exit(0)
            children.append(child)
        say([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
        sessions.add_message(session.id, "user", "parent again")
        say([message.content for message in sessions.get_messages(session.id)])
        say(sessions.check())


def _refusal(call: Callable[[], Any]) -> Any:
    try:
        call()
    except TurnkeepError as error:
        return [type(error).__name__, str(error)]
    return "done"


def sync_never_closed(path: str) -> None:
    sessions = sync.SessionManager.open(f"sqlite:///{path}", tokenizer="estimate")
    session = sessions.get_or_create_session("test", 1)
    numbers = iter(range(2000))

    def talk() -> None:
        for number in numbers:
            say(sessions.add_message(session.id, "user", f"{number}").content)

    for _ in range(3):
        threading.Thread(target=talk, daemon=True).start()
    for _ in range(50):
        say(sessions.add_message(session.id, "user", "main").content)


async def never_closed(path: str) -> None:
    sessions = await SessionManager.open(f"sqlite:///{path}", tokenizer="estimate")
    session = await opened(sessions)
    for number in range(50):
        say((await sessions.add_message(session.id, "user", f"{number}")).content)
    await sessions.get_stats()
    asyncio.ensure_future(sessions.add_message(session.id, "user", "nobody waits for it"))  # noqa: RUF006


if __name__ == "__main__":
    random.seed(1)
    task: Callable[..., Any] = globals()[sys.argv[1]]
    answer = task(*sys.argv[2:])
    if asyncio.iscoroutine(answer):
        asyncio.run(answer)
