"""The notes that the memory store keeps of idempotency keys, and the answers found again by them.

Invariant: a note holds no content; what is answered again is what the rows say now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from turnkeep.session import Appended, JsonObject, Message, Pin, Session
from turnkeep.stores import guards
from turnkeep.stores.base import Guard
from turnkeep.stores.memory.rows import Rows

Place: TypeAlias = tuple[str, int]  # the id of the session whose log it is, and the seq in it


class Note(msgspec.Struct, frozen=True):
    """`session` is the id of the one it goes with; `result` what the answer is found again by: numbers, or counts."""

    request: bytes
    session: str | None
    result: Any
    until_ms: int


@dataclass(slots=True)
class Keys:
    """By app and digest of the key."""

    notes: dict[tuple[str, bytes], Note] = field(default_factory=dict)

    def find(self, app: str, guard: Guard, request: bytes) -> Note | None:
        note = None if guard.key is None else self.notes.get((app, guards.kept_as(guard.key)))
        if note is None or note.until_ms <= guard.now_ms:
            return None
        guards.check_same(note.request, request)
        return note

    def keep(self, app: str, guard: Guard, request: bytes, session: str | None, result: Any) -> None:
        if guard.key is not None:
            self.notes[app, guards.kept_as(guard.key)] = Note(request, session, result, guard.until_ms)

    def remove(self, session_id: str) -> None:
        """The session is gone."""
        self.notes = {name: note for name, note in self.notes.items() if note.session != session_id}

    def forget(self, app: str | None, now_ms: int) -> None:
        """Those past their time."""
        self.notes = {name: note for name, note in self.notes.items() if note.until_ms > now_ms or app not in (None, name[0])}


def noted(change: str, result: Any, args: tuple[Any, ...], place: Callable[[Session, Message], Place]) -> tuple[str | None, Any]:
    """The session that the note goes with, and what the answer is found again by."""
    match change:
        case "open_session":
            return result[0].id, result[1]
        case "append":
            return args[1], [place(result.session, message) for message in result.messages]
        case "record" | "pin":
            return args[1], result.number
        case "delete" | "erase_user" | "cleanup":
            return None, result
        case _:
            return args[1], None


def again(change: str, note: Note, sessions: Mapping[str, Rows], state: Callable[[Rows], JsonObject]) -> Any:
    """The answer of a write that was done before."""
    if note.session is None:
        return note.result
    rows, found = sessions[note.session], note.result
    match change:
        case "open_session":
            answer: Any = rows.session, found
        case "append":
            answer = Appended(rows.session, tuple(_messages(found, sessions)), 0)
        case "record":
            answer = next(event for event in rows.events if event.number == found)
        case "pin":
            answer = _pin(rows, found)
        case "unpin":
            answer = None
        case "update_state":
            answer = state(rows)
        case _:
            answer = rows.session
    return answer


def _pin(rows: Rows, number: int) -> Pin:
    for pin in rows.pins:
        if pin.number == number:
            return pin
    raise guards.gone()


def _messages(places: list[Place], sessions: Mapping[str, Rows]) -> list[Message]:
    if not all(session_id in sessions for session_id, _ in places):
        raise guards.gone()
    return [sessions[session_id].log[seq - 1] for session_id, seq in places]
