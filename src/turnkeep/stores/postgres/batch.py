"""A batch of appends: the arrays that travel, and what their answer says of each append.

Invariant: what an append came to is computed by the same rule as in every other store, from the session as it was under its lock; the
statement adds up the same figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

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

    def figures(self) -> str:
        head, fixed = self.head, "NULL" if self.fixed is None else self.fixed
        return f"{head.version},{len(self.waiting)},{self.count},{self.tokens},{self.out},{self.calls},{fixed},{self.now_ms},{head.root}"

    def before(self, changed: str) -> Session:
        """The session as it was before, from what changes of it as that is now."""
        fields = rows.changed_fields(changed)
        fields["version"] -= len(self.waiting)
        fields["seq"] -= self.count
        fields["tokens"] -= self.tokens
        fields["tokens_out"] -= self.out
        fields["tool_calls"] -= self.calls
        fields["window_messages"] -= self.count
        fields["window_tokens"] -= self.tokens
        return replace(self.head, **fields)


class Batch:
    """`waiting`, no prompts among them; `heads` are the sessions as last seen, `counters` the numbers of token counters."""

    def __init__(self, waiting: list[Waiting], heads: dict[str, Session], counters: dict[str, int]) -> None:
        self._counters = counters
        sums: dict[int, _Sums] = {}
        for one in waiting:
            number = one.head.number
            known = sums.get(number)
            if known is None:
                known = sums[number] = _Sums(heads.get(one.head.id, one.head))
            known.waiting.append(one)
        numbers = sorted(sums)
        self._sessions = [sums[number] for number in numbers]
        self._figures: list[str] = []
        self._contents: list[str | None] = []
        self._external_ids: list[str | None] = []
        self._more: dict[int, tuple[str | None, ...]] = {}  # by the message's place
        self._made: list[tuple[str, str]] = []
        self._needed: list[tuple[int, str | None]] = []
        for place, session in enumerate(self._sessions, 1):
            for one in session.waiting:
                self._add(place, session, one)
        # asyncpg asks of each element of an array whether it is an array, too, so figures travel as array literals
        self.arguments = (
            _literal(numbers),
            _literal([one.figures() for one in self._sessions]),
            _literal(self._figures),
            self._contents,
            self._external_ids if any(one.ids for one in waiting) else (),
            self._all_more(),
            _literal([place for place, _ in self._made]),
            [name for _, name in self._made],
            _literal([place for place, _ in self._needed]),
            [name for _, name in self._needed],
        )

    def _add(self, place: int, session: _Sums, waiting: Waiting) -> None:
        calls: set[str] = set()
        log = session.head.number << rows.SHIFT
        for m in waiting.messages:
            role, tokens, content = m.role, m.tokens, m.content
            count = session.count = session.count + 1
            session.tokens += tokens
            if role == "assistant":
                session.out += tokens
                if m.tool_calls:
                    session.calls += len(m.tool_calls)
                    calls |= self._makes(m, place, count)
            elif role == "tool" and m.tool_call_id not in calls:
                self._needed.append((place, m.tool_call_id))
            if content.__class__ is list or _has_more(m):
                self._more[len(self._figures)] = _more(m)
            self._contents.append(content if isinstance(content, str) else None)
            self._external_ids.append(m.external_id)
            self._figures.append(
                f"{log + count},{place},{rows.ROLE_NUMBER[role]},{tokens},{self._counters[m.counter]},{m.created_ms}"
            )
        session.now_ms = waiting.now_ms
        if waiting.fixed_tokens is not None:
            session.fixed = waiting.fixed_tokens

    def _makes(self, message: NewMessage, place: int, count: int) -> set[str]:
        names = {call["id"] for call in message.tool_calls or ()}
        self._made += [(f"{place},{count}", name) for name in names]
        return names

    def _all_more(self) -> Sequence[str | None]:
        if not self._more:
            return ()
        return [value for at in range(len(self._figures)) for value in self._more.get(at, _NOTHING)]

    def done(
        self, seqs: Sequence[str | None], changed: Sequence[str | None]
    ) -> tuple[list[tuple[Waiting, Appended]], list[Waiting]]:
        """What each append came to, and those that were passed over. `seqs`: the newest message of each session before, if it was not
        passed over; `changed`: what changes of the session as it is now, where it is not as it was known."""
        done: list[tuple[Waiting, Appended]] = []
        passed: list[Waiting] = []
        for sums, seq, text in zip(self._sessions, seqs, changed, strict=True):
            if seq is None:
                passed += sums.waiting
            else:
                done += _appended(sums, sums.head if text is None else sums.before(text))
        return done, passed


def _appended(sums: _Sums, session: Session) -> Iterator[tuple[Waiting, Appended]]:
    for waiting in sums.waiting:
        stored = tuple([rules.at_seq(message, seq) for seq, message in enumerate(waiting.messages, session.seq + 1)])
        session = rules.append(session, waiting.messages, waiting.now_ms, waiting.fixed_tokens)
        yield waiting, Appended(session, stored, len(stored))


_NOTHING = (None,) * 6


def _has_more(m: NewMessage) -> bool:
    return not (m.name is None and m.author_id is None and m.metadata is None and m.tool_calls is None and m.tool_call_id is None)


def _more(m: NewMessage) -> tuple[str | None, ...]:
    parts = rows.to_json(m.content) if m.content.__class__ is list else None
    return parts, rows.to_json(m.tool_calls), m.tool_call_id, m.name, m.author_id, rows.to_json(m.metadata)


def _literal(values: Sequence[object]) -> str:
    return "{" + ",".join(map(str, values)) + "}"
