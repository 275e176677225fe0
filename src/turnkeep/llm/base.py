"""What a language model is to those that ask it: one question, one answer, or one kind of failure.

Invariant: the words of a `ModelFailed` are our own and tell neither keys nor contents, so that they may stand in any log.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from turnkeep.session import FailureCause

LOCAL = "local:"  # before the path of a file, in the place of a provider's name


class Answer(msgspec.Struct, frozen=True):
    """`whole`: it came to its own end, not to the limit. Tokens as the provider counted."""

    text: str
    whole: bool = True
    tokens_in: int = 0
    tokens_out: int = 0


class ModelFailed(Exception):
    """There is no answer, and the next question is likely to have none. `retry_after`: seconds that the provider asks for."""

    def __init__(self, why: str, retry_after: float | None = None, *, cause: FailureCause = "other") -> None:
        super().__init__(why)
        self.retry_after, self.cause = retry_after, cause


class Model(Protocol):
    """`name`: as settings name it. `window`: the tokens that question and answer may take together."""

    name: str
    window: int

    async def ask(self, system: str, question: str, *, max_tokens: int) -> Answer:
        """Raises `ModelFailed`. `max_tokens`: of the answer, thinking aside."""
        ...

    async def close(self) -> None: ...
