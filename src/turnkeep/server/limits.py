"""How often a key may ask, and how many keys may be tried.

Invariants: a bucket is one number, and only keys that count have one, so that strangers fill no memory; what is tried and is no key
costs everyone's one bucket of guesses, and when that is empty nothing unknown is looked up, while keys that counted before go on.
No client's address is asked for: behind a proxy it would be the proxy's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from turnkeep.caches import Hints
from turnkeep.keys import ApiKey, matches, parse
from turnkeep.server.metrics import Figures
from turnkeep.server.problems import TooManyRequests, Unauthorized
from turnkeep.settings import Settings

GUESSES, GUESSES_AT_ONCE = 100.0, 1000  # a second: a key has 256 random bits
MOST_KNOWN = 10_000  # keys
SWEEP_FROM = 1024  # buckets


class RateLimit(Protocol):
    """A limit of this server, or one that several share."""

    async def take(self, name: str) -> float:
        """Take one from that name's bucket: 0, or how many seconds from now there will be one."""


class TokenBuckets:
    """A bucket holds `burst`, and gets `rate` a second. It is kept as the time at which it is full again."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._each, self._depth, self._clock = 1 / rate, burst / rate, clock
        self._full: dict[str, float] = {}
        self._sweep_at = SWEEP_FROM

    def __len__(self) -> int:
        return len(self._full)

    async def take(self, name: str) -> float:
        now = self._clock()
        full = max(self._full.get(name, now), now) + self._each
        wait = full - now - self._depth
        if wait > 1e-9:
            return wait
        self._full[name] = full
        if len(self._full) >= self._sweep_at:
            self._sweep(now)
        return 0.0

    def _sweep(self, now: float) -> None:
        """A bucket that is full is as good as none."""
        self._full = {name: full for name, full in self._full.items() if full > now}
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._full))


class SharedBuckets:
    """The same, of all instances together; of this one alone while what they share is not to be had."""

    def __init__(self, hints: Hints, kind: str, rate: float, burst: int) -> None:
        self._hints, self._kind, self._rate, self._burst = hints, kind, rate, burst
        self._own = TokenBuckets(rate, burst)

    async def take(self, name: str) -> float:
        wait = await self._hints.take(f"{self._kind}:{name}", self._rate, self._burst)
        return await self._own.take(name) if wait is None else wait


def _buckets(hints: Hints | None, kind: str, rate: float, burst: int) -> RateLimit:
    return TokenBuckets(rate, burst) if hints is None else SharedBuckets(hints, kind, rate, burst)


class Keys(Protocol):
    """`Tenants`, for one."""

    async def find(self, shown: str) -> ApiKey | None:
        """The key that this text is, if it counts."""


class Admission:
    """Which key a request shows, and whether it may ask just now."""

    def __init__(self, keys: Keys, settings: Settings, figures: Figures, hints: Hints | None = None) -> None:
        self._keys, self._figures, self._burst = keys, figures, settings.rate_burst
        self._window = math.ceil(settings.rate_burst / settings.rate_limit) if settings.rate_limit else 0
        rate, burst = settings.rate_limit, settings.rate_burst
        self._limit = _buckets(hints, "key", rate, burst) if rate else None
        self._guesses = _buckets(hints, "guesses", GUESSES, GUESSES_AT_ONCE)
        self._spent_until = 0.0
        self._known: dict[str, ApiKey] = {}

    async def admit(self, shown: str | None) -> ApiKey:
        """The key; `Unauthorized` if it is none, `TooManyRequests` if it is too early."""
        if shown is None:
            raise Unauthorized
        if self._spent_until and not self._counted_before(shown):
            self._wait_for_guesses()
        key = await self._keys.find(shown)
        if key is None:
            await self._guessed()
            raise Unauthorized
        self._remember(key)
        if self._limit is not None and (wait := await self._limit.take(key.id)):
            self._figures.limited["key"] += 1
            policy = f'"key";q={self._burst};w={self._window}'
            raise TooManyRequests("The API key asks too often.", wait, policy, "key")
        return key

    def _remember(self, key: ApiKey) -> None:
        if len(self._known) >= MOST_KNOWN and key.id not in self._known:
            del self._known[next(iter(self._known))]
        self._known[key.id] = key

    def _counted_before(self, shown: str) -> bool:
        name, secret = parse(shown) or ("", "")
        return matches(secret, self._known.get(name))

    def _wait_for_guesses(self) -> None:
        wait = self._spent_until - time.monotonic()
        if wait <= 0:
            self._spent_until = 0.0
            return
        self._figures.limited["guesses"] += 1
        policy = f'"guesses";q={GUESSES_AT_ONCE};w={math.ceil(GUESSES_AT_ONCE / GUESSES)}'
        raise TooManyRequests("Too many API keys are tried that do not count.", wait, policy, "guesses")

    async def _guessed(self) -> None:
        if wait := await self._guesses.take(""):
            self._spent_until = time.monotonic() + wait
