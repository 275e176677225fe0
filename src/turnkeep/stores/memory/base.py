"""What every part of the memory store stands on: where the rows are, and how a change is done.

Invariant: nothing awaits inside a change, and what can be refused is refused before its first assignment, so
every call is atomic, its guard included.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias, TypeVar, cast

from turnkeep.errors import UnknownSession
from turnkeep.keys import ApiKey
from turnkeep.session import Calibration, Event, JsonObject, Message, Scope, Session, Summary
from turnkeep.stores import guards, rules
from turnkeep.stores.base import Commit, Guard, NewSession, Store
from turnkeep.stores.memory import keys
from turnkeep.stores.memory.inbox import Inbox
from turnkeep.stores.memory.keys import Keys
from turnkeep.stores.memory.leases import Leases
from turnkeep.stores.memory.rows import Conversation, Rows
from turnkeep.stores.transfer import NUMBERED

T = TypeVar("T")
Key: TypeAlias = tuple[str, str, str]  # app, interface_type, and a conversation_id or an external_user_id; or what is said


class Base(Store):
    """Everything in dicts. What it holds ends with `close()`."""

    def __init__(self) -> None:
        super().__init__()
        self._empty()

    def _empty(self) -> None:
        self._sessions: dict[str, Rows] = {}  # by id, oldest first
        self._conversations: dict[Key, Conversation] = {}
        self._user_states: dict[Key, JsonObject] = {}
        self._calibrations: dict[Key, Calibration] = {}  # by app, tokenizer and model
        self._api_keys: dict[str, ApiKey] = {}  # by id, oldest first
        self._keys = Keys()
        self._inbox = Inbox()
        self._leases = Leases()
        self._last = dict.fromkeys(NUMBERED, 0)  # numbers that were given
        self._mark: str | None = None

    def _next(self, kind: str) -> int:
        self._last[kind] += 1
        return self._last[kind]

    async def open(self) -> None:
        self.bind()

    async def close(self) -> None:
        self.unbind()
        self._empty()

    # --- finding and putting

    def _all(self, app: str | None) -> list[Rows]:
        self.check_usable()
        return [rows for rows in self._sessions.values() if app is None or rows.session.app == app]

    def _rows(self, app: str, session_id: str) -> Rows:
        self.check_usable()
        rows = self._sessions.get(session_id)
        if rows is None or rows.session.app != app:
            raise UnknownSession(session_id)
        return rows

    def _by_number(self) -> dict[int, Rows]:
        return {rows.session.number: rows for rows in self._sessions.values()}

    def _conversation(self, of: Session | NewSession) -> Conversation:
        key = of.app, of.interface_type, of.conversation_id
        return self._conversations.setdefault(key, Conversation())

    def _put(
        self,
        rows: Rows,
        after: Session,
        messages: tuple[Message, ...] | None,
        summaries: tuple[Summary, ...] | None = None,
        event: Event | None = None,
    ) -> Session:
        """The end of a change: the session's new row, and the news of it."""
        rows.session = after
        self.publish(Commit(after.id, after, messages, summaries, event=event))
        return after

    def _state(self, rows: Rows, scope: Scope) -> JsonObject:
        return rows.state if scope == "session" else self._user_states.get(rules.owner(rows.session), {})

    # --- guards

    def _write(self, guard: Guard | None, change: Callable[..., T], *args: Any) -> T:
        """`change(*args)`, as `Guard` has it."""
        self.check_usable()
        if guard is None:
            return change(*args)
        name = change.__name__.removeprefix("_")
        app, asked = guards.app_of(name, args), guards.request(guard, name, args)
        note = self._keys.find(app, guard, asked)
        if note is not None:
            return cast(T, keys.again(name, note, self._by_number(), lambda rows: deepcopy(self._state(rows, args[2]))))
        if guards.expects_version(guard, name):
            guards.check_version(guard, self._rows(app, args[1]).session)
        result = change(*args)
        note_of = keys.noted(name, result, args, self._place, lambda session_id: self._sessions[session_id].session.number)
        self._keys.keep(app, guard, asked, *note_of)
        return result

    def _place(self, session: Session, message: Message) -> tuple[int, int]:
        """Where a message lies: perhaps in a predecessor's log."""
        if message.external_id is None:
            return session.number, message.seq
        rows, seq = self._conversation(session).externals[message.external_id]
        return rows.session.number, seq
