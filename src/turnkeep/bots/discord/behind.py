"""What was said while nobody listened. Discord tells a bot that was away nothing of it, so it is read out of the channels.

Invariants: after each READY a channel is read from the mark on before anything newer is taken from it, so that its order holds; the
mark, which stays, moves on only while nothing before it can be missing; what was read twice is taken in once, by its id.

A snowflake is a time: the newest id that came, less a margin for what was under way in other channels, is a mark for all of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

from discord import Client, Guild, Message, Object, StageChannel, TextChannel, Thread, VoiceChannel
from discord.abc import Messageable
from discord.utils import time_snowflake

from turnkeep.bots.delivery import Gone, Missing, Passing, insist
from turnkeep.bots.discord.reading import INTERFACE
from turnkeep.bots.discord.sender import called
from turnkeep.bots.inbox import Mark, until_stored
from turnkeep.chat import Lanes
from turnkeep.errors import StoreError
from turnkeep.manager import SessionManager

log = logging.getLogger("turnkeep.bots")
Channel: TypeAlias = TextChannel | VoiceChannel | StageChannel | Thread
PAGE, MOST = 100, 1000  # messages of one call, and of one channel: the newest
AGE = timedelta(days=1)  # nobody waits for an answer to what is older
MARGIN = timedelta(seconds=5)
PAUSE = 5.0  # seconds between two marks
MAX_DIRECT = 500  # direct conversations that are looked at, the newest
TRIES, AT_ONCE = 4, 8


class Behind:
    """`take` gets each message that was missed, in a channel's order, in the lane of its channel."""

    def __init__(self, sessions: SessionManager, client: Client, take: Callable[[Message], Awaitable[None]]) -> None:
        self.sessions, self.client, self.take = sessions, client, take
        self.lanes = Lanes()  # of channels
        self._mark = Mark(sessions, INTERFACE)
        self._at = 0  # the mark as it is stored
        self._since = 0  # where what was missed begins
        self._newest = 0
        self._coming: set[int] = set()  # messages that are being taken in
        self._read: set[int] = set()  # channels, since the last READY
        self._sweeps: set[asyncio.Task[None]] = set()
        self._forgotten: dict[int, int] = {}  # people, and up to where
        self._failed = False
        self._whole = False  # nothing is missing behind the newest
        self._writing: asyncio.TimerHandle | None = None

    async def load(self) -> None:
        """The mark of an earlier run. The first one begins now."""
        self._at = self._newest = int(await self._mark.read() or 0)
        if not self._at:
            await self._set(_snowflake(timedelta()))

    # --- after a READY

    def begin(self) -> None:
        """Of what came since the mark something may be missing, in every channel."""
        self._read.clear()
        self._forgotten.clear()
        self._whole = self._failed = False
        self._since = max(self._at, _snowflake(AGE))
        self._sweep(self._direct())

    def guild(self, guild: Guild) -> None:
        """One whose channels are known now."""
        self._sweep(self._guild(guild))

    def _sweep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._sweeps.add(task)
        task.add_done_callback(self._swept)

    def _swept(self, task: asyncio.Task[None]) -> None:
        self._sweeps.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed = True
            log.error("what was missed could not be read", exc_info=error)

    async def ready(self) -> None:
        """All guilds are known: when they are read, the mark may move."""
        await asyncio.gather(*list(self._sweeps), return_exceptions=True)
        self._whole = not self._failed
        self._note()

    async def _guild(self, guild: Guild) -> None:
        channels: list[Channel] = [*guild.text_channels, *guild.voice_channels]
        channels += [*guild.stage_channels, *guild.threads]
        for channel in channels:
            if (channel.last_message_id or 0) > self._since and _may_read(channel, guild):
                await self._in_turn(channel.id, channel)
            else:
                self._read.add(channel.id)

    async def _direct(self) -> None:
        """Of whom we know that they talk to us; Discord lists no direct channels."""
        wanted = partial(self.sessions.list_sessions, interface_type=INTERFACE, limit=MAX_DIRECT)
        found = await until_stored(wanted, "what was said in private meanwhile") or []
        direct = {
            int(one.conversation_id) for one in found if one.external_user_id and one.conversation_id == one.external_chat_id
        }
        lanes = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with lanes:
                await self._in_turn(number, self.client.get_partial_messageable(number))

        await asyncio.gather(*map(one, direct))

    async def _in_turn(self, number: int, channel: Messageable) -> None:
        async with self.lanes.taken(number):
            await self.catch_up(number, channel)

    async def catch_up(self, number: int, channel: Messageable, heard: Message | None = None) -> None:
        """What was missed in a channel. Called in its lane.

        `heard`: one that the gateway told of, where more is known of its author. What was missed may be older or newer.
        """
        if number in self._read:
            return
        self._read.add(number)
        try:
            missed = await insist(lambda: called(self._missed(channel)), TRIES)
        except (Gone, Missing) as error:
            log.info("channel %s is not to be read: %s", number, error)
            return
        except Passing as error:
            log.warning("channel %s cannot be read now: %s", number, error)
            self._read.discard(number)
            self._failed = True
            return
        except Exception:  # what the library cannot read now it cannot read later
            log.exception("what was missed in channel %s cannot be read", number)
            return
        for message in missed:
            if message.id > self._forgotten.get(message.author.id, 0):
                with self.coming(message.id):
                    await self.take(heard if heard is not None and heard.id == message.id else message)

    async def _missed(self, channel: Messageable) -> list[Message]:
        """The newest since the mark, oldest first."""
        found: list[Message] = []
        before: int | None = None
        while len(found) < MOST:
            page = [one async for one in channel.history(limit=PAGE, before=None if before is None else Object(before))]
            new = [message for message in page if message.id > self._since]
            found += new
            if len(new) < PAGE:
                break
            before = new[-1].id
        return found[::-1]

    # --- the mark

    @contextmanager
    def coming(self, number: int) -> Iterator[None]:
        """While a message is being taken in. The mark moves past it only after that, and not when it fails."""
        self._coming.add(number)
        yield
        self._coming.discard(number)
        self._newest = max(self._newest, number)
        if self._writing is None and self._whole:
            self._writing = asyncio.get_running_loop().call_later(PAUSE, self._note)

    def _note(self) -> None:
        self._writing = None
        if self._whole:
            self._sweep(self.write())

    async def write(self) -> None:
        """Move the mark."""
        at = max(self._at, min([self._newest - _span(MARGIN), *(number - 1 for number in self._coming)]))
        if self._whole and at != self._at:
            await self._set(at)

    async def forget(self, user: int, number: int) -> None:
        """Never read again what somebody said before: the ids by which it would be known are forgotten, too."""
        self._forgotten[user] = number
        await self._set(number)

    async def _set(self, at: int) -> None:
        self._at = max(at, self._at)
        await self._mark.write(str(self._at))

    async def close(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
        sweeps = list(self._sweeps)
        for task in sweeps:
            task.cancel()
        await asyncio.gather(*sweeps, return_exceptions=True)
        try:
            await self.write()
        except StoreError as error:  # the next run reads a little more
            log.warning("how far the bot has come is not noted: %s", error)
        self._whole = False  # nothing that comes now is taken in


def _may_read(channel: Channel, guild: Guild) -> bool:
    """A thread has the permissions of its channel, where that is known."""
    if isinstance(channel, Thread) and channel.parent is None:
        return True
    return channel.permissions_for(guild.me).read_message_history


def _span(time: timedelta) -> int:
    """So far are two ids apart."""
    return int(time.total_seconds() * 1000) << 22


def _snowflake(ago: timedelta) -> int:
    return time_snowflake(datetime.now(UTC) - ago)
