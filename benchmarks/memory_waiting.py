"""Who waits while a summarizer works: appends and context reads, and writes of another process.

**Waiting.** A summarizer sleeps for 2 s; in the meantime 80 messages are added to the same session, and after each the context is
built, 20 ms apart. Beside it the same messages in the same session with `compaction="manual"`: the same window, and no summary under
way. openai-agents 0.24 does it with `OpenAIResponsesCompactionSession` over `SQLiteSession`, whose client sleeps for 2 s: its
`run_compaction` is what its runner awaits at the end of a turn; here it runs beside the appends.

**Another process.** A summary of 200 messages is under way when a second process adds 20 messages to the same session, and ends. They
must all be in the log, in the context, and not in the range that the summary covers. openai-agents does it by forced compaction.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from benchmarks import measure
from benchmarks.facts import Json
from benchmarks.measure import Line
from benchmarks.memory_contenders import opened
from benchmarks.memory_talks import size
from benchmarks.memory_writers import Written
from turnkeep import SessionManager

SLEEP, FILL, ADDED, PAUSE = 2.0, 200, 80, 0.02
THRESHOLD = 0.7  # of the limit: where compaction is due by default
FOREIGN = 20
ROLES = "user", "assistant"


class Waited(NamedTuple):
    """Seconds, each call's."""

    appends: list[float]
    reads: list[float]


class Sleeper:
    """A model that sleeps; `asleep` is set when it begins."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asleep, self.done = seconds, asyncio.Event(), False

    async def sleep(self) -> None:
        self.asleep.set()
        await asyncio.sleep(self.seconds)
        self.done = True

    async def write(self, messages: Sequence[Json], max_tokens: int, previous: str) -> str:
        await self.sleep()
        return "They talked about what they had talked about."

    async def compact(self, **_: Any) -> Any:
        """`client.responses.compact` of OpenAI."""
        await self.sleep()
        said = {"type": "message", "role": "assistant", "content": "They talked about what they had talked about."}
        return SimpleNamespace(output=[said], usage=None)


def said(first: int, count: int, who: str = "here") -> list[Json]:
    return [
        {"role": ROLES[n % 2], "content": f"{who} No. {n}: " + "words and more words " * 4} for n in range(first, first + count)
    ]


async def _timed(append: Callable[[Json], Awaitable[Any]], read: Callable[[], Awaitable[Any]]) -> Waited:
    waited = Waited([], [])
    for message in said(FILL, ADDED):
        waited.appends.append(await measure.timed(partial(append, message)))
        waited.reads.append(await measure.timed(read))
        await asyncio.sleep(PAUSE)
    return waited


async def _warm(append: Callable[[Json], Awaitable[Any]], read: Callable[[], Awaitable[Any]]) -> None:
    """All that the session holds when the clock starts."""
    for message in said(0, FILL):
        await append(message)
        await read()


# --- Turnkeep


async def turnkeep(place: Path, *, asleep: bool) -> Waited:
    sleeper = Sleeper(SLEEP)
    how: Json = {"compaction": "background", "close_timeout": 5.0} if asleep else {"compaction": "manual"}
    async with opened(place / "ours.db", writer=Written("sleeps", sleeper.write), **how) as manager:
        session = await manager.get_or_create_session("bench", 1, token_limit=_limit())

        def append(message: Json) -> Awaitable[Any]:
            return manager.add_message(session.id, **message)

        read = partial(manager.build_context, session.id)
        await _warm(append, read)
        if asleep:
            await asyncio.wait_for(sleeper.asleep.wait(), SLEEP)
        waited = await _timed(append, read)
        if asleep and sleeper.done:
            raise SystemExit("the summarizer woke up before all was measured: this machine is too slow or too busy")
    return waited


def _limit() -> int:
    """So that the last of the first messages makes compaction due, and the others still fit."""
    return int(sum(map(size, said(0, FILL))) / THRESHOLD)


async def held(place: Path) -> tuple[float, float]:
    """With the summarizer that is built in: how long the loop stands still at most while 200 messages are compacted; and the longest
    context read when a summary fails and what it stands for no longer fits."""
    async with opened(place / "ours.db", compaction="manual") as manager:
        session = await manager.get_or_create_session("bench", 1)
        await manager.add_messages(session.id, said(0, FILL))
        work = asyncio.create_task(manager.summarize_session(session.id))
        longest = 0.0
        while not work.done():
            longest = max(longest, await measure.timed(partial(asyncio.sleep, 0)))
        other = await manager.get_or_create_session("bench", 2, token_limit=_limit() // 2)
        reads = []
        for message in said(0, FILL):
            await manager.add_message(other.id, **message)
            reads.append(await measure.timed(partial(manager.build_context, other.id)))
    return longest, max(reads)


# --- openai-agents


def _peer(path: Path, sleeper: Sleeper) -> Any:
    from agents.memory import OpenAIResponsesCompactionSession, SQLiteSession

    client: Any = SimpleNamespace(responses=sleeper)
    return OpenAIResponsesCompactionSession("one", SQLiteSession("one", path), client=client, compaction_mode="input")


async def agents(place: Path, *, asleep: bool) -> Waited:
    sleeper = Sleeper(SLEEP)
    session = _peer(place / "peer.db", sleeper)

    def append(message: Json) -> Awaitable[Any]:
        return session.add_items([message])

    await _warm(append, session.get_items)
    work = asyncio.create_task(session.run_compaction({"force": True})) if asleep else None
    if work is not None:
        await sleeper.asleep.wait()
    waited = await _timed(append, session.get_items)
    if work is not None:
        await work
    session.underlying_session.close()
    return waited


# --- a second process


def _writer(kind: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.memory_waiting", "--write", kind, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


async def write(kind: str, path: Path) -> None:
    """The second process."""
    messages: list[Any] = said(0, FOREIGN, "elsewhere")
    if kind == "peer":
        from agents.memory import SQLiteSession

        store = SQLiteSession("one", path)
        await store.get_items()
        _wait_for_word()
        for message in messages:
            await store.add_items([message])
        store.close()
        return
    async with opened(path, compaction="manual") as manager:
        session = await manager.get_or_create_session("bench", 1)
        await manager.build_context(session.id)
        _wait_for_word()
        for message in messages:
            await manager.add_message(session.id, **message)


def _wait_for_word() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


async def _while_asleep(sleeper: Sleeper, work: asyncio.Task[Any], process: subprocess.Popen[str]) -> None:
    """The second process writes and ends while the summarizer sleeps."""
    await sleeper.asleep.wait()
    await asyncio.to_thread(process.communicate, "go\n")
    if process.returncode or sleeper.done:
        raise SystemExit("the second process failed, or did not end before the summary")
    await work


async def ours_shared(place: Path) -> list[str]:
    path, sleeper = place / "ours.db", Sleeper(SLEEP)
    async with opened(path, writer=Written("sleeps", sleeper.write), compaction="manual") as manager:
        session = await manager.get_or_create_session("bench", 1)
        await manager.add_messages(session.id, said(0, FILL))
        process = await asyncio.to_thread(_writer, "ours", path)
        work = asyncio.create_task(manager.summarize_session(session.id))
        await _while_asleep(sleeper, work, process)
        wrong = await _missing(manager, session.id) + await manager.check()
        return wrong if work.result() else [*wrong, "the summary was not stored"]


async def _missing(manager: SessionManager, session_id: str) -> list[str]:
    """What became of the other process' messages."""
    wanted = {message["content"] for message in said(0, FOREIGN, "elsewhere")}
    log = [message.content for message in await manager.get_messages(session_id, limit=1000)]
    sent = [message["content"] for message in (await manager.build_context(session_id)).messages]
    covered = max((summary.to_seq for summary in await manager.get_summaries(session_id) if summary.live), default=0)
    found = [("log", wanted - set(log)), ("context", wanted - set(sent)), ("uncovered part", wanted & set(log[:covered]))]
    return [f"{len(contents)} missing in the {where}" for where, contents in found if contents]


