"""The connections: the pool, waiting for a server that is restarting, PostgreSQL's errors in Turnkeep's words, and its clock.

Invariants: no asyncpg error leaves this package, and no error of this package holds a password or content; a connection is given out
only once it is there, so what fails before that has done nothing and may be tried again.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
import msgspec

from turnkeep.errors import (
    AccessRefused,
    InvalidInput,
    ManagerClosed,
    OutcomeUnknown,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    TurnkeepError,
)
from turnkeep.session import PoolStats
from turnkeep.stores.postgres.schema import SCHEMA

CLOCK_SECONDS = 60.0  # after so long the database's clock is asked for again
KEPT_SECONDS = 1.0  # without use
OUT_OF_REACH = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
    OSError,  # TimeoutError, too
)
_ERRORS: tuple[tuple[Any, type[StoreError]], ...] = (
    (asyncpg.QueryCanceledError, StoreBusy),
    (asyncpg.LockNotAvailableError, StoreBusy),
    (asyncpg.TooManyConnectionsError, StoreBusy),
    (asyncpg.DiskFullError, StoreFull),
    (asyncpg.ReadOnlySQLTransactionError, StoreReadOnly),
    (asyncpg.InvalidAuthorizationSpecificationError, AccessRefused),
    (asyncpg.InsufficientPrivilegeError, AccessRefused),
    ((asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError), StoreCorrupt),
    (OUT_OF_REACH, StoreUnavailable),
)
_WORDS: dict[type[StoreError], str] = {
    StoreBusy: "PostgreSQL took longer than `postgres_timeout`, or has no connection left: find what it waits for, or raise the limit.",
    StoreFull: "PostgreSQL's disk is full: the call stored nothing; free some space and call again.",
    StoreReadOnly: "PostgreSQL takes no changes: this is a standby, or read-only by its settings. Name the primary.",
    StoreCorrupt: "PostgreSQL found damaged pages: see its log, and restore a backup.",
    StoreUnavailable: "PostgreSQL cannot be reached, or ended the connection: check its address, and that it runs and lets this host in.",
}
UNREADABLE = (UnicodeDecodeError, msgspec.DecodeError, LookupError)


def lost(error: BaseException) -> bool:
    """Whether the connection is gone, and with it the answer."""
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, asyncpg.DataError | ValueError)
    return isinstance(error, OUT_OF_REACH)


def translate(error: BaseException) -> StoreError:
    """The typed error for one of PostgreSQL's. Of its own words there is only the name: they may hold what was to be stored."""
    name = f"{type(error).__name__} {getattr(error, 'sqlstate', None) or ''}".strip()
    for kinds, ours in _ERRORS:
        if isinstance(error, kinds) or (ours is StoreUnavailable and lost(error)):
            return ours(f"{_WORDS.get(ours) or ' '.join(str(ours()).split())} (PostgreSQL: {name})")
    if isinstance(error, UNREADABLE):
        return StoreCorrupt(f"{_WORDS[StoreCorrupt]} (a row cannot be read: {name})")
    return StoreError(f"The database refused: the call stored nothing. (PostgreSQL: {name})")


