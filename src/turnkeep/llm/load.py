"""Which model a setting means: a provider's, or a file's on this machine.

Invariant: pydantic-ai is imported only when a model is named; a missing extra says what to install.
"""

from __future__ import annotations

from importlib.util import find_spec

from turnkeep.errors import MissingExtra
from turnkeep.llm.base import LOCAL, Model
from turnkeep.settings import Settings


def load_model(settings: Settings) -> Model | None:
    """The model that writes summaries; None if the settings name none. `InvalidInput` for one that there cannot be."""
    name = settings.summary_model
    if name is None:
        return None
    local = name.startswith(LOCAL)
    try:
        from turnkeep.llm.local import LocalModel
        from turnkeep.llm.provider import ProviderModel
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("pydantic_ai", "openai"):
            raise
        raise MissingExtra("A summary by a language model", "local" if local else "agents") from error
    if local:
        if find_spec("xllamacpp") is None:
            raise MissingExtra("A language model on this machine", "local")
        return LocalModel(name, threads=settings.summary_threads)
    return ProviderModel(name, base_url=settings.summary_base_url, api_key=settings.summary_api_key)
