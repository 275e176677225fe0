"""What a change works with: the connection inside a transaction, and the sessions it has seen.

Invariants: rows that appends have left are written before anything else is read or written; a change raises `TurnkeepError` only
before its first write (so that it needs no savepoint); `heads` are the rows of the file with all that is ahead of it (see `ahead`;
nothing is while a transaction is open). `PRAGMA data_version` proves them at each begin, since it changes when, and only when,
another connection has written.
"""

from __future__ import annotations

import contextlib
from typing import Any, cast

import apsw
from msgspec.structs import replace

from turnkeep.errors import UnknownSession
from turnkeep.session import Event, Message, Session, Summary, Window
from turnkeep.stores import rows
from turnkeep.stores.base import Commit
from turnkeep.stores.sqlite import statements
from turnkeep.stores.sqlite.connection import Patience

MAX_HEADS = 4096
CHECKPOINT_PAGES = (
    1000  # a longer WAL costs more than it saves: what grows the file is slower on the disk than what overwrites it
)
LONG_WAL_PAGES = 2 * CHECKPOINT_PAGES
RESTART_SECONDS = 0.1


class Transaction:
    """One for the life of the writing connection; a batch of changes uses it between `begin` and `commit`."""

    def __init__(self, db: apsw.Connection) -> None:
        self.db = db
        self.counters: dict[str, int] = {}
        self.heads: dict[str, Session] = {}
        self._commits: list[Commit] = []
        self._new_messages: list[rows.Row] = []
        self._new_calls: list[rows.Row] = []
        self._new_heads: dict[int, Session] = {}
        self.foreign = False  # whether another process has written since the transaction before
        self._data_version = -1
        self._checkpointed = 0

    # --- the writer's side

    def begin(self) -> None:
        # Every statement is read to its end, also one without rows: apsw remembers each cursor that was not, and looks through all of
        # them whenever one is closed, so that a store would become slower with every commit.
        self.db.execute("BEGIN IMMEDIATE").fetchall()
        data_version: Any = self.db.execute("PRAGMA data_version").fetchall()[0][0]
        self.foreign = data_version != self._data_version
        if self.foreign:
            self._data_version = data_version
            self.forget()

    def commit(self) -> None:
        self.db.execute("COMMIT").fetchall()

    def checkpoint_due(self) -> bool:
        """Whether the WAL has grown by a few megabytes since the last checkpoint."""
        return self._written() - self._checkpointed >= CHECKPOINT_PAGES

    def checkpoint(self, patience: Patience) -> None:
        """Copy the WAL's pages to the file, so that it can begin anew; readers are not disturbed. While one reader follows the other it
        cannot, and grows: a long one waits until those are gone that read from it, new ones then do not."""
        with contextlib.suppress(apsw.Error):  # what is committed is safe in the WAL; the next one tries again
            pages: Any = self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()[0][1]
            if pages > LONG_WAL_PAGES:
                with patience.of(RESTART_SECONDS):
                    self.db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        self._checkpointed = self._written()

    def _written(self) -> int:
        return self.db.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]

    def flush(self) -> None:
        """Write what appends have left: many rows by one statement take half the time."""
        if self._new_messages:
            self.db.executemany(statements.INSERT_MESSAGE, self._new_messages)
            self.db.executemany(statements.APPEND_TO_SESSION, [statements.append_row(head) for head in self._new_heads.values()])
            self._new_messages.clear()
            self._new_heads.clear()
        if self._new_calls:
            self.db.executemany("INSERT INTO calls VALUES (?,?,?)", self._new_calls)
            self._new_calls.clear()

    def rollback(self) -> None:
        self.forget()
        for waiting in (self._commits, self._new_messages, self._new_calls, self._new_heads):
            waiting.clear()
        if self.db.in_transaction:
            self.db.execute("ROLLBACK").fetchall()

    def take_commits(self) -> list[Commit] | None:
        """What the last change has to tell."""
        if not self._commits:
            return None
        commits, self._commits = self._commits, []
        return commits

    def forget(self) -> None:
        self.heads.clear()
        self.counters.clear()

    # --- the changes' side

    def query(self, sql: str, *bindings: Any) -> list[Any]:
        if self._new_messages:
            self.flush()
        return cast(list[Any], self.db.execute(sql, bindings).fetchall())

    def session(self, app: str, session_id: str) -> Session:
        head = self.heads.get(session_id)
        if head is None:
            found = self.query(f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE id = ?", session_id)
            if not found:
                raise UnknownSession(session_id)
            head = self.remember(rows.session(found[0]))
        if head.app != app:
            raise UnknownSession(session_id)
        return head

    def remember(self, session: Session) -> Session:
        heads = self.heads
        if session.id not in heads and len(heads) >= MAX_HEADS:
            del heads[next(iter(heads))]
        heads[session.id] = session
        return session

    def insert(self, session: Session, sweep_ms: int | None) -> Session:
        """Store a new session under the next number, which the caller cannot know."""
        row = rows.session_row(session)
        row[rows.NUMBER] = None
        self.db.execute(statements.INSERT_SESSION, (*row, sweep_ms))
        number = self.db.last_insert_rowid()
        if session.root == 0:
            self.db.execute("UPDATE sessions SET root = ? WHERE number = ?", (number, number))
        return self.remember(replace(session, number=number, root=session.root or number))

    def opened(self, session: Session, window: Window | None) -> None:
        """A new session is complete; its `window`, if there is nothing more to read of it."""
        self._commits.append(Commit(session.id, session, (), None, window))

    def add(self, session: Session, message: Message) -> None:
        """A message's row, and one for each call in it; written at the next `flush`."""
        counter = self.counters.get(message.counter) or self.counter(message.counter)
        self._new_messages.append(rows.message_row(message, session.number, counter))
        if message.tool_calls:
            calls = {call["id"] for call in message.tool_calls}
            self._new_calls += [(session.number, call, message.seq) for call in calls]

    def appended(self, session: Session, messages: tuple[Message, ...]) -> None:
        self._new_heads[session.number] = session
        self.heads[session.id] = session
        self._commits.append(Commit(session.id, session, messages))

    def save(
        self,
        session: Session,
        *,
        reread: bool = True,
        summaries: tuple[Summary, ...] | None = None,
        event: Event | None = None,
    ) -> Session:
        """Store the session as it is now. Its window has changed by more than its own figures if it must be `reread`, or, when
        messages were covered, has these live `summaries`. `event`: that was recorded."""
        self.flush()
        self.db.execute(statements.UPDATE_SESSION, rows.changing_row(session))
        before = self.heads.get(session.id)
        if session.status != "active" and (before is None or before.status != session.status):
            self.db.execute(statements.CLOSE_SESSION, (session.status, session.closed_ms, session.closed_ms, session.number))
        messages = None if reread and summaries is None else ()
        self._commits.append(Commit(session.id, session, messages, summaries, event=event))
        return self.remember(session)

    def gone(self, session_id: str) -> None:
        self.heads.pop(session_id, None)
        self._commits.append(Commit(session_id, None, None))

    def counter(self, name: str) -> int:
        number = self.counters.get(name)
        if number is None:
            self.db.execute("INSERT OR IGNORE INTO counters (name) VALUES (?)", (name,))
            number = self.counters[name] = self.query("SELECT number FROM counters WHERE name = ?", name)[0][0]
        return number
