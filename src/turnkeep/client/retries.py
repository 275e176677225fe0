"""When a call is tried again, and after how long.

Invariant: pure. Only what may be another time otherwise is tried again, never later than the call's deadline; every write carries a key by
which the server does it once, so a try whose answer was lost costs nothing.
"""

from __future__ import annotations

import msgspec

PASSING = frozenset((429, 502, 503, 504))  # statuses of a server, or of a proxy before it, that may be gone in a moment


class Retries(msgspec.Struct, frozen=True):
    """`first` and `most` are the pauses in seconds, doubled from try to try; each is taken between half and whole, by lot."""

    tries: int = 10
    first: float = 0.1
    most: float = 5.0

    def pause(self, tried: int, left: float, asked: float | None, lot: float) -> float | None:
        """Seconds until the next try; None: no more. `asked`: the server's own word (Retry-After). `lot`: 0 to 1."""
        if tried >= self.tries:
            return None
        pause = min(self.most, self.first * 2 ** (tried - 1)) * (0.5 + lot / 2) if asked is None else asked
        return pause if pause < left else None


def retry_after(header: str | None) -> float | None:
    """Seconds that a Retry-After names; one with a date is as good as none."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
