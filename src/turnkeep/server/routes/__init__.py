"""The handlers, by what they are about."""

from turnkeep.server.routes import events, health, live, messages, original, page, pins, sessions, upkeep, windows

_ABOUT = (health, original, sessions, messages, windows, pins, events, live, upkeep, page)
HANDLERS = [handler for about in _ABOUT for handler in about.HANDLERS]

__all__ = ["HANDLERS"]
