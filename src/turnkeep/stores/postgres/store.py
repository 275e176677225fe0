"""`PostgresStore`: the store contract on one PostgreSQL database, for any number of instances.

Invariants: every change is one transaction, under the locks of the sessions that it touches; appends go through the group writer. A read
that lost its connection is done again, a change only as long as its commit was not sent. No caller takes a change with it that is
under way: it is finished, and told, whoever still waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import asyncpg

from turnkeep.errors import InvalidInput, StoreError, TurnkeepError, UnknownSession
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
from turnkeep.stores.guards import cleaned, request
from turnkeep.stores.postgres import (
    api_keys,
    appending,
    calibrations,
    changes,
    guards,
    inbox,
    leases,
    pins,
    reads,
    removal,
    schema,
    transfer,
    upkeep,
)
from turnkeep.stores.postgres.batch import Waiting
from turnkeep.stores.postgres.connection import Database, Options, lost, translate, unknown
from turnkeep.stores.postgres.lanes import EVERYTHING, Lanes
from turnkeep.stores.postgres.reads import Reader
from turnkeep.stores.postgres.transaction import Transaction
from turnkeep.stores.postgres.writer import GroupWriter
from turnkeep.stores.transfer import Key, Row

P = ParamSpec("P")
T = TypeVar("T")

MAX_HEADS = 10_000
MAX_TOGETHER = 128  # messages of an append that travels with others
BACKUP = (
    "PostgreSQL has its own backups: `pg_dump -Fc --schema turnkeep DATABASE_URL > FILE` makes one while the store is in use."
)
DEADLOCKS = 5  # tries


class PostgresStore(Store):
    """`url`: `postgresql://user:password@host:port/database`. The database must be there; what is in it is made."""

    def __init__(self, url: str, options: Options | None = None) -> None:
        super().__init__()
        self._options = options or Options()
        self._database = Database(url, self._options)

    def __repr__(self) -> str:
        return f"<PostgresStore {self._database.place}>"

    # --- opening and closing

    async def open(self) -> None:
        await self._database.open()
        try:
            async with self._database.translated(), self._database.connection() as db:
                await schema.migrate(db)
        except BaseException:
            await self._database.close()
            raise
        self._heads: dict[str, Session] = {}
        self._counters: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes = Lanes()
        self._writer = GroupWriter(self._database, self._lanes, self._heads, self._counters, self.publish, self._by_itself)
        self.bind()

    async def close(self) -> None:
        if not self.unbind():  # after a fork the connections are the parent's
            return
        while self._tasks or self._writer.waiting:
            await self._writer.idle()
            if self._tasks:
                await asyncio.wait(self._tasks)
        await self._writer.close()
        await self._database.close()

    def clock(self) -> float:
        return self._database.clock()

    def publish(self, commit: Commit) -> None:
        if commit.session is None:
            self._heads.pop(commit.session_id, None)
        elif commit.session.id in self._heads:
            self._heads[commit.session.id] = commit.session
        super().publish(commit)

    # --- how changes are done

    def _change(self, names: Collection[str] | None, change: Callable[..., Awaitable[T]], *args: Any) -> asyncio.Future[T]:
        """Have `change(transaction, *args)` committed, alone with these sessions (`EVERYTHING`: with all) in this instance."""
        self.check_usable()
        future: asyncio.Future[T] = self.loop.create_future()
        self._start(self._commit(names, future, change, *args))
        return future

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _commit(
        self, names: Collection[str] | None, future: asyncio.Future[T], change: Callable[..., Awaitable[T]], *args: Any
    ) -> None:
        alone = names is EVERYTHING or len(names) > 0
        if alone:
            await self._lanes.take(names)
        result: Any = None
        error: BaseException | None = None
        try:
            result, commits = await self._transact(change, *args)
            for commit in commits:
                self.publish(commit)
        except Exception as failure:
            error = failure if isinstance(failure, TurnkeepError) else translate(failure)
        finally:
            if alone:
                self._lanes.release(names)
        if future.done():  # its caller was cancelled; the change is stored all the same
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    async def _transact(self, change: Callable[..., Awaitable[T]], *args: Any) -> tuple[T, list[Commit]]:
        """The change in a transaction; again, if it was a deadlock's victim or lost its connection before the commit was sent."""
        deadline = time.monotonic() + self._options.connect_timeout
        deadlocks = 0
        while True:
            sent = False
            try:
                async with self._database.connection() as db:
                    await db.execute("BEGIN")
                    try:
                        tx = Transaction(db, self._counters, self._names)
                        result = await change(tx, *args)
                        sent = True
                        await db.execute("COMMIT")
                    except BaseException as error:
                        if not lost(error) and not db.is_closed():
                            await db.execute("ROLLBACK")
                        raise
                    return result, tx.commits
            except asyncpg.DeadlockDetectedError:
                deadlocks += 1
                if deadlocks == DEADLOCKS:
                    raise
            except Exception as error:
                if sent and lost(error):
                    raise unknown(error) from error
                if not lost(error) or time.monotonic() > deadline:
                    raise

    async def _write(
        self, names: Collection[str] | None, guard: Guard | None, change: Callable[..., Awaitable[T]], *args: Any
    ) -> T:
        """A change that may be guarded."""
        if guard is None:
            return await self._change(names, change, *args)
        asked = request(guard, change.__name__, args)
        return cast(T, await self._change(names, guards.guarded, guard, asked, change, *args))

    async def _read(self, read: Callable[..., Awaitable[T]], *args: Any) -> T:
        self.check_usable()
        deadline = time.monotonic() + self._options.connect_timeout
        while True:
            try:
                async with self._database.connection() as db:
                    return await read(Reader(db, self._names), *args)
            except TurnkeepError:
                raise
            except Exception as error:
                if not lost(error) or time.monotonic() > deadline:
                    raise translate(error) from error

    # --- sessions

    async def open_session(self, new: NewSession, now_ms: int, *, guard: Guard | None = None) -> tuple[Session, bool]:
        newest = await self._read(reads.newest, new.app, new.conversation_id, new.interface_type)
        if guard is None and newest is not None and newest.status_at(now_ms) == "active":
            return newest, False
        names = [f"{new.app}\0{new.interface_type}\0{new.conversation_id}", *([newest.id] if newest else [])]
        session, created = await self._write(names, guard, changes.open_session, new, now_ms)
        self._note(session)
        return session, created

    async def session(self, app: str, session_id: str) -> Session:
        return self._note(await self._read(reads.session, app, session_id))

    def _note(self, session: Session) -> Session:
        known = self._heads.pop(session.id, None)
        if len(self._heads) >= MAX_HEADS:
            del self._heads[next(iter(self._heads))]
        self._heads[session.id] = session if known is None or known.version <= session.version else known
        return session

    async def version(self, app: str, session_id: str) -> int:
        self.check_usable()
        head = self._heads.get(session_id) or await self.session(app, session_id)
        found = await self._read(reads.version, head.number)
        if found is None or found[1] != app:
            raise UnknownSession(session_id)
        return found[0]

    async def marks(self, app: str, session_id: str) -> Marks:
        return await self._read(reads.marks, app, session_id)

    async def find(self, app: str, conversation_id: str, interface_type: str | None, now_ms: int) -> Session | None:
        return await self._read(reads.find, app, conversation_id, interface_type, now_ms)

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
        wanted = app, status, interface_type, user, before, limit, now_ms, conversation_id
        return await self._read(reads.sessions, *wanted)

    async def deactivate(self, app: str, session_id: str, now_ms: int, *, guard: Guard | None = None) -> Session:
        return await self._write([session_id], guard, changes.deactivate, app, session_id, now_ms)

    async def delete(self, app: str, session_id: str, *, guard: Guard | None = None) -> None:
        await self._write([session_id], guard, removal.delete, app, session_id)
        await self._collect()

    async def erase_user(
        self, app: str, user: str, interface_type: str | None, now_ms: int, *, guard: Guard | None = None
    ) -> Erased:
        erased = await self._write(EVERYTHING, guard, removal.erase_user, app, user, interface_type, now_ms)
        await self._collect()
        return erased

    async def _collect(self) -> None:
        while await self._change((), removal.collect):
            pass

    # --- the log

    async def append(
        self,
        app: str,
        session_id: str,
        messages: Sequence[NewMessage],
        *,
        now_ms: int,
        expected_seq: int | None = None,
        fixed_tokens: int | None = None,
        guard: Guard | None = None,
    ) -> Appended:
        self.check_usable()
        counters = self._counters
        for message in messages:
            if message.counter not in counters:
                await self._count_by(message.counter)
        if guard is None and expected_seq is None and _plain(messages):
            head = self._heads.get(session_id) or await self.session(app, session_id)
            if head.app != app:
                raise UnknownSession(session_id)
            self.check_usable()
            return await self._writer.append(head, messages, now_ms, fixed_tokens)
        change = app, session_id, messages, now_ms, expected_seq, fixed_tokens
        return await self._write([session_id], guard, appending.append, *change)

    def _by_itself(self, waiting: Waiting) -> None:
        """An append that could not be done with the others."""
        head = waiting.head
        change = head.app, head.id, waiting.messages, waiting.now_ms, None, waiting.fixed_tokens
        self._start(self._commit([head.id], waiting.future, appending.append, *change))

    async def _count_by(self, name: str) -> None:
        """Learn the number of a token counter; a new one is known to all before a message has it."""

        async def number(tx: Transaction) -> int:
            await tx.alone("counters")
            new = "INSERT INTO counters (name) SELECT $1 WHERE NOT EXISTS (SELECT FROM counters WHERE name = $1)"
            await tx.execute(new, name)
            return int((await tx.query("SELECT number FROM counters WHERE name = $1", name))[0][0])

        found = await self._read(reads.counter, name)
        if found is None:
            found = await self._change((), number)
        self._counters[name], self._names[found] = found, name

    async def messages(self, app: str, session_id: str, *, after: int, limit: int) -> list[Message]:
        return await self._read(reads.messages, app, session_id, after, limit)

    async def find_message(self, app: str, session_id: str, external_id: str) -> Message | None:
        return await self._read(reads.find_message, app, session_id, external_id)

    async def window(self, app: str, session_id: str, *, tokens: int | None = None, messages: int | None = None) -> Window:
        window = await self._read(reads.window, app, session_id, tokens, messages)
        self._note(window.session)
        return window

    async def add_summary(
        self, app: str, session_id: str, summary: NewSummary, *, generation: int, now_ms: int, replaces: Sequence[int] = ()
    ) -> Session:
        change = app, session_id, summary, generation, now_ms, replaces
        return await self._change([session_id], changes.add_summary, *change)

    async def summaries(self, app: str, session_id: str, *, after: int = 0, limit: int | None = None) -> list[Summary]:
        return await self._read(reads.summaries, app, session_id, after, limit)

    async def stand_ins(self, after: int, limit: int) -> list[StandIn]:
        return await self._read(reads.stand_ins, after, limit)

    async def clear(self, app: str, session_id: str, *, keep_summaries: bool, now_ms: int, guard: Guard | None = None) -> Session:
        return await self._write([session_id], guard, changes.clear, app, session_id, keep_summaries)

    async def retract(self, app: str, session_id: str, from_seq: int, now_ms: int, *, guard: Guard | None = None) -> Session:
        return await self._write([session_id], guard, changes.retract, app, session_id, from_seq)

    # --- pins

    async def pin(
        self, app: str, session_id: str, pin: NewPin, *, most: int, most_tokens: int, guard: Guard | None = None
    ) -> Pin:
        return await self._write([session_id], guard, pins.pin, app, session_id, pin, most, most_tokens)

    async def unpin(self, app: str, session_id: str, number: int, *, guard: Guard | None = None) -> None:
        await self._write([session_id], guard, pins.unpin, app, session_id, number)

    async def pins(self, app: str, session_id: str) -> list[Pin]:
        return await self._read(reads.pins, app, session_id)

    # --- state and events

    async def state(self, app: str, session_id: str, scope: Scope) -> JsonObject:
        return await self._read(reads.state, app, session_id, scope)

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
        names = [session_id] if scope == "session" else EVERYTHING
        return await self._write(names, guard, changes.update_state, app, session_id, scope, patch, limit)

    async def record(self, app: str, session_id: str, event: Event, *, guard: Guard | None = None) -> Event:
        return await self._write([session_id], guard, changes.record, app, session_id, event)

    async def events(self, app: str, session_id: str, *, after: int, limit: int) -> list[Event]:
        return await self._read(reads.events, app, session_id, after, limit)

    async def calibrations(self, app: str, limit: int) -> list[Calibration]:
        return await self._read(calibrations.every, app, limit)

    # --- the inbox

    async def take_in(self, arrival: Arrival) -> bool:
        return await self._change((), inbox.take_in, arrival)

    async def arrivals(self, app: str, interface_type: str) -> list[Arrival]:
        return await self._read(inbox.waiting, app, interface_type)

    async def note_progress(self, app: str, interface_type: str, external_id: str, progress: str) -> None:
        await self._change((), inbox.note_progress, app, interface_type, external_id, progress)

    async def finish(self, app: str, interface_type: str, external_ids: Sequence[str], now_ms: int) -> None:
        await self._change((), inbox.finish, app, interface_type, external_ids, now_ms)

    # --- API keys

    async def add_key(self, key: ApiKey) -> None:
        await self._change((), api_keys.add, key)

    async def key(self, key_id: str) -> ApiKey | None:
        return await self._read(api_keys.find, key_id)

    async def keys(self, app: str | None = None) -> list[ApiKey]:
        return await self._read(api_keys.every, app)

    async def revoke_key(self, app: str | None, key_id: str, now_ms: int) -> ApiKey | None:
        return await self._change((), api_keys.revoke, app, key_id, now_ms)

    # --- leases

    async def lease(self, take: Sequence[Lease], holder: str, *, ttl_ms: int, release: Sequence[Lease] = ()) -> list[Lease]:
        return await self._change((), leases.lease, take, holder, ttl_ms, release)

    async def abandoned(self, work: str, limit: int) -> list[Lease]:
        return await self._read(leases.abandoned, work, limit)

    # --- upkeep

    @property
    def waiting(self) -> int:
        return self._writer.waiting + len(self._tasks) if self.opened else 0

    @property
    def pool(self) -> PoolStats | None:
        return self._database.used(self._writer.unused) if self.opened else None

    async def cleanup(
        self,
        app: str | None,
        *,
        now_ms: int,
        retention_ms: int,
        dry_run: bool = False,
        guard: Guard | None = None,
    ) -> Cleaned:
        if dry_run:
            expired, deleted = await self._read(reads.due, app, now_ms, retention_ms)
            return Cleaned(expired, deleted, dry_run=True)
        if guard is not None:
            asked = request(guard, "cleanup", (app, None))
            if (note := await self._change((), guards.known, guard, asked, guards.cleanup, app)) is not None:
                return cleaned(note)
        expired = deleted = 0
        more = True
        while more:
            done, more = await self._change(EVERYTHING, removal.sweep, app, now_ms, retention_ms)
            expired, deleted = expired + done.expired, deleted + done.deleted
        done = Cleaned(expired, deleted)
        return done if guard is None else await self._write((), guard, guards.cleanup, app, done)

    async def active_sessions(self) -> int:
        return await self._read(reads.active_sessions)

    async def stats(self, app: str, now_ms: int) -> StoreStats:
        return await self._read(reads.stats, app, now_ms)

    async def check(self) -> list[str]:
        return await self._read(upkeep.check)

    async def server(self) -> str | None:
        return await self._read(upkeep.server)

    async def sizes(self) -> dict[str, int]:
        return await self._read(upkeep.sizes)

    async def backup(self, target: Path) -> None:
        self.check_usable()
        if await asyncio.to_thread(target.exists):
            raise InvalidInput("target", f"{target} exists already: name a file that does not")
        raise StoreError(BACKUP)

    # --- moving

    async def dump(self, kind: str, after: Key, limit: int) -> list[Row]:
        return await self._read(transfer.dump, kind, after, limit)

    async def load(self, kind: str, rows: Sequence[Row], *, gone: Sequence[Key] = (), mark: str | None) -> None:
        await self._change((), transfer.load, kind, rows, gone, mark)

    async def mark(self) -> str | None:
        return await self._read(transfer.mark)


def _plain(messages: Sequence[NewMessage]) -> bool:
    """Whether to store these is to insert them: no prompt grows, no id stands twice."""
    if len(messages) == 1:
        return messages[0].role != "system"
    names = [message.external_id for message in messages if message.external_id is not None]
    return 0 < len(messages) <= MAX_TOGETHER and len(set(names)) == len(names) and all(m.role != "system" for m in messages)
