"""How many facts of real conversations an extractive summary keeps, and how fast it is made.

Six dialogues of the shared data set, one after another as one session, summarized whole; the score is that of facts.py, corrected by
the next group's facts. The dialogues are split by a hash of their ids: `dev` is the half that the summarizer was tuned on.
Beside it, from the same groups: the newest turns and random turns that fit into as many tokens.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.util
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from turnkeep.redaction import Redactor
from turnkeep.summarizers import Extractive
from turnkeep.tokens import get_counter

SHARED = Path(__file__).resolve().parents[2] / "shared"
SIZE = 6
COUNT = get_counter("o200k").count
Json = dict[str, Any]
Summarize = Callable[[list[Json], int], str]


class Group(NamedTuple):
    """Dialogues set one after another as one session."""

    dialogues: list[Json]
    messages: list[Json]

    @property
    def facts(self) -> list[list[str]]:
        return [values for dialogue in self.dialogues for values in dialogue["facts"].values()]


def scorer(shared: Path) -> Any:
    spec = importlib.util.spec_from_file_location("facts_scorer", shared / "tools" / "facts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_tools(dialogue: Json) -> Json:
    """The dialogue as words only."""
    said = [message for message in dialogue["messages"] if message["role"] != "tool" and not message.get("tool_calls")]
    return {**dialogue, "messages": said}


def dated(messages: list[Json], start: datetime) -> list[Json]:
    return [{**message, "created_at": start + timedelta(seconds=20 * n)} for n, message in enumerate(messages)]


def groups(dialogues: list[Json], size: int = SIZE, seed: int = 1) -> list[Group]:
    shuffled = random.Random(seed).sample(dialogues, len(dialogues))
    cut = [shuffled[at : at + size] for at in range(0, len(shuffled) - size + 1, size)]
    return [Group(six, [message for dialogue in six for message in dialogue["messages"]]) for six in cut]


def halves(path: Path) -> dict[str, list[Json]]:
    split: dict[str, list[Json]] = {"dev": [], "held": []}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            dialogue = json.loads(line)
            odd = hashlib.sha256(dialogue["id"].encode()).digest()[0] & 1
            split["held" if odd else "dev"].append(dialogue)
    return split


# --- what it is compared with


def _turns(messages: Sequence[Json]) -> list[str]:
    turns: list[list[str]] = []
    for message in messages:
        if message["role"] == "user" or not turns:
            turns.append([])
        turns[-1].append(f"{message['role']}: {message.get('content') or ''}")
    return ["\n".join(turn) for turn in turns]


def _fill(turns: Iterator[tuple[int, str]], max_tokens: int) -> str:
    taken: list[tuple[int, str]] = []
    room = max_tokens
    for at, turn in turns:
        cost = COUNT(turn) + 1
        if cost <= room:
            room -= cost
            taken.append((at, turn))
    return "\n".join(turn for _, turn in sorted(taken))


def newest_turns(messages: list[Json], max_tokens: int) -> str:
    return _fill(iter(reversed(list(enumerate(_turns(messages))))), max_tokens)


def random_turns(messages: list[Json], max_tokens: int) -> str:
    turns = list(enumerate(_turns(messages)))
    return _fill(iter(random.Random(len(messages)).sample(turns, len(turns))), max_tokens)


# --- a value stands on one line with what it belongs to


def _found(value: str, line: str) -> bool:
    return re.search(r"(?<!\w)" + re.escape(value.casefold()) + r"(?!\w)", line) is not None


def _tools(dialogue: Json) -> list[str]:
    calls = (call for message in dialogue["messages"] for call in message.get("tool_calls") or ())
    return [call["function"]["name"].casefold() + "(" for call in calls]


def together(text: str, group: Group) -> float:
    """The share of facts whose value stands on a line with a tool of its dialogue, or another fact of it."""
    lines = text.casefold().splitlines()
    kept = 0
    for dialogue in group.dialogues:
        tools, facts = _tools(dialogue), list(dialogue["facts"].values())
        held = [[any(_found(value, line) for value in values) for line in lines] for values in facts]
        beside = [[any(tool in line for tool in tools) for line in lines]]
        for at, row in enumerate(held):
            others = [other for n, other in enumerate(held) if n != at] + beside
            kept += any(here and any(other[n] for other in others) for n, here in enumerate(row))
    return kept / len(group.facts)


# --- the table


def scores(made: list[Group], summarize: Summarize, max_tokens: int, facts: Any) -> tuple[float, float, float]:
    texts = [summarize(group.messages, max_tokens) for group in made]
    assert all(COUNT(text) <= max_tokens for text in texts)
    score, own, _ = facts.corrected(texts, [group.facts for group in made])
    return score, own, statistics.mean(together(text, group) for text, group in zip(texts, made, strict=True))


def speed(made: list[Group], summarize: Summarize, messages: int = 50) -> tuple[float, float]:
    """p50 and p95 of one summary, in ms."""
    taken = []
    for group in made:
        part = group.messages[:messages]
        began = time.perf_counter()
        summarize(part, 500)
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def contenders() -> dict[str, Summarize]:
    extractive, redacting = Extractive(), Extractive(redact=Redactor().redact)
    start = datetime(2019, 3, 1, 9, tzinfo=UTC)
    return {
        "extractive": lambda messages, limit: extractive.summarize(messages, max_tokens=limit),
        "extractive, dated": lambda messages, limit: extractive.summarize(dated(messages, start), max_tokens=limit),
        "extractive, redacted": lambda messages, limit: redacting.summarize(messages, max_tokens=limit),
        "newest turns": newest_turns,
        "random turns": random_turns,
    }


def _rows(made: list[Group], what: str, facts: Any, only: str | None) -> None:
    for name, summarize in contenders().items():
        if only is None or only == name:
            for limit in (500, 300):
                score, own, beside = scores(made, summarize, limit, facts)
                print(f"{what:12} {name:22} {limit}  corrected {score:.3f}  kept {own:.3f}  on one line {beside:.3f}", flush=True)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--half", choices=["dev", "held"])
    parser.add_argument("--only", help="one contender")
    options = parser.parse_args(argv)
    facts = scorer(options.shared)
    for half, dialogues in halves(options.shared / "data" / "sgd-dev.jsonl.gz").items():
        if options.half not in {None, half}:
            continue
        made = groups(dialogues)
        print(
            f"\n{half}: {len(made)} groups of {SIZE}, {statistics.mean(len(group.messages) for group in made):.0f} messages each"
        )
        _rows(made, "whole", facts, options.only)
        _rows(groups([without_tools(dialogue) for dialogue in dialogues]), "no tools", facts, options.only)
        p50, p95 = speed(made, contenders()["extractive"])
        print(f"50 messages in 500 tokens: p50 {p50:.1f} ms, p95 {p95:.1f} ms")


if __name__ == "__main__":
    main()