def unknown(error: BaseException) -> OutcomeUnknown:
    return OutcomeUnknown(f"{' '.join(str(OutcomeUnknown()).split())} (PostgreSQL: {type(error).__name__})")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to connect; seconds."""

    pool_size: int = 10
    timeout: float = 30.0
    connect_timeout: float = 10.0
    tls: str | None = None
    tls_ca: str | None = None


def place(url: str) -> str:
    """Where the database is, without what is secret."""
    parts = urlsplit(url)
    user = f"{unquote(parts.username)}@" if parts.username else ""
    return f"{user}{parts.netloc.rpartition('@')[2]}{parts.path}"


class Database:
    """The pool of one store."""

    def __init__(self, url: str, options: Options) -> None:
        self._url, self._options = url, options
        try:
            self.place = place(url)
        except ValueError:
            raise InvalidInput("url", "is no address of a PostgreSQL database") from None
        self.size = options.pool_size
        self._closing = False
        self._pending = 0  # callers that wait for a connection
        self._base = 0.0  # of our monotonic clock to the database's, in seconds
        self._asked = -CLOCK_SECONDS

    async def open(self) -> None:
        self._closing = False
        options = self._options
        milliseconds = str(round(options.timeout * 1000))
        try:
            self.pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=options.pool_size,
                timeout=options.connect_timeout,
                command_timeout=options.timeout + 5,  # of a server, or a network, that does not even say so
                ssl=_tls(options),
                reset=_keep,
                server_settings={
                    "application_name": "turnkeep",
                    "search_path": f"{SCHEMA}, public",
                    "statement_timeout": milliseconds,
                    "idle_in_transaction_session_timeout": milliseconds,
                    "jit": "off",
                },
            )
        except InvalidInput:
            raise
        except (ValueError, asyncpg.ClientConfigurationError) as error:
            if lost(error):
                raise self._named(error) from error
            raise InvalidInput("url", "is no address of a PostgreSQL database, or its TLS files cannot be read") from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise self._named(error) from error

    def _named(self, error: BaseException) -> StoreError:
        ours = translate(error)
        if isinstance(error, asyncpg.InvalidCatalogNameError):
            return StoreUnavailable(f"{self.place}: there is no such database on the server: create it first.")
        if isinstance(error, ssl.SSLCertVerificationError):
            return StoreUnavailable(
                f"{self.place}: its certificate is refused ({error.verify_message}): name the host as the certificate does, and the"
                f" authority's file in `postgres_tls_ca`, or ask for less in `postgres_tls`, which is {self._options.tls}."
            )
        if isinstance(error, ConnectionError) and "rejected SSL" in str(error):
            return StoreUnavailable(
                f"{self.place}: the server offers no TLS: switch it on there, or ask for less in `postgres_tls`, which is"
                f" {self._options.tls}."
            )
        return type(ours)(f"{self.place}: {ours}")

    async def close(self) -> None:
        self._closing = True
        try:
            await asyncio.wait_for(self.pool.close(), self._options.timeout)
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection; a server that is away for a moment is waited for."""
        db = await self.acquire()
        try:
            await self.ask_clock(db)
            yield db
        finally:
            await self.pool.release(db)

    def used(self, kept: int) -> PoolStats:
        """Just now; `kept` are out of the pool, and idle."""
        pool = self.pool
        idle = pool.get_idle_size() + kept
        return PoolStats(pool.get_size() - idle, idle, self._pending, pool.get_max_size())

    async def acquire(self) -> Any:
        self._pending += 1
        try:
            return await self._acquire()
        finally:
            self._pending -= 1

    async def _acquire(self) -> Any:
        deadline = time.monotonic() + self._options.connect_timeout
        pause = 0.02
        while not self._closing:
            try:
                return await self.pool.acquire(timeout=self._options.connect_timeout)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if self._closing:
                    break
                late = time.monotonic() + pause > deadline
                if late or not (lost(error) or isinstance(error, asyncpg.TooManyConnectionsError)):
                    raise self._named(error) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.5)
        raise ManagerClosed

    async def ask_clock(self, db: Any) -> None:
        """From time to time."""
        before = time.monotonic()
        if before - self._asked < CLOCK_SECONDS:
            return
        now: float = await db.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
        self._asked = time.monotonic()
        self._base = now - (before + self._asked) / 2

    def clock(self) -> float:
        """Seconds since 1970 by the database's clock: the one that all instances share."""
        return self._base + time.monotonic()

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        try:
            yield
        except TurnkeepError:
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, *UNREADABLE) as error:
            raise translate(error) from error


class Kept:
    """Up to `most` connections for one who needs them all the time: to take one from the pool and give it back costs more than an
    append. None stays away from others for long when it is not used, nor from a pool that has few."""

    def __init__(self, database: Database, most: int) -> None:
        self._database, self._most = database, most if database.size > 2 * most else 0
        self._idle: list[Any] = []
        self._returning: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._used = False

    @property
    def unused(self) -> int:
        return sum(not db.is_closed() for db in self._idle)

    async def take(self) -> Any:
        self._used = True
        while self._idle:
            db = self._idle.pop()
            if not db.is_closed():
                break
            await self._database.pool.release(db)
        else:
            db = await self._database.acquire()
        try:
            await self._database.ask_clock(db)
        except BaseException:
            await self._database.pool.release(db)
            raise
        return db

    async def give_back(self, db: Any, *, well: bool) -> None:
        if not well or len(self._idle) >= self._most:
            await self._database.pool.release(db)
            return
        self._idle.append(db)
        if self._timer is None:
            self._wait()

    def _wait(self) -> None:
        self._used = False
        self._timer = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._used:
            self._wait()
            return
        task = asyncio.get_running_loop().create_task(self._release())
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _release(self) -> None:
        while self._idle:
            await self._database.pool.release(self._idle.pop())

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._release()


async def _keep(db: Any) -> None:
    """A connection is given back as it was taken: nothing here changes its state, so there is nothing to reset, at a round trip each."""


def _tls(options: Options) -> Any:
    mode = options.tls
    if mode not in ("verify-ca", "verify-full"):
        return mode
    try:
        context = ssl.create_default_context(cafile=options.tls_ca)
    except OSError as error:  # ssl.SSLError, too
        raise InvalidInput(
            "postgres_tls_ca", f"is no file of certificates: {options.tls_ca}: {error.strerror or error}"
        ) from None
    context.check_hostname = mode == "verify-full"
    return context
