"""How much a manager has to do: what can wait does, while many callers wait or messages come one right after the other.

Invariant: it costs an append two additions; what it says is at most `WINDOW` seconds old, or was quiet in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable

FEW = 8  # appends at once
RATE = 300  # appends a second
WINDOW = 0.05  # seconds


class Load:
    """`begin` and `end` stand around an append."""

    __slots__ = ("_begun", "_clock", "_counted", "_looked", "_rate", "_waiting")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting = self._begun = self._counted = 0
        self._looked, self._rate = clock(), 0.0

    def begin(self) -> None:
        self._waiting += 1
        self._begun += 1

    def end(self) -> None:
        self._waiting -= 1

    def is_high(self) -> bool:
        now = self._clock()
        if now - self._looked >= WINDOW:
            self._rate = (self._begun - self._counted) / (now - self._looked)
            self._looked, self._counted = now, self._begun
        return self._waiting > FEW or self._rate > RATE
