"""The handlers, by what they are about."""

from turnkeep.server.routes import events, health, live, messages, original, sessions, upkeep, windows

_ABOUT = (health, original, sessions, messages, windows, events, live, upkeep)
HANDLERS = [handler for about in _ABOUT for handler in about.HANDLERS]

__all__ = ["HANDLERS"]
