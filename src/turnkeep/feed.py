"""Live changes of a session: a cursor, and what lies after it.

Invariant: what a feed tells it has read from the store, page by page, when its consumer asked for it; a commit does no more than
wake it. So a consumer that is slow costs one page, one that comes back with a cursor misses nothing and is told nothing twice,
and a hint that is lost or wrong does no harm. Hints come from the commits of this process and, for those of others, from a look at
the versions of the sessions that are listened to; `Feeds.wake` takes them from anywhere.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self
from weakref import WeakSet

import msgspec
from msgspec.structs import replace

from turnkeep.cursors import Cursor
from turnkeep.errors import InvalidInput, ManagerClosed, TurnkeepError, UnknownSession
from turnkeep.session import Change, ChangeKind, Event, Message, Session, Summary
from turnkeep.stores import Store
from turnkeep.stores.base import Commit, Marks

PAGE = 32  # rows that a feed holds at most: one may be a megabyte
POLL_SECONDS = 1.0
_BURST = 64  # versions asked for without letting others run


def _at(marks: Marks) -> Cursor:
    return Cursor(marks.session.version, marks.session.seq, marks.event, marks.summary)


class Owner(msgspec.Struct, frozen=True):
    """Of a manager what a feed needs: whether it is open, and a session as its clock has it."""

    is_open: Callable[[], bool]
    seen: Callable[[Session], Session]


class Feed:
    """An async iterator over the `Change`s of a session. It ends after `deleted`, with its manager, and by `aclose()`.

    It may simply be let go of, and cancelling a step of it loses nothing. A step raises `UnknownSession` if there is no such session
    from the beginning, `InvalidInput` if the cursor is ahead of the session, and a `StoreError` when the database refuses.
    """

    def __init__(self, store: Store, app: str, session_id: str, after: Cursor | None, owner: Owner) -> None:
        self.app, self.session_id = app, session_id
        self._store, self._owner = store, owner
        self._cursor = after
        self._marks: Marks | None = None  # what it reads up to before it looks again
        self._ready: deque[Change] = deque()
        self._hint, self._turn = asyncio.Event(), asyncio.Lock()
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        async with self._turn:
            while not self._ready:
                if self._has_told_all() and not self._over:
                    await self._hint.wait()
                if self._over or not self._owner.is_open():
                    raise StopAsyncIteration
                await self._read()
                if len(self._ready) >= PAGE:
                    await asyncio.sleep(0)  # a long way to catch up is not gone in one go
            return self._ready.popleft()

    async def begin(self) -> None:
        """Raise now what the first step would raise of the session and the cursor; nothing is told yet."""
        async with self._turn:
            if self._marks is None:
                await self._step()

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """End it, also for whoever waits for its next change."""
        self._over = True
        self._ready.clear()
        self._hint.set()

    def wake(self) -> None:
        """There may be something new."""
        self._hint.set()

    def is_at(self, version: int | None) -> bool:
        """Whether it knows of this version."""
        return self._marks is not None and self._marks.session.version == version

    def _has_told_all(self) -> bool:
        return self._cursor is not None and self._marks is not None and self._cursor.version == self._marks.session.version

    async def _read(self) -> None:
        try:
            await self._step()
        except UnknownSession:
            if self._marks is None:
                raise
            self._tell("deleted", None, self._cursor or _at(self._marks))
            self._over = True
        except ManagerClosed:
            if self._owner.is_open():
                raise

    async def _step(self) -> None:
        """Look how far the session is, or read the next page on the way there."""
        at, marks = self._cursor, self._marks
        if at is None or marks is None or self._has_told_all():
            self._hint.clear()  # before it looks: what is committed from here on is hinted at again
            try:
                self._look(at, await self._store.marks(self.app, self.session_id))
            except BaseException:
                self._hint.set()  # it has not looked
                raise
        else:
            await self._advance(at, marks)

    def _look(self, at: Cursor | None, marks: Marks) -> None:
        session = marks.session
        if at is not None and (at.version > session.version or at.seq > session.seq):
            raise InvalidInput("after", "is ahead of the session; perhaps its database was restored from a backup")
        self._marks = marks
        if at is None:
            self._tell("session", self._owner.seen(session), _at(marks))

    async def _advance(self, at: Cursor, marks: Marks) -> None:
        """A page of one kind; when nothing else is left up to the session's version, the session."""
        store, app, session_id, seq = self._store, self.app, self.session_id, marks.session.seq
        if at.seq < seq:
            for message in await store.messages(app, session_id, after=at.seq, limit=min(PAGE, seq - at.seq)):
                self._tell("message", message, replace(at, seq=message.seq))
        elif at.event < marks.event:
            events = await store.events(app, session_id, after=at.event, limit=PAGE)
            for event in events:
                if event.number <= marks.event:
                    self._tell(event.kind, event, replace(at, event=event.number))
        elif at.summary < marks.summary:
            summaries = await store.summaries(app, session_id, after=at.summary, limit=PAGE)
            for summary in summaries:
                if summary.number <= marks.summary:
                    self._tell("summary", summary, replace(at, summary=summary.number))
            if len(summaries) < PAGE:  # an erasure may have removed the newest
                self._cursor = replace(self._cursor or at, summary=marks.summary)
        else:
            self._tell("session", self._owner.seen(marks.session), _at(marks))

    def _tell(self, kind: ChangeKind, value: Session | Message | Summary | Event | None, cursor: Cursor) -> None:
        self._ready.append(Change(kind, cursor.shown(self.session_id), value))
        self._cursor = cursor


class Feeds:
    """The feeds that are open over a store, by session; what nobody holds any more leaves by itself."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_session: dict[str, WeakSet[Feed]] = {}
        self._poll: asyncio.Task[None] | None = None
        self.closed = False
        store.listeners.append(self._heard)

    def listen(self, app: str, session_id: str, after: Cursor | None, owner: Owner) -> Feed:
        self._store.check_usable()
        feed = Feed(self._store, app, session_id, after, owner)
        self._by_session.setdefault(session_id, WeakSet()).add(feed)
        if self._poll is None:
            self._poll = asyncio.get_running_loop().create_task(self._look_for_ever())
        return feed

    def wake(self, session_id: str | None = None) -> None:
        """The session has changed, perhaps; None: any may have."""
        sessions = list(self._by_session) if session_id is None else [session_id]
        for name in sessions:
            for feed in self._by_session.get(name, ()):
                feed.wake()

    async def close(self) -> None:
        """End all."""
        self.closed = True
        self.wake()
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)

    def _heard(self, commit: Commit) -> None:
        if commit.session_id in self._by_session:
            self.wake(commit.session_id)

    async def _look_for_ever(self) -> None:
        """Find what other processes have committed, as long as anyone listens."""
        while self._by_session:
            await asyncio.sleep(POLL_SECONDS)
            for at, session_id in enumerate(list(self._by_session), 1):
                await self._look(session_id)
                if at % _BURST == 0:
                    await asyncio.sleep(0)
        self._poll = None

    async def _look(self, session_id: str) -> None:
        feeds = list(self._by_session[session_id])
        if not feeds:
            del self._by_session[session_id]
            return
        try:
            version = await self._store.version(feeds[0].app, session_id)
        except TurnkeepError:  # gone, or unreadable: the feeds find out themselves, and tell
            version = None
        for feed in feeds:
            if not feed.is_at(version):
                feed.wake()
