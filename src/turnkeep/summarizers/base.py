"""What a summarizer is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from turnkeep.session import Message


class Rejected(Exception):
    """A model answers, and its answers about these messages cannot be used: others may be."""


class Summarizer(Protocol):
    """Makes the text that stands for messages: a `Ladder` calls it, and holds where it fails."""

    @property
    def method(self) -> str:
        """What is stored as the summary's method: "model"."""
        ...

    @property
    def source(self) -> str | None:
        """What is stored as its source: the model's name."""
        ...

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        """A text of at most `max_tokens`; `previous` are the summaries that it replaces, oldest first. May raise anything: an error with a
        number as its `retry_after` says for how many seconds not to ask again.
        """
        ...
