"""Telegram as a bot's platform: sending, and reading the files beside a message.

Invariant: a file is fetched after its message was taken in, and at most once a turn.
"""

from __future__ import annotations

from msgspec.structs import replace
from telegram import Bot

from turnkeep.bots import files
from turnkeep.bots.delivery import Gone, Missing, Passing, Slow
from turnkeep.bots.received import Attachment, Received
from turnkeep.bots.telegram.reading import INTERFACE
from turnkeep.bots.telegram.sender import Same, TelegramSender, called
from turnkeep.bots.texts import Texts
from turnkeep.session import JsonObject

MEGABYTE = 1_000_000
API_LIMIT_MB = 20  # of files that the Bot API hands out


class Telegram(TelegramSender):
    """See `turnkeep.bots.base.Platform`."""

    name = INTERFACE

    def __init__(self, bot: Bot, *, images: bool, max_file_mb: int) -> None:
        super().__init__(bot)
        self.images, self.max_file_mb = images, max_file_mb

    async def prepare(self, received: Received) -> Received:
        if not received.attachments:
            return received
        texts = Texts(received.language)
        parts = [await self._part(attachment, texts) for attachment in received.attachments]
        said = received.incoming.content
        words: list[JsonObject] = [{"type": "text", "text": said}] if isinstance(said, str) and said.strip() else []
        names = [attachment.name for attachment in received.attachments]
        metadata = {**(received.incoming.metadata or {}), "attachments": names}
        return replace(received, incoming=replace(received.incoming, content=[*words, *parts], metadata=metadata))

    async def _part(self, attachment: Attachment, texts: Texts) -> JsonObject:
        if not files.is_readable(attachment):
            return files.noted(attachment)
        if attachment.size > self.max_file_mb * MEGABYTE:
            return files.noted(attachment, texts.say("file.too_large", name=attachment.name, limit=self.max_file_mb))
        try:
            file = await called(self.bot.get_file(attachment.file_id))
            data = bytes(await called(file.download_as_bytearray()))
        except (Slow, Passing, Gone, Missing, Same):
            return files.noted(attachment, texts.say("file.unreadable", name=attachment.name))
        return await files.read(attachment, data, images=self.images)
