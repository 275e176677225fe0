"""Long talks for the memory benchmark, and what is measured of the prompts that they lead to.

A talk is 30 dialogues of the shared data set, one after another as one session of about 600 messages: seconds lie between messages,
20 minutes to 10 hours between dialogues (a default session would expire after 24). It is replayed as a bot would: each message is
added, and before each of the assistant's a prompt is asked for.

- **Facts**: the text of the prompt that the next turn would begin with, scored by facts.py.
- **Reused**: of each prompt's tokens, those that come again as the identical beginning of the next one, summed over the talk and
  divided by the sum of all prompts but the last. The beginning is compared message by message, and in the first message that
  differs character by character. A prompt that only grows reuses 100 %.
- **Sent**: tokens of all prompts of a talk, against those of the whole history sent each time.

Tokens are those of Turnkeep's counter (o200k, with OpenAI's frame), the same for everyone.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from benchmarks import facts, measure
from benchmarks.facts import COUNT, Json
from turnkeep.tokens import PRIMING, count_message, get_counter

DIALOGUES = 30
START = datetime(2019, 3, 1, 9, tzinfo=UTC)
Prompt = list[Json]


class Talk(NamedTuple):
    messages: list[Json]  # with `created_at`
    facts: list[list[str]]


class Contender(Protocol):
    """Keeps one talk."""

    async def open(self, place: Path, limit: int) -> None: ...
    async def add(self, message: Json) -> None: ...
    async def prompt(self) -> Prompt: ...
    async def epoch(self) -> object:
        """Another value after each compaction."""
        ...

    async def close(self) -> None: ...


class Played(NamedTuple):
    """What one talk came to."""

    text: str
    prompts: int
    sent: int
    full: int
    again: int  # tokens that came again in the next prompt
    before: int  # of all prompts but the last
    largest: int
    compactions: int
    broken: int  # prompts between compactions that did not begin like the one before, up to its newest turn


# --- talks


def _dated(dialogues: Sequence[Json], rng: random.Random) -> list[Json]:
    now, found = START, []
    for dialogue in dialogues:
        for message in dialogue["messages"]:
            found.append({**message, "created_at": now})
            now += timedelta(seconds=rng.randint(5, 40))
        now += timedelta(minutes=rng.randint(20, 600))
    return found


def talks(path: Path, half: str | None, most: int) -> list[Talk]:
    """At most that many, of one half of the data or of both."""
    found: list[Talk] = []
    for name, dialogues in facts.halves(path).items():
        if half in {None, name}:
            for group in facts.groups(dialogues, DIALOGUES):
                found.append(Talk(_dated(group.dialogues, random.Random(len(found))), group.facts))
    random.Random(1).shuffle(found)
    return found[:most]


# --- prompts


def text_of(message: Json) -> str:
    """All that the model reads of a message."""
    calls = (call["function"] for call in message.get("tool_calls") or ())
    return "\n".join([message.get("content") or "", *(f"{call['name']}({call['arguments']})" for call in calls)])


_SIZES: dict[bytes, int] = {}


def size(message: Json) -> int:
    key = msgspec.json.encode(message, order="sorted")
    found = _SIZES.get(key)
    if found is None:
        parts = [message.get(name) for name in ("content", "tool_calls", "tool_call_id", "name")]
        found = _SIZES[key] = count_message(get_counter("o200k"), message["role"], *parts)
    return found


def tokens(prompt: Prompt) -> int:
    return PRIMING + sum(map(size, prompt))


def _same(old: str, new: str) -> str:
    """What both begin with."""
    return old[: next((at for at, (one, two) in enumerate(zip(old, new, strict=False)) if one != two), min(len(old), len(new)))]


def reused(before: Prompt, after: Prompt) -> int:
    """Tokens of `before` that `after` begins with."""
    total = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            return total + (COUNT(_same(text_of(old), text_of(new))) if old["role"] == new["role"] else 0)
        total += size(old)
    return total + (PRIMING if len(before) <= len(after) else 0)


def kept_up(before: Prompt, after: Prompt) -> bool:
    """Whether `after` begins like `before` up to its newest turn."""
    newest = max((at for at, message in enumerate(before) if message["role"] == "user"), default=0)
    return before[:newest] == after[:newest]


class _Tally:
    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.again = self.full = self.compactions = self.broken = 0
        self.last: Prompt = []
        self.epoch: object = None

    def take(self, prompt: Prompt, history: int, epoch: object) -> None:
        if self.sizes:
            self.again += min(reused(self.last, prompt), self.sizes[-1])
            if epoch != self.epoch:
                self.compactions += 1
            elif not kept_up(self.last, prompt):
                self.broken += 1
        self.sizes.append(tokens(prompt))
        self.full += PRIMING + history
        self.last, self.epoch = prompt, epoch


async def replay(contender: Contender, talk: Talk, place: Path, limit: int) -> Played:
    tally, history = _Tally(), 0
    await contender.open(place, limit)
    try:
        for message in talk.messages:
            if message["role"] == "assistant":
                tally.take(await contender.prompt(), history, await contender.epoch())
            await contender.add(message)
            history += size({key: value for key, value in message.items() if key != "created_at"})
        last = await contender.prompt()
    finally:
        await contender.close()
    text = "\n".join(map(text_of, last))
    sizes = tally.sizes
    before = sum(sizes[:-1])
    largest = max(*sizes, tokens(last))
    return Played(text, len(sizes), sum(sizes), tally.full, tally.again, before, largest, tally.compactions, tally.broken)


# --- figures


class Figures(NamedTuple):
    """Over all talks."""

    score: float
    own: float
    worst: float  # facts kept, uncorrected, in the talk that kept least
    reused: float
    sent: float
    largest: int
    compactions: float
    broken: int
    pairs: int


def figures(played: Sequence[Played], said: Sequence[Talk], scorer: Any) -> Figures:
    values = [talk.facts for talk in said]  # one more than was played, if there is one: whose facts correct the last one's
    score, own, _ = scorer.corrected([each.text for each in played], values)
    return Figures(
        score,
        own,
        min(scorer.kept(each.text, mine) for each, mine in zip(played, values, strict=False)),
        sum(each.again for each in played) / sum(each.before for each in played),
        sum(each.sent for each in played) / sum(each.full for each in played),
        max(each.largest for each in played),
        statistics.mean(each.compactions for each in played),
        sum(each.broken for each in played),
        sum(each.prompts - 1 for each in played),
    )


async def play(make: Callable[[], Contender], said: Sequence[Talk], most: int, limit: int, scorer: Any) -> Figures:
    """The first `most` talks."""
    played = []
    for talk in said[:most]:
        with measure.folder() as place:
            played.append(await replay(make(), talk, place, limit))
    return figures(played, said, scorer)