async def peer_shared(place: Path) -> list[str]:
    path, sleeper = place / "peer.db", Sleeper(SLEEP)
    session = _peer(path, sleeper)
    await session.add_items(said(0, FILL))
    process = await asyncio.to_thread(_writer, "peer", path)
    work = asyncio.create_task(session.run_compaction({"force": True}))
    await _while_asleep(sleeper, work, process)
    kept = {item.get("content") for item in await session.get_items()}
    session.underlying_session.close()
    lost = sum(message["content"] not in kept for message in said(0, FOREIGN, "elsewhere"))
    return [f"{lost} of {FOREIGN} lost, no error"] if lost else []


# --- the table


def _milliseconds(seconds: Sequence[float]) -> tuple[float, float]:
    return measure.median(seconds) * 1000, measure.percentile(seconds, 0.99) * 1000


def _row(what: str, asleep: Sequence[float], awake: Sequence[float], peer: Sequence[float], idle: Sequence[float]) -> Line:
    p50, p99 = _milliseconds(asleep)
    without50, without99 = _milliseconds(awake)
    times, more = p50 / without50, p99 - without99
    shown = f"p50 {times:.2f} times ({p50:.2f} ms, {without50:.2f} without), p99 {more:+.1f} ms"
    beside = f"openai-agents: at most {max(peer) * 1000:,.0f} ms ({max(idle) * 1000:.0f} without)"
    return Line(
        f"{what} while a summarizer sleeps 2 s", "p50 <= 1.2 times, p99 <= 20 ms more", shown, beside, times <= 1.2 and more <= 20
    )


def waiting(rounds: int) -> list[Line]:
    taken: dict[str, list[Waited]] = {}
    runs = {"asleep": (turnkeep, True), "awake": (turnkeep, False), "peer": (agents, True), "idle": (agents, False)}
    for _ in range(rounds):
        for name, (run, asleep) in runs.items():
            with measure.folder() as place:
                taken.setdefault(name, []).append(asyncio.run(run(place, asleep=asleep)))
    appends, reads = ([[second for waited in taken[name] for second in waited[at]] for name in runs] for at in (0, 1))
    return [_row("an append", *appends), _row("a context read", *reads)]


def holding(rounds: int) -> list[Line]:
    taken = []
    for _ in range(rounds):
        with measure.folder() as place:
            taken.append(asyncio.run(held(place)))
    loop, read = ([seconds * 1000 for seconds in column] for column in zip(*taken, strict=True))
    return [
        Line(f"  the loop held at most, while {FILL} messages are compacted", "", measure.spread(loop, "ms", 1), ""),
        Line("  the longest context read without a summary that is due", "", measure.spread(read, "ms", 1), ""),
    ]


def foreign(rounds: int) -> list[Line]:
    found: dict[str, list[str]] = {"ours": [], "peer": []}
    for _ in range(rounds):
        for name, run in (("ours", ours_shared), ("peer", peer_shared)):
            with measure.folder() as place:
                found[name] += asyncio.run(run(place))
    ours, peer = ("; ".join(dict.fromkeys(wrong)) or "none lost" for wrong in found.values())
    return [Line("a write from another process during a summary", "none lost", ours, f"openai-agents: {peer}", not found["ours"])]


def lines(rounds: int) -> list[Line]:
    return [*waiting(rounds), *holding(rounds), *foreign(min(rounds, 3))]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        asyncio.run(write(sys.argv[2], Path(sys.argv[3])))
    else:
        measure.show(lines(3))
