"""Any value for any argument is taken or refused by a typed error, and what is refused leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.faults.helpers import CYCLE, HUGE, LONE, NUL, OK, log, made_at, opened

from turnkeep import SessionManager
from turnkeep.errors import InvalidInput, TurnkeepError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
GARBAGE = (
    JSON | st.just(object()) | st.just(CYCLE) | st.sets(st.integers(), max_size=2) | st.sampled_from([NUL, LONE, HUGE, -HUGE])
)
CALLABLE: dict[str, tuple[str, ...]] = {
    "add_message": (
        "session_id", "role", "content", "tool_calls", "tool_call_id", "name", "external_id", "author_id", "metadata", "created_at",
        "expected_seq",
    ),
    "add_messages": ("session_id", "messages", "expected_seq"),
    "get_messages": ("session_id", "after", "limit"),
    "build_context": ("session_id", "system", "tools", "max_messages", "token_budget"),
    "open_session": (
        "interface_type", "conversation_id", "external_user_id", "external_chat_id", "token_limit", "expires_in", "model", "tokenizer",
        "carry_over", "metadata",
    ),
    "find_by_conversation": ("conversation_id", "interface_type"),
    "list_sessions": ("status", "interface_type", "external_user_id", "before", "limit"),
    "erase_user": ("external_user_id", "interface_type"),
    "clear_messages": ("session_id", "keep_summaries"),
    "retract": ("session_id", "from_seq"),
    "get_state": ("session_id", "scope"),
    "update_state": ("session_id", "patch", "scope"),
    "record_tool_call": ("session_id", "name", "duration_ms", "outcome", "tool_call_id", "data"),
    "record_error": ("session_id", "name", "message", "data"),
    "record_usage": ("session_id", "tokens_in", "tokens_out", "cache_read_tokens", "counted_tokens", "model", "duration_ms", "data"),
    "get_events": ("session_id", "after", "limit"),
}  # fmt: skip
GOOD: dict[str, Any] = {
    "role": "user", "content": "x", "messages": [OK], "interface_type": "test", "conversation_id": 1, "external_user_id": "u",
    "patch": {"a": 1}, "name": "f", "tokens_in": 1, "tokens_out": 1, "from_seq": 1,
}  # fmt: skip
REQUIRED = {
    "session_id",
    "role",
    "messages",
    "interface_type",
    "conversation_id",
    "patch",
    "name",
    "tokens_in",
    "tokens_out",
    "from_seq",
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A call with one to three of its arguments replaced by garbage, the others good."""
    name = draw(st.sampled_from(sorted(CALLABLE)))
    fields = CALLABLE[name]
    spoilt = draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3, unique=True))
    needed = REQUIRED | {"external_user_id"} if name == "erase_user" else REQUIRED
    arguments = {field: GOOD.get(field) for field in fields if field in needed or field == "content"}
    for field in spoilt:
        if field == "messages":
            keys = st.sampled_from(CALLABLE["add_message"][1:10]) | st.text(max_size=3)
            arguments[field] = draw(GARBAGE | st.lists(st.dictionaries(keys, GARBAGE, max_size=4), max_size=3))
        elif field == "tool_calls":
            one = st.fixed_dictionaries({}, optional={"id": GARBAGE, "type": GARBAGE, "function": GARBAGE})
            arguments[field] = draw(GARBAGE | st.lists(one, max_size=2))
        else:
            arguments[field] = draw(GARBAGE)
    return name, arguments


async def _answers(sessions: SessionManager, batch: list[tuple[str, dict[str, Any]]]) -> None:
    session = await opened(sessions, "home", external_user_id="u")
    for name, arguments in batch:
        filled = {key: session.id if key == "session_id" and value is None else value for key, value in arguments.items()}
        seq = (await sessions.get_session(session.id)).seq
        try:
            await getattr(sessions, name)(**filled)
        except TurnkeepError as error:
            assert str(error)
            if isinstance(error, InvalidInput):
                assert error.field
            assert (await sessions.get_session(session.id)).seq == seq
        if name == "erase_user":
            session = await opened(sessions, "home", external_user_id="u")
    await log(sessions, session.id)
    await sessions.build_context(session.id, token_budget=4000)
    assert await sessions.check() == []


@pytest.mark.parametrize("place", ["file", "memory"])
def test_any_garbage_is_taken_or_refused(tmp_path: Path, place: str) -> None:
    loop = asyncio.new_event_loop()

    async def start() -> SessionManager:
        return await made_at(place, tmp_path)

    sessions = loop.run_until_complete(start())

    @settings(max_examples=40, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(st.lists(calls(), min_size=20, max_size=20))
    @example([("add_message", {"session_id": {}, "role": "user", "content": "x"})])
    @example([("build_context", {"session_id": None, "tools": 5})])
    def feed(batch: list[tuple[str, dict[str, Any]]]) -> None:
        loop.run_until_complete(_answers(sessions, batch))

    try:
        feed()
    finally:
        loop.run_until_complete(sessions.close())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
