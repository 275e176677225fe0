"""1,000 sessions talk to the HTTP API for minutes: each a turn every two seconds, a POST of both messages and a GET of the context;
and a hundred of them are listened to.

What was acknowledged is proven from the file afterwards. The sessions begin at different lengths, as in a server that has run for a
while: compactions come all the time, and memory must not grow. The kernel tells how long the server was ready to run and had to wait for
a core: where that is much, others have the machine, and the latencies are theirs. The floor is the bare Litestar route under the same load:
one message a POST, a context that is held in memory, no listeners, no summaries.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks import generator, measure
from benchmarks.generator import Load
from benchmarks.listeners import Listeners
from benchmarks.servers import Server, bare, create, serving, turnkeep
from turnkeep import SessionManager

SESSIONS = 1000
LISTENERS = 100
TURN_SECONDS = 2  # less than the five after which the server closes an idle connection: a request may meet that on its way
FLOOR_SECONDS = 30
RAMP_SECONDS = 2 * TURN_SECONDS  # so that turns are spread evenly over the time
CACHED_BYTES = 1000  # that a message of 200 characters may take in the cache
LENGTHS = range(18, 62, 2)  # messages: what windows have between one compaction and the next


class Outcome(NamedTuple):
    """`heard`: messages that listeners were told. `resident_mb`: in tenths of the time. `grown`: memory in the last third of the time
    over that in the second, less what the cached windows have grown by: they do where compaction gives way to a load that is too
    much. `cpu`: cores used, `load_cpu` by the load and the listeners. `waited`: of the time that the server was ready to run, the
    share in which it had no core. `helper`: cores and megabytes of its worker process, both 0 where there was none."""

    load: Load
    heard: int
    resident_mb: list[float]
    grown: float
    cpu: float
    load_cpu: float
    waited: float
    helper: tuple[float, float]
    faults: list[str]


class Used:
    """What a server, and this process, used of the machine while something ran. `wall`: seconds."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.wall = self.cores = self.load_cores = self.waited = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        before, began, own = self._server.scheduled_ns(), time.monotonic(), time.process_time()
        yield
        self.wall = time.monotonic() - began
        ran, waited = [(now - then) / 1e9 for now, then in zip(self._server.scheduled_ns(), before, strict=True)]
        self.cores, self.waited = ran / self.wall, waited / (ran + waited)
        self.load_cores = (time.process_time() - own) / self.wall


