"""What prompts cost, one after another: how much of each was the start of the one before, and what all of the log would have cost."""

from __future__ import annotations

import msgspec

from turnkeep.context import Context
from turnkeep.session import JsonObject, Session
from turnkeep.tokens import get_counter
from turnkeep.turns import cost


class Prompts(msgspec.Struct):
    """Sums over all prompts of a run, in tokens."""

    built: int = 0
    sent: int = 0
    whole: int = 0  # what sending the whole log each time would have cost
    reused: int = 0  # of `sent`: the same messages, from the first on, as in that session's prompt before
    compactions: int = 0

    @property
    def saved(self) -> int:
        return max(self.whole - self.sent, 0)

    @property
    def prefix(self) -> float:
        """The part of what was sent that a provider's prompt cache may have had already."""
        return self.reused / self.sent if self.sent else 0.0


class Watched:
    """The prompts of one session, added to the sums as they are built."""

    def __init__(self, sums: Prompts) -> None:
        self._sums, self._start = sums, 0
        self._before: list[tuple[JsonObject, int]] = []

    def add(self, context: Context, session: Session) -> None:
        """`session` as it is when the context is built."""
        shown = [(message, self._cost(at, message, session)) for at, message in enumerate(context.messages)]
        same = 0
        for (message, tokens), (before, _) in zip(shown, self._before, strict=False):
            if message != before:
                break
            same += tokens
        sums = self._sums
        sums.built += 1
        sums.sent += context.tokens
        sums.whole += max(context.tokens, session.tokens + context.fixed_tokens)
        sums.reused += same
        sums.compactions += session.window_start > self._start > 0
        self._before, self._start = shown, session.window_start

    def _cost(self, at: int, message: JsonObject, session: Session) -> int:
        if at < len(self._before) and self._before[at][0] == message:
            return self._before[at][1]
        return cost(get_counter(session.tokenizer), message)
