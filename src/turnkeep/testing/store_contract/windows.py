"""The window: what a prompt is built from, and what clear and retract do to it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.session import NewMessage, Session, Window
from turnkeep.stores.base import Store
from turnkeep.testing.builders import (
    APP,
    NOW,
    log,
    message,
    opened,
    refused,
    said,
    summary,
    tool_result,
    tool_use,
)
from turnkeep.testing.store_contract.case import Case


def seqs(window: Window) -> list[int]:
    return [one.seq for one in window.messages]


async def talk(store: Store) -> Session:
    """A prompt, then three turns of growing length: seq 2-3, 4-6, 7-12."""
    turns: list[NewMessage | str] = [
        message("system", tokens=1),
        "1",
        message("assistant"),
        "2",
        tool_use("c"),
        tool_result("c"),
        "3",
    ]
    session = await said(store, await opened(store), *turns)
    return await said(store, session, *[message("assistant", str(n), tokens=n) for n in range(5)])


class Windows(Case):
    """`window`, `clear` and `retract`."""

    async def test_an_empty_session_has_an_empty_window(self, store: Store) -> None:
        session = await opened(store)
        for limits in ({}, {"tokens": 5}, {"messages": 5}):
            window = await store.window(APP, session.id, **limits)
            assert window == Window(session, (), (), (), 0, 0, {}, {})

    async def test_without_a_limit_the_window_is_whole(self, store: Store) -> None:
        session = await talk(store)
        await store.update_state(APP, session.id, "user", {"u": 1}, limit=100, now_ms=NOW)
        await store.update_state(APP, session.id, "session", {"s": 1}, limit=100, now_ms=NOW)
        session = await store.add_summary(APP, session.id, summary(2, 3), generation=0, now_ms=NOW)
        window = await store.window(APP, session.id)
        rows = await log(store, session)
        assert window.session == session
        assert window.prompt == (rows[0],)
        assert list(window.summaries) == await store.summaries(APP, session.id)
        assert list(window.messages) == rows[3:]
        assert (window.earlier, window.earlier_tokens) == (0, 0)
        assert (window.user_state, window.session_state) == ({"u": 1}, {"s": 1})

    async def test_a_session_without_a_user_has_a_window(self, store: Store) -> None:
        session = await said(store, await opened(store, external_user_id=None), "hello")
        assert (await store.window(APP, session.id)).user_state == {}

    async def test_a_window_of_nobody_is_an_error(self, store: Store) -> None:
        with pytest.raises(UnknownSession):
            await store.window(APP, "nobody")
        with pytest.raises(UnknownSession):
            await store.window(APP, "nobody", tokens=5)

    @pytest.mark.parametrize("tokens", [None, 0, 1, 4, 10, 21, 10_000])
    @pytest.mark.parametrize("messages", [None, 1, 2, 6, 7, 50])
    async def test_a_limited_window_is_the_newest_part(self, store: Store, tokens: int | None, messages: int | None) -> None:
        session = await talk(store)
        await store.retract(APP, session.id, 12, NOW)
        session = await said(store, session, message("assistant", "new", tokens=3))
        whole = (await store.window(APP, session.id)).messages
        window = await store.window(APP, session.id, tokens=tokens, messages=messages)
        part = window.messages
        assert part == whole[len(whole) - len(part) :]
        assert (window.session, [one.seq for one in window.prompt]) == (session, [1])
        assert window.earlier == len(whole) - len(part)
        assert window.earlier_tokens == sum(one.tokens for one in whole[: window.earlier])
        reached = sum(one.tokens for one in part)
        enough = (tokens is not None and reached >= tokens) or (messages is not None and len(part) >= messages)
        assert enough or part == whole
        assert 7 in [one.seq for one in part]

    async def test_a_limited_window_reaches_back_to_the_newest_user_message(self, store: Store) -> None:
        session = await said(store, await opened(store), "old", "asks", *[message("assistant")] * 50)
        assert 2 in seqs(await store.window(APP, session.id, messages=1))
        assert 2 in seqs(await store.window(APP, session.id, tokens=1))
        await store.retract(APP, session.id, 2, NOW)
        await said(store, session, *[message("assistant")] * 3)
        assert 1 in seqs(await store.window(APP, session.id, messages=1))

    async def test_a_limited_window_never_reaches_past_the_windows_start(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", "b", message("assistant"), message("assistant"))
        await store.add_summary(APP, session.id, summary(1, 2), generation=0, now_ms=NOW)
        for limits in ({"messages": 100}, {"tokens": 10_000}, {"messages": 3, "tokens": 25}):
            assert seqs(await store.window(APP, session.id, **limits)) == [3, 4]
        assert seqs(await store.window(APP, session.id, messages=1))[-1:] == [4]

    async def test_a_long_window(self, store: Store) -> None:
        session = await opened(store)
        for _ in range(3):
            session = await said(store, session, *["hello"] * 1000)
        assert seqs(await store.window(APP, session.id)) == list(range(1, 3001))
        window = await store.window(APP, session.id, messages=20)
        assert seqs(window)[-20:] == list(range(2981, 3001))
        assert window.earlier + len(window.messages) == 3000

    async def test_a_window_is_of_now(self, store: Store) -> None:
        session = await opened(store)
        for n in range(1, 30):
            session = await said(store, session, "hello")
            window = await store.window(APP, session.id, messages=5)
            assert (window.session, seqs(window)[-1]) == (session, n)

    # --- clear

    @pytest.mark.parametrize("keep", [True, False])
    async def test_clear_moves_the_window_past_all_messages_but_the_prompt(self, store: Store, keep: bool) -> None:
        session = await talk(store)
        session = await store.add_summary(APP, session.id, summary(2, 6, tokens=9), generation=0, now_ms=NOW)
        before = await log(store, session)
        cleared = await store.clear(APP, session.id, keep_summaries=keep, now_ms=NOW)
        assert cleared.version > session.version
        assert cleared.generation > session.generation
        assert (cleared.window_start, cleared.cleared_seq, cleared.summary_tokens) == (13, 12, 9 * keep)
        assert (cleared.window_messages, cleared.window_tokens) == (0, 0)
        assert (cleared.seq, cleared.tokens) == (session.seq, session.tokens)
        window = await store.window(APP, session.id)
        assert (seqs(window), [one.seq for one in window.prompt]) == ([], [1])
        assert len(window.summaries) == keep
        assert [one.live for one in await store.summaries(APP, session.id)] == [keep]
        assert await log(store, session) == before
        await said(store, session, "anew")
        assert seqs(await store.window(APP, session.id)) == [13]

    async def test_clear_of_an_empty_session(self, store: Store) -> None:
        session = await opened(store)
        cleared = await store.clear(APP, session.id, keep_summaries=False, now_ms=NOW)
        assert cleared.generation > session.generation
        session = await said(store, session, message("system"), "hello")
        assert (session.prompt_seq, session.window_start, session.window_messages) == (1, 2, 1)

    async def test_clear_keeps_the_prompt_growing(self, store: Store) -> None:
        session = await said(store, await opened(store), message("system"))
        await store.clear(APP, session.id, keep_summaries=True, now_ms=NOW)
        await said(store, session, message("system", "more"), "hello")
        window = await store.window(APP, session.id)
        assert ([one.seq for one in window.prompt], seqs(window)) == ([1, 2], [3])

    async def test_clear_of_nobody_is_an_error(self, store: Store) -> None:
        with pytest.raises(UnknownSession):
            await store.clear(APP, "nobody", keep_summaries=True, now_ms=NOW)

    # --- retract

    async def test_retract_hides_the_newest_part(self, store: Store) -> None:
        session = await talk(store)
        before = await log(store, session)
        hidden = await store.retract(APP, session.id, 7, NOW)
        assert hidden.version > session.version
        assert hidden.generation > session.generation
        assert (hidden.seq, hidden.tokens, hidden.window_start) == (12, session.tokens, 2)
        assert (hidden.window_messages, hidden.window_tokens) == (5, 50)
        assert [n for n in range(1, 13) if hidden.hides(n)] == [7, 8, 9, 10, 11, 12]
        assert seqs(await store.window(APP, session.id)) == [2, 3, 4, 5, 6]
        assert await log(store, session) == before

    async def test_what_comes_after_a_retract_is_seen(self, store: Store) -> None:
        session = await said(store, await opened(store), "a", "b", "c")
        await store.retract(APP, session.id, 2, NOW)
        await said(store, session, "d", "e")
        await store.retract(APP, session.id, 5, NOW)
        session = await said(store, session, "f")
        assert seqs(await store.window(APP, session.id)) == [1, 4, 6]
        assert session.retracted == ((2, 3), (5, 5))
        session = await store.retract(APP, session.id, 3, NOW)
        assert seqs(await store.window(APP, session.id)) == [1]
        assert [n for n in range(1, 7) if session.hides(n)] == [2, 3, 4, 5, 6]
        assert all(a[1] < b[0] for a, b in pairwise(session.retracted))

    async def test_all_but_the_prompt_can_be_retracted(self, store: Store) -> None:
        session = await talk(store)
        session = await store.retract(APP, session.id, 2, NOW)
        window = await store.window(APP, session.id)
        assert (window.messages, len(window.prompt), session.window_tokens) == ((), 1, 0)

    @pytest.mark.parametrize("from_seq", [-1, 0, 1, 2, 5, 2**40])
    async def test_retract_refuses_the_prompt_and_what_is_not_there(self, store: Store, from_seq: int) -> None:
        batch = [message("system"), message("system"), message(), message()]
        session = await said(store, await opened(store), *batch)
        async with refused(store, session, InvalidInput, "from_seq"):
            await store.retract(APP, session.id, from_seq, NOW)

    async def test_retract_in_an_empty_session_or_of_nobody_is_an_error(self, store: Store) -> None:
        session = await opened(store)
        async with refused(store, session, InvalidInput, "from_seq"):
            await store.retract(APP, session.id, 1, NOW)
        with pytest.raises(UnknownSession):
            await store.retract(APP, "nobody", 1, NOW)

    @pytest.mark.parametrize(
        ("from_seq", "live", "visible"),
        [
            (7, [True, True, True], []),
            (6, [True, True, False], [5]),
            (5, [True, True, False], []),
            (4, [True, False, False], [3]),
            (3, [True, False, False], []),
            (2, [False, False, False], [1]),
            (1, [False, False, False], []),
        ],
    )
    async def test_a_summary_of_what_is_retracted_stops_being_live(
        self, store: Store, from_seq: int, live: list[bool], visible: list[int]
    ) -> None:
        session = await said(store, await opened(store), *["m"] * 7)
        for n in (1, 3, 5):
            session = await store.add_summary(APP, session.id, summary(n, n + 1), generation=0, now_ms=NOW)
        session = await store.retract(APP, session.id, from_seq, NOW)
        assert [one.live for one in await store.summaries(APP, session.id)] == live
        window = await store.window(APP, session.id)
        assert (seqs(window), len(window.summaries)) == (visible, sum(live))
        assert (session.summary_tokens, session.window_messages) == (7 * sum(live), len(visible))
        assert session.window_start == 2 * sum(live) + 1

    async def test_a_retract_behind_a_clear_uncovers_nothing(self, store: Store) -> None:
        session = await said(store, await opened(store), *["m"] * 6)
        await store.add_summary(APP, session.id, summary(1, 3), generation=0, now_ms=NOW)
        await store.clear(APP, session.id, keep_summaries=True, now_ms=NOW)
        await said(store, session, "new")
        session = await store.retract(APP, session.id, 2, NOW)
        window = await store.window(APP, session.id)
        assert (window.messages, window.summaries, session.window_start) == ((), (), 7)
