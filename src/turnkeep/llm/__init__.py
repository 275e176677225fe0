"""Language models that are asked for a text: a provider's, or a file's on this machine.

Invariant: nothing of a model's library is imported before a setting names a model.
"""

from turnkeep.llm.base import Answer, Model, ModelFailed
from turnkeep.llm.load import load_model

__all__ = ["Answer", "Model", "ModelFailed", "load_model"]
