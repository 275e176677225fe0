"""`build_context` of 20 messages: from the cache, its check for other processes' commits included, and right after a commit.

Beside the bare read: the newest 20 by one range scan of raw SQLite, uncached, as rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import measure
from benchmarks.contenders import Turnkeep
from benchmarks.floors import BareFloor
from benchmarks.measure import Line

CALLS = 1000
HELD = 20  # messages of the session
BARE, CACHED = "bare read", "cached"
CASES = {
    "other": "after a commit to another session",
    "same": "after a commit to the same session",
    "foreign": "after a commit by another manager",
}


async def p50(call: Callable[[], Awaitable[object]], before: Callable[[int], Awaitable[object]] | None = None) -> float:
    """µs of `call`, at the median; `before` runs first each time, off the clock."""
    taken = []
    for number in range(CALLS):
        if before is not None:
            await before(number)
        taken.append(await measure.timed(call) * 1e6)
    return measure.median(taken)


async def bare(place: Path) -> float:
    floor = BareFloor(place / "floor.db")
    await floor.open(1)
    for text in measure.texts(HELD):
        await floor.append(1, 1, text)

    async def load() -> None:
        floor.load(1)

    found = await p50(load)
    await floor.close()
    return found


def ours(case: str) -> measure.Run:
    async def run(place: Path) -> float:
        turnkeep, other = Turnkeep(place / "ours.db", token_limit=10**6), Turnkeep(place / "ours.db", token_limit=10**6)
        await turnkeep.open(3)
        await other.open(3)
        texts = measure.texts(HELD + CALLS)
        for number in range(0, HELD, 2):
            await turnkeep.turn(0, texts[number], texts[number + 1], f"before:{number}")
        add, add_elsewhere, ids = turnkeep.manager.add_message, other.manager.add_message, turnkeep.ids
        befores: dict[str, Callable[[int], Awaitable[object]] | None] = {
            CACHED: None,
            "other": lambda number: add(ids[1], "user", texts[number]),
            "same": lambda number: add(ids[0], "user", texts[number]),
            "foreign": lambda number: add_elsewhere(ids[1], "user", texts[number]),
        }
        found = await p50(lambda: turnkeep.manager.build_context(ids[0], max_messages=HELD), befores[case])
        await other.close()
        await turnkeep.close()
        return found

    return run


def main(argv: list[str] | None = None) -> list[Line]:
    options = measure.arguments(__doc__).parse_args(argv)
    runs: dict[str, measure.Run] = {BARE: bare, CACHED: ours(CACHED), **{case: ours(case) for case in CASES}}
    figures = measure.rounds(runs, options.rounds)
    beside = measure.spread(figures[BARE], "µs for the bare uncached read", 1)
    found = []
    for case, bar in {CACHED: 30, "other": 50, "same": 50, "foreign": 50}.items():
        title = f"build_context of 20, {CASES.get(case, case)}, p50"
        found.append(
            Line(title, f"< {bar} µs", measure.spread(figures[case], "µs", 1), beside, measure.median(figures[case]) < bar)
        )
    return found


if __name__ == "__main__":
    measure.show(main())
