"""A file of 1,000,000 sessions and 10,000,000 messages against an empty one: contexts, appends, and turns at 64 beside the floor.

The file is built by SQL in the tables of the store, made by its own migrations, and some of its sessions are read by a manager;
of a small one (`--sessions 2000`) the manager's `check()` proves all. The full size needs about 4.5 GB, in ./build, and some
minutes. Not part of `all`.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from benchmarks import measure
from benchmarks.contenders import Turnkeep
from benchmarks.floors import BareFloor, connect
from benchmarks.measure import Line
from benchmarks.turns import rate
from turnkeep.session import Session
from turnkeep.stores import rows
from turnkeep.stores.sqlite import SQLiteStore, statements
from turnkeep.tokens import PER_MESSAGE, get_counter

EACH, ASKED, PROVEN = 10, 300, 20_000
BYTES_EACH = 5000  # of file, for a session with its messages
DAY = 86_400_000


def _session(number: int, tokens: int, tokens_out: int, now_ms: int) -> list[Any]:
    made = Session(
        id=f"ses_{number:022d}", number=number, app="default", interface_type="bench", conversation_id=str(number),
        external_user_id=f"user{number}", token_limit=4000, tokenizer="o200k", lifetime_ms=DAY, created_ms=now_ms,
        active_ms=now_ms, expires_ms=now_ms + DAY, version=1 + EACH, seq=EACH, tokens=tokens, tokens_out=tokens_out,
        window_messages=EACH, window_tokens=tokens, root=number,
    )  # fmt: skip
    return [*rows.session_row(made), made.expires_ms]


class Builder:
    """Rows as the store would have written them."""

    def __init__(self, sessions: int) -> None:
        self.numbers = range(1, sessions + 1)
        count = get_counter("o200k").count
        self.texts = [(text, count(text) + PER_MESSAGE) for text in measure.texts(5003)]
        self.now_ms = int(time.time() * 1000)

    def text(self, number: int, seq: int) -> tuple[str, int]:
        return self.texts[(number * 7 + seq) % len(self.texts)]

    def sessions(self) -> Iterator[list[Any]]:
        for number in self.numbers:
            tokens = [self.text(number, seq)[1] for seq in range(1, EACH + 1)]
            yield _session(number, sum(tokens), sum(tokens[1::2]), self.now_ms)

    def messages(self) -> Iterator[tuple[Any, ...]]:
        for number in self.numbers:
            for seq in range(1, EACH + 1):
                text, tokens = self.text(number, seq)
                role, external_id = (1, f"telegram:{number}:{seq}") if seq % 2 else (2, None)
                yield (number << 32 | seq, role, text, tokens, 1, self.now_ms, external_id)

    def external_ids(self) -> Iterator[tuple[int, str, int]]:
        for number in self.numbers:
            for seq in range(1, EACH + 1, 2):
                yield (number, f"telegram:{number}:{seq}", number << 32 | seq)

    def build(self, path: Path) -> None:
        db = apsw.Connection(str(path))
        db.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN").fetchall()
        db.execute("INSERT INTO counters (number, name) VALUES (1, 'o200k')")
        db.executemany(statements.INSERT_SESSION, self.sessions())
        columns = "id, role, content, tokens, counter, created_ms, external_id"
        db.executemany(f"INSERT INTO messages ({columns}) VALUES (?,?,?,?,?,?,?)", self.messages())
        db.executemany("INSERT INTO external_ids VALUES (?,?,?)", self.external_ids())
        db.execute("COMMIT").fetchall()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.close()


async def build(path: Path, sessions: int) -> None:
    store = SQLiteStore(path)  # the tables are the store's own
    await store.open()
    await store.close()
    await asyncio.to_thread(Builder(sessions).build, path)


async def prove(path: Path, sessions: int) -> list[str]:
    """What a manager finds wrong: some sessions read, and for a file that is not too large all invariants."""
    turnkeep = Chosen(path, list(range(1, sessions + 1, max(1, sessions // 50))))
    await turnkeep.open(0)
    wrong = await turnkeep.manager.check() if sessions <= PROVEN else []
    for session_id in turnkeep.ids:
        found = await turnkeep.manager.get_messages(session_id)
        built = await turnkeep.manager.build_context(session_id)
        if len(found) != EACH or len(built.messages) != EACH or len(found[0].content or "") != measure.CHARS:
            wrong.append(f"{session_id} does not hold what was built")
    await turnkeep.close()
    return wrong


class Chosen(Turnkeep):
    """Turnkeep with the sessions of these numbers, which the file has."""

    def __init__(self, path: Path, numbers: list[int]) -> None:
        super().__init__(path)
        self.numbers = numbers

    async def open(self, sessions: int) -> None:
        await super().open(0)
        self.ids = [f"ses_{number:022d}" for number in self.numbers]


class ChosenFloor(BareFloor):
    """The bare floor on the store's own tables: the two statements of an append, in full columns, and nothing else."""

    insert = "INSERT INTO messages (id, role, content, tokens, counter, created_ms) VALUES (?,?,?,40,1,?)"
    update = "UPDATE sessions SET seq = ?, version = version + 1, window_tokens = window_tokens + ? WHERE number = ?"

    def __init__(self, path: Path, numbers: list[int]) -> None:
        self.db, self.reader, self.numbers = connect(path), connect(path), numbers

    def prepare(self, sessions: int) -> None: ...

    async def open(self, sessions: int) -> None:
        await super().open(sessions)
        marks = ",".join("?" * len(self.numbers))
        found = self.db.execute(f"SELECT number, seq FROM sessions WHERE number IN ({marks})", self.numbers).fetchall()
        self.seqs = dict(found)

    async def turn(self, session: int, user: str, assistant: str, external_id: str) -> None:
        log = self.numbers[session]
        await self.append(log, 1, user)
        await self.append(log, 2, assistant)
        self.load(log)


