"""Turns a second: append a user and an assistant message, load the newest 20; 64 sessions at once, and one at a time.

Beside the bare group-commit floor and openai-agents' SQLiteSession, all durable, in interleaved rounds on fresh files.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from benchmarks import measure
from benchmarks.contenders import OpenAIAgents, Turnkeep, synchronous
from benchmarks.floors import BareFloor
from benchmarks.measure import Line

WARM_UP = 10  # turns of each session before the clock runs: the newest 20 are there then
FLOOR, OURS, MANUAL, PEER = "bare floor", "Turnkeep", "Turnkeep, compaction manual", "openai-agents"


class Contender(Protocol):
    async def open(self, sessions: int) -> None: ...
    async def close(self) -> None: ...
    async def turn(self, session: int, user: str, assistant: str, external_id: str) -> None: ...


async def _talk(contender: Contender, session: int, first: int, turns: int, texts: list[str]) -> None:
    for number in range(first, first + turns):
        at = (session * 31 + number * 2) % (len(texts) - 1)
        await contender.turn(session, texts[at], texts[at + 1], f"bench:{session}:{number}")


async def rate(contender: Contender, sessions: int, turns: int, texts: list[str]) -> float:
    """Turns a second, `sessions` at once, each of them `turns` one after the other."""
    await contender.open(sessions)
    try:
        await asyncio.gather(*(_talk(contender, session, 0, WARM_UP, texts) for session in range(sessions)))
        began = time.perf_counter()
        await asyncio.gather(*(_talk(contender, session, WARM_UP, turns, texts) for session in range(sessions)))
        return sessions * turns / (time.perf_counter() - began)
    finally:
        await contender.close()


CONTENDERS: dict[str, Callable[[Path], Contender]] = {
    FLOOR: BareFloor,
    OURS: Turnkeep,
    MANUAL: lambda path: Turnkeep(path, compaction="manual"),
    PEER: OpenAIAgents,
}


def compare(sessions: int, turns: dict[str, int], rounds: int) -> dict[str, list[float]]:
    """Turns a second by contender; `turns` says how many each session takes, 0 leaves the contender out."""
    texts = measure.texts(2001)
    chosen = {name: make for name, make in CONTENDERS.items() if turns.get(name)}

    def runner(name: str) -> measure.Run:
        return lambda place: rate(chosen[name](place / "bench.db"), sessions, turns[name], texts)

    return measure.rounds({name: runner(name) for name in chosen}, rounds)


def lines(title: str, figures: dict[str, list[float]], over_peer: float) -> list[Line]:
    ours, shown = figures[OURS], measure.spread(figures[OURS], "turns/s")
    floor = measure.ratio(ours, figures[FLOOR])
    beside = measure.spread(figures[FLOOR], "turns/s")
    found = [Line(f"{title}, of the bare floor", ">= 0.85", f"{floor:.2f}: {shown}", beside, floor >= 0.85)]
    if MANUAL in figures:
        shown_manual = measure.spread(figures[MANUAL], "turns/s")
        manual = measure.ratio(figures[MANUAL], figures[FLOOR])
        found.append(Line("  the same, compaction manual", "", f"{manual:.2f}: {shown_manual}", beside))
    if PEER in figures:
        peer = measure.ratio(ours, figures[PEER])
        beside = measure.spread(figures[PEER], "turns/s")
        found.append(Line(f"{title}, over openai-agents", f">= {over_peer:g}", f"{peer:.1f}: {shown}", beside, peer >= over_peer))
    return found


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.add_argument("--turns", type=int, default=100, help="of each of 64 sessions; one at a time makes six times as many")
    parser.add_argument("--only", choices=("64", "1"), help="one of the two loads")
    parser.add_argument("--no-peer", action="store_true", help="without openai-agents, for quick looks")
    options = parser.parse_args(argv)
    turns = options.turns
    found: list[Line] = []
    if options.only != "1":
        each = {FLOOR: turns, OURS: turns, MANUAL: turns, PEER: 0 if options.no_peer else max(1, turns // 10)}
        found += lines("a turn, 64 at once", compare(64, each, options.rounds), 10)
    if options.only != "64":
        each = {FLOOR: turns * 6, OURS: turns * 6, MANUAL: turns * 6, PEER: 0 if options.no_peer else turns * 6}
        found += lines("a turn, one at a time", compare(1, each, options.rounds), 1.3)
    if not options.no_peer:
        with measure.folder() as place:
            print(f"openai-agents' connections: PRAGMA synchronous = {synchronous(place / 'asked.db')} (2: durable), WAL")
    return found


if __name__ == "__main__":
    found = main()
    print(measure.machine())
    measure.show(found)
