"""Many instances on one PostgreSQL, with fsync on: appends of 64 callers, cached reads beside a writer, and four processes on 50 sessions.

Beside Turnkeep stand the bare group commit (asyncpg, one statement for all that wait, through `unnest`: no tokens, no checks, no
external ids) and a pool of connections that does one such statement for each append.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import measure
from benchmarks.measure import Line
from turnkeep import SessionManager
from turnkeep.testing.servers.postgres import PostgresServer

CALLERS, EACH, WARM_UP = 64, 200, 20
PROCESSES, SESSIONS, OF_EACH = 4, 50, 40
READS = 2000
ROLES = "user", "assistant"

SCHEMA = """
CREATE TABLE sessions (number bigint PRIMARY KEY, seq bigint NOT NULL, chars bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE messages (id bigint PRIMARY KEY, role smallint NOT NULL, content text NOT NULL, created_ms bigint NOT NULL);
"""
APPEND = """
WITH given AS (
    SELECT g.*, row_number() OVER (PARTITION BY session ORDER BY at) AS place
    FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::bigint[]) WITH ORDINALITY AS g (session, role, content, created_ms, at)
), changed AS (
    UPDATE sessions s SET seq = s.seq + d.n, chars = s.chars + d.chars
    FROM (SELECT session, count(*) AS n, sum(length(content)) AS chars FROM given GROUP BY session) d
    WHERE s.number = d.session RETURNING s.number, s.seq - d.n AS before
)
INSERT INTO messages SELECT g.session << 32 | (c.before + g.place), g.role, g.content, g.created_ms
FROM given g JOIN changed c ON c.number = g.session RETURNING id
"""


class Bare:
    """The group commit."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.waiting: list[tuple[tuple[int, int, str, int], asyncio.Future[None]]] = []
        self.busy = False

    async def open(self) -> None:
        self.db = await asyncpg.connect(self.url)
        await self.db.execute(SCHEMA)
        await self.db.executemany("INSERT INTO sessions VALUES ($1, 0, 0)", [(number,) for number in range(CALLERS)])

    async def close(self) -> None:
        await self.db.close()

    def append(self, session: int, number: int, text: str) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(((session, number % 2 + 1, text, time.time_ns() // 1_000_000), future))
        if not self.busy:
            self.busy = True
            self.task = asyncio.ensure_future(self._commit())
        return future

    async def _commit(self) -> None:
        await asyncio.sleep(0)
        while self.waiting:
            batch, self.waiting = self.waiting, []
            await self.db.fetch(APPEND, *zip(*(row for row, _ in batch), strict=True))
            for _, future in batch:
                future.set_result(None)
            await asyncio.sleep(0)
        self.busy = False


class OneByOne(Bare):
    """A pool; a statement for each append."""

    async def open(self) -> None:
        await super().open()
        self.pool = await asyncpg.create_pool(self.url, min_size=10, max_size=10)

    async def close(self) -> None:
        await self.pool.close()
        await super().close()

    async def append(self, session: int, number: int, text: str) -> None:
        await self.pool.fetch(APPEND, [session], [number % 2 + 1], [text], [time.time_ns() // 1_000_000])


class Ours:
    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self, sessions: int = CALLERS) -> None:
        self.manager = await SessionManager.open(self.url, compaction="manual")
        self.ids = [(await self.manager.get_or_create_session("bench", number)).id for number in range(sessions)]

    async def close(self) -> None:
        await self.manager.close()

    async def append(self, session: int, number: int, text: str) -> None:
        external_id = f"bench:{number}" if number % 2 == 0 else None
        await self.manager.add_message(self.ids[session], ROLES[number % 2], text, external_id=external_id)


CONTENDERS: dict[str, Any] = {"bare": Bare, "one by one": OneByOne, "ours": Ours}


async def appends(contender: Any, texts: list[str]) -> float:
    """Appends a second."""

    async def talk(session: int, first: int, count: int) -> None:
        for number in range(first, first + count):
            await contender.append(session, number, texts[(session * 31 + number) % len(texts)])

    await contender.open()
    try:
        await asyncio.gather(*(talk(session, 0, WARM_UP) for session in range(CALLERS)))
        began = time.perf_counter()
        await asyncio.gather(*(talk(session, WARM_UP, EACH) for session in range(CALLERS)))
        return CALLERS * EACH / (time.perf_counter() - began)
    finally:
        await contender.close()


# --- a reader beside a writer in another process


async def write(url: str, shared: Path) -> None:
    """Append to the first session all the time; the newest `seq` acknowledged stands in the file."""
    ours = Ours(url)
    await ours.open(1)
    with shared.open("r+b") as file, mmap.mmap(file.fileno(), 8) as told:
        print("ready", flush=True)
        texts, number = measure.texts(100), 0
        while told[7] != 255:
            message = await ours.manager.add_message(ours.ids[0], "user", f"{number + 1} {texts[number % 100]}")
            told[:4] = message.seq.to_bytes(4, "little")
            number += 1
            await asyncio.sleep(0.005)
    await ours.close()


async def read(url: str, place: Path) -> list[float]:
    """Milliseconds of those contexts that came from the cache."""
    shared = place / "acknowledged"
    shared.write_bytes(bytes(8))
    writer = _start("--write", url, str(shared))
    ours = Ours(url)
    await ours.open(1)
    cache, taken = ours.manager._store, []
    with shared.open("r+b") as file, mmap.mmap(file.fileno(), 8) as told:
        await asyncio.to_thread(_first, told)
        for _ in range(READS):
            acknowledged, hits = int.from_bytes(told[:4], "little"), sum(cache.hits.values())
            began = time.perf_counter()
            context = await ours.manager.build_context(ours.ids[0], max_messages=20)
            spent = (time.perf_counter() - began) * 1000
            assert int(context.messages[-1]["content"].split()[0]) >= acknowledged, (
                "an older context than an append acknowledged before"
            )
            if sum(cache.hits.values()) > hits:
                taken.append(spent)
        told[7] = 255
    writer.communicate()
    await ours.close()
    return taken


def _first(told: mmap.mmap) -> None:
    while not told[0]:
        time.sleep(0.01)


# --- several processes on the same sessions


async def work(url: str, worker: int) -> None:
    ours = Ours(url)
    await ours.open(SESSIONS)
    print("ready", flush=True)
    sys.stdin.readline()
    texts = measure.texts(1000)

    async def talk(session: int) -> None:
        for number in range(OF_EACH):
            text = f"{worker} {number} {texts[(session + number) % 1000]}"[: measure.CHARS]
            await ours.manager.add_message(ours.ids[session], ROLES[number % 2], text, external_id=f"{worker}:{number}")

    began = time.time()
    await asyncio.gather(*(talk(session) for session in range(SESSIONS)))
    ended = time.time()
    await ours.close()
    print(json.dumps([began, ended]), flush=True)


def together(url: str, processes: int) -> float:
    """Appends a second of all of them."""
    started = [_start("--work", url, str(worker)) for worker in range(processes)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    times = [json.loads(process.communicate()[0]) for process in started]
    seconds = max(ended for _, ended in times) - min(began for began, _ in times)
    asyncio.run(prove(url, processes))
    return processes * SESSIONS * OF_EACH / seconds


async def prove(url: str, processes: int) -> None:
    """Dense, nothing lost or doubled, in order for each process and session."""
    ours = Ours(url)
    await ours.open(SESSIONS)
    assert await ours.manager.check() == []
    for session_id in ours.ids:
        rows = await ours.manager.get_messages(session_id, limit=1000)
        assert [row.seq for row in rows] == list(range(1, processes * OF_EACH + 1))
        said = [tuple(map(int, str(row.content).split(maxsplit=2)[:2])) for row in rows]
        for worker in range(processes):
            assert [number for by, number in said if by == worker] == list(range(OF_EACH))
    await ours.close()


def _start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.postgres", *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@contextmanager
def database(server: PostgresServer) -> Iterator[str]:
    url = server.create_database()
    yield url
    server.drop_database(url)


def measured(server: PostgresServer, rounds: int, place: Path) -> list[Line]:
    texts = measure.texts(2001)
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    one, four = list[float](), list[float]()
    reads: list[float] = []
    for _ in range(rounds):
        for name, make in CONTENDERS.items():
            with database(server) as url:
                rates[name].append(asyncio.run(appends(make(url), texts)))
        for processes, found in ((1, one), (PROCESSES, four)):
            with database(server) as url:
                found.append(together(url, processes))
        with database(server) as url:
            reads += asyncio.run(read(url, place))
    share, times = measure.ratio(rates["ours"], rates["bare"]), measure.ratio(rates["ours"], rates["one by one"])
    ours = measure.spread(rates["ours"], "appends/s")
    return [
        Line(
            "durable appends, 64 at once", ">= 60 % of bare", ours, f"{measure.spread(rates['bare'])}: {share:.0%}", share >= 0.6
        ),
        Line("the same", ">= 4 times one by one", ours, f"{measure.spread(rates['one by one'])}: {times:.1f} times", times >= 4),
        Line(
            "cached context beside a writer, p50",
            "< 0.6 ms",
            f"{measure.median(reads):.3f} ms of {len(reads):,}",
            "",
            measure.median(reads) < 0.6,
        ),
        Line(
            "4 processes on the same 50 sessions",
            ">= 1 process",
            measure.spread(four, "appends/s"),
            measure.spread(one),
            measure.ratio(four, one) >= 1,
        ),
    ]


def main(argv: list[str] | None = None) -> list[Line]:
    options = measure.arguments(__doc__).parse_args(argv)
    with measure.folder() as place:
        place.chmod(0o755)
        server = PostgresServer("shared_buffers=256MB", fsync=True, parent=place)
        server.start()
        try:
            return measured(server, options.rounds, place)
        finally:
            server.stop()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--write", url, shared]:
            asyncio.run(write(url, Path(shared)))
        case ["--work", url, worker]:
            asyncio.run(work(url, int(worker)))
        case _:
            measure.show(main())
