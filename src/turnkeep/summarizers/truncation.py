"""The last rung of the ladder: a visible marker in the place of what is not shown. It cannot fail."""

from __future__ import annotations

from collections.abc import Sequence

from turnkeep.session import Message

TEXT = "[Not shown here: these messages are in the log only.]"


class Truncation:
    """Says that messages are missing and keeps none of them. Never handed on as a `previous` summary."""

    method: str = "truncation"
    source: str | None = None

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        return TEXT
