"""A reply on its way to the people: shown as it grows, then delivered part by part.

Invariants: one call to the platform at a time; a message that was sent is known by its id and from then on edited, never sent again;
what stands there in the end is the final text, whatever became of the edits before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from turnkeep.agents import Progress, Text, ToolStarted
from turnkeep.bots.inbox import FIRST_PAUSE, LAST_PAUSE, Note

log = logging.getLogger("turnkeep.bots")
T = TypeVar("T")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer goes: a chat, perhaps a thread in it, perhaps in reply to a message.

    `ticket`: the platform's own, by which it wants this answered as long as it holds. `once`: the name of a message to be sent; a platform
    that can makes no second one of that name, so that a crash behind the sending does not double it.
    """

    chat: str
    thread: str | None = None
    reply_to: str | None = None
    ticket: str | None = None
    once: str | None = None


class Slow(Exception):
    """The platform wants to be left alone for that many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:g} s")
        self.seconds = seconds


class Passing(Exception):
    """A call failed for a reason that may pass: a network, a server."""


class Missing(Exception):
    """The message to edit is not there any more: people delete messages."""


class Gone(Exception):
    """There is nobody to deliver to: blocked, kicked out, deleted. It will not pass."""


class Refused(Gone):
    """The platform does not take this message; it may take another."""


class Sender(Protocol):
    """How a platform sends. A part is its own: a text with its formatting.

    Each call raises `Slow`, `Passing` or `Gone`, an edit also `Missing`.
    """

    def pace(self, place: Place) -> float:
        """Seconds between two edits of a growing reply."""
        ...

    def parts(self, text: str) -> Sequence[object]:
        """A finished text in the platform's formatting, cut into what one message holds."""
        ...

    def growing(self, text: str) -> Sequence[object]:
        """An unfinished text, plain."""
        ...

    async def send(self, place: Place, part: object) -> str:
        """The id of the message."""
        ...

    async def edit(self, place: Place, message_id: str, part: object) -> None: ...

    async def remove(self, place: Place, message_id: str) -> None: ...

    async def typing(self, place: Place) -> None:
        """Show for some seconds that an answer is coming."""
        ...


async def insist(call: Callable[[], Awaitable[T]], tries: int | None = None) -> T:
    """Call until the platform takes it: for as long as it says `Slow`, and so many times (None: for ever) when it says `Passing`."""
    pause, failed = FIRST_PAUSE, 0
    while True:
        try:
            return await call()
        except Slow as slow:
            await asyncio.sleep(slow.seconds)
        except Passing as error:
            failed += 1
            if failed == tries:
                raise
            log.warning("the platform did not take a call, which is made again in %g s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(LAST_PAUSE, pause * 2)


async def _unnoted(sent: tuple[str, ...]) -> None:
    pass


class Delivery:
    """Of one reply. `sent`: the ids of messages that an earlier try has sent; `name`: the same at each try."""

    def __init__(
        self, sender: Sender, place: Place, note: Note = _unnoted, sent: tuple[str, ...] = (), name: str | None = None
    ) -> None:
        self.sender, self.place, self.note, self.name = sender, place, note, name
        self.sent = list(sent)
        self.shown: list[object | None] = [None] * len(sent)  # what stands in each, as far as this process knows
        self._text = ""
        self._removed = 0  # messages that people have removed
        self._changed, self._closing = asyncio.Event(), asyncio.Event()
        self._shower: asyncio.Task[None] | None = None

    # --- while it grows

    def hear(self, progress: Progress) -> None:
        """A listener of the turn."""
        if isinstance(progress, Text):
            self._text += progress.text
        elif isinstance(progress, ToolStarted):
            self._text = ""  # what it said before a tool is not the answer
        if self._shower is None and not self._closing.is_set():
            self._shower = asyncio.create_task(self._show())
        self._changed.set()

    async def _show(self) -> None:
        """Edits while the text grows, not oftener than the platform likes it; a failure costs no more than an edit."""
        while not self._closing.is_set():
            self._changed.clear()
            pause = self.sender.pace(self.place)
            try:
                if self._text.strip():
                    await self._put(self.sender.growing(self._text))
            except Slow as slow:
                pause = slow.seconds
            except Passing:
                log.info("an edit failed; the next one has its text, too")
            except Gone:
                return
            await self._pause(pause)
            await self._changed.wait()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _put(self, parts: Sequence[object]) -> None:
        """Let the messages show these parts: edit those that differ, send those that are missing."""
        for at, part in enumerate(parts):
            if at >= len(self.sent):
                self.sent.append(await self.sender.send(self._place(at), part))
                self.shown.append(part)
                await self.note(tuple(self.sent))
            elif self.shown[at] != part:
                await self._edit(at, part)
                self.shown[at] = part

    async def _put_all(self, parts: Sequence[object]) -> None:
        """These parts and no others. What is over is removed only here, behind which nothing is sent in its place: after a crash its
        name would find what was removed."""
        await self._put(parts)
        while len(self.sent) > max(1, len(parts)):
            await self.sender.remove(self.place, self.sent[-1])
            del self.sent[-1], self.shown[-1]
            await self.note(tuple(self.sent))

    def _place(self, at: int) -> Place:
        """The first part is the one that replies."""
        once = f"{self.name}:{at}:{self._removed}" if self.name else None
        return msgspec.structs.replace(self.place, reply_to=self.place.reply_to if at == 0 else None, once=once)

    async def _edit(self, at: int, part: object) -> None:
        try:
            await self.sender.edit(self.place, self.sent[at], part)
        except Missing:
            self._removed += 1
            self.sent[at] = await self.sender.send(self._place(at), part)
            await self.note(tuple(self.sent))

    # --- the end

    async def finish(self, text: str) -> Gone | None:
        """Deliver the final text, however long the platform makes us wait; why it cannot be delivered, if so."""
        await self.close()
        parts = self.sender.parts(text)
        try:
            await insist(lambda: self._put_all(parts))
        except Gone as gone:
            log.warning("an answer cannot be delivered: %s", gone)
            return gone
        return None

    async def close(self) -> None:
        """End what shows the growing text; a call that is under way may finish, so that its message is known."""
        shower, self._shower = self._shower, None
        if shower is not None:
            self._closing.set()
            self._changed.set()
            await asyncio.wait([shower])
            if not shower.cancelled() and (error := shower.exception()) is not None:
                log.error("a growing reply could not be shown", exc_info=error)
