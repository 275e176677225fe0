"""Four processes append to the same 50 sessions in one file, each to all of them at once.

Proven afterwards from the rows: `seq` dense, no message lost or doubled, in order for each process and session. Beside it
openai-agents' SQLiteSession does the same; what it lost or refused is counted.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import measure
from benchmarks.contenders import OpenAIAgents, Turnkeep
from benchmarks.measure import Line

PROCESSES, SESSIONS, EACH = 4, 50, 40
ROLES = "user", "assistant"


class Outcome(NamedTuple):
    rate: float  # appends a second, all processes together
    p99_ms: float
    worst_ms: float
    wrong: list[str]


def content(worker: int, session: int, number: int, text: str) -> str:
    return f"{worker} {session} {number} {text}"[: measure.CHARS]


async def work(kind: str, path: Path, worker: int) -> dict[str, Any]:
    """One process: append to all sessions at once, `EACH` messages one after the other in each."""
    store = Turnkeep(path) if kind == "ours" else OpenAIAgents(path)
    await store.open(SESSIONS)
    print("ready", flush=True)
    sys.stdin.readline()
    texts, taken, failed = measure.texts(1000), [], 0

    async def append(session: int, number: int) -> None:
        role, text = ROLES[number % 2], content(worker, session, number, texts[(session + number) % 1000])
        if isinstance(store, Turnkeep):
            await store.manager.add_message(store.ids[session], role, text, external_id=f"{worker}:{number}")
        else:
            await store.sessions[session].add_items([{"role": role, "content": text}])

    async def talk(session: int) -> None:
        nonlocal failed
        for number in range(EACH):
            try:
                taken.append(await measure.timed(partial(append, session, number)))
            except Exception:
                failed += 1

    began = time.time()
    await asyncio.gather(*(talk(session) for session in range(SESSIONS)))
    ended = time.time()
    await store.close()
    return {"taken": taken, "failed": failed, "began": began, "ended": ended}


def run(kind: str, path: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.processes", "--work", kind, str(path)]
    started = []
    for worker in range(PROCESSES):
        process = subprocess.Popen([*command, str(worker)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"  # one after the other: the first makes the file
        started.append(process)
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0]) for process in started]


async def prove(path: Path) -> list[str]:
    """What is wrong with the file: nothing, it is hoped."""
    turnkeep = Turnkeep(path)
    await turnkeep.open(SESSIONS)
    wrong = await turnkeep.manager.check()
    for session, session_id in enumerate(turnkeep.ids):
        found = await turnkeep.manager.get_messages(session_id, limit=1000)
        if [message.seq for message in found] != list(range(1, PROCESSES * EACH + 1)):
            wrong.append(f"session {session}: seq is not dense from 1 to {PROCESSES * EACH}")
        told: dict[int, list[int]] = {}
        for message in found:
            worker, _, number, _ = str(message.content).split(" ", 3)
            told.setdefault(int(worker), []).append(int(number))
        if told != {worker: list(range(EACH)) for worker in range(PROCESSES)}:
            wrong.append(f"session {session}: messages lost, doubled or out of order")
    await turnkeep.close()
    return wrong


def prove_peer(path: Path, results: list[dict[str, Any]]) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        rows = Counter(data for (data,) in db.execute("SELECT message_data FROM agent_messages"))
    failed = sum(result["failed"] for result in results)
    missing = PROCESSES * SESSIONS * EACH - len(rows)
    return [f"{failed} appends refused, {missing} missing"] if failed or missing or len(rows) != rows.total() else []


def once(kind: str) -> Outcome:
    with measure.folder() as place:
        path = place / "shared.db"
        results = run(kind, path)
        wrong = asyncio.run(prove(path)) if kind == "ours" else prove_peer(path, results)
    taken = [seconds * 1000 for result in results for seconds in result["taken"]]
    elapsed = max(result["ended"] for result in results) - min(result["began"] for result in results)
    return Outcome(len(taken) / elapsed, measure.percentile(taken, 0.99), max(taken), wrong)


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.set_defaults(rounds=3)
    options = parser.parse_args(argv)
    outcomes: dict[str, list[Outcome]] = {"ours": [], "peer": []}
    for _ in range(options.rounds):
        for kind, found in outcomes.items():
            found.append(once(kind))
    ours, peer = outcomes["ours"], outcomes["peer"]
    wrong = [line for outcome in ours for line in outcome.wrong]
    lost = [line for outcome in peer for line in outcome.wrong]
    worst = f"worst {max(outcome.worst_ms for outcome in ours):.0f} ms"
    p99, peer_p99 = ([outcome.p99_ms for outcome in outcomes[kind]] for kind in ("ours", "peer"))
    rates, peer_rates = ([outcome.rate for outcome in outcomes[kind]] for kind in ("ours", "peer"))
    title = f"{PROCESSES} processes on {SESSIONS} sessions"
    whole, peer_whole = ("; ".join(found[:3]) or "yes" for found in (wrong, lost))
    slow, peer_slow = f"{measure.spread(p99, 'ms')}, {worst}", f"{measure.spread(peer_p99, 'ms')} for openai-agents"
    together, peer_together = measure.spread(rates, "appends/s"), measure.spread(peer_rates, "appends/s for openai-agents")
    return [
        Line(f"{title}: dense, none lost or doubled", "yes", whole, f"{peer_whole} for openai-agents", not wrong),
        Line(f"{title}: p99 of an append", "< 250 ms", slow, peer_slow, measure.median(p99) < 250),
        Line(f"{title}: all together", "", together, peer_together),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        print(json.dumps(asyncio.run(work(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))))
    else:
        measure.show(main())
