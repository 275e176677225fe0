"""Sessions as wholes: opening, finding, closing and removing them, and erasing a person."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from msgspec.structs import replace

from turnkeep import calibration
from turnkeep.errors import StoreError
from turnkeep.session import Erased, Message, Session, Status, Summary
from turnkeep.stores import rules
from turnkeep.stores.base import Commit, Guard, Marks, NewSession
from turnkeep.stores.memory import rows as told
from turnkeep.stores.memory.base import Base
from turnkeep.stores.memory.rows import Conversation, Rows


class Sessions(Base):
    """See `Store`."""

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
        correction = self._correction(new.app, new.tokenizer)
        rows = Rows(rules.new_session(deepcopy(new), self._next("sessions"), now_ms, before, correction))
        if last and new.carry_over == "summary":
            rows.summaries = self._carried(last, now_ms)
            rows.pins = [rules.carried_pin(pin, last.session, self._next("pins")) for pin in last.pins]
        conversation.sessions.append(rows)
        self._sessions[new.id] = rows
        session = replace(rules.pinned(rows.session, rows.pins), version=rows.session.version)
        return self._put(rows, replace(session, summary_tokens=sum(s.tokens for s in rows.summaries)), None)

    def _correction(self, app: str, tokenizer: str) -> int:
        found = [one for one in self._calibrations.values() if (one.app, one.tokenizer) == (app, tokenizer)]
        return max(found, key=lambda one: one.reported_ms).correction if found else calibration.NONE

    def _carried(self, last: Rows, now_ms: int) -> list[Summary]:
        """What opens the successor: the live summaries, but for truncations."""
        fresh = {"method": "carried", "from_seq": 0, "to_seq": 0, "duration_ms": 0.0, "created_ms": now_ms}
        return [
            replace(summary, number=self._next("summaries"), source=last.session.id, **fresh)
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
        self._keys.remove(session.number)
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
        self._erase_pins(app, inside, user, {rows.session.id for rows in own})
        for rows in self._all(app):  # oldest first, so that a predecessor comes before its successor
            mine = [m for m in rows.log if m.author_id == user] if rows in inside else []
            messages += len(mine)
            self._erase(rows, mine, tainted, user if rows in inside else None)
        return Erased(sessions=len(own), messages=messages, states=len(states))

    def _erase_pins(self, app: str, inside: Sequence[Rows], user: str, own: set[str]) -> None:
        """Those of the user's words, and those carried over from the user's sessions."""
        for rows in self._all(app):
            author = user if rows in inside else None
            kept = [pin for pin in rows.pins if pin.source not in own and (author is None or pin.author_id != author)]
            if len(kept) < len(rows.pins):
                rows.pins = kept
                self._put(rows, rules.pinned(rows.session, kept), None)

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
