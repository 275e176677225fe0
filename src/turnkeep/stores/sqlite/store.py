"""`SQLiteStore`: the store contract on one file.

Invariants: changes go through the group writer and nowhere else; reads of a few rows are done at once on the loop's thread (tens of
microseconds, less than a change of thread), reads that may be long on a thread of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import apsw

from turnkeep.errors import StoreUnavailable, TurnkeepError, UnknownSession
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
    Scope,
    Session,
    Status,
    StoreStats,
    Summary,
    Window,
)
from turnkeep.stores.base import Guard, Lease, Marks, NewSession, StandIn, Store
from turnkeep.stores.guards import cleaned, request
from turnkeep.stores.sqlite import (
    ahead,
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
from turnkeep.stores.sqlite.connection import UNREADABLE, Key, Patience, connect, make_durable, translate, translated
from turnkeep.stores.sqlite.reads import Reader
from turnkeep.stores.sqlite.transaction import Transaction
from turnkeep.stores.sqlite.writer import HEAVY, GroupWriter
from turnkeep.stores.transfer import Key as RowKey
from turnkeep.stores.transfer import Row
from turnkeep.stores.usable import check_not_inherited, identity

P = ParamSpec("P")
T = TypeVar("T")

WINDOW = 16  # the weight of a change that moves a window: it reads some rows and writes a few
MAX_NUMBERS = 10_000
INLINE_ROWS = 512  # a window of more messages is read on the other thread
CLEANUP_SECONDS = 0.008  # of the writer's time in one slice


class SQLiteStore(Store):
    """`path` is made if it is missing. `key`: see `connection.Key`. `busy_timeout`: seconds to wait for other processes."""

    def __init__(self, path: str | Path, *, key: Key = None, busy_timeout: float = 10.0) -> None:
        super().__init__()
        self.path = Path(path)
        self._key = key
        self._patience = Patience(busy_timeout)  # of the writer

    # --- opening and closing

    async def open(self) -> None:
        write_db = await asyncio.to_thread(self._prepare)
        self._reader = Reader(self._connect())
        self._scanner = Reader(self._connect())
        self._scans = ThreadPoolExecutor(1, "turnkeep-scan")
        self._write_db = write_db
        self._own = Reader(write_db)
        self._numbers: dict[str, int] = {}
        transaction = Transaction(write_db)
        judge = ahead.Judge(transaction, self._fresh)
        self._writer = GroupWriter(transaction, self._patience, self.publish, judge)
        self.bind()

    def _prepare(self) -> Any:
        check_not_inherited(self.path)
        db = connect(self.path, self._key, self._patience)
        self.file = identity(self.path)
        try:
            with translated():
                schema.check(db)
                make_durable(db)
                schema.migrate(db)
                ahead.prepare(db)
        except BaseException:
            self.file = None
            db.close()
            raise
        return db

    def _connect(self) -> Any:
        return connect(self.path, self._key, Patience(self._patience.timeout), write=False)

    async def close(self) -> None:
        if not self.unbind():  # after a fork the connections are the parent's: to close one here could take its WAL away
            return
        await self._writer.close()
        await asyncio.to_thread(self._scans.shutdown)
        self._reader.db.close()
        self._scanner.db.close()
        await asyncio.to_thread(self._write_db.close)  # the last one out checkpoints the WAL and removes it
        self.file = None

    # --- how work is done

    def _change(self, change: Callable[..., T], *args: Any, weight: int = 1) -> asyncio.Future[T]:
        self.check_usable()
        return self._writer.submit(change, args, weight)

    def _write(self, guard: Guard | None, change: Callable[..., T], *args: Any, weight: int = 1) -> asyncio.Future[T]:
        """A change that may be guarded; what is to be known of the request is made out here, off the transaction."""
        if guard is None:
            return self._change(change, *args, weight=weight)
        asked = request(guard, change.__name__, args)
        return self._change(guards.guarded, guard, asked, change, *args, weight=weight)

    def _read(self, read: Callable[..., T], *args: Any) -> T:
        self.check_usable()
        try:
            return read(self._fresh(), *args)
        except TurnkeepError:
            raise
        except (apsw.Error, *UNREADABLE) as error:
            raise translate(error) from error

    async def _scan(self, read: Callable[..., T], *args: Any) -> T:
        self.check_usable()

        def run() -> T:
            with translated():
                return read(self._scanner, *args)

        return await self.loop.run_in_executor(self._scans, run)

    # --- sessions

    async def open_session(self, new: NewSession, now_ms: int, *, guard: Guard | None = None) -> tuple[Session, bool]:
        if guard is None:
            found = self._read(reads.find, new.app, new.conversation_id, new.interface_type, now_ms)
            if found is not None:
                return found, False
        session, created = await self._write(guard, changes.open_session, new, now_ms)
        self._note(session)
        return session, created

    async def session(self, app: str, session_id: str) -> Session:
        return self._read(reads.session, app, session_id)

    async def version(self, app: str, session_id: str) -> int:
        self.check_usable()
        number = self._numbers.get(session_id)
        if number is None:
            number = self._number(app, session_id)
        try:  # what `_read` does, without its layers: this is asked before each cached context
            found = self._fresh().db.execute(reads.VERSION, (number,)).fetchall()
        except apsw.Error as error:
            raise translate(error) from error
        if not found or found[0][1] != app:
            raise UnknownSession(session_id)
        return cast(int, found[0][0])

    def _number(self, app: str, session_id: str) -> int:
        return self._note(self._read(reads.session, app, session_id))

    def _note(self, session: Session) -> int:
        """A session's number never changes and is never used again, so it may be remembered."""
        if len(self._numbers) >= MAX_NUMBERS:
            del self._numbers[next(iter(self._numbers))]
        self._numbers[session.id] = session.number
        return session.number

    def _fresh(self) -> Reader:
        """The writer's connection while it is idle, else the reader's: a commit empties every other connection's page cache."""
        return self._reader if self._writer.busy else self._own

    async def marks(self, app: str, session_id: str) -> Marks:
        return self._read(reads.marks, app, session_id)

    async def find(self, app: str, conversation_id: str, interface_type: str | None, now_ms: int) -> Session | None:
        return self._read(reads.find, app, conversation_id, interface_type, now_ms)

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
        return await self._scan(reads.sessions, *wanted)

    async def deactivate(self, app: str, session_id: str, now_ms: int, *, guard: Guard | None = None) -> Session:
        return await self._write(guard, changes.deactivate, app, session_id, now_ms)

    async def delete(self, app: str, session_id: str, *, guard: Guard | None = None) -> None:
        await self._write(guard, removal.delete, app, session_id, weight=HEAVY)
        await self._collect()
        await self._scan(upkeep.truncate_wal)

    async def erase_user(
        self, app: str, user: str, interface_type: str | None, now_ms: int, *, guard: Guard | None = None
    ) -> Erased:
        erased = await self._write(guard, removal.erase_user, app, user, interface_type, now_ms, weight=HEAVY)
        await self._collect()
        await self._scan(upkeep.truncate_wal)
        return erased

    async def _collect(self) -> None:
        while await self._change(removal.collect, weight=HEAVY):
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
        change = app, session_id, messages, now_ms, expected_seq, fixed_tokens
        if guard is not None:
            return await self._write(guard, appending.append, *change, weight=len(messages))
        return await self._writer.append(change, len(messages))

    async def messages(self, app: str, session_id: str, *, after: int, limit: int) -> list[Message]:
        if limit <= INLINE_ROWS:
            return self._read(reads.messages, app, session_id, after, limit)
        return await self._scan(reads.messages, app, session_id, after, limit)

    async def find_message(self, app: str, session_id: str, external_id: str) -> Message | None:
        return self._read(reads.find_message, app, session_id, external_id)

    async def window(self, app: str, session_id: str, *, tokens: int | None = None, messages: int | None = None) -> Window:
        window = self._read(reads.window, app, session_id, tokens, messages, INLINE_ROWS)
        if window is None:
            window = await self._scan(reads.window, app, session_id, tokens, messages, None)
        assert window is not None
        self._note(window.session)
        return window

    async def add_summary(
        self, app: str, session_id: str, summary: NewSummary, *, generation: int, now_ms: int, replaces: Sequence[int] = ()
    ) -> Session:
        return await self._change(changes.add_summary, app, session_id, summary, generation, now_ms, replaces, weight=WINDOW)

    async def summaries(self, app: str, session_id: str, *, after: int = 0, limit: int | None = None) -> list[Summary]:
        return self._read(reads.summaries, app, session_id, after, limit)

    async def stand_ins(self, after: int, limit: int) -> list[StandIn]:
        return self._read(reads.stand_ins, after, limit)

    async def clear(self, app: str, session_id: str, *, keep_summaries: bool, now_ms: int, guard: Guard | None = None) -> Session:
        return await self._write(guard, changes.clear, app, session_id, keep_summaries, weight=WINDOW)

    async def retract(self, app: str, session_id: str, from_seq: int, now_ms: int, *, guard: Guard | None = None) -> Session:
        return await self._write(guard, changes.retract, app, session_id, from_seq, weight=WINDOW)

    # --- pins

    async def pin(
        self, app: str, session_id: str, pin: NewPin, *, most: int, most_tokens: int, guard: Guard | None = None
    ) -> Pin:
        return await self._write(guard, pins.pin, app, session_id, pin, most, most_tokens)

    async def unpin(self, app: str, session_id: str, number: int, *, guard: Guard | None = None) -> None:
        await self._write(guard, pins.unpin, app, session_id, number)

    async def pins(self, app: str, session_id: str) -> list[Pin]:
        return self._read(reads.pins, app, session_id)

    # --- state and events

    async def state(self, app: str, session_id: str, scope: Scope) -> JsonObject:
        return self._read(reads.state, app, session_id, scope)

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
        return await self._write(guard, changes.update_state, app, session_id, scope, patch, limit)

    async def record(self, app: str, session_id: str, event: Event, *, guard: Guard | None = None) -> Event:
        return await self._write(guard, changes.record, app, session_id, event)

    async def events(self, app: str, session_id: str, *, after: int, limit: int) -> list[Event]:
        return self._read(reads.events, app, session_id, after, limit)

    async def calibrations(self, app: str, limit: int) -> list[Calibration]:
        return self._read(calibrations.every, app, limit)

    # --- the inbox

    async def take_in(self, arrival: Arrival) -> bool:
        return await self._change(inbox.take_in, arrival)

    async def arrivals(self, app: str, interface_type: str) -> list[Arrival]:
        return await self._scan(inbox.waiting, app, interface_type)

    async def note_progress(self, app: str, interface_type: str, external_id: str, progress: str) -> None:
        await self._change(inbox.note_progress, app, interface_type, external_id, progress)

    async def finish(self, app: str, interface_type: str, external_ids: Sequence[str], now_ms: int) -> None:
        await self._change(inbox.finish, app, interface_type, external_ids, now_ms)

    # --- API keys

    async def add_key(self, key: ApiKey) -> None:
        await self._change(api_keys.add, key)

    async def key(self, key_id: str) -> ApiKey | None:
        return self._read(api_keys.find, key_id)

    async def keys(self, app: str | None = None) -> list[ApiKey]:
        return await self._scan(api_keys.every, app)

    async def revoke_key(self, app: str | None, key_id: str, now_ms: int) -> ApiKey | None:
        return await self._change(api_keys.revoke, app, key_id, now_ms)

    # --- leases

    async def lease(self, take: Sequence[Lease], holder: str, *, ttl_ms: int, release: Sequence[Lease] = ()) -> list[Lease]:
        return await self._change(leases.lease, take, holder, ttl_ms, release, weight=max(len(take) + len(release), 1))

    async def abandoned(self, work: str, limit: int) -> list[Lease]:
        return self._read(leases.abandoned, work, limit)

    # --- upkeep

    @property
    def waiting(self) -> int:
        return self._writer.waiting if self.opened else 0

    async def ready(self) -> None:
        self.check_usable()
        if not await asyncio.to_thread(self._in_place):  # what is written now would go with the process
            raise StoreUnavailable(f"{self.path} is no longer the file that was opened: it was moved, replaced or deleted")
        await super().ready()

    def _in_place(self) -> bool:
        try:
            return identity(self.path) == self.file
        except OSError:
            return False

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
            expired, deleted = await self._scan(reads.due, app, now_ms, retention_ms)
            return Cleaned(expired, deleted, dry_run=True)
        if guard is not None:
            asked = request(guard, "cleanup", (app, None))
            if (note := await self._change(guards.known, guard, asked, guards.cleanup, app)) is not None:
                return cleaned(note)
        expired = deleted = 0
        more = True
        while more:
            done, more = await self._change(removal.sweep, app, now_ms, retention_ms, CLEANUP_SECONDS, weight=HEAVY)
            expired, deleted = expired + done.expired, deleted + done.deleted
        if deleted:
            await self._scan(upkeep.truncate_wal)
        done = Cleaned(expired, deleted)
        return done if guard is None else await self._write(guard, guards.cleanup, app, done)

    async def active_sessions(self) -> int:
        return await self._scan(reads.active_sessions)

    async def stats(self, app: str, now_ms: int) -> StoreStats:
        return await self._scan(reads.stats, app, now_ms)

    async def check(self) -> list[str]:
        return await self._scan(upkeep.check)

    async def sizes(self) -> dict[str, int]:
        return await self._scan(upkeep.sizes, self.path)

    async def backup(self, target: Path) -> None:
        await self._scan(lambda reader: upkeep.backup(reader.db, target, self._key))

    # --- moving

    async def dump(self, kind: str, after: RowKey, limit: int) -> list[Row]:
        return await self._scan(transfer.dump, kind, after, limit)

    async def load(self, kind: str, rows: Sequence[Row], *, gone: Sequence[RowKey] = (), mark: str | None) -> None:
        await self._change(transfer.load, kind, rows, gone, mark, weight=HEAVY)

    async def mark(self) -> str | None:
        return self._read(transfer.mark)
