"""By what a slash command is answered: the interaction's token, for a quarter of an hour.

Invariant: a ticket is whole as text, so that what was taken in can be answered by it after a crash.
"""

from __future__ import annotations

import time

import msgspec
from discord import Interaction
from discord.utils import snowflake_time

from turnkeep.bots.delivery import Place

LIFETIME = 14.5 * 60  # seconds; Discord gives 15 minutes
ORIGINAL = "@original"  # in a place the message that a first part answers: the one that shows that an answer is coming


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """`private`: only who asked sees the answer."""

    interaction: int
    application: int
    token: str
    private: bool

    @classmethod
    def of(cls, interaction: Interaction, *, private: bool) -> Ticket:
        return cls(interaction.id, interaction.application_id, interaction.token, private)

    def told(self) -> str:
        return msgspec.json.encode(self).decode()

    def is_over(self) -> bool:
        return time.time() - snowflake_time(self.interaction).timestamp() > LIFETIME


def ticket_of(place: Place) -> Ticket | None:
    return None if place.ticket is None else msgspec.json.decode(place.ticket, type=Ticket)
