"""What every bot does, whatever the platform: take in, answer, deliver.

    platform -> take(): into the inbox, durably, before the platform hears that we have it
             -> chat.reply(): the turn, streamed into a delivery
             -> finish(): part by part, each noted -> out of the inbox

Invariants: what was taken in is answered, also after a crash, and once; the turns of a conversation keep their order, and a command
waits for none of them; a part that was noted as delivered is never sent again, and the last text of a reply is always delivered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

from msgspec.structs import replace

from turnkeep.bots.access import Access
from turnkeep.bots.commands import BotCommands, Chosen, Desk
from turnkeep.bots.delivery import Delivery, Gone, Passing, Place, Refused, Sender, Slow
from turnkeep.bots.files import Files
from turnkeep.bots.gather import PIECES, Gatherer, merged
from turnkeep.bots.inbox import Inbox, stored
from turnkeep.bots.received import Attachment, Received
from turnkeep.bots.texts import Texts
from turnkeep.chat import Chat, Incoming, Lanes, Reply, origin, version_of
from turnkeep.errors import StoreError, TurnkeepError
from turnkeep.lifecycle import store_of
from turnkeep.session import Session
from turnkeep.stores.base import Commit

log = logging.getLogger("turnkeep.bots")
TYPING_AFTER, TYPING_SECONDS = 0.3, 4.0  # what is answered at once needs no sign
MAX_PLACES = 10_000  # of sessions, where to tell of a compaction


class Platform(Sender, Desk, Protocol):
    """What a bot needs of its platform beside sending."""

    name: str  # the interface_type

    async def fetch(self, attachment: Attachment) -> bytes:
        """A file; raises `Slow`, `Passing`, `Gone` or `Missing`."""
        ...


class Bot:
    """One bot over one chat."""

    def __init__(self, chat: Chat, platform: Platform, access: Access) -> None:
        self.chat, self.platform, self.access = chat, platform, access
        self.sessions, self.answers = chat.sessions, BotCommands(chat, platform)
        self.commands = self.answers.commands
        self.inbox = Inbox(chat.sessions, platform.name)
        settings = chat.sessions.settings
        self.files = Files(
            platform.fetch,
            images=getattr(chat.agent, "takes_images", False),
            max_file_mb=settings.bot_max_file_mb,
            max_bytes=settings.max_content_bytes,
        )
        self._gatherer = Gatherer(self._serve)
        self._lanes = Lanes()
        self._tasks: dict[asyncio.Task[None], str] = {}  # and for a turn who it answers
        self._places: OrderedDict[str, tuple[Place, str]] = OrderedDict()  # of sessions, and the language there

    # --- its life

    async def start(self) -> None:
        """Go on with what was taken in before a crash or a stop."""
        store_of(self.sessions).listeners.append(self._committed)
        waiting = await self.inbox.waiting(Received)
        while waiting:
            received, progress = waiting.pop(0)
            if received.kind == "command":
                self.spawn(self._command(received))
                continue
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
        await self._cancelled(list(self._tasks))

    @staticmethod
    async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None], user: str = "") -> None:
        """Run beside the rest; what it raises is logged."""
        task = asyncio.create_task(work)
        self._tasks[task] = user
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a bot's task failed", exc_info=error)

    # --- a turn

    async def take(self, received: Received) -> bool:
        """Take a message in; when this returns the platform may be told so. Its answer comes later, if it is True.

        One that comes again costs nobody anything: it is known before it is judged.
        """
        refusal = self.access.admits(received)
        if refusal is None:
            if not await self.inbox.take_in(received):
                return False
            refusal = None if self.awaits(received) else await self.access.judge(received)
            if refusal is None:
                self._admitted(received)
                return received.kind != "heard"
            await self.inbox.finish([received.external_id])
        if refusal.text:
            self.spawn(self.say(received.place, received.language, refusal.text, **refusal.values))
        return bool(refusal.text)

    def _admitted(self, received: Received) -> None:
        if received.kind == "command":
            self.spawn(self._command(received))
        else:
            self._gatherer.add(received, ())

    def awaits(self, received: Received) -> bool:
        """Whether it is one more piece of a message whose first pieces are here."""
        return self._gatherer.awaits(received)

    def _serve(self, group: Sequence[tuple[Received, tuple[str, ...]]]) -> None:
        """Messages that make one turn, in their order, with the ids of what was sent for the first of them."""
        received = merged([one for one, _ in group])
        name = received.external_id
        delivery = Delivery(self.platform, received.place, self.inbox.noting(name), group[0][1], name)
        self.spawn(self._turn(received, delivery, [one.external_id for one, _ in group]), received.user)

    async def _turn(self, received: Received, delivery: Delivery, taken: list[str]) -> None:
        """Once more from the top while the database refuses: what is stored and sent by then is known, and not done again."""

        async def work() -> None:
            await self._answer(received, delivery)
            await self.inbox.finish(taken)

        async with self._lanes.taken(received.incoming.key):
            await stored(work, "a turn")

    async def _answer(self, received: Received, delivery: Delivery) -> None:
        texts = Texts(received.language)
        try:
            reply = await self._reply(received, delivery)
            if reply is not None:
                self._noted(reply.session.id, received)
                await self.access.used(received, reply)
                gone = await delivery.finish(_words(reply, texts))
                if gone is not None:
                    await self._undelivered(received, gone)
        except StoreError:
            raise
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
        received = await self._prepared(received)
        if received.kind in ("heard", "unread"):
            await self.chat.hear(received.incoming)
            if received.kind == "unread":
                await delivery.finish(Texts(received.language).say("unsupported"))
            return None
        if received.kind == "edit":
            if not await self._makes_a_turn(received):
                return None
            received = _versioned(received)
        async with self._typing(received.place, delivery):
            return await self.chat.reply(received.incoming, delivery.hear)

    async def _prepared(self, received: Received) -> Received:
        """A message that was stored before a crash stays as it is: its files may say something else by now, or be gone."""
        if not received.attachments:
            return received
        session = await self._session(received.incoming)
        known = await self.sessions.find_message(session.id, received.external_id) if session else None
        if known is None:
            return await self.files.beside(received)
        return replace(received, incoming=replace(received.incoming, content=known.content, metadata=known.metadata))

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

    async def _makes_a_turn(self, received: Received) -> bool:
        """Whether an edit is answered: of the newest message, which is taken back for it, or of one that was never taken in.

        One of an older message is noted in the log. Done again after a crash it comes to the same.
        """
        session = await self._session(received.incoming)
        newest = await self.commands.newest(session, taken_back=True)
        if session is None or received.edited is None:
            return True
        if newest is not None and origin(newest) == received.edited:
            if newest.external_id != received.external_id and not session.hides(newest.seq):
                await self.commands.undo(*received.incoming.key)
            return True
        if await self.sessions.find_message(session.id, received.edited) is None:
            return True
        note = Texts("en").say("edit.noted", text=str(received.incoming.content)[:2000])
        session = await self.chat.session(received.incoming)
        await self.sessions.add_message(session.id, "system", note, external_id=received.external_id)
        return False

    async def _session(self, incoming: Incoming) -> Session | None:
        return await self.sessions.find_by_conversation(incoming.conversation_id, incoming.interface_type)

    # --- commands

    async def _command(self, received: Received) -> None:
        texts = Texts(received.language)

        async def run() -> str:
            if received.command == "compact" and (session := await self._session(received.incoming)):
                self._places.pop(session.id, None)  # who asks for a summary is not told of it twice
            return await self.answers.run(received)

        try:
            said = await stored(run, "a command")
        except TurnkeepError as error:
            said = texts.say("refused", why=str(error))
        except (Passing, Gone) as error:
            await stored(partial(self._undelivered, received, error), "a record")
            said = ""
        if said and (gone := await self.tell(received.place, said)) is not None:
            await stored(partial(self._undelivered, received, gone), "a record")
        await stored(partial(self.inbox.finish, [received.external_id]), "a command")

    async def chosen(self, choice: str, user: str, language: str | None) -> Chosen | None:
        """What follows when somebody presses a button; when this returns it has happened."""
        found = self.answers.chosen(choice, user, language)
        if found is not None and found.forget:
            self._gatherer.drop(user)
            await self._cancelled([task for task, whose in self._tasks.items() if whose == user])
            await self.commands.forget(user, self.platform.name)
        return found

    # --- words of its own

    async def say(self, place: Place, language: str, key: str, **values: Any) -> None:
        """A text of the catalogue."""
        await self.tell(place, Texts(language).say(key, **values))

    async def tell(self, place: Place, text: str) -> Gone | None:
        """Say something that is no part of the conversation."""
        return await Delivery(self.platform, place).finish(text)

    async def _undelivered(self, received: Received, why: Exception) -> None:
        """A record in the session; and where the platform refused the answer, not us, a word in its place."""
        log.warning("the answer to %s was not delivered: %s", received.external_id, why)
        if (session := await self._session(received.incoming)) is not None:
            data = {"external_id": received.external_id}
            await self.sessions.record_error(session.id, "NotDelivered", message=str(why)[:1000], data=data)
        if isinstance(why, Refused) and received.command == "export":
            await self.say(received.place, received.language, "export.failed", why=str(why))
        elif isinstance(why, Refused):
            await self.say(received.place, received.language, "undelivered")

    def _noted(self, session_id: str, received: Received) -> None:
        self._places[session_id] = received.place, received.language
        self._places.move_to_end(session_id)
        while len(self._places) > MAX_PLACES:
            self._places.popitem(last=False)

    def _committed(self, commit: Commit) -> None:
        """A summary was added to a session that we serve: tell the people, unless they would rather not know."""
        known = self._places.get(commit.session_id)
        if commit.summaries and known is not None and self.sessions.settings.bot_notices:
            newest = max(commit.summaries, key=lambda one: one.number)
            place, language = known
            self.spawn(self.say(replace(place, reply_to=None), language, "compacted", first=newest.from_seq, last=newest.to_seq))


def _versioned(received: Received) -> Received:
    """An edit as a message that knows what it is a version of."""
    incoming = received.incoming
    return replace(received, incoming=replace(incoming, metadata=version_of(received.edited, incoming.metadata)))


def _words(reply: Reply, texts: Texts) -> str:
    """What the user gets to see of a reply."""
    if reply.failure is not None:
        key = "failed.timeout" if reply.failure.kind == "TimeoutError" else "failed"
        return texts.say(key, id=reply.failure.id)
    if reply.stopped:
        return f"{reply.text}\n\n{texts.say('stopped')}".strip()
    return reply.text
