"""What all benchmarks share: texts, a folder on a real disk, interleaved rounds, and the table they print.

Invariant: figures that are compared come from the same run, round by round in turn, each from a fresh file and the same texts.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROUNDS = 5
CHARS = 200

_PROSE = (
    "the a to of and in is it you that for on with as have at be this we from or one had by but not what all were when your"
    " can said there use each which she do how their if will up other about out many then them these so some her would make"
    " like him into time has look two more write go see number no way could people my than first water been call who oil its"
    " now find long down day did get come made may part over new sound take only little work know place year live me back"
    " give most very after thing our just name good sentence man think say great where help through much before line right"
    " too mean old any same tell weather invoice delivery account restart password meeting tomorrow Tuesday screenshot"
    " version payment refund order street coffee garden server message window question answer train ticket holiday kitchen"
    " battery doctor morning evening language"
)
_WORDS = _PROSE.split()


def texts(count: int, *, chars: int = CHARS, seed: int = 1) -> list[str]:
    """That many different ASCII texts of `chars` characters, the same in every run."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        words = [f"No. {number}:"]
        while len(text := " ".join(words)) < chars:
            words.append(rng.choice(_WORDS) + ("," if rng.random() < 0.08 else ""))
        made.append(text[: chars - 1] + ".")
    return made


# --- where files are made


def file_system(path: Path) -> str:
    """The type of the file system that `path` lies on ("" where /proc does not tell)."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return ""
    over = [(len(mount[1]), mount[2]) for mount in mounts if path.resolve().is_relative_to(mount[1])]
    return max(over, default=(0, ""))[1]


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder under ./build, on a disk and not in memory; removed in the end."""
    base = Path.cwd() / "build"
    base.mkdir(exist_ok=True)
    if file_system(base) in ("tmpfs", "ramfs"):
        raise SystemExit(f"{base} lies in memory, where a commit costs nothing: run this in a folder on a disk")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=base) as name:
        yield Path(name)


# --- running


Run = Callable[[Path], Awaitable[float]]  # one round in a fresh folder gives one figure


def rounds(runs: dict[str, Run], count: int) -> dict[str, list[float]]:
    """A B C, A B C, ...: each figure of each run. Each round has its own folder and event loop."""
    figures: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(count):
        for name, run in runs.items():
            with folder() as place:
                gc.collect()
                figures[name].append(asyncio.run(_awaited(run, place)))
    return figures


async def _awaited(run: Run, place: Path) -> float:
    return await run(place)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Ours over theirs, round by round, so that a slow spell of the machine weighs on both; the median."""
    return median([our / their for our, their in zip(ours, theirs, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def timed(call: Callable[[], Awaitable[object]]) -> float:
    """Seconds that one call takes."""
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began


def cpu_seconds(process: int) -> float:
    """Of a process by its id: user and system, of all its threads, since its start."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- telling


class Line(NamedTuple):
    """One line of the table. `met` is None where there is no bar."""

    measure: str
    bar: str
    ours: str
    beside: str
    met: bool | None = None


def show(lines: Sequence[Line]) -> None:
    """Print as a Markdown table."""
    rows = [["measure", "bar", "ours", "floor or peer, same run", "met"]]
    rows += [[line.measure, line.bar, line.ours, line.beside, {True: "yes", False: "NO", None: ""}[line.met]] for line in lines]
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")


def spread(values: Sequence[float], unit: str = "", digits: int = 0) -> str:
    """The median with the least and the most: `1,234 (1,200 to 1,300) turns/s`."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f}){unit and ' ' + unit}"


def arguments(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds; the figures are their medians")
    return parser


def machine() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} CPUs, load {load}, files on {file_system(Path.cwd()) or 'an unknown file system'}"
