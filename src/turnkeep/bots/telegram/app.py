"""`turnkeep telegram`: the parts of the bot put together, and its life.

Invariant: after SIGTERM or SIGINT no update is taken in, replies that are on their way get some seconds, and what is left waits in
the inbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from telegram import Bot as TelegramBot
from telegram import BotCommand, Update
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from turnkeep.bots.access import Access
from turnkeep.bots.base import Bot
from turnkeep.bots.telegram.commands import TelegramCommands
from turnkeep.bots.telegram.platform import Telegram
from turnkeep.bots.telegram.poller import POLL_SECONDS, Poller
from turnkeep.bots.telegram.reading import Me, command_of, is_for, is_notice, message_of, received, unread_kind
from turnkeep.bots.texts import CATALOGUES, Texts
from turnkeep.chat import Chat
from turnkeep.errors import InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.settings import Settings

log = logging.getLogger("turnkeep.bots")
CONNECTIONS, POOL_SECONDS = 64, 30.0
START_TRIES, START_PAUSE = 6, 1.0


class TelegramApp:
    """One bot on Telegram. `async with` it, then `run` it."""

    def __init__(self, sessions: SessionManager, chat: Chat) -> None:
        settings = sessions.settings
        self.connections = (
            HTTPXRequest(connection_pool_size=CONNECTIONS, pool_timeout=POOL_SECONDS),
            HTTPXRequest(read_timeout=POLL_SECONDS + 15.0),
        )
        self.telegram = _client(settings, *self.connections)
        platform = Telegram(
            self.telegram, images=getattr(chat.agent, "takes_images", False), max_file_mb=settings.bot_max_file_mb
        )
        self.settings = settings
        self.bot = Bot(chat, platform, Access(sessions))
        self.commands = TelegramCommands(self.bot, self.telegram)
        self.poller = Poller(self.telegram, self.take)
        self.me = Me(0, "", settings.bot_scope, settings.bot_hears)

    async def run(self, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        """Until `stop` is set. `ready` hears the bot's name."""
        try:
            await self._hello()
            ready(self.me.username)
            await self.bot.start()
            polling = asyncio.create_task(self.poller.run())
            self.bot.spawn(self._menu())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([polling, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            polling.cancel()
            await asyncio.gather(stopping, return_exceptions=True)
            await self.bot.stop(self.settings.close_timeout)
            await _ended(polling)
        finally:
            await self.telegram.shutdown()
            for connection in self.connections:  # also of a bot that was never let in
                await connection.shutdown()

    async def _hello(self) -> None:
        """Who we are; a network that is down at the start gets a few tries."""
        for left in reversed(range(START_TRIES)):
            try:
                await self.telegram.initialize()
                me = await self.telegram.get_me()
                self.me = Me(me.id, me.username or "", self.settings.bot_scope, self.settings.bot_hears)
                return
            except InvalidToken:
                raise InvalidInput("telegram_token", "Telegram does not know this token") from None
            except TelegramError as error:
                if not left:
                    raise InvalidInput("telegram_api_url", f"Telegram cannot be reached: {error}") from error
                log.warning("Telegram cannot be reached: %s", error)
                await asyncio.sleep(START_PAUSE)

    async def _menu(self) -> None:
        """The commands in the app's menu, in every language that we have."""
        try:
            for language in CATALOGUES:
                menu = [BotCommand(name, what) for name, what in Texts(language).commands()]
                await self.telegram.set_my_commands(menu, language_code=None if language == "en" else language)
        except TelegramError as error:
            log.warning("the menu was not registered: %s", error)

    async def take(self, update: Update) -> None:
        """What an update says, taken in."""
        if update.callback_query is not None:
            self.bot.spawn(self.commands.pressed(update.callback_query))
            return
        message = message_of(update)
        if message is None:
            return
        command = command_of(message, self.me)
        if command is not None and update.message is not None:
            await self._command(command.name, self.commands.run(command, received(message, self.me)))
        elif is_for(message, self.me):
            if is_notice(message):
                return
            if kind := unread_kind(message):
                told = received(message, self.me)
                self.bot.spawn(self.bot.say(told.place, told.language, "unsupported", kind=kind))
                return
            await self.bot.take(received(message, self.me, edited=update.edited_message is not None))
        elif self.me.hears and update.message is not None:
            await self.bot.take(received(message, self.me, kind="heard"))

    async def _command(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """`/retry` is a turn, which must be taken in first; the others go beside."""
        if name == "retry":
            await work
        else:
            self.bot.spawn(work)


async def _ended(polling: asyncio.Task[None]) -> None:
    """What ended the polling, if it was not us."""
    found = (await asyncio.gather(polling, return_exceptions=True))[0]
    if isinstance(found, Exception):
        raise found


def _client(settings: Settings, request: HTTPXRequest, polling: HTTPXRequest) -> TelegramBot:
    if not settings.telegram_token:
        raise InvalidInput("telegram_token", "is needed: @BotFather gives you one; set TURNKEEP_TELEGRAM_TOKEN")
    base = settings.telegram_api_url.rstrip("/")
    try:
        return TelegramBot(
            settings.telegram_token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=request,
            get_updates_request=polling,
        )
    except InvalidToken:
        raise InvalidInput("telegram_token", "is no token: it looks like 123456:ABC-DEF...") from None
