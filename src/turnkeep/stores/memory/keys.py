"""The notes that the memory store keeps of idempotency keys, and the answers found again by them.

Invariant: a note holds no content; what is answered again is what the rows say now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from msgspec.structs import astuple

from turnkeep.session import Appended, Cleaned, Erased, JsonObject, Message, Pin, Session
from turnkeep.stores import guards
from turnkeep.stores.base import Guard
from turnkeep.stores.memory.rows import Rows
from turnkeep.stores.transfer import NoteRow, ranges

Place: TypeAlias = tuple[int, int]  # the number of the session whose log it is, and the seq in it


@dataclass(slots=True)
class Keys:
    """By app and digest of the key."""

    notes: dict[tuple[str, bytes], NoteRow] = field(default_factory=dict)

    def find(self, app: str, guard: Guard, request: bytes) -> NoteRow | None:
        note = None if guard.key is None else self.notes.get((app, guards.kept_as(guard.key)))
        if note is None or note.until_ms <= guard.now_ms:
            return None
        guards.check_same(note.request, request)
        return note

    def keep(self, app: str, guard: Guard, request: bytes, session: int | None, places: list[Place], figures: list[int]) -> None:
        if guard.key is not None:
            name = guards.kept_as(guard.key)
            self.notes[app, name] = NoteRow(app, name, request, session, ranges(places), tuple(figures), guard.until_ms)

    def remove(self, session: int) -> None:
        """The session is gone."""
        self.notes = {name: note for name, note in self.notes.items() if note.session != session}

    def forget(self, app: str | None, now_ms: int) -> None:
        """Those past their time."""
        self.notes = {name: note for name, note in self.notes.items() if note.until_ms > now_ms or app not in (None, name[0])}


def noted(
    change: str, result: Any, args: tuple[Any, ...], place: Callable[[Session, Message], Place], number: Callable[[str], int]
) -> tuple[int | None, list[Place], list[int]]:
    """The session that the note goes with, and what the answer is found again by. `number` is that of a session's id."""
    match change:
        case "open_session":
            return result[0].number, [], [int(result[1])]
        case "append":
            return number(args[1]), [place(result.session, message) for message in result.messages], []
        case "record" | "pin":
            return number(args[1]), [], [result.number]
        case "delete":
            return None, [], []
        case "erase_user" | "cleanup":
            return None, [], [int(figure) for figure in astuple(result)]
        case _:
            return number(args[1]), [], []


def again(change: str, note: NoteRow, sessions: Mapping[int, Rows], state: Callable[[Rows], JsonObject]) -> Any:
    """The answer of a write that was done before."""
    if note.session is None:
        return _counted(change, note.figures)
    rows = sessions[note.session]
    match change:
        case "open_session":
            answer: Any = rows.session, bool(note.figures[0])
        case "append":
            answer = Appended(rows.session, tuple(_messages(note, sessions)), 0)
        case "record":
            answer = next(event for event in rows.events if event.number == note.figures[0])
        case "pin":
            answer = _pin(rows, note.figures[0])
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


def _counted(change: str, figures: tuple[int, ...]) -> Erased | Cleaned | None:
    match change:
        case "erase_user":
            return Erased(*figures)
        case "cleanup":
            return Cleaned(figures[0], figures[1])
        case _:
            return None


def _messages(note: NoteRow, sessions: Mapping[int, Rows]) -> list[Message]:
    if not all(session in sessions for session, _, _ in note.places):
        raise guards.gone()
    return [message for session, first, last in note.places for message in sessions[session].log[first - 1 : last]]
