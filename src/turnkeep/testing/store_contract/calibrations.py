"""Calibrations: what providers counted beside what was counted here, by app, tokenizer and model."""

from __future__ import annotations

import asyncio

from turnkeep.calibration import CALLS, NONE, PROMPT
from turnkeep.session import Calibration, Session
from turnkeep.stores.base import Guard, Store
from turnkeep.testing.builders import APP, NOW, event, opened
from turnkeep.testing.store_contract.case import Case


async def report(store: Store, session: Session, counted: int | None, told: int, model: str = "m", at: int = NOW) -> None:
    sent = event("usage", model, tokens_in=told, counted_tokens=counted, created_ms=at)
    await store.record(session.app, session.id, sent)


async def enough(store: Store, session: Session, percent: int, model: str = "m", at: int = NOW) -> None:
    for _ in range(CALLS):
        await report(store, session, 10 * PROMPT, PROMPT * percent // 10, model, at)


class Calibrations(Case):
    """`record` of a usage report, and `calibrations`."""

    async def test_reports_add_up_by_model_and_tokenizer(self, store: Store) -> None:
        session = await opened(store, tokenizer="estimate")
        other = await opened(store, tokenizer="claude", conversation_id="2")
        for n, model in enumerate(("b", "a", "b")):
            await report(store, session, 10 + n, 20 + n, model, NOW + n)
        await report(store, other, 5, 6, "b", NOW)
        await report(store, session, None, 99, "b")
        await store.record(APP, session.id, event("error", "b", tokens_in=3, counted_tokens=3))
        found = await store.calibrations(APP, 9)
        assert found == [
            Calibration(APP, "estimate", "b", 2, 22, 42, NONE, NOW + 2),
            Calibration(APP, "claude", "b", 1, 5, 6, NONE, NOW),
            Calibration(APP, "estimate", "a", 1, 11, 21, NONE, NOW + 1),
        ]
        assert await store.calibrations(APP, 2) == found[:2]

    async def test_a_session_takes_on_the_correction_of_its_model(self, store: Store) -> None:
        session = await opened(store, tokenizer="estimate")
        await enough(store, session, 130)
        assert (await store.session(APP, session.id)).correction == 130
        await report(store, session, 1, 1, "unheard")
        assert (await store.session(APP, session.id)).correction == NONE
        await report(store, session, 1000, 1300)
        after = await store.session(APP, session.id)
        assert after.correction == 130
        assert (await store.window(APP, session.id)).session == after
        assert [one.correction for one in await store.calibrations(APP, 9)] == [130, NONE]

    async def test_a_new_session_begins_with_the_newest(self, store: Store) -> None:
        session = await opened(store, tokenizer="estimate")
        await enough(store, session, 130, "old", NOW)
        await enough(store, session, 80, "new", NOW + 1)
        made = {kind: await opened(store, tokenizer=kind, conversation_id=kind) for kind in ("estimate", "claude", "o200k")}
        assert {kind: one.correction for kind, one in made.items()} == {"estimate": 80, "claude": NONE, "o200k": NONE}
        elsewhere = await opened(store, app="other", tokenizer="estimate")
        assert elsewhere.correction == NONE

    async def test_an_exact_count_is_told_and_not_corrected(self, store: Store) -> None:
        session = await opened(store, tokenizer="o200k")
        await enough(store, session, 130)
        [known] = await store.calibrations(APP, 9)
        assert (known.calls, known.reported_tokens * 10, known.correction) == (CALLS, known.counted_tokens * 13, NONE)
        assert (await store.session(APP, session.id)).correction == NONE

    async def test_apps_are_apart_and_a_deletion_leaves_the_sums(self, store: Store) -> None:
        session, other = await opened(store, tokenizer="estimate"), await opened(store, tokenizer="estimate", app="other")
        await report(store, session, 10, 20)
        await report(store, other, 30, 30)
        await store.delete(APP, session.id)
        assert [one.counted_tokens for one in await store.calibrations(APP, 9)] == [10]
        assert [one.counted_tokens for one in await store.calibrations("other", 9)] == [30]

    async def test_a_report_under_a_key_counts_once(self, store: Store) -> None:
        session = await opened(store, tokenizer="estimate")
        sent = event("usage", "m", tokens_in=20, cache_read_tokens=5, counted_tokens=10)
        for _ in range(3):
            await store.record(APP, session.id, sent, guard=Guard(key="k"))
        assert [(one.calls, one.counted_tokens) for one in await store.calibrations(APP, 9)] == [(1, 10)]
        assert (await store.session(APP, session.id)).usage_cache_read == 5

    async def test_reports_at_once_all_count(self, store: Store) -> None:
        sessions = [await opened(store, tokenizer="estimate", conversation_id=str(n)) for n in range(6)]
        await asyncio.gather(*(report(store, sessions[n % 6], 1000, 1400) for n in range(30)))
        [known] = await store.calibrations(APP, 9)
        assert (known.calls, known.counted_tokens, known.reported_tokens, known.correction) == (30, 30_000, 42_000, 140)
