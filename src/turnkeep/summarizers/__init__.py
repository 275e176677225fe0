"""Ways to put many messages into few tokens.

Invariant: `Extractive` is imported when it is first asked for: it is large, and most programs begin without it.
"""

from typing import TYPE_CHECKING, Any

from turnkeep.summarizers import extractive
from turnkeep.summarizers.base import Summarizer
from turnkeep.summarizers.ladder import Draft, Ladder
from turnkeep.summarizers.model import ModelSummarizer, by_model
from turnkeep.summarizers.truncation import Truncation

__all__ = ["Draft", "Extractive", "Ladder", "ModelSummarizer", "Summarizer", "Truncation", "by_model"]

if TYPE_CHECKING:
    from turnkeep.summarizers.extractive import Extractive
else:

    def __getattr__(name: str) -> Any:
        if name != "Extractive":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return extractive.Extractive
