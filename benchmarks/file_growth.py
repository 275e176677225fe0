"""How much the file grows by 1000 messages of 200 characters, ids included, sessions one after the other and interleaved.

The sessions are made first and the WAL is folded in before each look. Beside it: the bare floor's tables, without external ids.
KB are 1000 bytes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks import measure
from benchmarks.contenders import Turnkeep
from benchmarks.floors import BareFloor
from benchmarks.measure import Line

SESSIONS, EACH = 500, 20


def order(interleaved: bool) -> list[list[tuple[int, int]]]:
    """Groups of (session, number of the message), each group appended at once."""
    if interleaved:
        return [[(session, number) for session in range(SESSIONS)] for number in range(EACH)]
    return [[(session, number)] for session in range(SESSIONS) for number in range(EACH)]


async def fill(turnkeep: Turnkeep, texts: list[str], interleaved: bool, all_ids: bool) -> None:
    async def add(session: int, number: int) -> None:
        role = ("user", "assistant")[number % 2]
        external_id = f"telegram:{100_000 + session}:{number}" if all_ids or role == "user" else None
        await turnkeep.manager.add_message(turnkeep.ids[session], role, texts[(session * EACH + number)], external_id=external_id)

    for group in order(interleaved):
        await asyncio.gather(*(add(session, number) for session, number in group))


def ours(texts: list[str], interleaved: bool, all_ids: bool) -> measure.Run:
    async def run(place: Path) -> float:
        path = place / "ours.db"
        turnkeep = Turnkeep(path, compaction="manual")
        await turnkeep.open(SESSIONS)
        await turnkeep.close()
        before = path.stat().st_size
        await turnkeep.open(SESSIONS)  # finds the sessions that are there
        await fill(turnkeep, texts, interleaved, all_ids)
        await turnkeep.close()
        return (path.stat().st_size - before) / (SESSIONS * EACH)

    return run


def bare(texts: list[str], interleaved: bool) -> measure.Run:
    async def run(place: Path) -> float:
        path = place / "floor.db"
        floor = BareFloor(path)
        await floor.open(SESSIONS)
        before = floor.db.pragma("page_count") * floor.db.pragma("page_size")
        for group in order(interleaved):
            await asyncio.gather(*(floor.append(session + 1, 1, texts[session * EACH + number]) for session, number in group))
        await floor.close()
        return (path.stat().st_size - before) / (SESSIONS * EACH)

    return run


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.set_defaults(rounds=1)  # it is a count, not a time
    options = parser.parse_args(argv)
    texts = measure.texts(SESSIONS * EACH)
    found = []
    for interleaved, layout in ((False, "one session after the other"), (True, "sessions interleaved")):
        runs = {
            "floor": bare(texts, interleaved),
            "user ids": ours(texts, interleaved, all_ids=False),
            "all ids": ours(texts, interleaved, all_ids=True),
        }
        figures = {name: measure.median(taken) for name, taken in measure.rounds(runs, options.rounds).items()}
        beside = f"{figures['floor']:.0f} KB for the bare floor, no ids"
        title = f"file growth by 1000 messages, {layout}"
        met = figures["user ids"] < 320
        shown = f"{figures['user ids']:.0f} KB"
        found.append(Line(f"{title}, external ids on users' messages", "< 320 KB", shown, beside, met))
        found.append(Line("  external ids on all messages", "", f"{figures['all ids']:.0f} KB", beside))
    return found


if __name__ == "__main__":
    measure.show(main())
