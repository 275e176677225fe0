"""Telegram as a bot's platform: sending, files and buttons.

Invariant: no error of the library leaves this file.
"""

from __future__ import annotations

from contextlib import suppress

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from turnkeep.bots.delivery import Gone, Missing, Passing, Place, insist
from turnkeep.bots.received import Attachment
from turnkeep.bots.telegram.reading import INTERFACE
from turnkeep.bots.telegram.sender import Same, TelegramSender, called, thread_of

TRIES = 4  # of a call whose failure people see, and may repeat


class Telegram(TelegramSender):
    """See `turnkeep.bots.base.Platform`."""

    name = INTERFACE

    # --- files

    async def fetch(self, attachment: Attachment) -> bytes:
        file = await called(self.bot.get_file(attachment.file_id))
        return bytes(await called(file.download_as_bytearray()))

    # --- what commands need

    async def send_file(self, place: Place, name: str, data: bytes, caption: str) -> None:
        async def send() -> None:
            await called(
                self.bot.send_document(place.chat, data, filename=name, caption=caption, message_thread_id=thread_of(place))
            )

        await insist(send, TRIES)

    async def ask(self, place: Place, question: str, choices: dict[str, str]) -> None:
        buttons = InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=told) for label, told in choices.items()]])

        async def send() -> None:
            await called(self.bot.send_message(place.chat, question, reply_markup=buttons, message_thread_id=thread_of(place)))

        await insist(send, TRIES)

    async def answer_button(self, query: CallbackQuery, alert: str, text: str) -> None:
        """The app waits for an answer, if only an empty one, which is of no use when it comes late."""
        with suppress(Passing, Gone, Missing, Same):
            await insist(lambda: called(query.answer(alert or None)), TRIES)
        if text:
            with suppress(Passing, Gone, Missing, Same):
                await insist(lambda: called(query.edit_message_text(text)), TRIES)
