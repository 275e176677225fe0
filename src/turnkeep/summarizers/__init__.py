"""Ways to put many messages into few tokens."""

from turnkeep.summarizers.base import Summarizer
from turnkeep.summarizers.extractive import Extractive
from turnkeep.summarizers.ladder import Draft, Ladder
from turnkeep.summarizers.truncation import Truncation

__all__ = ["Draft", "Extractive", "Ladder", "Summarizer", "Truncation"]
