"""Rows as they are, out of the dicts and into them.

Invariant: a load that is refused has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import islice
from typing import Any

from turnkeep.errors import MigrationDiffers, StoreCorrupt
from turnkeep.keys import ApiKey
from turnkeep.session import Calibration, Session
from turnkeep.stores.memory import inbox
from turnkeep.stores.memory import rows as told
from turnkeep.stores.memory.rows import Rows
from turnkeep.stores.memory.sessions import Sessions
from turnkeep.stores.transfer import (
    KINDS,
    ArrivalRow,
    EventRow,
    Key,
    MessageRow,
    NoteRow,
    NumberRow,
    PinRow,
    Row,
    StateRow,
    SummaryRow,
    UserStateRow,
)


class Transfer(Sessions):
    """See `Store`. What is handed over is copied as callers' values are."""

    async def dump(self, kind: str, after: Key, limit: int) -> list[Row]:
        self.check_usable()
        key = KINDS[kind].key
        found = sorted((row for row in self._kept(kind) if key(row) > after), key=key)
        return deepcopy(list(islice(found, limit)))

    async def load(self, kind: str, rows: Sequence[Row], *, gone: Sequence[Key] = (), mark: str | None) -> None:
        self.check_usable()
        if kind == "sessions":
            self._check_sessions(rows, {key[0] for key in gone})
        elif kind in ("messages", "summaries", "pins", "session_states", "events"):
            self._check_owners(rows)
        for key in reversed(gone):
            getattr(self, f"_drop_{kind}")(key)
        put: Callable[[Any], None] = getattr(self, f"_put_{kind}")
        for row in deepcopy(list(rows)):
            put(row)
        self._mark = mark

    async def mark(self) -> str | None:
        self.check_usable()
        return self._mark

    def _kept(self, kind: str) -> Iterator[Row]:
        match kind:
            case "user_states":
                yield from (UserStateRow(*owner, state) for owner, state in self._user_states.items() if state)
            case "calibrations":
                yield from self._calibrations.values()
            case "api_keys":
                yield from self._api_keys.values()
            case "idempotency_keys":
                yield from self._keys.notes.values()
            case "inbox":
                yield from self._inbox.rows.values()
            case "numbers":
                yield from (NumberRow(name, last) for name, last in self._last.items() if last)
            case _:
                for rows in self._sessions.values():
                    yield from _of_session(kind, rows.session.number, rows)

    # --- what is refused

    def _check_sessions(self, rows: Sequence[Any], gone: set[Any]) -> None:
        """Ids are unique, and so is the active session of a conversation."""
        after = {number: one.session for number, one in self._by_number().items() if number not in gone}
        after |= {session.number: session for session in rows}
        active = [(s.app, s.interface_type, s.conversation_id) for s in after.values() if s.status == "active"]
        if len({s.id for s in after.values()}) < len(after) or len(set(active)) < len(active):
            raise MigrationDiffers

    def _check_owners(self, rows: Sequence[Any]) -> None:
        known = self._by_number()
        if not all(row.session in known for row in rows):
            raise StoreCorrupt("a row is of a session that is not there")

    # --- rows in

    def _of(self, number: int) -> Rows:
        return self._by_number()[number]

    def _put_sessions(self, session: Session) -> None:
        rows = self._by_number().get(session.number)
        if rows is not None:
            rows.session = session
        else:
            rows = self._sessions[session.id] = Rows(session)
            self._conversation(session).sessions.append(rows)
            self._conversation(session).sessions.sort(key=lambda one: one.session.number)
            self._sessions = dict(sorted(self._sessions.items(), key=lambda item: item[1].session.number))
        self._last["sessions"] = max(self._last["sessions"], session.number)

    def _put_messages(self, row: MessageRow) -> None:
        rows, message = self._of(row.session), row.message
        if message.seq <= len(rows.log):
            self._free(rows.session, [rows.log[message.seq - 1]])
            rows.log[message.seq - 1] = message
            rows.calls = told.call_ids(rows.log)
        else:
            rows.log.append(message)
            rows.calls |= told.call_ids([message])
        if message.external_id is not None:
            self._conversation(rows.session).externals[message.external_id] = rows, message.seq

    def _put_summaries(self, row: SummaryRow) -> None:
        rows = self._of(row.session)
        kept = [one for one in rows.summaries if one.number != row.summary.number]
        rows.summaries = sorted([*kept, row.summary], key=lambda one: one.number)
        self._last["summaries"] = max(self._last["summaries"], row.summary.number)

    def _put_pins(self, row: PinRow) -> None:
        rows = self._of(row.session)
        rows.pins = sorted([*(p for p in rows.pins if p.number != row.pin.number), row.pin], key=lambda one: one.number)
        self._last["pins"] = max(self._last["pins"], row.pin.number)

    def _put_session_states(self, row: StateRow) -> None:
        self._of(row.session).state = row.value

    def _put_user_states(self, row: UserStateRow) -> None:
        self._user_states[row.app, row.interface_type, row.external_user_id] = row.value

    def _put_events(self, row: EventRow) -> None:
        rows = self._of(row.session)
        rows.events = sorted([*(e for e in rows.events if e.number != row.event.number), row.event], key=lambda one: one.number)
        self._count_again(rows)
        self._last["events"] = max(self._last["events"], row.event.number)

    @staticmethod
    def _count_again(rows: Rows) -> None:
        """How many events were of calls that the log had counted: the session's total tells."""
        in_log = sum(len(message.tool_calls or ()) for message in rows.log)
        recorded = sum(event.kind == "tool_call" for event in rows.events)
        rows.uncounted = in_log + recorded - rows.session.tool_calls

    def _put_calibrations(self, row: Calibration) -> None:
        self._calibrations[row.app, row.tokenizer, row.model] = row

    def _put_api_keys(self, key: ApiKey) -> None:
        self._api_keys[key.id] = key

    def _put_idempotency_keys(self, note: NoteRow) -> None:
        self._keys.notes[note.app, note.key] = note

    def _put_inbox(self, row: ArrivalRow) -> None:
        self._drop_inbox((row.number,))
        every = [*self._inbox.rows.values(), row]
        self._inbox.rows = {inbox.key(one.arrival): one for one in sorted(every, key=lambda one: one.number)}

    def _put_numbers(self, row: NumberRow) -> None:
        self._last[row.kind] = row.last

    # --- rows out

    def _drop_sessions(self, key: Key) -> None:
        self._remove(self._of(int(key[0])))

    def _drop_messages(self, key: Key) -> None:
        rows = self._of(int(key[0]))
        self._free(rows.session, [rows.log.pop(int(key[1]) - 1)])
        rows.calls = told.call_ids(rows.log)

    def _drop_summaries(self, key: Key) -> None:
        rows = self._of(int(key[0]))
        rows.summaries = [one for one in rows.summaries if one.number != key[1]]

    def _drop_pins(self, key: Key) -> None:
        rows = self._of(int(key[0]))
        rows.pins = [one for one in rows.pins if one.number != key[1]]

    def _drop_session_states(self, key: Key) -> None:
        self._of(int(key[0])).state = {}

    def _drop_user_states(self, key: Key) -> None:
        app, interface_type, user = map(str, key)
        del self._user_states[app, interface_type, user]

    def _drop_events(self, key: Key) -> None:
        rows = self._of(int(key[0]))
        rows.events = [one for one in rows.events if one.number != key[1]]
        self._count_again(rows)

    def _drop_calibrations(self, key: Key) -> None:
        app, tokenizer, model = map(str, key)
        del self._calibrations[app, tokenizer, model]

    def _drop_api_keys(self, key: Key) -> None:
        del self._api_keys[str(key[0])]

    def _drop_idempotency_keys(self, key: Key) -> None:
        del self._keys.notes[str(key[0]), bytes.fromhex(str(key[1]))]

    def _drop_inbox(self, key: Key) -> None:
        self._inbox.rows = {name: row for name, row in self._inbox.rows.items() if row.number != key[0]}

    def _drop_numbers(self, key: Key) -> None:
        self._last[str(key[0])] = 0


def _of_session(kind: str, number: int, rows: Rows) -> Iterator[Row]:
    match kind:
        case "sessions":
            yield rows.session
        case "messages":
            yield from (MessageRow(number, message) for message in rows.log)
        case "summaries":
            yield from (SummaryRow(number, summary) for summary in rows.summaries)
        case "pins":
            yield from (PinRow(number, pin) for pin in rows.pins)
        case "session_states":
            yield from [StateRow(number, rows.state)] if rows.state else []
        case "events":
            yield from (EventRow(number, event) for event in rows.events)
