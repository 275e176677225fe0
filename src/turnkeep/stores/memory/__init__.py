"""A store in this process's memory: for tests, and for bots whose conversations may end with them.

Invariant: nothing awaits inside a change, and what can be refused is refused before its first assignment, so
every call is atomic, its guard included. JSON from a caller is copied before it is kept, states also before they are handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import msgspec
from msgspec.structs import asdict, replace

from turnkeep.errors import StoreError, UnknownSession
from turnkeep.keys import ApiKey
from turnkeep.session import (
    Appended,
    Arrival,
    Cleaned,
    Erased,
    Event,
    JsonObject,
    Message,
    NewMessage,
    NewSummary,
    Scope,
    Session,
    Status,
    StoreStats,
    Summary,
    Window,
)
from turnkeep.stores import guards, rules
from turnkeep.stores.base import Commit, Guard, Marks, NewSession, Store
from turnkeep.stores.memory import keys
from turnkeep.stores.memory import rows as told
from turnkeep.stores.memory.inbox import Inbox
from turnkeep.stores.memory.keys import Keys
from turnkeep.stores.memory.rows import Conversation, Rows

T = TypeVar("T")
Key: TypeAlias = tuple[str, str, str]  # app, interface_type, and a conversation_id or an external_user_id


class MemoryStore(Store):
    """Everything in dicts. What it holds ends with `close()`."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)
        self._empty()

    def _empty(self) -> None:
        self._sessions: dict[str, Rows] = {}  # by id, oldest first
        self._conversations: dict[Key, Conversation] = {}
        self._user_states: dict[Key, JsonObject] = {}
        self._api_keys: dict[str, ApiKey] = {}  # by id, oldest first
        self._keys = Keys()
        self._inbox = Inbox()

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

    def _conversation(self, of: Session | NewSession) -> Conversation:
        key = of.app, of.interface_type, of.conversation_id
        return self._conversations.setdefault(key, Conversation())

    def _put(
        self,
        rows: Rows,
        after: Session,
        messages: tuple[Message, ...] | None,
        summaries: tuple[Summary, ...] | None = None,
    ) -> Session:
        """The end of a change: the session's new row, and the news of it."""
        rows.session = after
        self.publish(Commit(after.id, after, messages, summaries))
        return after

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
            return cast(T, keys.again(name, note, self._sessions, lambda rows: deepcopy(self._state(rows, args[2]))))
        if guards.expects_version(guard, name):
            guards.check_version(guard, self._rows(app, args[1]).session)
        result = change(*args)
        self._keys.keep(app, guard, asked, *keys.noted(name, result, args, self._place))
        return result

    def _place(self, session: Session, message: Message) -> tuple[str, int]:
        """Where a message lies: perhaps in a predecessor's log."""
        if message.external_id is None:
            return session.id, message.seq
        rows, seq = self._conversation(session).externals[message.external_id]
        return rows.session.id, seq

    # --- sessions

    async def open_session(self, new: NewSession, now_ms: int, *, guard: Guard | None = None) -> tuple[Session, bool]:
        return self._write(guard, self._open_session, new, now_ms)

    def _open_session(self, new: NewSession, now_ms: int) -> tuple[Session, bool]:
        conversation = self._conversation(new)
        last = conversation.sessions[-1] if conversation.sessions else None
        if last and last.session.status_at(now_ms) == "active":
            return last.session, False
        if new.id in self._sessions:
            raise StoreError("id: there is a session of this id already")
        if last and last.session.status == "active":
            self._put(last, rules.close(last.session, "expired", now_ms), ())
        return self._add(new, conversation, last, now_ms), True

    def _add(self, new: NewSession, conversation: Conversation, last: Rows | None, now_ms: int) -> Session:
        before = last.session if last else None
        rows = Rows(rules.new_session(deepcopy(new), next(self._numbers), now_ms, before))
        if last and new.carry_over == "summary":
            rows.summaries = self._carried(last, now_ms)
        conversation.sessions.append(rows)
        self._sessions[new.id] = rows
        return self._put(rows, replace(rows.session, summary_tokens=sum(s.tokens for s in rows.summaries)), None)

    def _carried(self, last: Rows, now_ms: int) -> list[Summary]:
        """What opens the successor: the live summaries, but for truncations."""
        fresh = {"method": "carried", "from_seq": 0, "to_seq": 0, "duration_ms": 0.0, "created_ms": now_ms}
        return [
            replace(summary, number=next(self._numbers), source=last.session.id, **fresh)
            for summary in last.live()
            if summary.method != "truncation"
        ]

    async def session(self, app: str, session_id: str) -> Session:
        return self._rows(app, session_id).session

    async def version(self, app: str, session_id: str) -> int:
        return self._rows(app, session_id).session.version

    async def marks(self, app: str, session_id: str) -> Marks:
        rows = self._rows(app, session_id)
        return Marks(rows.session, *(kind[-1].number if kind else 0 for kind in (rows.events, rows.summaries)))

    async def find(self, app: str, conversation_id: str, interface_type: str | None, now_ms: int) -> Session | None:
        sessions = (rows.session for rows in reversed(self._all(app)))
        return next(
            (
                session
                for session in sessions
                if session.conversation_id == conversation_id
                and interface_type in (None, session.interface_type)
                and session.status_at(now_ms) == "active"
            ),
            None,
        )

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
        end = None if before is None else self._rows(app, before).session.number
        found = [
            session
            for session in (rows.session for rows in reversed(self._all(app)))
            if (end is None or session.number < end)
            and status in (None, session.status_at(now_ms))
            and interface_type in (None, session.interface_type)
            and user in (None, session.external_user_id)
            and conversation_id in (None, session.conversation_id)
        ]
        return found[:limit]

    async def deactivate(self, app: str, session_id: str, now_ms: int, *, guard: Guard | None = None) -> Session:
        return self._write(guard, self._deactivate, app, session_id, now_ms)

    def _deactivate(self, app: str, session_id: str, now_ms: int) -> Session:
        rows = self._rows(app, session_id)
        session, status = rows.session, rows.session.status_at(now_ms)
        if session.status != "active":
            return session
        return self._put(rows, rules.close(session, "inactive" if status == "active" else status, now_ms), ())

    async def delete(self, app: str, session_id: str, *, guard: Guard | None = None) -> None:
        self._write(guard, self._delete, app, session_id)

    def _delete(self, app: str, session_id: str) -> None:
        rows = self._rows(app, session_id)
        self._remove(rows)
        self._inbox.remove(rows.session)

    def _remove(self, rows: Rows) -> None:
        session = rows.session
        conversation = self._conversation(session)
        conversation.sessions = [other for other in conversation.sessions if other is not rows]
        self._free(session, rows.log)
        if not conversation.sessions:
            del self._conversations[session.app, session.interface_type, session.conversation_id]
        del self._sessions[session.id]
        self._keys.remove(session.id)
        self.publish(Commit(session.id, None, None))

    def _free(self, session: Session, log: Sequence[Message]) -> None:
        """Let the external ids of these messages be taken again."""
        externals = self._conversation(session).externals
        for message in log:
            if message.external_id is not None:
                del externals[message.external_id]

    # --- erasure

    async def erase_user(
        self, app: str, user: str, interface_type: str | None, now_ms: int, *, guard: Guard | None = None
    ) -> Erased:
        return self._write(guard, self._erase_user, app, user, interface_type, now_ms)

    def _erase_user(self, app: str, user: str, interface_type: str | None, now_ms: int) -> Erased:
        inside = [r for r in self._all(app) if interface_type in (None, r.session.interface_type)]
        own = [rows for rows in inside if rows.session.external_user_id == user]
        states = [k for k in self._user_states if k[0] == app and k[2] == user and interface_type in (None, k[1])]
        messages = sum(rows.session.seq for rows in own)
        tainted: dict[str, str | None] = {rows.session.id: None for rows in own}  # and of whom, if not of whomever
        for rows in own:
            self._remove(rows)
        for key in states:
            del self._user_states[key]
        self._inbox.erase(app, user, interface_type)
        if interface_type is None:
            kept = [k for k in self._api_keys.values() if (k.app, k.external_user_id) != (app, user)]
            self._api_keys = {k.id: k for k in kept}
        for rows in self._all(app):  # oldest first, so that a predecessor comes before its successor
            mine = [m for m in rows.log if m.author_id == user] if rows in inside else []
            messages += len(mine)
            self._erase(rows, mine, tainted, user if rows in inside else None)
        return Erased(sessions=len(own), messages=messages, states=len(states))

    def _erase(self, rows: Rows, mine: Sequence[Message], tainted: dict[str, str | None], user: str | None) -> None:
        """Empty these messages; drop summaries that tell of them or of the user, or were carried over from a tainted session."""
        before, seqs = rows.session.predecessor, [message.seq for message in mine]
        dropped = [
            one
            for one in rows.summaries
            if (before in tainted and rules.may_tell_of(one, tainted[before]))
            or (one.from_seq == 0 and user is not None and user in (one.authors or ()))
            or any(one.from_seq <= seq <= one.to_seq for seq in seqs)
        ]
        if dropped or mine:
            tainted[rows.session.id] = tainted.get(before, user) if before is not None else user
        if mine or dropped:
            self._bury(rows, mine, dropped)

    def _bury(self, rows: Rows, mine: Sequence[Message], dropped: Sequence[Summary]) -> None:
        self._free(rows.session, mine)
        for message in mine:
            rows.log[message.seq - 1] = told.tombstone(message)
        rows.calls = told.call_ids(rows.log)
        rows.summaries = told.without(rows.summaries, dropped)
        before = rows.session
        after = replace(
            before,
            tokens=before.tokens - sum(m.tokens for m in mine),
            tokens_out=before.tokens_out - sum(m.tokens for m in mine if m.role == "assistant"),
            tool_calls=before.tool_calls - sum(len(m.tool_calls or ()) for m in mine),
        )
        self._put(rows, told.moved(rows, after), None)

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
        return self._write(guard, self._append, app, session_id, messages, now_ms, expected_seq, fixed_tokens)

    def _append(
        self,
        app: str,
        session_id: str,
        messages: Sequence[NewMessage],
        now_ms: int,
        expected_seq: int | None,
        fixed_tokens: int | None,
    ) -> Appended:
        rows = self._rows(app, session_id)
        answer, fresh = self._sorted(rows.session, messages)
        if not fresh:
            return Appended(rows.session, answer, 0)
        rules.check_expected(rows.session, expected_seq)
        rules.check_open(rows.session, fresh, now_ms)
        told.check_results(rows.calls, fresh)
        self._extend(rows, fresh)
        after = self._put(rows, rules.append(rows.session, fresh, now_ms, fixed_tokens), fresh)
        return Appended(after, answer, len(fresh))

    def _sorted(self, session: Session, messages: Sequence[NewMessage]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        """The rows to answer with, and those of them that are new."""
        told.check_once(messages)
        conversation = self._conversation(session)
        answer: list[Message] = []
        fresh: list[Message] = []
        for message in messages:
            if known := conversation.known(message.external_id):
                answer.append(rules.check_same(known, message))
            else:
                fresh.append(rules.at_seq(told.unshared(message), session.seq + len(fresh) + 1))
                answer.append(fresh[-1])
        return tuple(answer), tuple(fresh)

    def _extend(self, rows: Rows, fresh: Sequence[Message]) -> None:
        externals = self._conversation(rows.session).externals
        rows.log.extend(fresh)
        rows.calls |= told.call_ids(fresh)
        externals.update({m.external_id: (rows, m.seq) for m in fresh if m.external_id is not None})

    async def messages(self, app: str, session_id: str, *, after: int, limit: int) -> list[Message]:
        return self._rows(app, session_id).log[after : after + limit]

    async def find_message(self, app: str, session_id: str, external_id: str) -> Message | None:
        return self._conversation(self._rows(app, session_id).session).known(external_id)

    async def window(self, app: str, session_id: str, *, tokens: int | None = None, messages: int | None = None) -> Window:
        rows = self._rows(app, session_id)
        visible = rows.visible()
        earlier = told.newest(visible, tokens, messages)
        return Window(
            rows.session,
            tuple(rows.log[: rows.session.prompt_seq]),
            rows.shown(),
            tuple(visible[earlier:]),
            earlier,
            sum(message.tokens for message in visible[:earlier]),
            {} if rows.session.external_user_id is None else deepcopy(self._state(rows, "user")),
            deepcopy(rows.state),
        )

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
        rows = self._rows(app, session_id)
        replaced = rules.check_summary(rows.session, summary, generation, rows.live(), replaces)
        after = rules.summarize(rows.session, summary, replaced, rows.visible(summary.to_seq))
        rows.retire(*(old.number for old in replaced))
        rows.summaries.append(Summary(**asdict(summary), number=next(self._numbers), created_ms=now_ms))
        return self._put(rows, after, (), rows.shown())

    async def summaries(self, app: str, session_id: str, *, after: int = 0, limit: int | None = None) -> list[Summary]:
        return [summary for summary in self._rows(app, session_id).summaries if summary.number > after][:limit]

    async def clear(self, app: str, session_id: str, *, keep_summaries: bool, now_ms: int, guard: Guard | None = None) -> Session:
        return self._write(guard, self._clear, app, session_id, keep_summaries)

    def _clear(self, app: str, session_id: str, keep_summaries: bool) -> Session:
        rows = self._rows(app, session_id)
        if not keep_summaries:
            rows.retire(*(summary.number for summary in rows.summaries))
        return self._put(rows, rules.clear(rows.session, keep_summaries), None)

    async def retract(self, app: str, session_id: str, from_seq: int, now_ms: int, *, guard: Guard | None = None) -> Session:
        return self._write(guard, self._retract, app, session_id, from_seq)

    def _retract(self, app: str, session_id: str, from_seq: int) -> Session:
        rows = self._rows(app, session_id)
        rules.check_retract(rows.session, from_seq)
        rows.retire(*(summary.number for summary in rows.live() if summary.to_seq >= from_seq))
        hidden = rules.retract(rows.session, from_seq)
        return self._put(rows, told.moved(rows, replace(rows.session, retracted=hidden)), None)

    # --- state

    def _state(self, rows: Rows, scope: Scope) -> JsonObject:
        return rows.state if scope == "session" else self._user_states.get(rules.owner(rows.session), {})

    async def state(self, app: str, session_id: str, scope: Scope) -> JsonObject:
        return deepcopy(self._state(self._rows(app, session_id), scope))

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
        return self._write(guard, self._update_state, app, session_id, scope, patch, limit)

    def _update_state(self, app: str, session_id: str, scope: Scope, patch: JsonObject, limit: int) -> JsonObject:
        rows = self._rows(app, session_id)
        state: JsonObject = deepcopy(rules.merge_patch(self._state(rows, scope), patch))
        rules.check_state(msgspec.json.encode(state).decode(), limit)
        touched = [rows]
        if scope == "session":
            rows.state = state
        else:
            owner = rules.owner(rows.session)
            self._user_states[owner] = state
            touched = [r for r in self._all(app) if _owned(r.session, owner) and (r.session.status == "active" or r is rows)]
        for one in touched:
            self._put(one, replace(one.session, version=one.session.version + 1), None)
        return deepcopy(state)

    # --- events

    async def record(self, app: str, session_id: str, event: Event, *, guard: Guard | None = None) -> Event:
        return self._write(guard, self._record, app, session_id, event)

    def _record(self, app: str, session_id: str, event: Event) -> Event:
        rows = self._rows(app, session_id)
        known = event.kind == "tool_call" and event.tool_call_id in rows.calls
        row = replace(event, number=next(self._numbers), data=deepcopy(event.data))
        rows.events.append(row)
        if known:
            rows.uncounted.add(row.number)
        self._put(rows, rules.record(rows.session, row, known), ())
        return row

    async def events(self, app: str, session_id: str, *, after: int, limit: int) -> list[Event]:
        return [event for event in self._rows(app, session_id).events if event.number > after][:limit]

    # --- API keys

    async def add_key(self, key: ApiKey) -> None:
        self.check_usable()
        if key.id in self._api_keys:
            raise StoreError("id: there is a key of this id already")
        self._api_keys[key.id] = key

    async def key(self, key_id: str) -> ApiKey | None:
        self.check_usable()
        return self._api_keys.get(key_id)

    async def keys(self, app: str | None = None) -> list[ApiKey]:
        self.check_usable()
        found = [key for key in self._api_keys.values() if app in (None, key.app)]
        return sorted(found, key=lambda key: (key.created_ms, key.id))

    async def revoke_key(self, app: str | None, key_id: str, now_ms: int) -> ApiKey | None:
        key = await self.key(key_id)
        if key is None or app not in (None, key.app):
            return None
        if key.revoked_ms is None:
            key = self._api_keys[key_id] = replace(key, revoked_ms=now_ms)
        return key

    # --- the inbox

    async def take_in(self, arrival: Arrival) -> bool:
        self.check_usable()
        return self._inbox.take_in(arrival)

    async def arrivals(self, app: str, interface_type: str) -> list[Arrival]:
        self.check_usable()
        return self._inbox.waiting(app, interface_type)

    async def note_progress(self, app: str, interface_type: str, external_id: str, progress: str) -> None:
        self.check_usable()
        self._inbox.change(app, interface_type, external_id, progress=progress)

    async def finish(self, app: str, interface_type: str, external_ids: Sequence[str], now_ms: int) -> None:
        self.check_usable()
        for external_id in external_ids:
            self._inbox.change(app, interface_type, external_id, payload="", progress="", done_ms=now_ms)

    # --- upkeep

    async def cleanup(
        self,
        app: str | None,
        *,
        now_ms: int,
        retention_ms: int,
        dry_run: bool = False,
        guard: Guard | None = None,
    ) -> Cleaned:
        return self._write(None if dry_run else guard, self._cleanup, app, now_ms, retention_ms, dry_run)

    def _cleanup(self, app: str | None, now_ms: int, retention_ms: int, dry_run: bool) -> Cleaned:
        every = [(rows, rows.session) for rows in self._all(app)]
        late = [rows for rows, s in every if s.status == "active" and s.status_at(now_ms) == "expired"]
        old = [rows for rows, s in every if s.closed_ms is not None and now_ms - s.closed_ms > retention_ms]
        if not dry_run:
            for rows in late:
                self._put(rows, rules.close(rows.session, "expired", now_ms), ())
            for rows in old:
                self._remove(rows)
            self._keys.forget(app, now_ms)
            self._inbox.forget(app, now_ms)
        return Cleaned(expired=len(late), deleted=len(old), dry_run=dry_run)

    async def active_sessions(self) -> int:
        return sum(rows.session.status == "active" for rows in self._all(None))

    async def stats(self, app: str, now_ms: int) -> StoreStats:
        sessions = [rows.session for rows in self._all(app)]
        kinds = sorted({session.interface_type for session in sessions})
        total = told.figures(sessions, now_ms)
        return StoreStats(
            total_sessions=total.sessions,
            active_sessions=total.active,
            total_messages=total.messages,
            total_tokens=total.tokens,
            tool_calls=sum(session.tool_calls for session in sessions),
            errors=sum(session.errors for session in sessions),
            by_interface={kind: told.figures([s for s in sessions if s.interface_type == kind], now_ms) for kind in kinds},
        )

    async def check(self) -> list[str]:
        sessions = [f"session {r.session.id}: {line}" for r in self._all(None) for line in told.unsound(r)]
        return sessions + [f"conversation {key}: {line}" for key, one in self._conversations.items() for line in one.unsound()]

    async def sizes(self) -> dict[str, int]:
        every = self._all(None)
        return {
            "sessions": len(every),
            "messages": sum(len(rows.log) for rows in every),
            "summaries": sum(len(rows.summaries) for rows in every),
            "events": sum(len(rows.events) for rows in every),
            "states": len(self._user_states) + sum(bool(rows.state) for rows in every),
            "api_keys": len(self._api_keys),
            "idempotency_keys": len(self._keys.notes),
            "inbox": len(self._inbox.rows),
        }

    async def backup(self, target: Path) -> None:
        raise StoreError("backup: a memory store has no file to copy; open a sqlite:/// store to have backups")


def _owned(session: Session, owner: Key) -> bool:
    return (session.app, session.interface_type, session.external_user_id) == owner
