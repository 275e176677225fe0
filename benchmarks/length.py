"""What a turn costs in a session of 100,000 messages, against one of 10.

With the default compaction, and with none at all (manual, a limit of 10**9 tokens): the log is then the window. Turns on the long
session and on short ones, a new one each time, take turns in one file; beside them the bare floor's turn on logs as long.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.contenders import Turnkeep
from benchmarks.floors import INSERT, BareFloor
from benchmarks.measure import Line

LONG, SHORT, TURNS, COMPACTIONS = 100_000, 10, 200, 30
BATCH = {"default compaction": 40, "no compaction": 1000}  # 40: compacted about as often as in life


def _batch(texts: list[str], first: int, count: int) -> list[dict[str, str]]:
    numbers = range(first, first + count)
    return [{"role": ("user", "assistant")[n % 2], "content": texts[n % len(texts)]} for n in numbers]


async def fill(turnkeep: Turnkeep, texts: list[str], long: int, batch: int) -> None:
    """Session 0 is the long one, all others are short."""
    for first in range(0, long, batch):
        await turnkeep.manager.add_messages(turnkeep.ids[0], _batch(texts, first, min(batch, long - first)))
    for session_id in turnkeep.ids[1:]:
        await turnkeep.manager.add_messages(session_id, _batch(texts, 0, SHORT))
    await turnkeep.manager.settle()


def _fill_floor(floor: BareFloor, texts: list[str], long: int) -> None:
    lengths = [long] + [SHORT] * TURNS
    with floor.db:
        for log, length in enumerate(lengths, floor.first):
            rows = ((log << 32 | seq, 1, texts[seq % len(texts)], 0) for seq in range(1, length + 1))
            floor.db.executemany(INSERT, rows)
            floor.seqs[log] = length


async def ratio(contender: Turnkeep | BareFloor, texts: list[str]) -> tuple[float, float]:
    """ms of a turn at the median: on the long session, on a short one."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(TURNS):
        user, assistant = texts[number], texts[-1 - number]
        short = number + 1
        for session, into in ((0, taken[0]), (short, taken[1])):
            if isinstance(contender, Turnkeep):  # what came before in the conversation has warmed the cache
                await contender.manager.build_context(contender.ids[session], max_messages=20)
            call = partial(contender.turn, session, user, assistant, f"length:{session}:{number}")
            into.append(await measure.timed(call) * 1000)
    return measure.median(taken[0][10:]), measure.median(taken[1][10:])


async def compaction(turnkeep: Turnkeep, texts: list[str]) -> float:
    """What compacting now and the context after it cost on the long session, in times of what they cost on a short one."""
    taken: tuple[list[float], list[float]] = ([], [])
    manager = turnkeep.manager
    for session_id in turnkeep.ids[1:COMPACTIONS]:
        await manager.add_messages(session_id, _batch(texts, 0, SHORT))
        for asked, into in ((turnkeep.ids[0], taken[0]), (session_id, taken[1])):
            await manager.add_messages(asked, _batch(texts, 0, 2 * SHORT))
            compact = await measure.timed(partial(manager.summarize_session, asked))
            into.append(compact + await measure.timed(partial(manager.build_context, asked, max_messages=20)))
    return measure.median(taken[0]) / measure.median(taken[1])


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--long", type=int, default=LONG, help="messages of the long session")
    options = parser.parse_args(argv)
    texts = measure.texts(2000)
    notes: dict[str, list[tuple[float, float]]] = {}
    compactions: list[float] = []

    def ours(name: str, **settings: Any) -> measure.Run:
        async def run(place: Path) -> float:
            turnkeep = Turnkeep(place / "ours.db", **settings)
            await turnkeep.open(TURNS + 1)
            await fill(turnkeep, texts, options.long, BATCH[name])
            long, short = await ratio(turnkeep, texts)
            if turnkeep.settings.compaction == "background":
                compactions.append(await compaction(turnkeep, texts))
            await turnkeep.close()
            notes.setdefault(name, []).append((long, short))
            return long / short

        return run

    async def bare(place: Path) -> float:
        floor = BareFloor(place / "floor.db")
        await floor.open(TURNS + 1)
        _fill_floor(floor, texts, options.long)
        long, short = await ratio(floor, texts)
        await floor.close()
        return long / short

    runs: dict[str, measure.Run] = {
        "bare floor": bare,
        "default compaction": ours("default compaction"),
        "no compaction": ours("no compaction", compaction="manual", token_limit=10**9),
    }
    figures = measure.rounds(runs, options.rounds)
    beside = measure.spread(figures["bare floor"], "times for the bare floor", 2)
    found = []
    for name, taken in notes.items():
        long, short = (measure.median(column) for column in zip(*taken, strict=True))
        shown = f"{measure.spread(figures[name], 'times', 2)}: {long:.2f} ms, {short:.2f} ms"
        title = f"a turn at {options.long:,} messages against {SHORT}, {name}"
        found.append(Line(title, "<= 1.2 times", shown, beside, measure.median(figures[name]) <= 1.2))
    title = f"  compacting and the context after it, at {options.long:,} messages against {SHORT}"
    return [*found, Line(title, "", measure.spread(compactions, "times", 1), "")]


if __name__ == "__main__":
    measure.show(main())
