"""Discord as a bot's platform: sending, files and buttons.

Invariant: no error of the library leaves this file.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

from discord import AllowedMentions, ButtonStyle, ComponentType, File, Interaction
from discord.http import handle_message_parameters

from turnkeep.bots.commands import YES
from turnkeep.bots.delivery import Gone, Missing, Passing, Place, insist
from turnkeep.bots.discord.reading import INTERFACE
from turnkeep.bots.discord.sender import DiscordSender, called
from turnkeep.bots.discord.tickets import Ticket
from turnkeep.bots.received import Attachment

TRIES = 4  # of a call whose failure people see, and may repeat
_TOO_LATE = (Passing, Gone, Missing)


class Discord(DiscordSender):
    """See `turnkeep.bots.base.Platform`."""

    name = INTERFACE

    # --- files

    async def fetch(self, attachment: Attachment) -> bytes:
        return await called(self.client.http.get_from_cdn(attachment.file_id))

    # --- what commands need

    async def send_file(self, place: Place, name: str, data: bytes, caption: str) -> None:
        async def send() -> None:
            file = File(io.BytesIO(data), filename=name)
            with handle_message_parameters(caption, file=file, allowed_mentions=AllowedMentions.none()) as made:
                await self.post(place, {}, form=made.multipart, files=made.files)

        await insist(send, TRIES)

    async def ask(self, place: Place, question: str, choices: dict[str, str]) -> None:
        buttons = [_button(label, told) for label, told in choices.items()]
        row = {"type": ComponentType.action_row.value, "components": buttons}
        await insist(lambda: self.post(place, {"content": question, "components": [row]}), TRIES)

    # --- interactions

    async def acknowledge(self, interaction: Interaction, ticket: Ticket | None = None) -> bool:
        """Tell Discord that an answer comes, which it wants to hear within 3 seconds: whether it has.

        Without a ticket, of a button: the message that it is on will change.
        """
        try:
            await called(interaction.response.defer(ephemeral=ticket is not None and ticket.private))
        except _TOO_LATE:
            return False
        return True

    async def withdraw(self, interaction: Interaction) -> None:
        """Nothing is said after all."""
        with suppress(*_TOO_LATE):
            await insist(lambda: called(interaction.delete_original_response()), TRIES)

    async def answer_button(self, interaction: Interaction, alert: str, text: str) -> None:
        if alert:
            with suppress(*_TOO_LATE):
                await insist(lambda: called(interaction.followup.send(alert, ephemeral=True)), TRIES)
        if text:
            with suppress(*_TOO_LATE):
                await insist(lambda: called(interaction.edit_original_response(content=text, view=None)), TRIES)


def _button(label: str, told: str) -> dict[str, Any]:
    style = ButtonStyle.danger if told.startswith(YES) else ButtonStyle.secondary
    return {"type": ComponentType.button.value, "style": style.value, "label": label, "custom_id": told}
