"""Turnkeep: the session layer for AI chat agents."""

from turnkeep.context import Context
from turnkeep.errors import TurnkeepError
from turnkeep.manager import SessionManager
from turnkeep.session import Message, Session, SessionStats, Stats, Summary
from turnkeep.settings import Settings

__all__ = ["Context", "Message", "Session", "SessionManager", "SessionStats", "Settings", "Stats", "Summary", "TurnkeepError"]
