"""What every bot does, whatever the platform: take in, answer, deliver.

    platform -> take(): into the inbox, durably, before the platform hears that we have it
             -> chat.reply(): the turn, streamed into a draft
             -> deliver(): part by part, each noted -> out of the inbox

Invariants: what was taken in is answered, also after a crash, and once; the turns of a conversation keep their order; a part that
was noted as delivered is never sent again, and the last text of a reply is always delivered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from msgspec.structs import replace

from turnkeep.bots.access import Access
from turnkeep.bots.delivery import Delivery, Gone, Passing, Place, Sender, Slow
from turnkeep.bots.gather import PIECES, Gatherer, merged
from turnkeep.bots.inbox import Inbox
from turnkeep.bots.received import Received
from turnkeep.bots.texts import Texts
from turnkeep.chat import Chat, Commands, Incoming, Lanes, Reply
from turnkeep.errors import TurnkeepError
from turnkeep.lifecycle import store_of
from turnkeep.session import Message, Session
from turnkeep.stores.base import Commit

log = logging.getLogger("turnkeep.bots")
TYPING_AFTER, TYPING_SECONDS = 0.3, 4.0  # what is answered at once needs no sign


class Platform(Sender, Protocol):
    """What a bot needs of its platform beside sending."""

    name: str  # the interface_type

    async def prepare(self, received: Received) -> Received:
        """The message with what its attachments say; it was taken in with no more than their names."""
        ...


class Bot:
    """One bot over one chat."""

    def __init__(self, chat: Chat, platform: Platform, access: Access) -> None:
        self.chat, self.platform, self.access = chat, platform, access
        self.sessions, self.commands = chat.sessions, Commands(chat)
        self.inbox = Inbox(chat.sessions, platform.name)
        self._gatherer = Gatherer(self._serve)
        self._lanes = Lanes()
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: dict[str, tuple[Place, str]] = {}  # of sessions served by this process: where to tell of a compaction

    # --- its life

    async def start(self) -> None:
        """Go on with what was taken in before a crash or a stop."""
        store_of(self.sessions).listeners.append(self._committed)
        waiting = await self.inbox.waiting(Received)
        while waiting:
            received, progress = waiting.pop(0)
            pieces = await self._pieces(received)
            if pieces is None:
                self._gatherer.add(received, progress)
            else:
                self._serve([(received, progress), *(one for one in waiting if one[0].external_id in pieces)])
                waiting = [one for one in waiting if one[0].external_id not in pieces]

    async def _pieces(self, received: Received) -> Sequence[str] | None:
        """Of which a turn was made whose message is stored already; None if it is not. What came later is no piece of it."""
        session = received.group and await self._session(received.incoming)
        known = await self.sessions.find_message(session.id, received.external_id) if session else None
        return None if known is None else (known.metadata or {}).get(PIECES, ())

    async def stop(self, seconds: float) -> None:
        """Give replies that are on their way some time to end; what is left waits in the inbox for the next start."""
        store_of(self.sessions).listeners.remove(self._committed)
        self._gatherer.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside the rest; what it raises is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a bot's task failed", exc_info=error)

    # --- a turn

    async def take(self, received: Received) -> None:
        """Take a message in; when this returns the platform may be told so. Its answer comes later."""
        verdict = None if self._gatherer.awaits(received) else await self.access.judge(received.incoming)
        if verdict is not None:
            if verdict.text:
                self.spawn(self.say(received.place, received.language, verdict.text, **verdict.values))
            return
        if await self.inbox.take_in(received):
            self._gatherer.add(received, ())

    def _serve(self, group: Sequence[tuple[Received, tuple[str, ...]]]) -> None:
        """Messages that make one turn, in their order, with the ids of what was sent for the first of them."""
        received = merged([one for one, _ in group])
        delivery = Delivery(self.platform, received.place, self.inbox.noting(received.external_id), group[0][1])
        self.spawn(self._turn(received, delivery, [one.external_id for one, _ in group]))

    async def _turn(self, received: Received, delivery: Delivery, taken: list[str]) -> None:
        async with self._lanes.taken(received.incoming.key):
            await self._answer(received, delivery)
            await self.inbox.finish(taken)

    async def _answer(self, received: Received, delivery: Delivery) -> None:
        texts = Texts(received.language)
        try:
            reply = await self._reply(received, delivery)
            if reply is not None:
                self._places[reply.session.id] = received.place, received.language
                await self.access.used(received.incoming, reply)
                await delivery.finish(_words(reply, texts))
        except TurnkeepError as error:
            log.warning("a message was refused: %s", error)
            await delivery.finish(texts.say("refused", why=str(error)))
        finally:
            await delivery.close()

    async def _reply(self, received: Received, delivery: Delivery) -> Reply | None:
        """The turn itself; None if there is nothing to answer."""
        if received.kind == "retry":
            again = await self.commands.retry(received.incoming, delivery.hear)
            if again is None:
                await delivery.finish(Texts(received.language).say("retry.nothing"))
            return again
        received = await self.platform.prepare(received)
        if received.kind == "heard":
            await self.chat.hear(received.incoming)
            return None
        if received.kind == "edit" and not await self._retracted(received):
            return None
        async with self._typing(received.place, delivery):
            return await self.chat.reply(received.incoming, delivery.hear)

    @asynccontextmanager
    async def _typing(self, place: Place, delivery: Delivery) -> AsyncIterator[None]:
        """Show that an answer is coming, as long as there is nothing of it to see."""

        async def show() -> None:
            await asyncio.sleep(TYPING_AFTER)
            while not delivery.sent:
                with contextlib.suppress(Slow, Passing, Gone):
                    await self.platform.typing(place)
                await asyncio.sleep(TYPING_SECONDS)

        shower = asyncio.create_task(show())
        try:
            yield
        finally:
            shower.cancel()
            await asyncio.wait([shower])

    async def _retracted(self, received: Received) -> bool:
        """Take back the newest message, of which a new version has come. An edit of an older one is noted in the log, not answered."""
        newest = await self._newest(received.incoming)
        if newest is not None and newest.external_id in (received.edited, received.external_id):
            if newest.external_id == received.edited:
                await self.commands.undo(*received.incoming.key)
            return True
        session = await self.chat.session(received.incoming)
        note = Texts("en").say("edit.noted", text=str(received.incoming.content)[:2000])
        await self.sessions.add_message(session.id, "system", note, external_id=received.external_id)
        return False

    async def _newest(self, incoming: Incoming) -> Message | None:
        return await self.commands.newest(await self._session(incoming))

    async def _session(self, incoming: Incoming) -> Session | None:
        return await self.sessions.find_by_conversation(incoming.conversation_id, incoming.interface_type)

    # --- words of its own

    async def say(self, place: Place, language: str, key: str, **values: Any) -> None:
        """A text of the catalogue."""
        await self.tell(place, Texts(language).say(key, **values))

    async def tell(self, place: Place, text: str) -> None:
        """Say something that is no part of the conversation."""
        await Delivery(self.platform, place).finish(text)

    def _committed(self, commit: Commit) -> None:
        """A summary was added to a session that we serve: tell the people, unless they would rather not know."""
        known = self._places.get(commit.session_id)
        if commit.summaries and known is not None and self.sessions.settings.bot_notices:
            newest = max(commit.summaries, key=lambda one: one.number)
            place, language = known
            self.spawn(self.say(replace(place, reply_to=None), language, "compacted", first=newest.from_seq, last=newest.to_seq))


def _words(reply: Reply, texts: Texts) -> str:
    """What the user gets to see of a reply."""
    if reply.failure is not None:
        key = "failed.timeout" if reply.failure.kind == "TimeoutError" else "failed"
        return texts.say(key, id=reply.failure.id)
    if reply.stopped:
        return f"{reply.text}\n\n{texts.say('stopped')}".strip()
    return reply.text
