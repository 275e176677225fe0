"""The handlers, by what they are about."""

from turnkeep.server.routes import events, health, messages, original, sessions, windows

HANDLERS = [*health.HANDLERS, *original.HANDLERS, *sessions.HANDLERS, *messages.HANDLERS, *windows.HANDLERS, *events.HANDLERS]

__all__ = ["HANDLERS"]
