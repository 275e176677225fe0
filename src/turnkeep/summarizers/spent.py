"""What a summarizer that was given has done, and what has gone wrong with it, counted by app.

Invariant: a cause is one of a few names of our own, nothing that a provider sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from turnkeep.llm import ModelFailed
from turnkeep.session import FailureCause, SummarizerStats
from turnkeep.summarizers.base import Rejected


class Spent(msgspec.Struct):
    """Since the start. See `SummarizerStats`."""

    calls: int = 0
    written: int = 0
    refused: int = 0
    stood_in: int = 0
    rewritten: int = 0
    rests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    failed: Counter[FailureCause] = msgspec.field(default_factory=Counter)

    def told(self, source: str, answers: bool) -> SummarizerStats:
        figures = {name: getattr(self, name) for name in self.__struct_fields__ if name != "failed"}
        return SummarizerStats(source=source, answers=answers, failed=dict(sorted(self.failed.items())), **figures)


def total(every: Iterable[Spent]) -> Spent:
    found = Spent()
    for one in every:
        for name in one.__struct_fields__:
            setattr(found, name, getattr(found, name) + getattr(one, name))
    return found


def cause(error: Exception) -> FailureCause:
    """What a summarizer failed of."""
    if isinstance(error, ModelFailed):
        return error.cause
    if isinstance(error, Rejected):
        return "rejected"
    return "timeout" if isinstance(error, TimeoutError) else "other"
