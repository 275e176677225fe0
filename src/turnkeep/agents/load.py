"""Which agent answers: by a value that was passed in, or by the settings.

Invariant: pydantic-ai is imported only when an agent of it is asked for; a missing extra says what to install.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from typing import Any

from turnkeep.agents.base import Agent
from turnkeep.agents.functions import FunctionAgent
from turnkeep.agents.offline import OfflineAgent
from turnkeep.agents.tools import Tool
from turnkeep.errors import InvalidInput, MissingExtra
from turnkeep.settings import Settings

OFFLINE = "offline"


def as_agent(given: Any, tools: Sequence[Tool] = ()) -> Agent:
    """An `Agent` as it is, a pydantic-ai agent or an async callable behind our protocol."""
    if hasattr(given, "run") and hasattr(given, "schemas"):
        agent: Agent = given
        return agent
    if type(given).__module__.split(".")[0] == "pydantic_ai":
        return _pydantic(given, tools)
    if callable(given) and (inspect.iscoroutinefunction(given) or inspect.isasyncgenfunction(given)):
        return FunctionAgent(given, tools)
    raise InvalidInput("agent", "must be a pydantic-ai agent, an async callable, or something with `schemas` and `run`")


def load_agent(settings: Settings, tools: Sequence[Tool] = ()) -> Agent:
    """What `settings.model` names: nothing or `offline`, `python:package.module:name`, or pydantic-ai's `provider:model`."""
    model = settings.model
    if model is None or model == OFFLINE:
        return OfflineAgent()
    if model.startswith("python:"):
        return as_agent(_imported(model.removeprefix("python:")), tools)
    try:
        from turnkeep.agents.pydantic import from_settings
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return from_settings(settings, tools)


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidInput("model", f"python:{place} cannot be imported: {error}") from error


def _pydantic(agent: Any, tools: Sequence[Tool]) -> Agent:
    try:
        from turnkeep.agents.pydantic import PydanticAgent
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return PydanticAgent(agent, tools=tools)


def _missing(error: ModuleNotFoundError) -> Exception:
    if str(error.name).partition(".")[0] not in ("pydantic_ai", "openai"):
        return error
    return MissingExtra("An agent on a language model", "agents")
