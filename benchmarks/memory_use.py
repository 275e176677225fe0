"""Memory of 1000 cached sessions of 20 messages of 200 ASCII characters, against the cache off.

`read`: the resident memory of a process of its own that builds the contexts of all the sessions from a file, with the cache and
without it, in turn. `grown`: the same where the messages are appended turn by turn in that process, as in a running bot, by
`tracemalloc`, since an allocator keeps what appends used on their way. The floor is what the texts take as Python strings.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

from benchmarks import measure
from benchmarks.contenders import Turnkeep
from benchmarks.measure import Line

SESSIONS, EACH = 1000, 20


def resident() -> int:
    """Bytes of this process in memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def write(turnkeep: Turnkeep, first: int, last: int) -> None:
    async def add(number: int) -> None:
        texts = measure.texts(EACH, seed=number)
        batch = [
            {"role": ("user", "assistant")[at % 2], "content": text, "external_id": None if at % 2 else f"telegram:{number}:{at}"}
            for at, text in enumerate(texts)
        ]
        await turnkeep.manager.add_messages(turnkeep.ids[number], batch[first:last])

    for some in range(0, SESSIONS, 50):
        await asyncio.gather(*(add(number) for number in range(some, some + 50)))


async def build(turnkeep: Turnkeep) -> None:
    for session_id in turnkeep.ids:
        await turnkeep.manager.build_context(session_id, max_messages=EACH)


async def work(path: Path, mode: str, cache: int) -> int:
    turnkeep = Turnkeep(path, cache_sessions=cache)
    await turnkeep.open(SESSIONS)
    if mode == "grown":
        tracemalloc.start()
        await write(turnkeep, 0, 2)
        await build(turnkeep)
        for first in range(2, EACH, 2):
            await write(turnkeep, first, first + 2)
    elif mode == "fill":
        await write(turnkeep, 0, EACH)
    await build(turnkeep)
    gc.collect()
    found = tracemalloc.get_traced_memory()[0] if mode == "grown" else resident()
    await turnkeep.close()
    return found


def measured(path: Path, mode: str, cache: int) -> int:
    command = [sys.executable, "-m", "benchmarks.memory_use", "--work", mode, str(path), str(cache)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def once(mode: str) -> float:
    """MB that the cache takes."""
    with measure.folder() as place:
        if mode == "grown":
            return (measured(place / "on.db", mode, SESSIONS) - measured(place / "off.db", mode, 0)) / 1e6
        measured(place / "both.db", "fill", 0)
        return (measured(place / "both.db", mode, SESSIONS) - measured(place / "both.db", mode, 0)) / 1e6


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.set_defaults(rounds=3)
    options = parser.parse_args(argv)
    figures: dict[str, list[float]] = {"read": [], "grown": []}
    for _ in range(options.rounds):
        for mode, found in figures.items():
            found.append(once(mode))
    strings = sum(sys.getsizeof(text) for number in range(SESSIONS) for text in measure.texts(EACH, seed=number)) / 1e6
    beside = f"{strings:.1f} MB for the bare strings"
    how = {"read": "read from the file", "grown": "grown by appends"}
    lines = []
    for mode, found in figures.items():
        title = f"memory of 1000 cached sessions, {how[mode]}"
        lines.append(Line(title, "< 10 MB", measure.spread(found, "MB", 1), beside, measure.median(found) < 10))
    return lines


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        print(asyncio.run(work(Path(sys.argv[3]), sys.argv[2], int(sys.argv[4]))))
    else:
        measure.show(main())
