"""Summaries by a model that is not to be relied on: facts kept whatever it writes, and 200 sessions that want it at once.

Facts: groups of six real dialogues, as in `facts`, summarized by the ladder with a model in front of the extractive summarizer that
writes fluent prose without a fact, another language, garbage, 100,000 tokens, or repeats a secret; and by a model on this machine
(`--local FILE`), which is slow, for the first `--slow` groups. Beside it the extractive summary alone. Needs the shared data (`--shared`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import facts, measure
from benchmarks.facts import COUNT, Group, Json
from benchmarks.measure import Line
from turnkeep import SessionManager
from turnkeep.llm.local import LocalModel
from turnkeep.redaction import Redactor
from turnkeep.session import Message
from turnkeep.summarizers import Ladder, ModelSummarizer, Summarizer
from turnkeep.tokens import get_counter

SECRET = "hunter2hunter"
FLUENT = (
    "The user came with several wishes and the assistant helped with each of them in turn. They went through the options together,"
    " compared what was on offer, and settled on what suited best. Some points were left for a later time. The mood was friendly. "
)
WRITERS = {
    "fluent, no facts": FLUENT,
    "fluent, no facts, long": FLUENT * 4,
    "another language": "El usuario y el asistente hablaron de muchas cosas, y al final todo quedó como estaba. " * 3,
    "garbage": "xq zzv 99 wplk 7731 qqrt " * 20,
    "100,000 tokens": "word " * 100_000,
    "repeats a secret": f"The user said {SECRET}, and then {SECRET} again. ",
}
SESSIONS, CALL, LIMIT = 200, 2.0, 1000
CALM = 1000  # appends


class Writes:
    """Always the same."""

    method = "model"
    source: str | None = "scripted"

    def __init__(self, text: str) -> None:
        self.text = text

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        return self.text


class Sleeps(Writes):
    """Two seconds a call."""

    running = most = calls = 0

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(CALL)
        self.running -= 1
        return self.text


def as_messages(said: Sequence[Json]) -> list[Message]:
    secret: Json = {"role": "user", "content": f"By the way, my password is {SECRET}."}
    return [
        Message(
            role=one["role"],
            content=one.get("content"),
            tokens=0,
            counter="o200k",
            created_ms=0,
            tool_calls=one.get("tool_calls"),
            tool_call_id=one.get("tool_call_id"),
            seq=seq,
        )
        for seq, one in enumerate([*said, secret], 1)
    ]


async def texts(groups: Sequence[Group], make: Callable[[], Summarizer | None], limit: int) -> list[str]:
    made = []
    for group in groups:
        ladder = Ladder(make(), timeout=600)
        draft = await ladder.draft(as_messages(group.messages), [], max_tokens=limit, counter=get_counter("o200k"))
        assert COUNT(draft.text) <= limit and SECRET not in f"{draft.text}{draft.data}"
        made.append(draft.text)
    return made


def nobody() -> None:
    return None


def same(summarizer: Summarizer) -> Summarizer:
    return summarizer


async def kept(groups: Sequence[Group], scorer: Any, local: Path | None, slow: int) -> list[Line]:
    lines = []
    for limit in (500, 300):

        async def scored(of: Sequence[Group], make: Callable[[], Summarizer | None], limit: int = limit) -> float:
            score: float = scorer.corrected(await texts(of, make, limit), [group.facts for group in of])[0]
            return score

        alone = await scored(groups, nobody)
        for what, text in WRITERS.items():
            found = await scored(groups, partial(Writes, text))
            lines.append(_line(what, limit, found, alone))
        if local is not None:
            model = LocalModel(f"local:{local}")
            summarizer = ModelSummarizer(model, Redactor())
            found = await scored(groups[:slow], partial(same, summarizer))
            await summarizer.close()
            lines.append(_line(f"{local.name}, {slow} groups", limit, found, await scored(groups[:slow], nobody)))
    return lines


def _line(what: str, limit: int, found: float, alone: float) -> Line:
    title = f"facts in {limit} tokens, a model: {what}"
    return Line(title, ">= extractive - 0.03", f"{found:.3f}", f"extractive alone {alone:.3f}", found >= alone - 0.03)


async def crowd(sessions: int) -> list[Line]:
    """All due at once, with appends to another session while the model works; then as many such appends without."""
    model = Sleeps("They talked about the weather.")
    async with SessionManager.open("memory://", summarizer=model, token_limit=LIMIT, close_timeout=600) as manager:
        of = [await manager.get_or_create_session("bench", n) for n in range(sessions + 1)]
        said: list[Json] = [
            {"role": ("user", "assistant")[n % 2], "content": f"{n}: " + "words and more " * 10} for n in range(22)
        ]
        began = time.perf_counter()
        for session in of[:-1]:
            await manager.add_messages(session.id, said)
        settled = asyncio.create_task(manager.settle())
        taken = []

        async def append(into: list[float]) -> None:
            into.append(await measure.timed(lambda: manager.add_message(of[-1].id, "assistant", "words")))
            await asyncio.sleep(0.05)

        while not settled.done():
            await append(taken)
        seconds = time.perf_counter() - began
        calm: list[float] = []
        while len(calm) < min(len(taken), CALM):
            await append(calm)
        methods = [(await manager.get_summaries(session.id))[0].method for session in of[:-1]]
    bound = sessions / manager.settings.compaction_parallel * CALL * 1.2
    done = f"{seconds:.1f} s, {model.calls} calls, {model.most} at once"
    met = seconds <= bound and model.most <= manager.settings.compaction_parallel and set(methods) == {"model"}
    return [
        Line(f"{sessions} sessions due at once, {CALL:.0f} s a call", f"<= {bound:.0f} s, 4 at once", done, "", met),
        appends(taken, calm),
    ]


def appends(taken: Sequence[float], calm: Sequence[float]) -> Line:
    """While the model works, beside the same without."""
    told = [f"p50 {measure.median(of) * 1000:.2f} ms, p99 {measure.percentile(of, 0.99) * 1000:.2f} ms" for of in (taken, calm)]
    times = measure.median(taken) / measure.median(calm)
    more = (measure.percentile(taken, 0.99) - measure.percentile(calm, 0.99)) * 1000
    ours = f"{told[0]}: {times:.2f} times, {more:+.1f} ms"
    bar = "p50 <= 1.2 times, p99 <= +20 ms"
    return Line("  an append meanwhile", bar, ours, f"without: {told[1]}", times <= 1.2 and more <= 20)


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.add_argument("--shared", type=Path, default=facts.SHARED, help="the folder with the shared data and tools")
    parser.add_argument("--groups", type=int, default=1000, help="at most that many")
    parser.add_argument("--local", type=Path, help="a GGUF file")
    parser.add_argument("--slow", type=int, default=2, help="groups that it summarizes")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--only", choices=["facts", "crowd"])
    options = parser.parse_args(argv)
    lines: list[Line] = []
    if options.only != "crowd":
        groups = facts.groups(facts.halves(options.shared / "data" / "sgd-dev.jsonl.gz")["held"])[: options.groups]
        lines += asyncio.run(kept(groups, facts.scorer(options.shared), options.local, options.slow))
    if options.only != "facts":
        lines += asyncio.run(crowd(options.sessions))
    return lines


if __name__ == "__main__":
    found = main()
    print(measure.machine())
    measure.show(found)