class Watch:
    """The memory of the server, and of its worker process, while the load runs."""

    def __init__(self, server: Server) -> None:
        self.server, self.ended = server, threading.Event()
        self.resident: list[int] = []
        self.helper_bytes, self.helper_seconds = 0, 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self.ended.set()
            thread.join()

    def _look(self) -> None:
        while not self.ended.wait(0.5):
            self.resident.append(self.server.resident_bytes())
            for helper in self.server.children():
                self.helper_bytes = max(self.helper_bytes, helper.resident_bytes())
                self.helper_seconds = max(self.helper_seconds, helper.cpu_seconds())

    def tenths(self) -> list[float]:
        """Megabytes."""
        size = max(1, len(self.resident) // 10)
        return [statistics.median(self.resident[at : at + size]) / 1e6 for at in range(0, len(self.resident), size)]

    def grown(self, messages: int) -> float:
        """`messages`: by how many the windows have grown in all."""
        third = len(self.resident) // 3
        second, last = statistics.median(self.resident[third : 2 * third]), statistics.median(self.resident[2 * third :])
        return (last - max(0, messages) / 3 * CACHED_BYTES) / second


def soak(place: Path, seconds: float, sessions: int = SESSIONS) -> Outcome:
    """`place`: an empty folder on a disk."""
    with serving(turnkeep(), place) as server:
        texts = measure.texts(LENGTHS[-1])
        before = [LENGTHS[number % len(LENGTHS)] for number in range(sessions)]
        history = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
        names = create(server, sessions, history, before)
        listeners = Listeners(server, names[:: max(1, sessions // LISTENERS)][:LISTENERS])
        with listeners.listening():
            watch, used = Watch(server), Used(server)
            with watch.watching(), used.measured():
                load = _talk(server, names, seconds)
    faults, windows, stored = asyncio.run(_proven(place, names, before, load.requests - load.rounds))
    faults += listeners.faults(stored)
    heard = sum(map(len, listeners.heard.values()))
    helper = watch.helper_seconds / used.wall, watch.helper_bytes / 1e6
    grown = watch.grown(windows - sum(before))
    return Outcome(load, heard, watch.tenths(), grown, used.cores, used.load_cores, used.waited, helper, faults)


def floor(place: Path, seconds: float, sessions: int = SESSIONS) -> tuple[Load, float]:
    """The bare route's figures, and the cores it used."""
    with serving(bare("litestar", sessions), place) as server:
        used = Used(server)
        with used.measured():
            load = _talk(server, [str(number) for number in range(sessions)], seconds, generator.message("user"))
    return load, used.cores


TURN = f'{{"messages":[{generator.message("user")},{generator.message("assistant")}]}}'


def _talk(server: Server, names: Sequence[str], seconds: float, turn: str = TURN) -> Load:
    own = generator.sessions(names)
    url = f"{server.url}/api/sessions/{own.name}"
    steps = [generator.post(f"{url}/messages", server.key, turn), generator.get(f"{url}/context", server.key)]
    stages = [{"duration": f"{RAMP_SECONDS}s", "target": len(names)}, {"duration": f"{int(seconds)}s", "target": len(names)}]
    talk = {"executor": "ramping-vus", "startVUs": 0, "stages": stages}
    options = {"scenarios": {"talk": talk}, "minIterationDuration": f"{TURN_SECONDS}s"}
    return generator.run(steps, own, options)


async def _proven(
    place: Path, names: Sequence[str], before: Sequence[int], turns: int
) -> tuple[list[str], int, dict[str, range]]:
    """What the file holds that it should not, or the other way round: each session has the turns of its user, in order, once.

    And how many messages are in the windows, and which `seq` came with the turns, by session.
    """
    found = windows = 0
    told: dict[str, range] = {}
    async with SessionManager.open(f"sqlite:///{place}/bench.db") as sessions:
        faults = await sessions.check()
        for number, (name, skip) in enumerate(zip(names, before, strict=True), start=1):
            stored: list[str] = []
            while page := await sessions.get_messages(name, after=skip + len(stored), limit=1000):
                stored += [f"{message.role} {message.content}".split(" No. ")[0] for message in page]
            expected = [f"{role} {number}-{turn}" for turn in range(len(stored) // 2) for role in ("user", "assistant")]
            faults += [] if stored == expected else [f"session {number} holds {stored}"]
            found += len(expected) // 2
            told[name] = range(skip + 1, skip + len(stored) + 1)
            windows += (await sessions.get_session(name)).window_messages
    if not turns <= found <= turns + len(names):  # of each user the end may have cut off one answer
        faults.append(f"{turns} turns were acknowledged, {found} are stored")
    return faults, windows, told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="fewer, for a host that cannot serve them all")
    options = parser.parse_args()
    print(measure.machine())
    with measure.folder() as place:
        found = soak(place, options.seconds, options.sessions)
    with measure.folder() as place:
        bare_load, bare_cores = floor(place, min(options.seconds, FLOOR_SECONDS), options.sessions)
    load, ours = found.load, f"{options.sessions:,} sessions for {options.seconds:g} s"
    measure.show(
        [
            measure.Line(f"{ours}: failed requests", "0", f"{load.failed} of {load.requests:,}", "", not load.failed),
            measure.Line("p99", "< 250 ms", f"{load.p99:.1f} ms", f"{bare_load.p99:.1f} ms", load.p99 < 250),
            measure.Line("p50", "", f"{load.p50:.1f} ms", f"{bare_load.p50:.1f} ms"),
            measure.Line("requests/s", "", f"{load.rate:,.0f}", f"{bare_load.rate:,.0f}"),
            measure.Line("the server's CPU", "", f"{found.cpu:.2f} cores", f"{bare_cores:.2f} cores"),
            measure.Line("it was ready and had no core", "", f"{found.waited:.0%} of the time", ""),
            measure.Line("the generator and the listeners", "", f"{found.load_cpu:.2f} cores", ""),
            measure.Line("its worker process", "", f"{found.helper[0]:.2f} cores, {found.helper[1]:.0f} MB", ""),
            measure.Line("memory, last third over second", "<= 1.05", f"{found.grown:.3f}", "", found.grown <= 1.05),
            measure.Line("memory, in tenths of the time", "", " ".join(f"{one:.0f}" for one in found.resident_mb) + " MB", ""),
            measure.Line(
                "acknowledged turns not stored once, or not told once and in order",
                "0",
                f"{len(found.faults)}; {found.heard:,} messages were told",
                "",
                not found.faults,
            ),
        ]
    )
    print(*found.faults[:10], sep="\n")


if __name__ == "__main__":
    main()
