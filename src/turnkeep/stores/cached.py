"""A store around a store: it keeps the windows of the sessions used last.

Invariants: what it answers is never older than a commit acknowledged, anywhere, before the call: each hit is checked against the
session's version in the store. Entries follow commits (a listener on the inner store), never callers, who may be cancelled.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from turnkeep.keys import ApiKey
from turnkeep.session import (
    Appended,
    Arrival,
    Calibration,
    Cleaned,
    Erased,
    Event,
    JsonObject,
    Message,
    NewMessage,
    NewPin,
    NewSummary,
    Pin,
    PoolStats,
    Scope,
    Session,
    Status,
    StoreStats,
    Summary,
    Window,
)
from turnkeep.stores.base import Commit, Guard, Lease, Marks, NewSession, StandIn, Store
from turnkeep.stores.transfer import Key, Row

NEW = 256  # messages that a new session's entry keeps, until somebody asks for more
SLACK = 64  # messages that a tail may be longer than twice what was asked for


class _Entry:
    """A window's newest part, growing with appends. `tokens` are those of `messages`."""

    __slots__ = ("messages", "need", "pins", "prompt", "session", "session_state", "summaries", "tokens", "user_state")

    def __init__(self, window: Window, need: int | None) -> None:
        self.session = window.session
        self.prompt, self.summaries = window.prompt, window.summaries
        self.user_state, self.session_state = window.user_state, window.session_state
        self.pins = window.pins
        self.messages = list(window.messages)
        self.tokens = window.session.window_tokens - window.earlier_tokens
        self.need = need  # the most messages asked for; None: all

    def extend(self, session: Session, messages: Sequence[Message]) -> None:
        self.session = session
        for message in messages:
            self.messages.append(message)
            self.tokens += message.tokens
        if self.need is not None and len(self.messages) > 2 * self.need + SLACK:
            self._trim(self.need)

    def cover(self, summaries: tuple[Summary, ...]) -> None:
        """A summary took the place of the messages before the window's new start."""
        self.summaries = summaries
        start = bisect_left(self.messages, self.session.window_start, key=lambda message: message.seq)
        self.tokens -= sum([message.tokens for message in self.messages[:start]])
        del self.messages[:start]

    def _trim(self, need: int) -> None:
        start, kept = self._newest(None, need)
        self.tokens = kept
        del self.messages[:start]

    def _newest(self, tokens: int | None, count: int | None) -> tuple[int, int]:
        """Where the newest part begins that is enough by either measure and reaches back to a user message; and its tokens."""
        messages = self.messages
        start = 0 if count is None else max(0, len(messages) - count)
        summed = sum([message.tokens for message in messages[start:]]) if start else self.tokens
        if tokens is not None and summed > tokens:
            start, back, summed = len(messages), start, 0
            while start > back and summed < tokens:
                start -= 1
                summed += messages[start].tokens
        at = len(messages) - 1
        while at > 0 and messages[at].role != "user":
            at -= 1
        if at < start:
            summed += sum([message.tokens for message in messages[at:start]])
            start = at
        return start, summed

    def window(self, tokens: int | None, count: int | None) -> Window | None:
        """None if more is wanted than is held."""
        session = self.session
        shown = self.messages
        start, summed = 0, self.tokens
        if (tokens is not None and summed > tokens) or (count is not None and len(shown) > count):
            start, summed = self._newest(tokens, count)
        held_all = len(shown) == session.window_messages
        if start == 0 and not held_all and not self._enough(tokens, count):
            return None
        messages = tuple(shown[start:]) if start else tuple(shown)
        return Window(
            session,
            self.prompt,
            self.summaries,
            messages,
            session.window_messages - len(messages),
            session.window_tokens - summed,
            self.user_state,
            self.session_state,
            self.pins,
        )

    def _enough(self, tokens: int | None, count: int | None) -> bool:
        enough = (tokens is not None and self.tokens >= tokens) or (count is not None and len(self.messages) >= count)
        return enough and any(message.role == "user" for message in self.messages)


