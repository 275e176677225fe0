"""The window: read whole, covered by summaries, moved by a clear or a retract."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from msgspec.structs import asdict, replace

from turnkeep.session import IN_PLACE_OF, NewSummary, Session, Summary, Window
from turnkeep.stores import rules
from turnkeep.stores.base import Guard, StandIn
from turnkeep.stores.memory import rows as told
from turnkeep.stores.memory.base import Base


class Windows(Base):
    """See `Store`."""

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
            tuple(rows.pins),
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
        rows.summaries.append(Summary(**asdict(summary), number=self._next("summaries"), created_ms=now_ms))
        return self._put(rows, after, (), rows.shown())

    async def summaries(self, app: str, session_id: str, *, after: int = 0, limit: int | None = None) -> list[Summary]:
        return [summary for summary in self._rows(app, session_id).summaries if summary.number > after][:limit]

    async def stand_ins(self, after: int, limit: int) -> list[StandIn]:
        found = [
            StandIn(summary.number, rows.session.app, rows.session.id)
            for rows in self._all(None)
            if rows.session.status == "active"
            for summary in rows.live()
            if summary.number > after and IN_PLACE_OF in (summary.source or "")
        ]
        return sorted(found, key=lambda one: one.number)[:limit]

    async def clear(self, app: str, session_id: str, *, keep_summaries: bool, now_ms: int, guard: Guard | None = None) -> Session:
        return self._write(guard, self._clear, app, session_id, keep_summaries)

    def _clear(self, app: str, session_id: str, keep_summaries: bool) -> Session:
        rows = self._rows(app, session_id)
        if not keep_summaries:
            rows.retire(*(summary.number for summary in rows.summaries))
            rows.pins = []
        return self._put(rows, rules.clear(rows.session, keep_summaries), None)

    async def retract(self, app: str, session_id: str, from_seq: int, now_ms: int, *, guard: Guard | None = None) -> Session:
        return self._write(guard, self._retract, app, session_id, from_seq)

    def _retract(self, app: str, session_id: str, from_seq: int) -> Session:
        rows = self._rows(app, session_id)
        rules.check_retract(rows.session, from_seq)
        rows.retire(*(summary.number for summary in rows.live() if summary.to_seq >= from_seq))
        hidden = rules.retract(rows.session, from_seq)
        rows.pins = [pin for pin in rows.pins if pin.seq < from_seq]
        return self._put(rows, told.moved(rows, replace(rows.session, retracted=hidden)), None)
