"""Planted corrections: does a summary tell the value that holds, and not the one that was put right? And no failed call as done?

Generated conversations (planted/talks.py) with one correction each, of eight kinds and in six languages, summarized in 300 tokens,
in which everything that matters fits, and in 150, which is tight. planted/judge.py says what counts:

- right: the new value stands, and the old one is absent or marked as replaced on every line. **The bar is 90 % of these**, at both budgets.
- old gone: the old value is absent or marked, whatever became of the new one. An empty text has 100 % here.
- new kept: the new value stands.

Beside it, from the same talks: the newest turns that fit, and sumy's LexRank; and the extremes, which prove the judge: the whole talk
(near 0), an ideal summary (100), nothing (0). The second table is planted/calls.py's: the bar is no failed or empty call told as done.

Wordings, scenes, values and shapes differ from part to part. Who mends the summarizer looks at `--half dev --show N` and at `third`;
the cases of `held` and `fourth` are only counted.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from benchmarks.facts import COUNT, Json, Summarize, newest_turns
from benchmarks.memory_writers import lexrank
from benchmarks.planted import calls as planted_calls
from benchmarks.planted.halves import HALVES
from benchmarks.planted.judge import Verdict, judge
from benchmarks.planted.parts import KINDS
from benchmarks.planted.talks import Talk, talks
from turnkeep.summarizers import Extractive

BUDGETS = (300, 150)
Told = Callable[[Talk, int], str]


def transcript(messages: list[Json], _: int = 0) -> str:
    """The talk word for word, calls included."""
    lines = []
    for message in messages:
        calls = [f"{one['function']['name']}({one['function']['arguments']})" for one in message.get("tool_calls", ())]
        lines.append(f"{message['role']}: {' '.join([message['content'] or '', *calls])}")
    return "\n".join(lines)


def ideal(talk: Talk, _: int) -> str:
    return f"It is {talk.planted.new.text}.\n(replaced: {talk.planted.old.text})"


def contenders() -> dict[str, Summarize]:
    extractive = Extractive(timezone="UTC")
    return {
        "extractive": lambda messages, limit: extractive.summarize(messages, max_tokens=limit),
        "newest turns": newest_turns,
        "LexRank": lambda messages, limit: asyncio.run(lexrank(messages, limit, "")),
    }


def _of_talk(summarize: Summarize) -> Told:
    return lambda talk, limit: summarize(talk.messages, limit)


EXTREMES: dict[str, Told] = {
    "the whole talk": _of_talk(transcript),
    "an ideal summary": ideal,
    "nothing": lambda _talk, _limit: "",
}


class Judged(NamedTuple):
    talk: Talk
    summary: str
    verdict: Verdict


def judged(made: list[Talk], told: Told, limit: int) -> list[Judged]:
    found = []
    for talk in made:
        summary = told(talk, limit)
        found.append(Judged(talk, summary, judge(summary, talk.planted)))
    return found


# --- the tables


def _percent(verdicts: list[Verdict]) -> str:
    each = [sum(getattr(one, what) for one in verdicts) / len(verdicts) for what in ("right", "gone", "kept")]
    return f"right {each[0]:6.1%}   old gone {each[1]:6.1%}   new kept {each[2]:6.1%}   of {len(verdicts)}"


def _groups(found: list[Judged]) -> Iterator[tuple[str, list[Verdict]]]:
    by: dict[str, list[Verdict]] = defaultdict(list)
    for one in found:
        by[one.talk.kind].append(one.verdict)
        by[f"in {one.talk.language}"].append(one.verdict)
    languages = sorted(name for name in by if name.startswith("in "))
    yield from ((name, by[name]) for name in (*KINDS, *languages))
    yield "all", [one.verdict for one in found]


def _show(found: list[Judged], most: int) -> None:
    wrong = [one for one in found if not one.verdict.right]
    spread = wrong[:: max(1, len(wrong) // most)][:most] if most else []
    for talk, summary, verdict in spread:
        print(f"\n--- {talk.kind}, {talk.language}: {talk.planted.old.text!r} put right as {talk.planted.new.text!r}, {verdict}")
        print(f"{transcript(talk.messages)}\n--- summary\n{summary}")


def corrections(half: str, limit: int, show: int) -> None:
    made = talks(half)
    long = statistics.mean(COUNT(transcript(talk.messages)) for talk in made)
    print(f"\n{half}, {limit} tokens: {len(made)} talks of one correction each, {long:.0f} tokens at the mean")
    found = judged(made, _of_talk(contenders()["extractive"]), limit)
    for name, verdicts in _groups(found):
        print(f"  extractive    {name:18} {_percent(verdicts)}", flush=True)
    peers = {name: _of_talk(summarize) for name, summarize in contenders().items() if name != "extractive"}
    for name, told in {**peers, **EXTREMES}.items():
        verdicts = [one.verdict for one in judged(made, told, limit)]
        print(f"  {name:13.13} {'all':18} {_percent(verdicts)}", flush=True)
    _show(found, show)


def calls(half: str, limit: int, show: int) -> None:
    print(f"\n{half}, {limit} tokens: tool calls that failed or came back empty, and calls that went well")
    for name, summarize in {**contenders(), "the whole talk": transcript}.items():
        failed, well = planted_calls.count(half, summarize, limit, show if name == "extractive" else 0)
        print(f"  {name:14} failed: {_counts(failed)}")
        print(f"  {'':14} well:   {_counts(well)}", flush=True)


def _counts(counted: Counter[str]) -> str:
    told = ", ".join(f"{what} {counted[what]}" for what in planted_calls.OUTCOMES)
    return f"{told}, of {counted.total()}"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=[*HALVES, "all"], default="all")
    parser.add_argument(
        "--show", type=int, default=0, metavar="N", help="print N talks of dev or third that are summarized wrongly"
    )
    options = parser.parse_args(argv)
    for half in HALVES if options.half == "all" else (options.half,):
        show = options.show if half in {"dev", "third"} else 0
        for limit in BUDGETS:
            corrections(half, limit, show)
        for limit in BUDGETS:
            calls(half, limit, show)


if __name__ == "__main__":
    main()
