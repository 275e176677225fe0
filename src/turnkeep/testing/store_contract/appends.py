"""The log: what an append adds, answers and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from turnkeep.errors import Conflict, InvalidInput, SessionClosed, UnknownSession
from turnkeep.session import NewMessage, Session
from turnkeep.stores.base import Store
from turnkeep.testing.builders import (
    APP,
    HOUR,
    NOW,
    PAGE,
    log,
    message,
    opened,
    refused,
    said,
    summary,
    tool_result,
    tool_use,
    untouched,
)
from turnkeep.testing.store_contract.case import Case


async def closed(store: Store) -> Session:
    """A session with one tool call, closed by hand."""
    session = await said(store, await opened(store), "look up", tool_use("c1"))
    return await store.deactivate(APP, session.id, NOW)


class Appends(Case):
    """`append` and `messages`."""

    async def test_an_append_gives_dense_seqs_from_1(self, store: Store) -> None:
        session = await opened(store)
        first = await store.append(APP, session.id, [message(), message("assistant")], now_ms=NOW)
        second = await store.append(APP, session.id, [message()], now_ms=NOW)
        assert [one.seq for one in (*first.messages, *second.messages)] == [1, 2, 3]
        assert (first.created, second.created) == (2, 1)
        assert second.session.version > first.session.version > session.version
        assert await store.session(APP, session.id) == second.session
        assert await log(store, session) == [*first.messages, *second.messages]

    async def test_the_totals_are_the_sums(self, store: Store) -> None:
        batch = [message(tokens=3), tool_use("a", "b", tokens=5), tool_result("a", tokens=7)]
        session = await said(store, await opened(store), *batch)
        session = await said(store, session, message("assistant", tokens=11))
        assert (session.seq, session.tokens, session.tokens_out, session.tool_calls) == (4, 26, 16, 2)
        assert (session.window_messages, session.window_tokens, session.window_start) == (4, 26, 1)

    async def test_leading_system_messages_are_the_prompt(self, store: Store) -> None:
        session = await said(store, await opened(store), message("system", tokens=2))
        session = await said(store, session, message("system", tokens=3), message(), message("system", tokens=5))
        assert (session.prompt_seq, session.window_start) == (2, 3)
        assert (session.tokens, session.window_messages, session.window_tokens) == (20, 2, 15)
        window = await store.window(APP, session.id)
        assert [one.seq for one in window.prompt] == [1, 2]
        assert [one.seq for one in window.messages] == [3, 4]

    async def test_only_an_append_slides_the_expiry(self, store: Store) -> None:
        session = await said(store, await opened(store), "hello", "there", now_ms=NOW + 5)
        assert (session.active_ms, session.expires_ms) == (NOW + 5, NOW + 5 + HOUR)
        await store.update_state(APP, session.id, "session", {"a": 1}, limit=100, now_ms=NOW + 6)
        await store.update_state(APP, session.id, "user", {"a": 1}, limit=100, now_ms=NOW + 6)
        await store.add_summary(APP, session.id, summary(1, 1), generation=0, now_ms=NOW + 6)
        await store.retract(APP, session.id, 2, NOW + 6)
        session = await store.clear(APP, session.id, keep_summaries=True, now_ms=NOW + 6)
        assert (session.active_ms, session.expires_ms) == (NOW + 5, NOW + 5 + HOUR)

    async def test_a_batch_of_known_messages_does_not_slide_the_expiry(self, store: Store) -> None:
        session = await said(store, await opened(store), message(external_id="x"))
        assert await said(store, session, message(external_id="x"), now_ms=NOW + 9) == session

    async def test_fixed_tokens_are_noted_on_the_way(self, store: Store) -> None:
        session = await opened(store)
        noted = (await store.append(APP, session.id, [message()], now_ms=NOW, fixed_tokens=77)).session
        assert noted.fixed_tokens == 77
        assert (await said(store, session, "more")).fixed_tokens == 77
        noted = (await store.append(APP, session.id, [message()], now_ms=NOW, fixed_tokens=0)).session
        assert noted.fixed_tokens == 0

    async def test_an_empty_batch_writes_nothing(self, store: Store) -> None:
        session = await opened(store)
        async with untouched(store, session):
            answer = await store.append(APP, session.id, [], now_ms=NOW)
        assert (answer.messages, answer.created, answer.session) == ((), 0, session)

    async def test_an_append_to_nobody_is_an_error(self, store: Store) -> None:
        with pytest.raises(UnknownSession):
            await store.append(APP, "nobody", [message()], now_ms=NOW)
        with pytest.raises(UnknownSession):
            await store.messages(APP, "nobody", after=0, limit=1)

    async def test_the_longest_batch_and_its_pages(self, store: Store) -> None:
        session = await opened(store)
        batch = [message(content=f"m{n}", external_id=f"x{n}", tokens=n) for n in range(PAGE)]
        session = await said(store, session, *batch)
        session = await said(store, session, *[replace(one, external_id=None) for one in batch])
        assert (session.seq, session.tokens) == (2 * PAGE, PAGE * (PAGE - 1))
        page = await store.messages(APP, session.id, after=0, limit=PAGE)
        assert [one.seq for one in page] == list(range(1, PAGE + 1))
        page = await store.messages(APP, session.id, after=PAGE - 2, limit=3)
        assert [(one.seq, one.content) for one in page] == [(999, "m998"), (1000, "m999"), (1001, "m0")]
        assert [one.seq for one in await store.messages(APP, session.id, after=1999, limit=5)] == [2000]
        assert await store.messages(APP, session.id, after=2000, limit=5) == []
        assert await store.messages(APP, session.id, after=2**31, limit=5) == []
        assert (await store.append(APP, session.id, batch, now_ms=NOW)).created == 0

    async def test_one_bad_message_and_nothing_of_the_batch_is_stored(self, store: Store) -> None:
        session = await said(store, await opened(store), message(external_id="x"))
        good = [message(content=str(n), external_id=f"y{n}") for n in range(PAGE - 1)]
        async with refused(store, session, Conflict, "external_id"):
            await said(store, session, *good, message(content="other", external_id="x"))
        async with refused(store, session, InvalidInput, "tool_call_id"):
            await said(store, session, *good, tool_result("none"))
        assert (await said(store, session, *good)).seq == PAGE

    async def test_the_rows_are_as_they_were_sent(self, store: Store) -> None:
        session = await opened(store)
        sent = [message(), message("assistant", "hello"), message("system", "note"), tool_use("c"), tool_result("c")]
        session = await said(store, session, *sent)
        if (rows := await self.rows(store, session)) is not None:
            texts = [(n, m.role, m.content) for n, m in enumerate(sent, 1)]
            assert [(seq, role, text or None) for seq, role, text in rows] == texts

    # --- external ids

    async def test_a_known_message_returns_the_stored_one(self, store: Store) -> None:
        session = await opened(store)
        sent = message(external_id="x", author_id="ann", metadata={"try": 1})
        first = await store.append(APP, session.id, [sent], now_ms=NOW)
        again = replace(sent, author_id="bob", metadata=None, tokens=99, counter="other", created_ms=NOW + 1)
        async with untouched(store, first.session):
            second = await store.append(APP, session.id, [again], now_ms=NOW + 1, fixed_tokens=5)
        assert (second.messages, second.created, second.session) == (first.messages, 0, first.session)

    @pytest.mark.parametrize(
        "changes",
        [
            {"role": "assistant"},
            {"content": "Hi"},
            {"content": "hi "},
            {"content": [{"type": "text", "text": "hi"}]},
            {"name": "ann"},
            {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"tool_call_id": "c"},
        ],
        ids=str,
    )
    async def test_another_message_of_a_known_external_id_is_a_conflict(self, store: Store, changes: dict[str, Any]) -> None:
        session = await said(store, await opened(store), message(external_id="x"))
        async with refused(store, session, Conflict, "external_id"):
            await said(store, session, replace(message(external_id="x"), **changes))

    async def test_known_parts_and_calls_are_recognised(self, store: Store) -> None:
        parts: list[dict[str, Any]] = [{"type": "text", "text": "é"}, {"type": "image", "n": [1, 2.5, None]}]
        sent = [message(content=parts, external_id="p"), tool_use("c", external_id="t"), tool_result("c", external_id="r")]
        session = await said(store, await opened(store), *sent)
        assert await said(store, session, *sent) == session
        assert await said(store, session, sent[2]) == session

    async def test_a_batch_may_mix_known_and_new(self, store: Store) -> None:
        session = await said(store, await opened(store), message(content="a", external_id="a"))
        batch = [message(content=one, external_id=one) for one in "bac"]
        answer = await store.append(APP, session.id, batch, now_ms=NOW)
        assert [(one.seq, one.content) for one in answer.messages] == [(2, "b"), (1, "a"), (3, "c")]
        assert (answer.created, answer.session.seq, answer.session.tokens) == (2, 3, 30)

    @pytest.mark.parametrize("content", ["same", "other"])
    async def test_an_external_id_twice_in_a_batch_is_a_conflict(self, store: Store, content: str) -> None:
        session = await opened(store)
        batch = [message(content="same", external_id="x"), message(content=content, external_id="x")]
        async with refused(store, session, Conflict, "external_id"):
            await said(store, session, *batch)

    async def test_external_ids_are_told_apart_to_the_letter(self, store: Store) -> None:
        names = ["x", "X", "x ", " x", "é", "e\u0301", "ﬁ", "fi", "", "0", "00", "1e0", "שלום", "🙂", "%", "a" * 200]
        session = await opened(store)
        session = await said(store, session, *[message(content=one, external_id=one) for one in names])
        assert session.seq == len(names)
        for seq, name in enumerate(names, 1):
            answer = await store.append(APP, session.id, [message(content=name, external_id=name)], now_ms=NOW)
            assert [one.seq for one in answer.messages] == [seq]

    async def test_known_messages_pass_whatever_the_status_and_expected_seq_say(self, store: Store) -> None:
        session = await said(store, await opened(store), message(external_id="x"), "more")
        session = await store.deactivate(APP, session.id, NOW)
        async with untouched(store, session):
            answer = await store.append(APP, session.id, [message(external_id="x")], now_ms=NOW, expected_seq=99)
        assert (answer.created, [one.seq for one in answer.messages]) == (0, [1])

    # --- find_message

    async def test_a_message_is_found_by_its_external_id(self, store: Store) -> None:
        parts: list[dict[str, Any]] = [{"type": "text", "text": "é"}]
        session = await opened(store)
        batch = [
            message("system", "be kind", external_id="s"),
            message(content=parts, external_id="x", author_id="ann", metadata={"n": 1}),
            message(),
            tool_use("c", external_id="t"),
            tool_result("c", external_id="r"),
        ]
        answer = await store.append(APP, session.id, batch, now_ms=NOW)
        async with untouched(store, answer.session):
            for stored in answer.messages:
                if stored.external_id is not None:
                    assert await store.find_message(APP, session.id, stored.external_id) == stored
            for name in ("X", "x ", "", "y", "c", "2", "\x01", "a" * 600):
                assert await store.find_message(APP, session.id, name) is None

    async def test_what_left_the_window_is_found_all_the_same(self, store: Store) -> None:
        session = await said(store, await opened(store), *[message(content=one, external_id=one) for one in "abcd"])
        await store.add_summary(APP, session.id, summary(1, 1), generation=0, now_ms=NOW)
        await store.retract(APP, session.id, 3, NOW)
        await store.clear(APP, session.id, keep_summaries=False, now_ms=NOW)
        await store.deactivate(APP, session.id, NOW)
        for seq, name in enumerate("abcd", 1):
            found = await store.find_message(APP, session.id, name)
            assert found is not None
            assert (found.seq, found.content) == (seq, name)

    async def test_only_the_message_of_this_key_is_found(self, store: Store) -> None:
        session = await said(store, await opened(store), message(external_id="x"))
        for changes in ({"conversation_id": "other"}, {"interface_type": "web"}):
            other = await opened(store, **changes)
            assert await store.find_message(APP, other.id, "x") is None
        with pytest.raises(UnknownSession):
            await store.find_message(APP, "nobody", "x")
        with pytest.raises(UnknownSession):
            await store.find_message("another app", session.id, "x")

    # --- expected_seq

    async def test_expected_seq_is_the_newest(self, store: Store) -> None:
        session = await opened(store)
        await store.append(APP, session.id, [message()], now_ms=NOW, expected_seq=0)
        answer = await store.append(APP, session.id, [message(), message()], now_ms=NOW, expected_seq=1)
        for wrong in (0, 1, 2, 4, 10**9):
            async with refused(store, answer.session, Conflict, "expected_seq"):
                await store.append(APP, session.id, [message()], now_ms=NOW, expected_seq=wrong)
        assert (await store.append(APP, session.id, [message()], now_ms=NOW, expected_seq=3)).session.seq == 4

    # --- closed sessions

    @pytest.mark.parametrize("role", ["user", "system"])
    async def test_a_closed_session_refuses_user_and_system_messages(self, store: Store, role: Any) -> None:
        session = await closed(store)
        async with refused(store, session, SessionClosed):
            await said(store, session, message(role))
        async with refused(store, session, SessionClosed):
            await said(store, session, message("assistant"), message(role), tool_result("c1"))

    async def test_a_closed_session_takes_what_finishes_its_turn(self, store: Store) -> None:
        session = await closed(store)
        after = await said(store, session, tool_result("c1"), message("assistant"), now_ms=NOW + 9)
        assert (after.seq, after.status, after.closed_ms) == (4, "inactive", session.closed_ms)
        assert after.expires_ms == session.expires_ms

    async def test_past_its_time_a_session_is_closed_whether_or_not_the_cleanup_was_there(self, store: Store) -> None:
        session = await said(store, await opened(store, lifetime_ms=10), "hello")
        async with refused(store, session, SessionClosed):
            await said(store, session, "late", now_ms=NOW + 10)
        after = await said(store, session, message("assistant", "later"), now_ms=NOW + 11)
        assert (after.seq, after.expires_ms, after.status_at(NOW + 11)) == (2, NOW + 10, "expired")
        assert (await said(store, session, message("assistant"), now_ms=NOW + 9)).seq == 3

    async def test_a_known_user_message_is_no_new_one_of_a_closed_session(self, store: Store) -> None:
        session = await said(store, await opened(store), message(external_id="x"))
        await store.deactivate(APP, session.id, NOW)
        batch = [message(external_id="x"), message("assistant", "answer")]
        answer = await store.append(APP, session.id, batch, now_ms=NOW)
        assert (answer.created, [one.seq for one in answer.messages]) == (1, [1, 2])

    # --- tool results

    async def test_a_tool_result_names_a_call_before_it(self, store: Store) -> None:
        session = await said(store, await opened(store), "look", tool_use("a", "b"), tool_result("b"))
        session = await said(store, session, tool_result("a"), tool_result("a", "twice"))
        await store.retract(APP, session.id, 2, NOW)
        session = await store.clear(APP, session.id, keep_summaries=False, now_ms=NOW)
        assert (await said(store, session, tool_result("b", "late"))).seq == 6

    @pytest.mark.parametrize(
        "batch",
        [
            [tool_result("none")],
            [tool_result("A")],
            [tool_result(None)],
            [tool_result("")],
            [tool_result("new"), tool_use("new")],
            [tool_use("new"), tool_result("new"), tool_result("none")],
        ],
        ids=["unknown", "other case", "none named", "empty", "call comes later", "last of three"],
    )
    async def test_a_tool_result_without_a_call_is_refused(self, store: Store, batch: list[NewMessage]) -> None:
        session = await said(store, await opened(store), "look", tool_use("a"))
        async with refused(store, session, InvalidInput, "tool_call_id"):
            await said(store, session, *batch)

    async def test_another_sessions_call_is_not_this_sessions(self, store: Store) -> None:
        first = await said(store, await opened(store), "look", tool_use("a"))
        other = await opened(store, conversation_id="other")
        await store.deactivate(APP, first.id, NOW)
        for session in (other, await opened(store)):
            async with refused(store, session, InvalidInput, "tool_call_id"):
                await said(store, session, tool_result("a"))

    # --- what stays

    async def test_a_message_never_changes(self, store: Store) -> None:
        session = await opened(store)
        batch = [message("system", "be kind"), message(external_id="x"), tool_use("c"), tool_result("c"), message()]
        session = await said(store, session, *batch)
        before = await log(store, session)
        await store.add_summary(APP, session.id, summary(2, 2), generation=0, now_ms=NOW)
        await store.retract(APP, session.id, 5, NOW)
        await store.clear(APP, session.id, keep_summaries=False, now_ms=NOW)
        await store.deactivate(APP, session.id, NOW)
        await store.cleanup(APP, now_ms=NOW + HOUR, retention_ms=2 * HOUR)
        assert await log(store, session) == before

    async def test_a_message_does_not_change_with_what_was_sent(self, store: Store) -> None:
        session = await opened(store)
        inner, parts = {"list": [1]}, [{"type": "text", "text": "a"}]
        await said(store, session, message(content=parts, metadata=inner))
        inner["list"].append(2)
        parts[0]["text"] = "b"
        [stored] = await store.messages(APP, session.id, after=0, limit=1)
        assert (stored.content, stored.metadata) == ([{"type": "text", "text": "a"}], {"list": [1]})
