"""When a model is not asked: a breaker for the provider, and a rest for each session whose summaries it fails at.

Invariants: a provider that is down is asked once after each rest, by one call, and each rest is twice as long as the one before, so that
calls grow with the logarithm of time; a session whose text it cannot summarize keeps nobody else waiting.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

FIRST_REST, LONGEST_REST = 1.0, 900.0  # seconds, of the provider
LONGEST_ASKED = 86_400.0  # seconds that a provider may ask for
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 86_400.0  # seconds, of a session
REMEMBERED = 10_000  # sessions


class Rest(msgspec.Struct):
    """`until`: by the clock. `next`: how long the one after it is."""

    until: float
    next: float


class Rests:
    """One for each model."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._provider: Rest | None = None  # None: it answers
        self._probing = False
        self._sessions: OrderedDict[str, Rest] = OrderedDict()
        self.taken = 0  # rests of the provider

    @property
    def seconds(self) -> float:
        """How much longer the provider is left alone."""
        return max(self._provider.until - self._clock(), 0.0) if self._provider is not None else 0.0

    @property
    def answers(self) -> bool:
        """Whether the last that was heard of the provider was an answer, or nothing."""
        return self._provider is None

    def may_ask(self, session: str) -> bool:
        """Whether the model may be asked about the session now. Of many that find the rest over, one may: it `begin`s before it waits."""
        if self._provider is not None and (self._probing or self._clock() < self._provider.until):
            return False
        return not self.pauses(session)

    def pauses(self, session: str) -> bool:
        own = self._sessions.get(session)
        return own is not None and self._clock() < own.until

    def begin(self) -> float:
        """A call begins; what it gives is told to `end` and `failed`."""
        self._probing = self._provider is not None
        return self._clock()

    def end(self) -> None:
        self._probing = False

    def answered(self, session: str) -> None:
        """With a text that can be used."""
        self._provider = None
        self._sessions.pop(session, None)

    def rejected(self, session: str) -> float:
        """The provider works, and what it says of this session cannot be used. Seconds that the session rests."""
        self._provider = None
        rest = self._sessions[session].next if session in self._sessions else FIRST_PAUSE
        self._sessions[session] = Rest(self._clock() + rest, min(2 * rest, LONGEST_PAUSE))
        self._sessions.move_to_end(session)
        if len(self._sessions) > REMEMBERED:
            self._sessions.popitem(last=False)
        return rest

    def failed(self, began: float, retry_after: float | None = None) -> float:
        """Rest; longer than before, if it failed again after a rest, and not only in several calls at once. Seconds that are left."""
        now, last = self._clock(), self._provider
        if last is None or began >= last.until:
            rest = FIRST_REST if last is None else last.next
            self._provider = last = Rest(now + rest, min(2 * rest, LONGEST_REST))
            self.taken += 1
        if retry_after is not None:
            last.until = max(last.until, now + min(retry_after, LONGEST_ASKED))
        return self.seconds
