"""Ways to put many messages into few tokens."""

from turnkeep.summarizers.base import Summarizer
from turnkeep.summarizers.truncation import Truncation

__all__ = ["Summarizer", "Truncation"]
