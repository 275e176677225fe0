"""Telegram as a bot's platform: sending, buttons, and reading the files beside a message.

Invariant: a file is fetched after its message was taken in, and at most once a turn.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace
from telegram import Bot, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from turnkeep.bots import files
from turnkeep.bots.delivery import Gone, Missing, Passing, Place, insist
from turnkeep.bots.received import Attachment, Received
from turnkeep.bots.telegram.reading import INTERFACE
from turnkeep.bots.telegram.sender import Same, TelegramSender, called, thread_of
from turnkeep.bots.texts import Texts
from turnkeep.session import JsonObject

log = logging.getLogger("turnkeep.bots")
MEGABYTE = 1_000_000
RESERVED = 4096  # bytes of a message that files may not fill
TRIES = 4  # of a call without which a turn goes on


class Telegram(TelegramSender):
    """See `turnkeep.bots.base.Platform`."""

    name = INTERFACE

    def __init__(self, bot: Bot, *, images: bool, max_file_mb: int, max_bytes: int) -> None:
        super().__init__(bot)
        self.images, self.max_file_mb, self.max_bytes = images, max_file_mb, max_bytes

    async def prepare(self, received: Received) -> Received:
        if not received.attachments:
            return received
        texts = Texts(received.language)
        said = received.incoming.content
        words: list[JsonObject] = [{"type": "text", "text": said}] if isinstance(said, str) and said.strip() else []
        parts = await self._parts(received.attachments, self.max_bytes - _size(words), texts)
        names = [attachment.name for attachment in received.attachments]
        metadata = {**(received.incoming.metadata or {}), "attachments": names}
        return replace(received, incoming=replace(received.incoming, content=[*words, *parts], metadata=metadata))

    async def _parts(self, attachments: Sequence[Attachment], left: int, texts: Texts) -> list[JsonObject]:
        """What they say, as long as a message of the log has room for it."""
        parts = []
        for attachment in attachments:
            part = await self._part(attachment, texts)
            if _size(part) > left - RESERVED:
                part = files.noted(attachment, texts.say("file.no_room"))
            left -= _size(part)
            parts.append(part)
        return parts

    async def _part(self, attachment: Attachment, texts: Texts) -> JsonObject:
        if not files.is_readable(attachment):
            return files.noted(attachment)
        if attachment.size > self.max_file_mb * MEGABYTE:
            return files.noted(attachment, texts.say("file.too_large", name=attachment.name, limit=self.max_file_mb))
        try:
            data = await insist(lambda: self._fetched(attachment), TRIES)
        except (Passing, Gone, Missing) as error:
            log.warning("a file cannot be fetched: %s", error)
            return files.noted(attachment, texts.say("file.unreadable", name=attachment.name))
        return await files.read(attachment, data, images=self.images)

    async def _fetched(self, attachment: Attachment) -> bytes:
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


def _size(part: object) -> int:
    """As the log counts it, or a little more."""
    return len(msgspec.json.encode(part))
