"""Create a session, append, build a context: the median of each, one at a time.

Beside them, between the same calls, a bare durable commit of one row, made inline, and a bare read of the newest 20.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from benchmarks import measure
from benchmarks.contenders import Turnkeep
from benchmarks.floors import INSERT, UPDATE, BareFloor
from benchmarks.measure import Line

CALLS = 300
BARS = {"create a session": 0.8, "append": 0.8, "build a context": 0.1}


async def once(place: Path) -> dict[str, list[float]]:
    """Milliseconds of each call."""
    turnkeep, floor = Turnkeep(place / "ours.db"), BareFloor(place / "floor.db")
    await turnkeep.open(0)
    await floor.open(CALLS)
    texts = iter(measure.texts(40 + CALLS * 2))
    manager = turnkeep.manager

    async def commit(number: int) -> None:
        with floor.db:
            floor.db.execute(INSERT, ((number + 1) << 32 | 1, 1, next(texts), 0))
            floor.db.execute(UPDATE, (1, 200, number + 1))

    async def read(number: int) -> None:
        floor.load(number + 1)

    async def create(number: int) -> None:
        session = await manager.get_or_create_session("latency", number, external_user_id=f"user{number}")
        turnkeep.ids.append(session.id)

    async def append(number: int) -> None:
        await manager.add_message(turnkeep.ids[number], "user", next(texts), external_id=f"latency:{number}")

    async def build(number: int) -> None:
        await manager.build_context(turnkeep.ids[number], max_messages=20)

    calls: dict[str, Callable[[int], Awaitable[None]]] = {
        "create a session": create, "append": append, "build a context": build, "bare commit": commit, "bare read": read,
    }  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(CALLS):
        for name, call in calls.items():
            taken[name].append(await measure.timed(partial(call, number)) * 1000)
    await turnkeep.close()
    await floor.close()
    return taken


def main(argv: list[str] | None = None) -> list[Line]:
    options = measure.arguments(__doc__).parse_args(argv)
    medians: dict[str, list[float]] = {}

    async def run(place: Path) -> float:
        for name, taken in (await once(place)).items():
            medians.setdefault(name, []).append(measure.median(taken[len(taken) // 10 :]))
        return 0.0

    measure.rounds({"all": run}, options.rounds)
    found = []
    for name, bar in BARS.items():
        bare = "bare read" if name == "build a context" else "bare commit"
        beside = measure.spread(medians[bare], f"ms for a {bare}", 3)
        met = measure.median(medians[name]) < bar
        found.append(Line(f"{name}, one at a time, p50", f"< {bar} ms", measure.spread(medians[name], "ms", 3), beside, met))
    return found


if __name__ == "__main__":
    measure.show(main())
