"""The bots, each as a process of its own, against the emulator of its platform in this one. `--platform discord` for one of them.

Beside each, message by message and start by start in turn, a bare echo bot on the same library (`bare_telegram`, `bare_discord`). What
the emulator costs weighs on both. `first`: from the moment a message is there for the bot to hear to the moment the first text of its
answer arrives, by a model that answers at once, one chat at a time. `load`: in each of the chats a person says all at once, and replies
are streamed; memory is the bot's own peak (VmHWM) over what it took when it had answered one message.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import measure
from benchmarks.bot_platforms import PLATFORMS, Platform, Talk
from benchmarks.measure import Line

T = TypeVar("T")
MESSAGES = 60  # whose latency is taken, a round
CHATS, TURNS = 500, 5
BARE = "the bare echo bot"
PROGRAM = Path(sys.executable).parent / "turnkeep"


async def at_once(messages: list[dict[str, Any]]) -> str:
    return f"re {messages[-1]['content']}"


async def streamed(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
    for word in ("re ", *messages[-1]["content"].split(" ")):
        yield word
        await asyncio.sleep(0.02)


# --- processes


@asynccontextmanager
async def running(platform: Platform, emulator: Any, place: Path, agent: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Our bot, or with the agent `echo` the bare one; it has begun to listen."""
    settings = {
        "TURNKEEP_MODEL": agent if agent == "offline" else f"python:benchmarks.bots:{agent}",
        "TURNKEEP_BOT_RATE": "0",
        "PYTHONPATH": str(Path.cwd()),
        **platform.settings(emulator),
    }
    ours = [str(PROGRAM), platform.name, "--db", f"sqlite:///{place}/bot.db"]
    command = [sys.executable, "-m", *platform.echo(emulator)] if agent == "echo" else ours
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | settings, stdout=asyncio.subprocess.DEVNULL)
    try:
        while not emulator.calls[platform.listens]:
            if process.returncode is not None:
                raise SystemExit(f"{command[0]} ended with {process.returncode}")
            await asyncio.sleep(0.002)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def memory(process: asyncio.subprocess.Process, field: str) -> float:
    """MB that /proc tells of a process: VmRSS, VmHWM."""
    lines = Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines()
    [found] = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found) * 1024 / 1e6


# --- what is measured


async def starts(platform: Platform, place: Path) -> dict[str, tuple[float, float]]:
    """Seconds from a command until it listens, and what its process had of a core until then."""
    found = {}
    for agent in ("offline", "echo"):  # the other agents live in this module, which imports more than a bot does
        async with platform.emulator() as emulator:
            began = time.perf_counter()
            async with running(platform, emulator, place, agent) as process:
                found[agent] = time.perf_counter() - began, measure.cpu_seconds(process.pid)
    return found


async def answered(talk: Talk, text: str) -> float:
    """Milliseconds until the first text of the answer is there."""
    count = len(talk.from_bot())
    said = talk.says(text)
    await talk.chat.until(lambda chat: len(chat.from_bot()) > count)
    return float(talk.from_bot()[count].at - said.at) * 1000


async def first_characters(platform: Platform, place: Path) -> dict[str, float]:
    """The median of each bot."""
    taken: dict[str, list[float]] = {"at_once": [], "echo": []}
    async with (
        platform.emulator() as for_ours,
        platform.emulator() as for_bare,
        running(platform, for_ours, place, "at_once"),
        running(platform, for_bare, place, "echo"),
    ):
        talks = {"at_once": platform.private(for_ours, "Ann"), "echo": platform.private(for_bare, "Ann")}
        for text in measure.texts(MESSAGES + 10):
            for agent, talk in talks.items():
                taken[agent].append(await answered(talk, text))
                await asyncio.sleep(0.02)  # the bot listens again
    return {agent: measure.median(values[10:]) for agent, values in taken.items()}


async def many(platform: Platform, place: Path) -> tuple[float, float, int]:
    """MB over idle, seconds, and how many chats lack an answer, have one twice, or out of order."""
    async with platform.emulator() as emulator, running(platform, emulator, place, "streamed") as process:
        await answered(platform.private(emulator, "First"), "hello")
        talks = platform.many(emulator, CHATS)
        idle, began = memory(process, "VmRSS"), time.perf_counter()
        for turn in range(TURNS):
            for talk in talks:
                talk.says(f"{turn} is what I say now")
        wanted = [f"re {turn}iswhatIsaynow" for turn in range(TURNS)]
        with suppress(TimeoutError):
            async with asyncio.timeout(300):
                for talk in talks:
                    await talk.chat.until(lambda chat: chat.answers() == wanted, 300)
        took = time.perf_counter() - began
        await asyncio.sleep(2.0)  # what comes twice comes now
        return memory(process, "VmHWM") - idle, took, sum(talk.answers() != wanted for talk in talks)


def fresh(run: Callable[[Platform, Path], Coroutine[Any, Any, T]], platform: Platform) -> T:
    """In a folder and an event loop of its own."""
    with measure.folder() as place:
        return asyncio.run(run(platform, place))


def first(platform: Platform, rounds: int) -> list[Line]:
    found = [fresh(first_characters, platform) for _ in range(rounds)]
    ours, bare = ([one[agent] for one in found] for agent in ("at_once", "echo"))
    over = [our - their for our, their in zip(ours, bare, strict=True)]
    return [
        Line(f"{platform.name}: to the first character, p50, above the bare echo bot", "< 30 ms", measure.spread(over, "ms", 1),
             f"{measure.spread(bare, 'ms', 1)} {BARE}; {measure.spread(ours, 'ms', 1)} ours", measure.median(over) < 30),
    ]  # fmt: skip


def load(platform: Platform, rounds: int) -> list[Line]:
    """It takes long, so that it has half the rounds."""
    found = [fresh(many, platform) for _ in range(max(1, rounds // 2))]
    grown, took, wrong = ([one[at] for one in found] for at in range(3))
    return [
        Line(f"{platform.name}: {CHATS} {platform.places} at once, {TURNS} messages each: those with a wrong answer", "0", f"{sum(wrong)}",
             f"{measure.spread(took, 's', 1)} for all", not sum(wrong)),
        Line("the same: memory above idle", "< 100 MB", measure.spread(grown, "MB", 1), "", max(grown) < 100),
    ]  # fmt: skip


def start(platform: Platform, rounds: int) -> list[Line]:
    found = [fresh(starts, platform) for _ in range(rounds)]
    wall, cpu = ({agent: [one[agent][at] for one in found] for agent in ("offline", "echo")} for at in (0, 1))
    return [
        Line(f"{platform.name}: start to {platform.began}", "< 2 s", measure.spread(wall["offline"], "s", 2),
             f"{measure.spread(wall['echo'], 's', 2)} {BARE}", measure.median(wall["offline"]) < 2),
        Line("the same: CPU of the process", "", measure.spread(cpu["offline"], "s", 2),
             f"{measure.spread(cpu['echo'], 's', 2)} {BARE}"),
    ]  # fmt: skip


MEASURES = {"first": first, "load": load, "start": start}


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.add_argument("--only", choices=MEASURES, help="one of the measures")
    parser.add_argument("--platform", choices=PLATFORMS, help="one of the platforms")
    options = parser.parse_args(argv)
    platforms = [one for name, one in PLATFORMS.items() if options.platform in (None, name)]
    runs = [run for name, run in MEASURES.items() if options.only in (None, name)]
    return [line for platform in platforms for run in runs for line in run(platform, options.rounds)]


if __name__ == "__main__":
    print(measure.machine())
    measure.show(main(sys.argv[1:]))
