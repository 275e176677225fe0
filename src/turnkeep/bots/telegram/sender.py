"""How Telegram sends: calls of the Bot API, its errors in our words.

Invariant: no error of the library leaves this file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import TypeVar, cast

from telegram import Bot, LinkPreviewOptions, MessageEntity, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError

from turnkeep.bots.delivery import Gone, Missing, Passing, Place, Refused, Slow
from turnkeep.bots.telegram.format import Part, formatted, unformatted

T = TypeVar("T")
PRIVATE_SECONDS = 1.0  # between two edits; in groups a bot may send 20 messages a minute
GROUP_SECONDS = 3.0
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_SAME = "message is not modified"
_MISSING = ("message to edit not found", "message can't be edited", "message_id_invalid", "message to delete not found")


class TelegramSender:
    """See `turnkeep.bots.delivery.Sender`."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot

    def pace(self, place: Place) -> float:
        return GROUP_SECONDS if place.chat.startswith("-") else PRIVATE_SECONDS

    def parts(self, text: str) -> Sequence[object]:
        return formatted(text)

    def growing(self, text: str) -> Sequence[object]:
        return unformatted(text)

    async def send(self, place: Place, part: object) -> str:
        told = cast(Part, part)
        try:
            return await self._send(place, told)
        except Refused:
            if not told.entities:
                raise
            return await self._send(place, Part(told.text))

    async def _send(self, place: Place, told: Part) -> str:
        reply = ReplyParameters(int(place.reply_to), allow_sending_without_reply=True) if place.reply_to else None
        sent = await called(
            self.bot.send_message(
                place.chat,
                told.text,
                entities=_entities(told),
                message_thread_id=thread_of(place),
                reply_parameters=reply,
                link_preview_options=_NO_PREVIEW,
            )
        )
        return str(sent.message_id)

    async def edit(self, place: Place, message_id: str, part: object) -> None:
        told = cast(Part, part)
        try:
            await self._edit(place, message_id, told)
        except Same:
            return
        except Refused:
            if not told.entities:
                raise
            await self._edit(place, message_id, Part(told.text))

    async def _edit(self, place: Place, message_id: str, told: Part) -> None:
        await called(
            self.bot.edit_message_text(
                told.text, place.chat, int(message_id), entities=_entities(told), link_preview_options=_NO_PREVIEW
            )
        )

    async def remove(self, place: Place, message_id: str) -> None:
        try:
            await called(self.bot.delete_message(place.chat, int(message_id)))
        except Missing:
            return

    async def typing(self, place: Place) -> None:
        await called(self.bot.send_chat_action(place.chat, ChatAction.TYPING, message_thread_id=thread_of(place)))


class Same(Exception):
    """The message reads like that already."""


def thread_of(place: Place) -> int | None:
    return None if place.thread is None else int(place.thread)


def _entities(part: Part) -> list[MessageEntity] | None:
    return [MessageEntity(**entity) for entity in part.entities] or None


def seconds_of(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


async def called(call: Awaitable[T]) -> T:
    """The call's result, or one of the errors of `turnkeep.bots.delivery`."""
    try:
        return await call
    except RetryAfter as error:
        raise Slow(seconds_of(error)) from error
    except BadRequest as error:
        told = str(error).lower()
        if _SAME in told:
            raise Same from error
        if any(words in told for words in _MISSING):
            raise Missing(str(error)) from error
        raise Refused(str(error)) from error
    except (Forbidden, ChatMigrated) as error:
        raise Gone(str(error)) from error
    except NetworkError as error:
        raise Passing(str(error)) from error
    except TelegramError as error:
        raise Gone(str(error)) from error
