"""Memory: facts kept, prefix reused, tokens sent, waiting time, and what is lost when a summarizer fails.

Long talks of real dialogues (`memory_talks` says how they are made and what is measured of their prompts) are replayed by Turnkeep
with its default settings, by a sliding window, and by the compaction of LlamaIndex and LangMem (`memory_contenders`). LexRank, and
the peers that need a language model, are scripted (`memory_writers`): the peers with LexRank, and with Turnkeep's own extractive
summarizer in the model's place, which is the best that they can do without one. What fails is in `memory_failures`, who waits in
`memory_waiting`. openai-agents compacts by a service of OpenAI that no script stands for, so it appears in the last two only.

The talks need the shared data (`--shared`); without them the rest runs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import facts, measure, memory_failures, memory_waiting
from benchmarks.measure import Line
from benchmarks.memory_contenders import LangMem, LlamaIndex, Sliding, Turnkeep
from benchmarks.memory_talks import Contender, Figures, Talk, play, talks
from benchmarks.memory_writers import WRITERS, Written

DATA = Path("data") / "sgd-dev.jsonl.gz"
LIMITS = 4_000, 8_000
FACTS, WORST = {4_000: 0.85, 8_000: 0.92}, 0.80
REUSED = {4_000: 0.92, 8_000: 0.95}
SENT = 0.25
OURS, UNSETTLED, WINDOW = "Turnkeep", "Turnkeep, no pause", "sliding window"
LEXRANK = "Turnkeep, LexRank"

CONTENDERS: dict[str, Callable[[], Contender]] = {
    OURS: Turnkeep,
    UNSETTLED: lambda: Turnkeep(settle=False),
    LEXRANK: lambda: Turnkeep(Written("lexrank", WRITERS["lexrank"])),
    WINDOW: Sliding,
    "LangMem, LexRank": lambda: LangMem(WRITERS["lexrank"]),
    "LangMem, our extractive": lambda: LangMem(WRITERS["extract"]),
    "LlamaIndex, LexRank": lambda: LlamaIndex(WRITERS["lexrank"]),
    "LlamaIndex, our extractive": lambda: LlamaIndex(WRITERS["extract"]),
}
Found = dict[str, dict[int, Figures]]


def replayed(said: Sequence[Talk], slow: int, scorer: object) -> Found:
    """LlamaIndex takes 10 s a talk, so it gets the first `slow` of them."""
    found: Found = {}
    for name, make in CONTENDERS.items():
        most = slow if name.startswith("LlamaIndex") else len(said)
        print(f"{name} ...", file=sys.stderr, flush=True)
        found[name] = {limit: asyncio.run(play(make, said, most, limit, scorer)) for limit in LIMITS}
    return found


# --- the table of all contenders

COLUMNS = "who", "limit", "facts, corrected", "kept", "worst talk", "reused", "sent", "largest prompt", "compactions a talk"


def contenders(found: Found) -> None:
    rows = [COLUMNS, tuple("---" for _ in COLUMNS)]
    for name, by_limit in found.items():
        for limit, one in by_limit.items():
            shares = [f"{value:.2f}" for value in (one.score, one.own, one.worst)]
            reused = f"{one.reused:.1%}", f"{one.sent:.1%}", f"{one.largest:,}"
            rows.append((name, f"{limit:,}", *shares, *reused, f"{one.compactions:.1f}"))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


# --- the bars


PEERS = "LangMem", "LlamaIndex"


def _beside(found: Found, limit: int, show: Callable[[Figures], str]) -> str:
    """Of each peer: with LexRank / with our extractive summarizer as its model."""
    told = {name: show(by_limit[limit]) for name, by_limit in found.items()}
    peers = [f"{peer} {told[f'{peer}, LexRank']} / {told[f'{peer}, our extractive']}" for peer in PEERS]
    return "; ".join([f"{WINDOW} {told[WINDOW]}", f"LexRank {told[LEXRANK]}", *peers])


def _score(one: Figures) -> str:
    return f"{one.score:.2f}"


def _reused(one: Figures) -> str:
    return f"{one.reused:.1%}"


def _fact_rows(found: Found) -> list[Line]:
    rows = []
    for limit, ours in found[OURS].items():
        bar, met = FACTS[limit], ours.score >= FACTS[limit] and ours.worst >= WORST
        shown = f"{ours.score:.3f} (kept {ours.own:.3f}, worst talk {ours.worst:.3f})"
        title = f"facts in the context after 30 dialogues, {limit:,} tokens"
        rows.append(Line(title, f">= {bar}, worst >= {WORST:.2f}", shown, _beside(found, limit, _score), met))
    return rows


def _prefix_rows(found: Found) -> list[Line]:
    rows, every = [], [*found[OURS].values(), *found[UNSETTLED].values()]
    broken, pairs = sum(one.broken for one in every), sum(one.pairs for one in every)
    window = found[WINDOW][LIMITS[0]]
    beside = f"{1 - window.broken / window.pairs:.1%} {WINDOW}"
    title = "prompts between compactions that begin like the one before"
    rows.append(Line(title, "100%", f"{1 - broken / pairs:.2%} of {pairs:,}", beside, not broken))
    for limit, ours in found[OURS].items():
        title, bar = f"prefix reused over a talk, {limit:,} tokens", REUSED[limit]
        rows.append(Line(title, f">= {bar:.0%}", _reused(ours), _beside(found, limit, _reused), ours.reused >= bar))
    return rows


def _token_rows(found: Found) -> list[Line]:
    limit = LIMITS[0]
    ours, beside = found[OURS][limit], _beside(found, limit, lambda one: f"{one.sent:.1%}")
    title = f"tokens sent, of the full history, {limit:,} tokens"
    return [Line(title, f"<= {SENT:.0%}", f"{ours.sent:.1%}", beside, ours.sent <= SENT), *_largest_rows(found)]


def _largest_rows(found: Found) -> list[Line]:
    rows = []
    for limit in LIMITS:
        ours = max(found[OURS][limit].largest, found[UNSETTLED][limit].largest)
        beside = _beside(found, limit, lambda one: f"{one.largest:,}")
        rows.append(Line(f"the largest prompt, {limit:,} tokens", f"<= {limit:,}", f"{ours:,}", beside, ours <= limit))
    return rows


def talked(shared: Path, half: str | None, most: int, slow: int) -> list[Line]:
    if not (shared / DATA).exists():
        print(f"no talks: {shared / DATA} is not there; --shared names the folder with the shared data", file=sys.stderr)
        return []
    said = talks(shared / DATA, half, most)
    messages = sum(len(talk.messages) for talk in said) / len(said)
    print(f"{len(said)} talks of {messages:.0f} messages; LlamaIndex: the first {min(slow, len(said))}")
    print("figures of a peer, x / y: with LexRank / with our extractive summarizer in the place of its language model")
    found = replayed(said, slow, facts.scorer(shared))
    contenders(found)
    return [*_fact_rows(found), *_prefix_rows(found), *_token_rows(found)]


def main(argv: list[str] | None = None) -> list[Line]:
    parser = measure.arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--shared", type=Path, default=facts.SHARED, help="the folder with the shared data and tools")
    parser.add_argument("--half", choices=["dev", "held"], help="of the dialogues, as in `facts`; default: both")
    parser.add_argument("--talks", type=int, default=100, help="at most that many")
    parser.add_argument("--slow-talks", type=int, default=4, help="for LlamaIndex, which takes 10 s for each")
    parser.add_argument("--only", choices=["talks", "failures", "waiting"])
    options = parser.parse_args(argv)
    parts: dict[str, Callable[[], list[Line]]] = {
        "talks": partial(talked, options.shared, options.half, options.talks, options.slow_talks),
        "waiting": partial(memory_waiting.lines, options.rounds),
        "failures": memory_failures.lines,
    }
    return [line for name, run in parts.items() if options.only in {None, name} for line in run()]


if __name__ == "__main__":
    found = main()
    print(measure.machine())
    measure.show(found)
