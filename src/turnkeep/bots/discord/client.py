"""discord.py's client, as the bot wants it: who it is, what it hears, and how a connection that cannot be ends in one sentence.

Invariant: the library reconnects by itself, for ever; only what no waiting mends ends it, as an `InvalidInput`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
import discord
import yarl
from discord import Guild, HTTPException, Intents, Interaction, Message, RawMessageUpdateEvent
from discord.gateway import DiscordWebSocket
from discord.http import Route

from turnkeep.bots.discord.sender import MAX_WAIT, MAX_WHY, without_tokens
from turnkeep.errors import InvalidInput
from turnkeep.settings import Settings

log = logging.getLogger("turnkeep.bots")
START_TRIES, START_PAUSE = 6, 1.0
_TROUBLE = (HTTPException, discord.RateLimited, discord.GatewayNotFound, aiohttp.ClientError, OSError, TimeoutError)
_TALKATIVE = ("discord.http", "discord.gateway", "discord.webhook.async_")
_INTENTS = Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True)
_WRONG_TOKEN = "Discord does not know this token"
_NOT_ALLOWED = "this bot may not read messages: switch on the Message Content Intent on its page Bot in the developer portal"


class Events(Protocol):
    """Who hears what happens."""

    def connected(self) -> None:
        """A new session has begun; what happened before it is not told."""
        ...

    def knows(self, guild: Guild) -> None: ...

    async def knows_all(self) -> None: ...

    async def hears(self, message: Message) -> None: ...

    async def sees_edit(self, message: Message) -> None: ...

    async def is_asked(self, interaction: Interaction) -> None: ...


class Client(discord.Client):
    """Hands what happens to `events`. It keeps no messages and no members."""

    def __init__(self) -> None:
        super().__init__(
            intents=_INTENTS,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_ratelimit_timeout=MAX_WAIT,
        )
        self.events: Events | None = None
        parsers = self._connection.parsers
        parsers.update({name: _surviving(name, parse) for name, parse in parsers.items()})
        self.ws: Any = _Unconnected()  # the library asks it for its session when the very first connection fails

    async def listen(self, events: Events) -> None:
        """Until it is cancelled, or Discord will not have us."""
        self.events = events
        try:
            await self.connect()
        except discord.PrivilegedIntentsRequired:
            raise InvalidInput("discord_token", _NOT_ALLOWED) from None
        except discord.ConnectionClosed as error:
            why = _WRONG_TOKEN if error.code == 4004 else f"Discord has closed the connection for good, with code {error.code}"
            raise InvalidInput("discord_token", why) from None

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        if not self.is_closed():  # the library's own timers may outlive it
            super().dispatch(event, *args, **kwargs)

    async def on_connect(self) -> None:
        if self.events is not None:
            self.events.connected()

    async def on_guild_available(self, guild: Guild) -> None:
        if self.events is not None:
            self.events.knows(guild)

    async def on_ready(self) -> None:
        if self.events is not None:
            await self.events.knows_all()

    async def on_message(self, message: Message) -> None:
        if self.events is not None:
            await self.events.hears(message)

    async def on_raw_message_edit(self, update: RawMessageUpdateEvent) -> None:
        if self.events is not None:
            await self.events.sees_edit(update.message)

    async def on_interaction(self, interaction: Interaction) -> None:
        if self.events is not None:
            await self.events.is_asked(interaction)


class _Unconnected:
    """A gateway's socket before there is one."""

    open = False
    sequence = session_id = None

    @property
    def gateway(self) -> yarl.URL:
        return DiscordWebSocket.DEFAULT_GATEWAY


def _surviving(name: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
    """An event that the library cannot read would end its connection, and the bot with it."""

    def parsed(data: Any) -> None:
        try:
            parse(data)
        except Exception:
            log.exception("Discord's %s cannot be read", name)

    return parsed


def _discreet(record: logging.LogRecord) -> bool:
    """The library's log without what people say, which it tells when it is debugged, and without tokens."""
    if record.levelno < logging.INFO:
        return False
    record.msg, record.args = without_tokens(record.getMessage()), None
    return True


async def log_in(settings: Settings) -> Client:
    """A client that knows who it is and where the gateway is; a network that is down at the start gets a few tries.

    The library keeps both addresses for the whole process.
    """
    token = _checked(settings)
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_discreet)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    Route.BASE = settings.discord_api_url.rstrip("/")
    for left in reversed(range(START_TRIES)):
        client = Client()
        try:
            await client.login(token)
            _, gateway, _ = await client.http.get_bot_gateway()
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
            return client
        except discord.LoginFailure:
            await client.close()
            raise InvalidInput("discord_token", _WRONG_TOKEN) from None
        except (KeyError, TypeError, ValueError):  # what came is nothing of Discord's
            await client.close()
            raise InvalidInput(
                "discord_api_url", "is not the address of Discord's API, like https://discord.com/api/v10"
            ) from None
        except _TROUBLE as error:
            await client.close()
            why = " ".join(str(error).split())[:MAX_WHY]
            if not left:
                raise InvalidInput("discord_api_url", f"Discord cannot be reached: {why}") from error
            log.warning("Discord cannot be reached: %s", why)
            await asyncio.sleep(START_PAUSE)
    raise AssertionError("the last try returns or raises")


def _checked(settings: Settings) -> str:
    if not settings.discord_token:
        raise InvalidInput("discord_token", "is needed: the developer portal gives you one; set TURNKEEP_DISCORD_TOKEN")
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", settings.discord_token):
        raise InvalidInput("discord_token", "is no token: it has three parts with dots between them")
    if not settings.discord_api_url.startswith(("http://", "https://")):
        raise InvalidInput("discord_api_url", "is no address: it begins with http:// or https://")
    return settings.discord_token
