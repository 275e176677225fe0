"""What a change works with: a connection inside a transaction, and the sessions that it has locked.

Invariants: a session is read under its row's lock, so that what was judged of it holds until the commit; several are locked in the
order of their numbers. A change that raises has done nothing: its transaction is rolled back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from msgspec.structs import replace

from turnkeep.errors import UnknownSession
from turnkeep.session import Event, Message, Session, Summary, Window
from turnkeep.stores import rows
from turnkeep.stores.base import Commit
from turnkeep.stores.postgres import statements

_LOCK = f"SELECT {rows.SESSION_COLUMNS} FROM sessions WHERE id = ANY ($1) ORDER BY number FOR UPDATE"


class Transaction:
    """One for each change. `counters` are the numbers of token counters, all that the change needs."""

    def __init__(self, db: Any, counters: dict[str, int], names: dict[int, str]) -> None:
        self.db, self.counters, self.names = db, counters, names
        self.commits: list[Commit] = []
        self._heads: dict[str, Session] = {}

    async def query(self, sql: str, *bindings: Any) -> list[Any]:
        return cast(list[Any], await self.db.fetch(sql, *bindings))

    async def execute(self, sql: str, *bindings: Any) -> int:
        """How many rows it was about."""
        tag: str = await self.db.execute(sql, *bindings)
        return int(tag.rpartition(" ")[2])

    async def many(self, sql: str, bindings: Sequence[rows.Row]) -> None:
        """The statement for each of these, in one round trip."""
        if bindings:
            await self.db.executemany(sql, bindings)

    async def alone(self, *names: object) -> None:
        """Nobody else is here, under these names, until the commit: for what has no row yet that could be locked."""
        await self.db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "\x1f".join(map(str, names)))

    # --- sessions

    async def session(self, app: str, session_id: str) -> Session:
        head = self._heads.get(session_id)
        if head is None:
            await self.lock([session_id])
            head = self._heads.get(session_id)
        if head is None or head.app != app:
            raise UnknownSession(session_id)
        return head

    async def lock(self, session_ids: Sequence[str]) -> list[Session]:
        """Those of them that are there."""
        found = [rows.session(row) for row in await self.query(_LOCK, session_ids)]
        self._heads |= {session.id: session for session in found if session.id not in self._heads}
        return [self._heads[session.id] for session in found]

    def seen(self, row: Any) -> Session:
        """A session that was read under its lock."""
        session = rows.session(row)
        return self._heads.setdefault(session.id, session)

    async def insert(self, session: Session, sweep_ms: int | None) -> Session:
        """Store a new session under the next number, which the caller cannot know."""
        number = await self.db.fetchval("SELECT nextval('session_numbers')")
        session = replace(session, number=number, root=session.root or number)
        await self.execute(statements.INSERT_SESSION, *rows.session_row(session), sweep_ms)
        self._heads[session.id] = session
        return session

    def opened(self, session: Session, window: Window | None) -> None:
        """A new session is complete; its `window`, if there is nothing more to read of it."""
        self.commits.append(Commit(session.id, session, (), None, window))

    async def save(
        self,
        session: Session,
        *,
        reread: bool = True,
        summaries: tuple[Summary, ...] | None = None,
        event: Event | None = None,
    ) -> Session:
        """Store the session as it is now. Its window has changed by more than its own figures if it must be `reread`, or, when
        messages were covered, has these live `summaries`. `event`: that was recorded."""
        await self.execute(statements.UPDATE_SESSION, *rows.changing_row(session))
        before = self._heads.get(session.id)
        if session.status != "active" and (before is None or before.status != session.status):
            await self.execute(statements.CLOSE_SESSION, session.status, session.closed_ms, session.number)
        messages = None if reread and summaries is None else ()
        self.commits.append(Commit(session.id, session, messages, summaries, event=event))
        self._heads[session.id] = session
        return session

    async def append(self, session: Session, messages: tuple[Message, ...]) -> None:
        """Rows at the end of a log, and the session after them."""
        number = session.number
        await self.many(statements.INSERT_MESSAGE, [rows.message_row(m, number, self.counters[m.counter]) for m in messages])
        calls = [(number, call, m.seq) for m in messages if m.tool_calls for call in {one["id"] for one in m.tool_calls}]
        await self.many("INSERT INTO calls (log, call_id, seq) VALUES ($1, $2, $3)", calls)
        named = [(session.root, m.external_id, rows.key(number, m.seq)) for m in messages if m.external_id is not None]
        await self.many("INSERT INTO external_ids (root, external_id, message) VALUES ($1, $2, $3)", sorted(named))
        await self.execute(statements.UPDATE_SESSION, *rows.changing_row(session))
        self.commits.append(Commit(session.id, session, messages))
        self._heads[session.id] = session

    def gone(self, session_id: str) -> None:
        self._heads.pop(session_id, None)
        self.commits.append(Commit(session_id, None, None))

    async def messages(self, found: Sequence[Any]) -> list[Message]:
        if any(row[4] not in self.names for row in found):  # a counter that came after the last look
            self.names |= dict(await self.query("SELECT number, name FROM counters"))
        return [rows.message(row, self.names) for row in found]
