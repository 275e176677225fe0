"""One whole turn of a conversation, from the user's message to the stored answer; and what people ask of a conversation besides."""

from turnkeep.chat.chat import Chat, Failure, Incoming, Reply
from turnkeep.chat.commands import Commands, Usage, context_percent, origin, version_of
from turnkeep.chat.lanes import Lanes

__all__ = [
    "Chat",
    "Commands",
    "Failure",
    "Incoming",
    "Lanes",
    "Reply",
    "Usage",
    "context_percent",
    "origin",
    "version_of",
]
