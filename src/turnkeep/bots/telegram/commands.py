"""The bot's commands on Telegram, and the buttons below its question.

Invariant: a command is answered at once, beside the replies of its conversation; only `/retry` takes its turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from msgspec.structs import replace
from telegram import Bot, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from turnkeep.bots.base import Bot as TurnkeepBot
from turnkeep.bots.commands import WORDS, Answers
from turnkeep.bots.delivery import Gone, Missing, Passing, Slow
from turnkeep.bots.received import Received
from turnkeep.bots.telegram.reading import INTERFACE, Command
from turnkeep.bots.telegram.sender import Same, called
from turnkeep.bots.texts import COMMANDS, Texts

log = logging.getLogger("turnkeep.bots")
KNOWN = (*COMMANDS, "start")
YES, NO = "forget:yes", "forget:no"


class TelegramCommands:
    """What each command does and says."""

    def __init__(self, bot: TurnkeepBot, telegram: Bot) -> None:
        self.bot, self.telegram, self.commands = bot, telegram, bot.commands
        self.answers = Answers(bot.chat)

    async def run(self, command: Command, received: Received) -> None:
        """Answer it; one that is not known is passed over, for it may be another bot's."""
        if command.name == "retry":
            await self.bot.take(replace(received, kind="retry"))
        elif command.name in KNOWN:
            texts = Texts(received.language)
            if command.name in WORDS:
                said = await self.answers.answer(command.name, received.incoming.key, texts)
            else:
                said = await getattr(self, f"_{command.name}")(received, texts)
            if said:
                await self.bot.tell(received.place, said)

    async def _export(self, received: Received, texts: Texts) -> str:
        told = await self.commands.export(*received.incoming.key)
        if told is None:
            return texts.say("nothing")
        place = received.place
        await self._sent(
            lambda: self.telegram.send_document(
                place.chat,
                told.encode(),
                filename="conversation.md",
                caption=texts.say("export"),
                message_thread_id=None if place.thread is None else int(place.thread),
            )
        )
        return ""

    async def _sent(self, call: Callable[[], Awaitable[object]]) -> None:
        """A call that may wait, and may fail without harm: people ask again."""
        while True:
            try:
                await called(call())
                return
            except Slow as slow:
                await asyncio.sleep(slow.seconds)
            except (Passing, Gone, Missing, Same) as error:
                log.info("a command's answer was not delivered: %s", error)
                return

    # --- /forget, with its question

    async def _forget(self, received: Received, texts: Texts) -> str:
        user = received.incoming.author_id
        buttons = [
            InlineKeyboardButton(texts.say("forget.yes"), callback_data=f"{YES}:{user}"),
            InlineKeyboardButton(texts.say("forget.no"), callback_data=f"{NO}:{user}"),
        ]
        place = received.place
        await self._sent(
            lambda: self.telegram.send_message(
                place.chat,
                texts.say("forget.ask"),
                reply_markup=InlineKeyboardMarkup([buttons]),
                message_thread_id=None if place.thread is None else int(place.thread),
            )
        )
        return ""

    async def pressed(self, query: CallbackQuery) -> None:
        """One of the two buttons."""
        answer, _, user = (query.data or "").rpartition(":")
        if answer not in (YES, NO):
            return
        texts = Texts(query.from_user.language_code)
        if str(query.from_user.id) != user:
            await self._sent(lambda: query.answer(texts.say("forget.other")))
            return
        await self._sent(query.answer)
        if answer == YES:
            await self.commands.forget(user, INTERFACE)
        said = texts.say("forget.done" if answer == YES else "forget.kept")
        await self._sent(lambda: query.edit_message_text(said))
