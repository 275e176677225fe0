"""`turnkeep migrate`: messages a second, comparison included, and its peak memory, from SQLite to SQLite and to PostgreSQL.

The source is built by SQL in the tables of the store. The PostgreSQL server is the package of the tests, its files on the same disk.
`--messages N` for a quick look. Not part of `all`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from benchmarks import measure
from benchmarks.large_file import BYTES_EACH, EACH, build
from benchmarks.measure import Line
from turnkeep.testing.servers.postgres import PostgresServer

PROGRAM = Path(sys.executable).with_name("turnkeep")


class Run(NamedTuple):
    """What a process came to."""

    seconds: float
    megabytes: float


def run(source: str, target: str, messages: int) -> Run:
    began = time.perf_counter()
    process = subprocess.Popen([PROGRAM, "migrate", "--json", source, target], stdout=subprocess.PIPE)
    assert process.stdout
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or json.loads(told)["rows"]["messages"] != messages:
        raise SystemExit(f"the migration to {target} failed")
    return Run(time.perf_counter() - began, used.ru_maxrss / 1000)


def make(path: Path, sessions: int) -> None:
    asyncio.run(build(path, sessions))


def lines(name: str, runs: Sequence[Run], messages: int) -> list[Line]:
    rates = [messages / one.seconds for one in runs]
    most = max(one.megabytes for one in runs)
    title = f"{messages:,} messages in {messages // EACH:,} sessions, {name}"
    return [
        Line(title, ">= 20,000/s", measure.spread(rates, "messages/s"), "", measure.median(rates) >= 20_000),
        Line("  peak memory", "< 300 MB", f"{most:.0f} MB", "", most < 300),
    ]


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.set_defaults(rounds=1)
    parser.add_argument("--messages", type=int, default=1_000_000)
    options = parser.parse_args(argv)
    found: dict[str, list[Run]] = {"SQLite to SQLite": [], "SQLite to PostgreSQL": []}
    with measure.folder() as place:
        need = 6 * BYTES_EACH * options.messages // EACH
        if shutil.disk_usage(place).free < need:
            raise SystemExit(f"needs {need / 1e9:.1f} GB free in {place.parent}")
        maker = get_context("spawn").Process(target=make, args=(place / "source.db", options.messages // EACH))
        maker.start()  # in a process of its own: what this one holds would be counted as the program's
        maker.join()
        source = f"sqlite:///{place / 'source.db'}"
        server = PostgresServer()
        server.start()
        try:
            for number in range(options.rounds):
                file = place / f"target{number}.db"
                found["SQLite to SQLite"].append(run(source, f"sqlite:///{file}", options.messages))
                file.unlink()
                url = server.create_database()
                found["SQLite to PostgreSQL"].append(run(source, url, options.messages))
                server.drop_database(url)
        finally:
            server.stop()
    return [line for name, runs in found.items() for line in lines(name, runs, options.messages)]


if __name__ == "__main__":
    print(measure.machine())
    measure.show(main())
