"""A manager's life: opening, closing, the hourly cleanup, and what it remembers of sessions.

Invariant: nothing is open before it is awaited or entered; after `close` every call is refused, and what was accepted is stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from copy import copy
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from turnkeep import checks
from turnkeep.caches import Hints, open_cache
from turnkeep.compactor import Compactor
from turnkeep.errors import InvalidInput, ManagerClosed, TurnkeepError
from turnkeep.feed import Feeds
from turnkeep.leases import LOOK, Leases
from turnkeep.load import Load
from turnkeep.rewriting import Rewriter
from turnkeep.session import Cleaned, Session, SummarizerStats
from turnkeep.settings import Settings, load
from turnkeep.stopgap import Stopgap
from turnkeep.stores import CachedStore, Store, open_store
from turnkeep.stores.base import Commit, Guard, Lease
from turnkeep.summarizers import Ladder, Summarizer, by_model
from turnkeep.tokens import Counter, get_counter, is_loaded

log = logging.getLogger("turnkeep")

CLEANUP = Lease("cleanup")
_KNOWN_SESSIONS = 10_000


class Known:
    """What never changes of a session, and what its last build found."""

    __slots__ = ("correction", "counter", "fixed_tokens", "token_limit")

    def __init__(self, counter: Counter, session: Session) -> None:
        self.counter, self.token_limit = counter, session.token_limit
        self.correction = session.correction  # as last seen
        self.fixed_tokens: int | None = None


class Lifecycle:
    """What `SessionManager` stands on."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        summarizer: Summarizer | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        cached = isinstance(store, CachedStore) or not settings.cache_sessions
        self._store: Store = store if cached else CachedStore(store, settings.cache_sessions)
        self._settings = settings
        self._app = checks.identifier("app", settings.app)
        self._clock = clock or self._store.clock
        self._condition: Guard | None = None
        self._known: dict[str, Known] = {}
        self._opened = False
        self._owns = True  # the store: not so where `for_app` lent it
        self._cleaner: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._failed_cleanups = 0
        self._rewriter: Rewriter | None = None
        self._ladder = Ladder(
            summarizer or by_model(settings),
            timeout=settings.summarizer_timeout,
            timezone=settings.timezone,
            patterns=settings.redaction_patterns,
            worker=settings.compaction_process,
            parallel=settings.compaction_parallel,
        )
        self._stopgap = Stopgap(self._store, self._ladder)
        self._load = Load()
        self._feeds = Feeds(self._store)
        self._leases = Leases(self._store)
        self._hints = None if settings.cache_url is None else open_cache(settings.cache_url)

    # --- opening and closing

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        settings: Settings | None = None,
        summarizer: Summarizer | None = None,
        clock: Callable[[], float] | None = None,
        **overrides: Any,
    ) -> Self:
        """A manager on the database at `url` (`sqlite:///file.db`, `memory://`; default: the setting `database_url`).

        `overrides` are settings by name; without `settings` the rest comes from the environment and `turnkeep.toml`.
        `summarizer` writes the summaries, the extractive one stands in when it fails; without it all are extractive.
        `clock` gives seconds since 1970; by default it is the store's, which all who share it go by. Nothing is opened until it is
        awaited or entered.
        """
        if settings is None:
            settings = load(overrides)
        elif overrides:
            raise InvalidInput(next(iter(overrides)), "give settings= or single settings, not both")
        return cls(open_store(url or settings.database_url, settings), settings, summarizer=summarizer, clock=clock)

    def for_app(self, app: str) -> Self:
        """A manager of another app over what this one has open: its store, cache, compactor and settings.

        It is open at once and ends with this one; closing it closes nothing else.
        """
        if not self._opened:
            raise ManagerClosed
        other = copy(self)
        other._app = checks.identifier("app", app)
        other._settings = replace(self._settings, app=app)
        other._known = {}  # apart, so that a session of the one app is never known to the other
        other._cleaner, other._owns = None, False
        return other

    def conditional(
        self, *, expected_version: int | None = None, idempotency_key: str | None = None, fingerprint: str = ""
    ) -> Self:
        """This manager for one write: done only at that version of its session, and once under that key; both in its own commit.

        `PreconditionFailed`: the session is at another version. A key that the app has used within `idempotency_lifetime` writes
        nothing: the same call with the same arguments and `fingerprint` is answered again, from the rows as they are now;
        another is `IdempotencyKeyReused`. A refused write does not use up its key. Reads are as ever; so is what summarizes, which
        compares by itself. It is open at once and ends with this one; closing it closes nothing else.
        """
        if not self._opened:
            raise ManagerClosed
        if expected_version is not None:
            checks.page("expected_version", expected_version, 0, None)
        other = copy(self)
        other._condition = Guard(
            expected_version=expected_version,
            key=checks.optional_identifier("idempotency_key", idempotency_key),
            fingerprint=checks.text("fingerprint", fingerprint, checks.MAX_ID_CHARS),
        )
        other._cleaner, other._owns = None, False
        return other

    def _guard(self, *, of_session: bool = True) -> Guard | None:
        """For the store, as of now; a write that is about no one session has no version to expect."""
        condition = self._condition
        if condition is None:
            return None
        if condition.expected_version is not None and not of_session:
            raise InvalidInput("expected_version", "is a session's, and this call is not about one")
        now_ms = self._now_ms()
        return replace(condition, now_ms=now_ms, until_ms=now_ms + round(self._settings.idempotency_lifetime * 1000))

    def __await__(self) -> Generator[Any, None, Self]:
        return self._start().__await__()

    async def _start(self) -> Self:
        if self._opened:
            raise InvalidInput("manager", "is open already")
        if self._closing is not None:
            raise ManagerClosed
        await self._store.open()
        try:
            await self._store.check_whole()
        except BaseException:
            await self._store.close()
            raise
        if self._hints is not None:
            self._hints.listeners.append(self._feeds.wake)
            self._store.listeners.append(self._tell)
            await self._hints.open()
        self._compactor = Compactor(
            self._store, self._settings, self._now_ms, self._ladder, self._load.is_high, leases=self._leases
        )
        self._compactor.start()
        self._opened = True
        if not self._ladder.is_extractive and self._settings.compaction != "manual":
            self._rewriter = Rewriter(self._store, self._settings, self._now_ms, self._ladder, self._leases)
            self._rewriter.start()
        if self._settings.cleanup_interval:
            self._cleaner = asyncio.create_task(self._clean_up_for_ever())
        return self

    async def __aenter__(self) -> Self:
        return await self._start()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what was accepted, wait at most `close_timeout` for background work, and let go of the database.

        A caller that is cancelled does not stop it; whoever calls again waits for the same end.
        """
        if not self._owns:
            self._opened = False
            self._feeds.wake()
        elif self._opened:
            if not self._store.forked:
                self._store.check_usable()
            self._opened = False
            if self._store.forked:  # the parent's tasks and files are the parent's to close
                return
            self._closing = asyncio.create_task(self._let_go())
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _let_go(self) -> None:
        if self._cleaner is not None:
            self._cleaner.cancel()
            await asyncio.gather(self._cleaner, return_exceptions=True)
        await self._feeds.close()
        if self._rewriter is not None:
            await self._rewriter.close()
        await self._compactor.close(self._settings.close_timeout)
        await self._leases.close()
        if self._hints is not None:
            await self._hints.close()
        await self._ladder.close()
        await self._store.close()

    def _tell(self, commit: Commit) -> None:
        if self._hints is not None:
            session = commit.session
            self._hints.tell(session.app if session else "", commit.session_id, session.version if session else 0)

    async def _clean_up_for_ever(self) -> None:
        """One instance cleans up, and nobody again within the interval; where it dies, another soon does."""
        interval = self._settings.cleanup_interval
        while True:
            pause = interval
            try:
                if await self._leases.ask(CLEANUP):
                    await self._clean_up(None, dry_run=False)
                    await self._leases.rest(CLEANUP, interval)
                else:
                    pause = min(interval, LOOK)
            except TurnkeepError:
                self._failed_cleanups += 1
                self._leases.let_go(CLEANUP)
                pause = min(interval, LOOK)
                log.exception("the cleanup failed; it is tried again in %s s", pause)
            await asyncio.sleep(pause)

    async def _clean_up(self, app: str | None, *, dry_run: bool) -> Cleaned:
        retention_ms = round(self._settings.retention * 1000)
        return await self._store.cleanup(
            app,
            now_ms=self._now_ms(),
            retention_ms=retention_ms,
            dry_run=dry_run,
            guard=self._guard(of_session=False),
        )

    @property
    def app(self) -> str:
        return self._app

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def failures(self) -> dict[str, int]:
        """How often work in the background has failed since the start, by its kind; whoever called noticed nothing."""
        return {
            "summarizer": self._ladder.failures,
            "compaction": self._compactor.failures if self._opened else 0,
            "cleanup": self._failed_cleanups,
        }

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _known_already(self, session_id: str) -> Known | None:
        """What is known of the session, if something is: else `_learn` it."""
        if not self._opened:
            raise ManagerClosed
        return self._known.get(session_id) if session_id.__class__ is str else None

    async def _learn(self, session_id: str) -> Known:
        """The counter and the limit of a session, loaded when they are first needed."""
        checks.identifier("session_id", session_id)
        session = await self._store.session(self._app, session_id)
        return self._remember(session, await self._counter(session.tokenizer))

    def _remember(self, session: Session, counter: Counter) -> Known:
        if len(self._known) >= _KNOWN_SESSIONS:
            del self._known[next(iter(self._known))]
        known = self._known[session.id] = Known(counter, session)
        return known

    @staticmethod
    async def _counter(name: str) -> Counter:
        if not is_loaded(name):
            await asyncio.to_thread(get_counter, name)
        return get_counter(name)

    def _seen(self, session: Session) -> Session:
        """As it is by the clock."""
        status = session.status_at(self._now_ms())
        if status != session.status:
            session = replace(session, status=status)
        return session

    def _ready(self, session_id: str) -> str:
        if not self._opened:
            raise ManagerClosed
        return checks.identifier("session_id", session_id)


def store_of(manager: Lifecycle) -> Store:
    """What a manager stands on, its cache around it: for parts of Turnkeep that need more than its calls."""
    return manager._store


def hints_of(manager: Lifecycle) -> Hints | None:
    """By what a manager's instances tell each other, if they do: for the server's shared limits, and for whoever asks how it is."""
    return manager._hints


def summarizer_of(manager: Lifecycle) -> SummarizerStats:
    """What the summarizer that a manager was given has done, for all apps; nothing, if it has none."""
    return manager._ladder.all_figures()