async def singles(pair: dict[str, Chosen]) -> dict[str, dict[str, float]]:
    """The median ms of a session's first context, of one from the cache, and of an append, by file; the files take turns."""
    taken: dict[str, dict[str, list[float]]] = {name: {"first": [], "cached": [], "append": []} for name in pair}
    for at, text in enumerate(measure.texts(ASKED)):
        for name, turnkeep in pair.items():
            session_id, manager = turnkeep.ids[at], turnkeep.manager
            build = partial(manager.build_context, session_id, max_messages=20)
            add = partial(manager.add_message, session_id, "user", text, external_id=f"large:{time.time_ns()}")
            for what, call in (("first", build), ("cached", build), ("append", add)):
                taken[name][what].append(await measure.timed(call) * 1000)
    return {name: {what: measure.median(values[10:]) for what, values in found.items()} for name, found in taken.items()}


def compare(place: Path, sessions: int, rounds: int) -> list[Line]:
    rng = random.Random(1)
    large, small = place / "large.db", place / "small.db"
    ours: dict[str, list[list[float]]] = {"first": [], "cached": [], "append": []}
    rates: dict[str, list[float]] = {"ours": [], "floor": []}
    texts = measure.texts(2001)

    async def one() -> dict[str, dict[str, float]]:
        pair = {
            "large": Chosen(large, rng.sample(range(1, sessions + 1), ASKED)),
            "small": Chosen(small, rng.sample(range(1, ASKED + 1), ASKED)),
        }
        for turnkeep in pair.values():
            await turnkeep.open(0)
        taken = await singles(pair)
        for turnkeep in pair.values():
            await turnkeep.close()
        return taken

    for _ in range(rounds):
        taken = asyncio.run(one())
        for what, values in ours.items():
            values.append([taken["large"][what], taken["small"][what]])
        for name, kind in (("floor", ChosenFloor), ("ours", Chosen)):
            chosen = kind(large, rng.sample(range(1, sessions + 1), 64))
            rates[name].append(asyncio.run(rate(chosen, 64, 50, texts)))
    return _lines(ours, rates, f"{sessions:,} sessions in the file")


def _lines(ours: dict[str, list[list[float]]], rates: dict[str, list[float]], title: str) -> list[Line]:
    names = {"first": "context, first", "cached": "context, cached", "append": "append, one at a time"}
    found = []
    for what, pairs in ours.items():
        times = measure.median([large / small for large, small in pairs])
        large, small = (measure.median(column) for column in zip(*pairs, strict=True))
        beside = f"{small:.3f} ms in a file of {ASKED} sessions"
        found.append(Line(f"{title}: {names[what]}, p50", "<= 1.5 times", f"{times:.2f}: {large:.3f} ms", beside, times <= 1.5))
    share = measure.ratio(rates["ours"], rates["floor"])
    shown = f"{share:.2f}: {measure.spread(rates['ours'], 'turns/s')}"
    beside = measure.spread(rates["floor"], "turns/s for the bare floor")
    return [*found, Line(f"{title}: a turn, 64 at once", ">= 0.60", shown, beside, share >= 0.6)]


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    options = parser.parse_args(argv)
    with measure.folder() as place:
        need, free = BYTES_EACH * options.sessions, shutil.disk_usage(place).free
        if free < need * 1.5:
            raise SystemExit(f"needs {need * 1.5 / 1e9:.1f} GB free in {place.parent}, there are {free / 1e9:.1f}")
        began = time.perf_counter()
        for name, sessions in (("large", options.sessions), ("small", ASKED)):
            asyncio.run(build(place / f"{name}.db", sessions))
        size = (place / "large.db").stat().st_size
        print(f"built {options.sessions:,} sessions, {size / 1e9:.2f} GB, in {time.perf_counter() - began:.0f} s", flush=True)
        if wrong := asyncio.run(prove(place / "large.db", options.sessions)):
            raise SystemExit("\n".join(wrong[:10]))
        return compare(place, options.sessions, options.rounds)


if __name__ == "__main__":
    measure.show(main())
