"""The HTTP API beside bare routes of its own framework and of FastAPI: POST of a message, GET of a cached context of 20; 64 connections.

Each server is a process, each round a fresh file, and the generator is compiled: see `generator`, `bare_litestar`, `bare_fastapi`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks import generator, measure
from benchmarks.generator import Load
from benchmarks.measure import Line
from benchmarks.servers import Server, bare, create, serving, turnkeep

CONNECTIONS = 64
OURS, LITESTAR, FASTAPI = "Turnkeep", "bare Litestar", "bare FastAPI"
CONTEXT = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(measure.texts(20))]


class Round(NamedTuple):
    """What one server did in one round. `cpu`: microseconds of its process, a request."""

    load: Load
    cpu: float


def post(server: Server, names: list[str], seconds: float) -> Load:
    return _run(server, names, seconds, lambda url: generator.post(f"{url}/messages", server.key, generator.message()))


def get(server: Server, names: list[str], seconds: float) -> Load:
    return _run(server, names, seconds, lambda url: generator.get(f"{url}/context", server.key))


def _run(server: Server, names: list[str], seconds: float, step: Callable[[str], generator.Step]) -> Load:
    own = generator.sessions(names)
    options = {"vus": CONNECTIONS, "duration": f"{int(seconds * 1000)}ms"}
    return generator.run([step(f"{server.url}/api/sessions/{own.name}")], own, options)


Kind = Callable[[Server, list[str], float], Load]
KINDS: dict[str, Kind] = {"post": post, "get": get}


def one(name: str, kind: str, seconds: float, place: Path) -> Round:
    command = turnkeep() if name == OURS else bare(name.split()[1].lower(), CONNECTIONS)
    with serving(command, place) as server:
        ready = [str(number) for number in range(CONNECTIONS)]
        names = create(server, CONNECTIONS, CONTEXT if kind == "get" else []) if name == OURS else ready
        KINDS[kind](server, names, 1)  # warm-up
        before = server.cpu_seconds()
        load = KINDS[kind](server, names, seconds)
        if load.failed:
            raise SystemExit(f"{name}: {load.failed} of {load.requests} requests failed")
        return Round(load, (server.cpu_seconds() - before) / load.requests * 1e6)


def compare(kind: str, rounds: int, seconds: float, names: list[str]) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            with measure.folder() as place:
                found[name].append(one(name, kind, seconds, place))
    return found


def lines(title: str, found: dict[str, list[Round]]) -> list[Line]:
    rates = {name: [one.load.rate for one in rounds] for name, rounds in found.items()}
    ours = measure.spread(rates[OURS], "requests/s")
    shown = []
    for name, bar in {LITESTAR: 0.65, FASTAPI: 1.0}.items():
        ratio = measure.ratio(rates[OURS], rates[name])
        beside = f"{measure.spread(rates[name], 'requests/s')}, {name}"
        shown.append(Line(f"{title}, of {name}", f">= {bar:.2f}", f"{ratio:.2f}, {ours}", beside, ratio >= bar))
    for label, pick in {
        "p50, ms": lambda one: one.load.p50,
        "p99, ms": lambda one: one.load.p99,
        "CPU of the server's process, µs a request": lambda one: one.cpu,
    }.items():
        told = {name: measure.median([pick(one) for one in rounds]) for name, rounds in found.items()}
        beside = ", ".join(f"{value:.1f} {name}" for name, value in told.items() if name != OURS)
        shown.append(Line(f"{title}: {label}", "", f"{told[OURS]:.1f}", beside))
    return shown


class Start(NamedTuple):
    """Seconds from the command to the first answer, and what the process had of a core until then."""

    wall: float
    cpu: float


def started(server: Server, began: float) -> Start:
    httpx.get(f"{server.url}/healthz")  # whatever it says
    return Start(time.perf_counter() - began, server.cpu_seconds())


def start(rounds: int) -> list[Line]:
    """Processes on a file that is there; also to the first context, which needs the tokenizer. The bare server opens a file of its own."""
    ours: list[Start] = []
    floor: list[Start] = []
    context = []
    with measure.folder() as place:
        with serving(turnkeep(), place) as server:
            [name] = create(server, 1, CONTEXT)
            headers = {"Authorization": f"Bearer {server.key}"}
        for _ in range(rounds):
            began = time.perf_counter()
            with measure.folder() as other, serving(bare("litestar", 1), other) as server:
                floor.append(started(server, began))
            began = time.perf_counter()
            with serving(turnkeep(), place) as server:
                ours.append(started(server, began))
                httpx.get(f"{server.url}/api/sessions/{name}/context", headers=headers, timeout=20).raise_for_status()
                context.append(time.perf_counter() - began)
    wall, cpu = [one.wall for one in ours], [one.cpu for one in ours]
    beside = f"{measure.spread([one.wall for one in floor], 's', 2)}, {LITESTAR}"
    beside_cpu = f"{measure.spread([one.cpu for one in floor], 's', 2)}, {LITESTAR}"
    return [
        Line("start to the first answer", "< 1.5 s", measure.spread(wall, "s", 2), beside, measure.median(wall) < 1.5),
        Line("the same: CPU of the process", "", measure.spread(cpu, "s", 2), beside_cpu),
        Line("start to the first context", "", measure.spread(context, "s", 2), ""),
    ]


def main(argv: list[str]) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement, after a second of warm-up")
    parser.add_argument("--start", action="store_true", help="measure the start only")
    options = parser.parse_args(argv)
    found = start(options.rounds)
    if options.start:
        return found
    for kind, title in {"post": "POST of a message", "get": "GET of a context of 20"}.items():
        found += lines(title, compare(kind, options.rounds, options.seconds, [OURS, LITESTAR, FASTAPI]))
    return found


if __name__ == "__main__":
    print(measure.machine())
    measure.show(main(sys.argv[1:]))
