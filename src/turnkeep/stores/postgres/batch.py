"""A batch of appends: the arrays that travel, and what their answer says of each append.

Invariant: what an append came to is computed by the same rule as in every other store, from the session as it was under its lock; the
statement adds up the same figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.json import decode

from turnkeep.session import Appended, NewMessage, Session
from turnkeep.stores import rows, rules


class Waiting:
    """An append on its way: its arguments, the session as it was last seen, and whom to tell."""

    __slots__ = ("fixed_tokens", "future", "head", "ids", "messages", "now_ms")

    def __init__(
        self,
        head: Session,
        messages: Sequence[NewMessage],
        now_ms: int,
        fixed_tokens: int | None,
        future: asyncio.Future[Appended],
    ) -> None:
        self.head, self.messages, self.now_ms, self.fixed_tokens, self.future = head, messages, now_ms, fixed_tokens, future
        self.ids = [(head.root, message.external_id) for message in messages if message.external_id is not None]


class _Sums:
    """What the appends to one session come to, together."""

    __slots__ = ("calls", "count", "fixed", "head", "now_ms", "out", "tokens", "waiting")

    def __init__(self, head: Session) -> None:
        self.head = head
        self.waiting: list[Waiting] = []
        self.count = self.tokens = self.out = self.calls = self.now_ms = 0
        self.fixed: int | None = None

    def row(self) -> tuple[Any, ...]:
        head = self.head
        return (
            head.number,
            head.version,
            len(self.waiting),
            self.count,
            self.tokens,
            self.out,
            self.calls,
            self.fixed,
            self.now_ms,
        )


class Batch:
    """`waiting`, all to be done or none; `heads` are the sessions as last seen, `counters` the numbers of token counters."""

    def __init__(self, waiting: list[Waiting], heads: dict[str, Session], counters: dict[str, int]) -> None:
        self.waiting, self._counters = waiting, counters
        sums: dict[int, _Sums] = {}
        for one in waiting:
            number = one.head.number
            if number not in sums:
                sums[number] = _Sums(heads.get(one.head.id, one.head))
            sums[number].waiting.append(one)
        self._sessions = [sums[number] for number in sorted(sums)]
        self._figures: list[tuple[Any, ...]] = []
        self._texts: list[tuple[Any, ...]] = []
        self._made: list[tuple[Any, ...]] = []
        self._needed: list[tuple[Any, ...]] = []
        self._owners: list[Waiting] = []  # of each message
        for place, session in enumerate(self._sessions, 1):
            for one in session.waiting:
                self._add(place, session, one)
        self.arguments = [
            *_literals([one.row() for one in self._sessions], 9),
            *_literals(self._figures, 6),
            *_texts(self._texts),
            *_literals([row[:2] for row in self._made], 2),
            [row[2] for row in self._made],
            *_literals([row[:2] for row in self._needed], 2),
            [row[2] for row in self._needed],
        ]

    def _add(self, place: int, session: _Sums, waiting: Waiting) -> None:
        calls: set[str] = set()
        for m in waiting.messages:
            session.count += 1
            session.tokens += m.tokens
            content, parts = m.content, None
            if content.__class__ is list:
                content, parts = None, rows.to_json(content)
            role = m.role
            if role == "assistant":
                session.out += m.tokens
                if m.tool_calls:
                    session.calls += len(m.tool_calls)
                    ids = {call["id"] for call in m.tool_calls}
                    self._made += [(place, session.count, call) for call in ids]
                    calls |= ids
            elif role == "tool" and m.tool_call_id not in calls:
                self._needed.append((len(self._figures) + 1, place, m.tool_call_id))
            self._owners.append(waiting)
            self._figures.append(
                (place, session.count, rows.ROLE_NUMBER[role], m.tokens, self._counters[m.counter], m.created_ms)
            )
            self._texts.append(
                (
                    content,
                    m.external_id,
                    parts,
                    None if m.tool_calls is None else rows.to_json(m.tool_calls),
                    m.tool_call_id,
                    m.name,
                    m.author_id,
                    None if m.metadata is None else rows.to_json(m.metadata),
                )
            )
        session.now_ms = waiting.now_ms
        if waiting.fixed_tokens is not None:
            session.fixed = waiting.fixed_tokens

    def refused(self, closed: Sequence[int] | None, known: Sequence[int] | None) -> set[int]:
        """Which of `waiting` are not to be done together with others, by their `id()`."""
        gone = set(closed or ())
        found = {id(one) for session in self._sessions if session.head.number in gone for one in session.waiting}
        return found | {id(self._owners[place - 1]) for place in known or ()}

    def done(self, before: Sequence[str | None]) -> Iterator[tuple[Waiting, Appended]]:
        """What each append came to. `before`: the sessions as they were, where that is not as they were known."""
        for sums, text in zip(self._sessions, before, strict=True):
            session = sums.head if text is None else rows.session_from_json(decode(text))
            for waiting in sums.waiting:
                stored = tuple([rules.at_seq(message, seq) for seq, message in enumerate(waiting.messages, session.seq + 1)])
                session = rules.append(session, waiting.messages, waiting.now_ms, waiting.fixed_tokens)
                yield waiting, Appended(session, stored, len(stored))


# asyncpg asks of each element of an array whether it is an array, too: that takes longer than all else that is done for an append. So
# figures travel as array literals, and columns without a value as an empty array.


def _literals(table: list[tuple[Any, ...]], width: int) -> list[str]:
    if not table:
        return ["{}"] * width
    return ["{" + ",".join(map(str, column)).replace("None", "NULL") + "}" for column in zip(*table, strict=True)]


def _texts(table: list[tuple[Any, ...]]) -> list[Sequence[str | None]]:
    nothing = (None,) * len(table)
    return [() if column == nothing else column for column in zip(*table, strict=True)]