class CachedStore(Store):
    """`size`: how many sessions' windows are kept, the least recently used leaving first."""

    def __init__(self, inner: Store, size: int = 1000) -> None:
        super().__init__()
        self.inner = inner
        self.size = size
        self.hits: Counter[str] = Counter()  # by app: to one, what others do does not show
        self.misses: Counter[str] = Counter()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        inner.listeners.append(self._committed)

    @property
    def held(self) -> int:
        """How many sessions are held, of all apps."""
        return len(self._entries)

    def sessions_of(self, app: str) -> int:
        """How many of the app's sessions are held."""
        return sum(entry.session.app == app for entry in self._entries.values())

    def hit_rate(self, app: str) -> float:
        return self.hits[app] / (self.hits[app] + self.misses[app]) if self.hits[app] else 0.0

    def _committed(self, commit: Commit) -> None:
        entry = self._entries.get(commit.session_id)
        if commit.window is not None:
            self._keep(commit.window, NEW)
        elif entry is not None:
            session, messages = commit.session, commit.messages
            if session is None or messages is None or session.status != "active":
                del self._entries[commit.session_id]
            elif session.version > entry.session.version:
                if session.version == entry.session.version + 1 and session.prompt_seq == entry.session.prompt_seq:
                    entry.extend(session, messages)
                    if commit.summaries is not None:
                        entry.cover(commit.summaries)
                else:  # somebody else committed in between, or the prompt grew
                    del self._entries[commit.session_id]
        self.publish(commit)

    async def window(self, app: str, session_id: str, *, tokens: int | None = None, messages: int | None = None) -> Window:
        if session_id in self._entries:
            version = await self.inner.version(app, session_id)
            entry = self._entries.get(session_id)
            if entry is not None and entry.session.version == version:
                window = entry.window(tokens, messages)
                if window is not None:
                    self.hits[app] += 1
                    self._entries.move_to_end(session_id)
                    return window
        window = await self.inner.window(app, session_id, tokens=tokens, messages=messages)
        self.misses[app] += 1
        self._keep(window, messages)
        return window

    def _keep(self, window: Window, need: int | None) -> None:
        session_id = window.session.id
        if window.session.status != "active":
            return  # a patch of the user's state raises the versions of open sessions only
        known = self._entries.get(session_id)
        if known is not None and known.session.version > window.session.version:
            return  # a commit was heard while this was read
        self._entries[session_id] = _Entry(window, need)
        self._entries.move_to_end(session_id)
        while len(self._entries) > self.size:
            self._entries.popitem(last=False)

    # --- the rest goes straight through

    async def open(self) -> None:
        await self.inner.open()
        self.bind()

    async def close(self) -> None:
        self.unbind()
        await self.inner.close()
        self._entries.clear()

    async def open_session(self, new: NewSession, now_ms: int, *, guard: Guard | None = None) -> tuple[Session, bool]:
        return await self.inner.open_session(new, now_ms, guard=guard)

    async def session(self, app: str, session_id: str) -> Session:
        return await self.inner.session(app, session_id)

    async def version(self, app: str, session_id: str) -> int:
        return await self.inner.version(app, session_id)

    async def marks(self, app: str, session_id: str) -> Marks:
        return await self.inner.marks(app, session_id)

    async def find(self, app: str, conversation_id: str, interface_type: str | None, now_ms: int) -> Session | None:
        return await self.inner.find(app, conversation_id, interface_type, now_ms)

    async def sessions(
        self,
        app: str,
        *,
        status: Status | None,
        interface_type: str | None,
        user: str | None,
        before: str | None,
        limit: int,
        now_ms: int,
        conversation_id: str | None = None,
    ) -> list[Session]:
        return await self.inner.sessions(
            app,
            status=status,
            interface_type=interface_type,
            user=user,
            before=before,
            limit=limit,
            now_ms=now_ms,
            conversation_id=conversation_id,
        )

    async def deactivate(self, app: str, session_id: str, now_ms: int, *, guard: Guard | None = None) -> Session:
        return await self.inner.deactivate(app, session_id, now_ms, guard=guard)

    async def delete(self, app: str, session_id: str, *, guard: Guard | None = None) -> None:
        await self.inner.delete(app, session_id, guard=guard)

    async def erase_user(
        self, app: str, user: str, interface_type: str | None, now_ms: int, *, guard: Guard | None = None
    ) -> Erased:
        return await self.inner.erase_user(app, user, interface_type, now_ms, guard=guard)

    def append(  # hot, so without a frame of its own
        self,
        app: str,
        session_id: str,
        messages: Sequence[NewMessage],
        *,
        now_ms: int,
        expected_seq: int | None = None,
        fixed_tokens: int | None = None,
        guard: Guard | None = None,
    ) -> Coroutine[Any, Any, Appended]:
        return self.inner.append(
            app, session_id, messages, now_ms=now_ms, expected_seq=expected_seq, fixed_tokens=fixed_tokens, guard=guard
        )

    async def messages(self, app: str, session_id: str, *, after: int, limit: int) -> list[Message]:
        return await self.inner.messages(app, session_id, after=after, limit=limit)

    async def find_message(self, app: str, session_id: str, external_id: str) -> Message | None:
        return await self.inner.find_message(app, session_id, external_id)

    async def add_summary(
        self,
        app: str,
        session_id: str,
        summary: NewSummary,
        *,
        generation: int,
        now_ms: int,
        replaces: Sequence[int] = (),
    ) -> Session:
        return await self.inner.add_summary(app, session_id, summary, generation=generation, now_ms=now_ms, replaces=replaces)

    async def summaries(self, app: str, session_id: str, *, after: int = 0, limit: int | None = None) -> list[Summary]:
        return await self.inner.summaries(app, session_id, after=after, limit=limit)

    async def stand_ins(self, after: int, limit: int) -> list[StandIn]:
        return await self.inner.stand_ins(after, limit)

    async def clear(self, app: str, session_id: str, *, keep_summaries: bool, now_ms: int, guard: Guard | None = None) -> Session:
        return await self.inner.clear(app, session_id, keep_summaries=keep_summaries, now_ms=now_ms, guard=guard)

    async def retract(self, app: str, session_id: str, from_seq: int, now_ms: int, *, guard: Guard | None = None) -> Session:
        return await self.inner.retract(app, session_id, from_seq, now_ms, guard=guard)

    async def pin(
        self, app: str, session_id: str, pin: NewPin, *, most: int, most_tokens: int, guard: Guard | None = None
    ) -> Pin:
        return await self.inner.pin(app, session_id, pin, most=most, most_tokens=most_tokens, guard=guard)

    async def unpin(self, app: str, session_id: str, number: int, *, guard: Guard | None = None) -> None:
        await self.inner.unpin(app, session_id, number, guard=guard)

    async def pins(self, app: str, session_id: str) -> list[Pin]:
        return await self.inner.pins(app, session_id)

    async def state(self, app: str, session_id: str, scope: Scope) -> JsonObject:
        return await self.inner.state(app, session_id, scope)

    async def update_state(
        self,
        app: str,
        session_id: str,
        scope: Scope,
        patch: JsonObject,
        *,
        limit: int,
        now_ms: int,
        guard: Guard | None = None,
    ) -> JsonObject:
        return await self.inner.update_state(app, session_id, scope, patch, limit=limit, now_ms=now_ms, guard=guard)

    async def record(self, app: str, session_id: str, event: Event, *, guard: Guard | None = None) -> Event:
        return await self.inner.record(app, session_id, event, guard=guard)

    async def events(self, app: str, session_id: str, *, after: int, limit: int) -> list[Event]:
        return await self.inner.events(app, session_id, after=after, limit=limit)

    async def calibrations(self, app: str, limit: int) -> list[Calibration]:
        return await self.inner.calibrations(app, limit)

    async def take_in(self, arrival: Arrival) -> bool:
        return await self.inner.take_in(arrival)

    async def arrivals(self, app: str, interface_type: str) -> list[Arrival]:
        return await self.inner.arrivals(app, interface_type)

    async def note_progress(self, app: str, interface_type: str, external_id: str, progress: str) -> None:
        await self.inner.note_progress(app, interface_type, external_id, progress)

    async def finish(self, app: str, interface_type: str, external_ids: Sequence[str], now_ms: int) -> None:
        await self.inner.finish(app, interface_type, external_ids, now_ms)

    async def add_key(self, key: ApiKey) -> None:
        await self.inner.add_key(key)

    async def key(self, key_id: str) -> ApiKey | None:
        return await self.inner.key(key_id)

    async def keys(self, app: str | None = None) -> list[ApiKey]:
        return await self.inner.keys(app)

    async def revoke_key(self, app: str | None, key_id: str, now_ms: int) -> ApiKey | None:
        return await self.inner.revoke_key(app, key_id, now_ms)

    async def lease(self, take: Sequence[Lease], holder: str, *, ttl_ms: int, release: Sequence[Lease] = ()) -> list[Lease]:
        return await self.inner.lease(take, holder, ttl_ms=ttl_ms, release=release)

    async def abandoned(self, work: str, limit: int) -> list[Lease]:
        return await self.inner.abandoned(work, limit)

    async def cleanup(
        self,
        app: str | None,
        *,
        now_ms: int,
        retention_ms: int,
        dry_run: bool = False,
        guard: Guard | None = None,
    ) -> Cleaned:
        return await self.inner.cleanup(app, now_ms=now_ms, retention_ms=retention_ms, dry_run=dry_run, guard=guard)

    async def active_sessions(self) -> int:
        return await self.inner.active_sessions()

    async def stats(self, app: str, now_ms: int) -> StoreStats:
        return await self.inner.stats(app, now_ms)

    def clock(self) -> float:
        return self.inner.clock()

    @property
    def waiting(self) -> int:
        return self.inner.waiting

    @property
    def pool(self) -> PoolStats | None:
        return self.inner.pool

    async def ready(self) -> None:
        await self.inner.ready()

    async def check(self) -> list[str]:
        return await self.inner.check()

    async def server(self) -> str | None:
        return await self.inner.server()

    async def sizes(self) -> dict[str, int]:
        return await self.inner.sizes()

    async def backup(self, target: Path) -> None:
        await self.inner.backup(target)

    async def dump(self, kind: str, after: Key, limit: int) -> list[Row]:
        return await self.inner.dump(kind, after, limit)

    async def load(self, kind: str, rows: Sequence[Row], *, gone: Sequence[Key] = (), mark: str | None) -> None:
        await self.inner.load(kind, rows, gone=gone, mark=mark)

    async def mark(self) -> str | None:
        return await self.inner.mark()
