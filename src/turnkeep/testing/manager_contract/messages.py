"""Messages: stored as they were given, counted once, read back page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from turnkeep.errors import InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.session import JsonObject
from turnkeep.testing.manager_contract.case import Case, Clock, OpenManager, calls, chat, log, refused, row, texts, turns
from turnkeep.tokens import count_message, get_counter

PARTS: list[JsonObject] = [
    {"type": "text", "text": "What is this? é🙂"},
    {"type": "image_url", "image_url": {"url": "https://example.org/cat.png", "detail": "low"}},
    {"type": "file", "file": {"file_id": "file-1", "filename": "report.pdf"}},
    {"type": "of the future", "deep": [{"a": None}, 1.5, True]},
]
TEXTS = [
    "hi",
    " ",
    "\n",
    "a\r\nb\tc",
    "é🙂👩‍👩‍👧 שלום العربية ไทย",
    "x" * 100_000,
    "\x01\x7f\ufeff\u2028",
    '{"a": "\\u0000"}',
    "'; DROP TABLE messages;--",
]
SHAPES: dict[str, JsonObject] = {
    "user": {"role": "user", "content": "hello"},
    "system": {"role": "system", "content": "Be brief."},
    "assistant": {"role": "assistant", "content": "hi"},
    "parts": {"role": "user", "content": PARTS},
    "name": {"role": "user", "content": "hi", "name": "Ann É."},
    "author": {"role": "user", "content": "hi", "author_id": "ann"},
    "metadata": {"role": "user", "content": "hi", "metadata": {"chat": -100, "deep": [None, {"é": 1.5}], "": []}},
    "external": {"role": "user", "content": "hi", "external_id": "tg:1/2"},
    "calls": {"role": "assistant", "content": None, "tool_calls": calls("c1", "c2")},
    "calls and text": {"role": "assistant", "content": "Let me see.", "tool_calls": calls("c1")},
    "calls and no text": {"role": "assistant", "content": "", "tool_calls": calls("c1")},
    "date": {"role": "user", "content": "hi", "created_at": datetime(2020, 2, 29, 23, 59, 59, 123000, UTC)},
}


class Messages(Case):
    """`add_message` and `get_messages`."""

    @pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
    @pytest.mark.parametrize("batch", [False, True], ids=["one", "batch"])
    async def test_a_message_is_kept_as_given(
        self, manager: SessionManager, clock: Clock, shape: JsonObject, batch: bool
    ) -> None:
        session = await chat(manager)
        if batch:
            [message] = await manager.add_messages(session.id, [shape])
        else:
            message = await manager.add_message(session.id, **shape)
        for seen in (message, (await manager.get_messages(session.id))[0]):
            assert (seen.seq, seen.erased) == (1, False)
            for field in ("role", "content", "tool_calls", "name", "author_id", "metadata", "external_id", "tool_call_id"):
                assert getattr(seen, field) == shape.get(field), field
            assert seen.created_at == shape.get("created_at", datetime.fromtimestamp(clock.now, UTC))
            assert (seen.counter, seen.tokens) == ("o200k", message.tokens)

    @pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
    async def test_it_is_counted_by_the_sessions_counter(self, manager: SessionManager, shape: JsonObject) -> None:
        for name in ("o200k", "cl100k", "estimate"):
            session = await chat(manager, name, tokenizer=name)
            message = await manager.add_message(session.id, **shape)
            fields = (shape["role"], shape["content"], shape.get("tool_calls"), None, shape.get("name"))
            assert message.tokens == count_message(get_counter(name), *fields)

    @pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:20])
    async def test_any_text_comes_back(self, manager: SessionManager, text: str) -> None:
        session = await chat(manager)
        message = await manager.add_message(session.id, "user", text, metadata={"copy": text[:100], text[:100]: 1})
        assert message.content == text
        [stored] = await manager.get_messages(session.id)
        assert row(stored) == row(message)

    async def test_totals_are_the_sums_of_the_log(self, manager: SessionManager) -> None:
        session = await chat(manager)
        for shape in SHAPES.values():
            await manager.add_message(session.id, **shape)
        await manager.add_message(session.id, "tool", "blue", tool_call_id="c1")
        await manager.add_message(session.id, "tool", "", tool_call_id="c2", name="look")
        stored = await log(manager, session)
        now = await manager.get_session(session.id)
        assert [message.seq for message in stored] == list(range(1, now.seq + 1))
        assert now.tokens == sum(message.tokens for message in stored)
        assert now.tokens_out == sum(message.tokens for message in stored if message.role == "assistant")
        assert now.tool_calls == 4
        assert (now.window_messages, now.window_tokens) == (now.seq, now.tokens)

    async def test_leading_system_messages_are_no_part_of_the_window(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_messages(
            session.id, [{"role": "system", "content": "Be brief."}, {"role": "system", "content": "Be kind."}]
        )
        now = await manager.get_session(session.id)
        assert (now.seq, now.window_messages, now.window_tokens) == (2, 0, 0)
        assert now.tokens > 0

    async def test_late_and_parallel_results(self, manager: SessionManager) -> None:
        session = await chat(manager)
        for message in (
            {"role": "user", "content": "Where is the sun?"},
            {"role": "assistant", "tool_calls": calls("c1", "c2")},
            {"role": "tool", "content": "up", "tool_call_id": "c2"},
            {"role": "user", "content": "Hurry!", "author_id": "bob"},
            {"role": "assistant", "tool_calls": calls("c3")},
            {"role": "tool", "content": "", "tool_call_id": "c1"},
            {"role": "tool", "content": [{"type": "text", "text": "down"}], "tool_call_id": "c3"},
            {"role": "tool", "content": "up, again", "tool_call_id": "c2"},
        ):
            await manager.add_message(session.id, **message)
        stored = await log(manager, session)
        assert [message.tool_call_id for message in stored] == [None, None, "c2", None, None, "c1", "c3", "c2"]
        assert (await manager.get_session(session.id)).tool_calls == 3

    async def test_a_result_of_a_call_that_never_was(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "assistant", tool_calls=calls("c1"))
        async with refused(manager, session, InvalidInput, "tool_call_id"):
            await manager.add_message(session.id, "tool", "blue", tool_call_id="c2")
        other = await chat(manager, "other")
        async with refused(manager, other, InvalidInput, "tool_call_id"):
            await manager.add_message(other.id, "tool", "blue", tool_call_id="c1")

    @pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-3, minutes=-30))], ids=str)
    async def test_times_are_moments(self, manager: SessionManager, zone: timezone) -> None:
        session = await chat(manager)
        at = datetime(2024, 3, 1, 0, 0, 0, 999000, zone)
        message = await manager.add_message(session.id, "user", "hi", created_at=at)
        assert message.created_at == at
        assert message.created_at.utcoffset() == timedelta(0)
        assert (await manager.get_session(session.id)).last_active.timestamp() == 1_750_000_000

    @pytest.mark.parametrize("at", [datetime.min, datetime.max, datetime(1969, 12, 31)], ids=str)
    async def test_times_far_away(self, manager: SessionManager, at: datetime) -> None:
        session = await chat(manager)
        at = at.replace(tzinfo=UTC, microsecond=0)
        await manager.add_message(session.id, "user", "hi", created_at=at)
        assert [message.created_at for message in await log(manager, session)] == [at]

    async def test_what_a_caller_changes_later_changes_no_message(self, manager: SessionManager) -> None:
        session = await chat(manager)
        shape: JsonObject = {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}],
            "tool_calls": calls("c1"),
            "metadata": {"a": []},
        }
        before = await manager.add_message(session.id, **shape)
        seen = row(before)
        shape["content"][0]["text"] = "b"
        shape["tool_calls"][0]["id"] = "c2"
        shape["metadata"]["a"].append(1)
        assert row((await log(manager, session))[0]) == seen
        assert "c2" not in str((await manager.build_context(session.id)).messages)  # which holds no random id

    # --- reading

    async def test_pages_show_the_whole_log(self, manager: SessionManager) -> None:
        session = await chat(manager)
        sent = await turns(manager, session, 5)
        assert await manager.get_messages(session.id, after=10) == []
        for limit in (1, 3, 10, 1000):
            found: list[Any] = []
            while page := await manager.get_messages(session.id, after=len(found), limit=limit):
                assert len(page) == min(limit, 10 - len(found))
                found += page
            assert [row(message) for message in found] == [row(message) for message in sent]

    async def test_the_default_page_is_100(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 51)
        assert [message.seq for message in await manager.get_messages(session.id)] == list(range(1, 101))
        assert [message.seq for message in await manager.get_messages(session.id, 100)] == [101, 102]

    async def test_covered_cleared_and_retracted_messages_are_in_the_log(self, manager: SessionManager) -> None:
        session = await chat(manager)
        sent = [row(message) for message in await turns(manager, session, 8)]
        assert await manager.summarize_session(session.id) is not None
        assert [row(message) for message in await log(manager, session)] == sent
        await manager.retract(session.id, 15)
        assert [row(message) for message in await log(manager, session)] == sent
        await manager.clear_messages(session.id, keep_summaries=False)
        assert [row(message) for message in await log(manager, session)] == sent
        await manager.add_message(session.id, "user", "next")
        assert [message.seq for message in await manager.get_messages(session.id, 14)] == [15, 16, 17]

    @pytest.mark.parametrize("after", [2**31, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**64, 10**30])
    async def test_beyond_the_end_is_nothing(self, manager: SessionManager, after: int) -> None:
        session = await chat(manager)
        await turns(manager, session, 1)
        await turns(manager, await chat(manager, "the next log"), 4)
        assert await manager.get_messages(session.id, after=after) == []

    async def test_a_page_out_of_bounds_names_its_field(self, manager: SessionManager) -> None:
        session = await chat(manager)
        bad: list[tuple[str, Any]] = [("after", -1), ("after", "1"), ("after", True), ("after", None), ("after", 1.0)]
        bad += [("limit", 0), ("limit", 1001), ("limit", -1), ("limit", "5"), ("limit", False)]
        for field, value in bad:
            async with refused(manager, session, InvalidInput, field):
                await manager.get_messages(session.id, **{field: value})

    async def test_another_manager_reads_the_same(self, open_manager: OpenManager, clock: Clock) -> None:
        one, two = await open_manager(clock=clock), await open_manager(clock=clock)
        session = await chat(one)
        for shape in SHAPES.values():
            await one.add_message(session.id, **shape)
        assert [row(message) for message in await log(two, session)] == [row(message) for message in await log(one, session)]
        await two.add_message(session.id, "user", "from the other")
        assert texts(await one.get_messages(session.id, len(SHAPES))) == ["from the other"]
