"""Turnkeep: the session layer for AI chat agents.

Invariant: a name is imported when it is first asked for, so that a program which uses a part, as `turnkeep.client` is one, starts
with that part alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["Context", "Message", "Session", "SessionManager", "SessionStats", "Settings", "Stats", "Summary", "TurnkeepError"]

if TYPE_CHECKING:
    from turnkeep.context import Context
    from turnkeep.errors import TurnkeepError
    from turnkeep.manager import SessionManager
    from turnkeep.session import Message, Session, SessionStats, Stats, Summary
    from turnkeep.settings import Settings
else:
    _HOMES = {"Context": "context", "SessionManager": "manager", "Settings": "settings", "TurnkeepError": "errors"}

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'session')}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
