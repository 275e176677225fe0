"""A user's message on its way through a bot.

Invariant: it is whole as JSON, so that the inbox can keep it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from turnkeep.bots.delivery import Place
from turnkeep.chat import Incoming

MAX_QUOTE = 1000  # characters of a quote that come along
# heard: goes into the log and is not answered; unread: so does what it was, and people are told that it cannot be read
Kind = Literal["message", "edit", "retry", "command", "heard", "unread"]


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file beside a message: the platform's id of it, and what the platform says it is."""

    file_id: str
    name: str
    media_type: str
    size: int = 0


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A user's message on its way through a bot. `place`: where to answer. `group`: what belongs to one turn shares it."""

    incoming: Incoming
    place: Place
    language: str
    kind: Kind = "message"
    group: str | None = None
    joins: str | None = None  # the group whose last piece this is, if that group waits
    attachments: tuple[Attachment, ...] = ()
    edited: str | None = None  # the external id of the message that this is a new version of
    command: str = ""  # the name of one

    @property
    def user(self) -> str:
        """Who wrote it."""
        author = self.incoming.author_id
        return str(self.incoming.external_user_id if author is None else author)

    @property
    def external_id(self) -> str:
        return str(self.incoming.external_id)


def quote(text: str) -> str:
    """What a message quotes, as it stands before what it says."""
    shown = f"{text[:MAX_QUOTE]} …" if len(text) > MAX_QUOTE else text
    return "\n".join(f"> {line}" for line in shown.splitlines())
