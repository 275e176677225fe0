"""`turnkeep discord`: the parts of the bot put together, and its life.

Invariants: the messages of a channel are taken in in their order; after SIGTERM or SIGINT none is taken in any more, replies that are
on their way get some seconds, and what is left waits in the inbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

from discord import Guild, Interaction, InteractionType, Message

from turnkeep.bots.access import Access
from turnkeep.bots.base import Bot
from turnkeep.bots.delivery import Gone, Missing, Passing, Slow
from turnkeep.bots.discord.behind import Behind
from turnkeep.bots.discord.client import Client, log_in
from turnkeep.bots.discord.menu import menu
from turnkeep.bots.discord.platform import Discord
from turnkeep.bots.discord.reading import EDIT_AGE, Me, asked_of, edited_of, received_of
from turnkeep.bots.discord.sender import called
from turnkeep.bots.discord.tickets import ticket_of
from turnkeep.bots.inbox import stored, until_stored
from turnkeep.bots.life import live
from turnkeep.bots.received import Received
from turnkeep.chat import Chat
from turnkeep.manager import SessionManager

log = logging.getLogger("turnkeep.bots")
ACKNOWLEDGE_AFTER = 1.5  # seconds that a command's taking in may last before Discord hears of it; it waits for 3
Reading: TypeAlias = Callable[[Message, Me, str | None], Received | None]
MAX_LANGUAGES = 10_000  # of people, as their app told last


async def serve(sessions: SessionManager, chat: Chat, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Until `stop` is set. `ready` hears the bot's name when it listens."""
    client = await log_in(sessions.settings)
    try:
        await DiscordApp(sessions, chat, client, ready).run(stop)
    finally:
        await client.close()


class DiscordApp:
    """One bot on Discord, and what it does at each of the client's events."""

    def __init__(self, sessions: SessionManager, chat: Chat, client: Client, ready: Callable[[str], None]) -> None:
        settings = self.settings = sessions.settings
        self.client, self.platform = client, Discord(client)
        self.bot = Bot(chat, self.platform, Access(sessions))
        self.behind = Behind(sessions, client, self._read)
        assert client.user is not None  # it is logged in
        self.me = Me(client.user.id, settings.bot_scope, settings.bot_hears)
        self._ready: Callable[[str], None] | None = ready
        self._languages: OrderedDict[int, str] = OrderedDict()
        self._ending = False

    async def run(self, stop: asyncio.Event) -> None:
        await self.behind.load()
        await self.bot.start()
        await live(self.client.listen(self), stop, self._end)

    async def _end(self) -> None:
        self._ending = True
        await self.behind.close()
        await self.bot.stop(self.settings.close_timeout)

    # --- events

    def connected(self) -> None:
        self.behind.begin()
        if self._ready is not None and self.client.user is not None:
            self._ready(self.client.user.name)
            self._ready = None
            self.bot.spawn(self._register())

    def knows(self, guild: Guild) -> None:
        self.behind.guild(guild)

    async def knows_all(self) -> None:
        await self.behind.ready()

    async def hears(self, message: Message) -> None:
        if message.author.bot:
            return
        with self.behind.coming(message.id):
            async with self.behind.lanes.taken(message.channel.id):
                await self.behind.catch_up(message.channel.id, message.channel, message)
                await self._read(message)

    async def sees_edit(self, message: Message) -> None:
        edited = message.edited_at
        if self._ending or edited is None or datetime.now(UTC) - edited > EDIT_AGE:
            return
        async with self.behind.lanes.taken(message.channel.id):
            await self.behind.catch_up(message.channel.id, message.channel)
            await until_stored(partial(self._take, edited_of, message), f"an edit of message {message.id}")

    async def is_asked(self, interaction: Interaction) -> None:
        if self._ending:
            return
        self._languages[interaction.user.id] = str(interaction.locale)
        self._languages.move_to_end(interaction.user.id)
        while len(self._languages) > MAX_LANGUAGES:
            self._languages.popitem(last=False)
        if interaction.type is InteractionType.application_command:
            await self._asked(interaction)
        elif interaction.type is InteractionType.component:
            await self._pressed(interaction)

    # --- what they come to

    async def _read(self, message: Message) -> None:
        """Take a message in, if it is for us."""
        if not self._ending:
            await until_stored(partial(self._take, received_of, message), f"message {message.id}")

    async def _take(self, reading: Reading, message: Message) -> None:
        received = reading(message, self.me, self._languages.get(message.author.id))
        if received is not None:
            await self.bot.take(received)

    async def _asked(self, interaction: Interaction) -> None:
        """A slash command: taken in, then acknowledged; before that when the database is slow. Who gets no answer, gets none."""
        received = asked_of(interaction, self.me)
        ticket = ticket_of(received.place) if received is not None else None
        if received is None or ticket is None:
            log.warning("a command came from a channel of a kind that is not known")
            return
        acknowledged = self.platform.awaits(ticket)
        taking = asyncio.ensure_future(until_stored(partial(self.bot.take, received), f"command {received.external_id}"))
        await asyncio.wait([taking], timeout=ACKNOWLEDGE_AFTER)
        comes = bool(taking.result()) if taking.done() else True
        acknowledged.set_result(comes and await self.platform.acknowledge(interaction, ticket))
        if comes and not await taking:
            await self.platform.withdraw(interaction)

    async def _pressed(self, interaction: Interaction) -> None:
        """Of somebody who is forgotten nothing is read again, either."""
        data: dict[str, Any] = dict(interaction.data or {})
        choice, user = str(data.get("custom_id")), interaction.user.id
        found = self.bot.answers.chosen(choice, str(user), str(interaction.locale))
        if found is None:
            return
        await self.platform.acknowledge(interaction)
        if found.forget:
            self._languages.pop(user, None)
            await stored(partial(self.behind.forget, user, interaction.id), "a wish to be forgotten")
        await stored(partial(self.bot.chosen, choice, str(user), str(interaction.locale)), "what was chosen")
        await self.platform.answer_button(interaction, found.alert, found.text)

    async def _register(self) -> None:
        """The slash commands; those that are there already stay as they are."""
        try:
            await called(self.client.http.bulk_upsert_global_commands(self.me.id, menu()))
        except (Gone, Missing, Passing, Slow) as error:
            log.warning("the commands were not registered: %s", error)
