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
BARE, BARE_AFTER, CACHED = "bare read", "bare read after a commit", "cached"
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


def bare(after_commit: bool) -> measure.Run:
    async def run(place: Path) -> float:
        floor, texts = BareFloor(place / "floor.db"), measure.texts(HELD + CALLS)
        await floor.open(2)
        for text in texts[:HELD]:
            await floor.append(1, 1, text)

        async def load() -> None:
            floor.load(1)

        found = await p50(load, (lambda number: floor.append(2, 1, texts[number])) if after_commit else None)
        await floor.close()
        return found

    return run


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
    runs: dict[str, measure.Run] = {
        BARE: bare(False),
        BARE_AFTER: bare(True),
        CACHED: ours(CACHED),
        **{case: ours(case) for case in CASES},
    }
    figures = measure.rounds(runs, options.rounds)
    beside = {name: measure.spread(figures[name], f"µs for the {name}, uncached", 1) for name in (BARE, BARE_AFTER)}
    found = []
    for case, bar in {CACHED: 30, "other": 50, "same": 50, "foreign": 50}.items():
        title = f"build_context of 20, {CASES.get(case, case)}, p50"
        met = measure.median(figures[case]) < bar
        other = beside[BARE if case == CACHED else BARE_AFTER]
        found.append(Line(title, f"< {bar} µs", measure.spread(figures[case], "µs", 1), other, met))
    return found


if __name__ == "__main__":
    measure.show(main())
