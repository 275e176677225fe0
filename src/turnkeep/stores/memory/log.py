"""The log: what is added to it, and read of it."""

from __future__ import annotations

from collections.abc import Sequence

from turnkeep.session import Appended, Message, NewMessage, Session
from turnkeep.stores import rules
from turnkeep.stores.base import Guard
from turnkeep.stores.memory import rows as told
from turnkeep.stores.memory.base import Base
from turnkeep.stores.memory.rows import Rows


class Log(Base):
    """See `Store`."""

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
