"""`turnkeep telegram`: the parts of the bot put together, and its life.

Invariant: after SIGTERM or SIGINT no update is taken in, replies that are on their way get some seconds, and what is left waits in
the inbox.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable

import httpx
from telegram import Bot as TelegramBot
from telegram import BotCommand, CallbackQuery, Update
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from turnkeep.bots.access import Access
from turnkeep.bots.base import Bot
from turnkeep.bots.life import live
from turnkeep.bots.telegram.platform import Telegram
from turnkeep.bots.telegram.poller import POLL_SECONDS, Poller
from turnkeep.bots.telegram.reading import Me, received_of
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
        trust = {"verify": httpx.create_ssl_context()}  # each client would read all the certificates for itself
        self.connections = (
            HTTPXRequest(connection_pool_size=CONNECTIONS, pool_timeout=POOL_SECONDS, httpx_kwargs=trust),
            HTTPXRequest(read_timeout=POLL_SECONDS + 15.0, httpx_kwargs=trust),
        )
        self.telegram = _client(settings, *self.connections)
        self.platform = Telegram(self.telegram)
        self.settings = settings
        self.bot = Bot(chat, self.platform, Access(sessions))
        self.poller = Poller(self.telegram, self.take)
        self.me = Me(0, "", settings.bot_scope, settings.bot_hears)

    async def run(self, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        """Until `stop` is set. `ready` hears the bot's name."""
        try:
            await self._hello()
            ready(self.me.username)
            await self.bot.start()
            self.bot.spawn(self._menu())
            await live(self.poller.run(), stop, lambda: self.bot.stop(self.settings.close_timeout))
        finally:
            await self.telegram.shutdown()
            for connection in self.connections:  # also of a bot that was never let in
                await connection.shutdown()

    async def _hello(self) -> None:
        """Who we are; a network that is down at the start gets a few tries."""
        for left in reversed(range(START_TRIES)):
            try:
                await self.telegram.initialize()  # asks who we are
                me = self.telegram.bot
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
            self.bot.spawn(self._pressed(update.callback_query))
            return
        told = received_of(update, self.me)
        if told is not None and (told.kind != "heard" or self.me.hears or self.bot.awaits(told)):
            await self.bot.take(told)

    async def _pressed(self, query: CallbackQuery) -> None:
        chosen = await self.bot.chosen(query.data or "", str(query.from_user.id), query.from_user.language_code)
        if chosen is not None:
            await self.platform.answer_button(query, chosen.alert, chosen.text)


def _client(settings: Settings, request: HTTPXRequest, polling: HTTPXRequest) -> TelegramBot:
    if not settings.telegram_token:
        raise InvalidInput("telegram_token", "is needed: @BotFather gives you one; set TURNKEEP_TELEGRAM_TOKEN")
    if not re.fullmatch(r"\d+:[\w-]+", settings.telegram_token):
        raise InvalidInput("telegram_token", "is no token: it looks like 123456:ABC-DEF...")
    base = settings.telegram_api_url.rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise InvalidInput("telegram_api_url", "is no address: it begins with http:// or https://")
    return TelegramBot(
        settings.telegram_token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=request,
        get_updates_request=polling,
    )
