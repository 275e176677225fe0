"""Bad input: an error that names the field and the limit, and nothing stored."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.faults.helpers import CYCLE, HUGE, LONE, NUL, OK, log, made_at, opened

from turnkeep import SessionManager
from turnkeep.errors import BudgetTooSmall, Conflict, InvalidInput, SessionClosed, TurnkeepError, UnknownSession

MIB = 1_048_576


def deep(depth: int, value: Any = 1) -> Any:
    for _ in range(depth):
        value = {"a": value}
    return value


def call(**changes: Any) -> dict[str, Any]:
    return {"id": "c9", "type": "function", "function": {"name": "f", "arguments": "{}"}, **changes}


def function(**changes: Any) -> list[dict[str, Any]]:
    return [call(function={"name": "f", "arguments": "{}", **changes})]


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[SessionManager]:
    """For the tables, case by case: what judges them stands above the stores. The file gets them in one go, below."""
    async with made_at("memory", tmp_path) as made:
        yield made


@pytest.fixture(params=["file", "memory"])
async def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionManager]:
    async with made_at(request.param, tmp_path) as made:
        yield made


async def snapshot(sessions: SessionManager, session_id: str) -> Any:
    return (
        await sessions.get_session(session_id),
        await log(sessions, session_id),
        await sessions.get_state(session_id),
        await sessions.get_state(session_id, "user"),
        await sessions.get_events(session_id),
        await sessions.get_summaries(session_id),
        (await sessions.get_stats()).total_sessions,
    )


async def refused(sessions: SessionManager, make: Callable[[str], Any], error: type[TurnkeepError], match: str) -> TurnkeepError:
    session = await opened(sessions, external_user_id="u")
    if session.seq == 0:
        await sessions.add_message(session.id, "user", "hello", external_id="known")
        await sessions.add_message(session.id, "assistant", tool_calls=[call(id="c1")])
        await sessions.update_state(session.id, {"a": 1})
    before = await snapshot(sessions, session.id)
    with pytest.raises(error, match=match) as caught:
        await make(session.id)
    assert await snapshot(sessions, session.id) == before
    assert "secret" not in str(caught.value)
    return caught.value


# --- messages: (arguments of add_message, what the error says)

SPOILT: list[Any] = [NUL, LONE]
NO_IDS: list[Any] = [True, HUGE, -HUGE, []]
NO_NAMES: list[Any] = [5, True, []]
EMPTY: list[Any] = ["", None, []]
NO_CONTENT: list[Any] = [{"a": "secret"}, 5, b"secret", ("x",), {1}]
NO_PARTS: list[Any] = [None, 1, "x", [], {}, {"type": 1}, {"text": "x"}]
NO_JSON: list[Any] = [float("nan"), float("inf"), {1}, b"x", CYCLE]
NO_OBJECTS: list[Any] = [None, "x", 5, []]
MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"role": "robot", "content": "x"}, "^role: .*system, user, assistant, tool"),
    *[({"role": role, "content": "x"}, "^role: ") for role in (None, "", "User", 1, True, ["user"], {"user": 1}, b"user", LONE)],
    *[({"role": "user", "content": content}, "^content: .*empty") for content in EMPTY],
    ({"role": "assistant", "content": ""}, "^content: "),
    ({"role": "assistant", "content": "", "tool_calls": []}, "^content: "),
    ({"role": "system", "content": None}, "^content: "),
    *[({"role": "user", "content": content}, "^content: .*must be") for content in NO_CONTENT],
    *[({"role": "user", "content": [part]}, r"^content\[0\]: ") for part in NO_PARTS],
    *[({"role": "user", "content": [{"type": "text", "text": text}]}, r"^content\[0\].text: ") for text in (None, 1, ["x"])],
    ({"role": "user", "content": "x" * (MIB + 1)}, "^content: .*limit 1,048,576, got 1,048,577"),
    ({"role": "user", "content": "é" * (MIB // 2 + 1)}, "^content: .*limit 1,048,576, got 1,048,578"),
    ({"role": "user", "content": [{"type": "text", "text": "x" * MIB}]}, "^content: .*limit 1,048,576"),
    *[({"role": "user", "content": text}, "^content: .*(NUL|surrogate)") for text in SPOILT],
    *[({"role": "user", "content": [{"type": "text", "text": text}]}, "^content") for text in SPOILT],
    *[({"role": "user", "content": [{"type": "x", "y": {"z": [text]}}]}, "^content") for text in SPOILT],
    *[({"role": "user", "content": [{"type": "x", text: 1}]}, "^content") for text in SPOILT],
    *[({"role": "user", "content": [{"type": "x", "y": bad}]}, "^content") for bad in NO_JSON],
    *[
        ({"role": "user", "content": "x", field: text}, f"^{field}: ")
        for field in ("name", "external_id", "author_id")
        for text in (*SPOILT, "", "x" * 513, ["x"], {"x": 1}, 1.5, b"x")
    ],
    *[
        ({"role": "user", "content": "x", field: value}, f"^{field}: ")
        for field in ("external_id", "author_id")
        for value in NO_IDS
    ],
    *[({"role": "user", "content": "x", "name": value}, "^name: ") for value in NO_NAMES],
    *[({"role": "user", "content": "x", "metadata": bad}, "^metadata: ") for bad in [*NO_CONTENT[1:], *NO_OBJECTS[1:], True]],
    *[
        ({"role": "user", "content": "x", "metadata": {"a": [{"b": bad}]}}, "^metadata: ")
        for bad in (
            *SPOILT,
            float("nan"),
            float("-inf"),
            {1},
            b"x",
            object(),
            datetime(2020, 1, 1, tzinfo=UTC),
            1j,
            CYCLE,
            deep(5000),
        )
    ],
    *[({"role": "user", "content": "x", "metadata": {key: 1}}, "^metadata: ") for key in (*SPOILT, 1, None, (1,), 1.5)],
    ({"role": "user", "content": "x", "metadata": {"a": "x" * 70_000}}, "^metadata: .*limit 65,536"),
    *[
        ({"role": "user", "content": "x", "created_at": bad}, "^created_at: ")
        for bad in ("2020-01-01", 5, datetime(2020, 1, 1), True)
    ],
    (
        {"role": "user", "content": "x", "created_at": datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))},
        "^created_at: ",
    ),
    *[({"role": "user", "content": "x", "expected_seq": bad}, "^expected_seq: ") for bad in (-1, True, "2", 2.0, [2])],
    # tools
    ({"role": "tool", "content": "x"}, "^tool_call_id: is needed"),
    ({"role": "tool", "content": None, "tool_call_id": "c1"}, "^content: "),
    ({"role": "tool", "content": "x", "tool_call_id": "never"}, "^tool_call_id: .*(never had|no tool call)"),
    ({"role": "user", "content": "x", "tool_call_id": "c1"}, "^tool_call_id: .*tool messages only"),
    *[
        ({"role": "tool", "content": "x", "tool_call_id": bad}, "^tool_call_id: ")
        for bad in (*SPOILT, "", 5, ["c1"], {"c1": 1}, True)
    ],
    ({"role": "user", "content": "x", "tool_calls": [call()]}, "^tool_calls: .*assistant"),
    *[({"role": "assistant", "tool_calls": bad}, "^tool_calls: ") for bad in ("x", 5, {"id": "c"}, True, {1})],
    *[({"role": "assistant", "tool_calls": [bad]}, r"^tool_calls\[0\]: ") for bad in NO_OBJECTS],
    *[
        ({"role": "assistant", "tool_calls": [call(id=bad)]}, r"^tool_calls\[0\].id: ")
        for bad in (*SPOILT, "", None, 5, "x" * 513)
    ],
    *[({"role": "assistant", "tool_calls": [call(function=bad)]}, r"^tool_calls\[0\].function: ") for bad in NO_OBJECTS],
    *[
        ({"role": "assistant", "tool_calls": function(name=bad)}, r"^tool_calls\[0\].function.name: ")
        for bad in (*SPOILT, "", None, 5)
    ],
    *[({"role": "assistant", "tool_calls": function(arguments=bad)}, "^tool_calls") for bad in [*SPOILT, *NO_CONTENT, None]],
    *[({"role": "assistant", "tool_calls": function(extra={"x": bad})}, "^tool_calls") for bad in [*SPOILT, *NO_JSON]],
    ({"role": "assistant", "tool_calls": [call(type="code")]}, r"^tool_calls\[0\].type: "),
    ({"role": "assistant", "tool_calls": [call(), call()]}, r"^tool_calls\[1\].id: .*twice"),
    ({"role": "assistant", "tool_calls": [call(id=f"c{n}") for n in range(129)]}, "^tool_calls: .*limit 128, got 129"),
    ({"role": "assistant", "tool_calls": function(arguments="x" * MIB)}, "^tool_calls: .*limit 1,048,576"),
]


def _label(value: Any, length: int = 30) -> str:
    try:
        text = "huge" if value is HUGE else str(value)[: 2 * length]
    except (RecursionError, ValueError):
        text = "deep"
    return re.sub(r"0x[0-9a-f]+|[^ -~]", "?", text)[:length]


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        return ", ".join(f"{key}={_label(inner)}" for key, inner in value.items())
    return _label(value, 60) if isinstance(value, str) else getattr(value, "__name__", "x")


@pytest.mark.parametrize(("arguments", "match"), MESSAGES, ids=[_name(case[0]) for case in MESSAGES])
async def test_a_bad_message(memory: SessionManager, arguments: dict[str, Any], match: str) -> None:
    await _bad_message(memory, arguments, match)


async def _bad_message(sessions: SessionManager, arguments: dict[str, Any], match: str) -> None:
    error = await refused(sessions, lambda s: sessions.add_message(s, **arguments), InvalidInput, match)
    assert isinstance(error, InvalidInput)
    if "expected_seq" in arguments:
        return
    prefixed = match.replace("^", r"^messages\[1\]\.")
    batch = [{"role": "user", "content": "good"}, arguments]
    stored_first = "never had" in match
    await refused(sessions, lambda s: sessions.add_messages(s, batch), InvalidInput, match if stored_first else prefixed)


OTHERS: list[tuple[str, Callable[[SessionManager, str], Any], type[TurnkeepError], str]] = []
BY_SESSION: dict[str, Callable[[SessionManager, Any], Any]] = {
    "add_message": lambda m, s: m.add_message(s, "user", "x"),
    "add_messages": lambda m, s: m.add_messages(s, [OK]),
    "get_session": lambda m, s: m.get_session(s),
    "get_messages": lambda m, s: m.get_messages(s),
    "build_context": lambda m, s: m.build_context(s),
    "summarize": lambda m, s: m.summarize_session(s),
    "summaries": lambda m, s: m.get_summaries(s),
    "clear": lambda m, s: m.clear_messages(s),
    "retract": lambda m, s: m.retract(s, 1),
    "get_state": lambda m, s: m.get_state(s),
    "update_state": lambda m, s: m.update_state(s, {}),
    "deactivate": lambda m, s: m.deactivate_session(s),
    "delete": lambda m, s: m.delete_session(s),
    "tool call": lambda m, s: m.record_tool_call(s, "f"),
    "error": lambda m, s: m.record_error(s, "f"),
    "usage": lambda m, s: m.record_usage(s, tokens_in=1, tokens_out=1),
    "events": lambda m, s: m.get_events(s),
    "stats": lambda m, s: m.get_session_stats(s),
}
BAD_SESSIONS: list[Any] = ["x" * 513, "", None, 5, True, {}, ["x"], {1}, NUL, LONE]


@pytest.mark.parametrize("name", BY_SESSION)
async def test_a_session_that_is_none(sessions: SessionManager, name: str) -> None:
    await refused(sessions, lambda _: BY_SESSION[name](sessions, "ses_unknown"), UnknownSession, "^session_id: no session")
    for bad in BAD_SESSIONS:
        await refused(sessions, lambda _, bad=bad: BY_SESSION[name](sessions, bad), InvalidInput, "^session_id: ")  # type: ignore[misc]


def _case(what: str, make: Callable[[SessionManager, str], Any], match: str, error: type[TurnkeepError] = InvalidInput) -> None:
    OTHERS.append((what, make, error, match))


def _cases(what: str, make: Callable[[SessionManager, str, Any], Any], match: str, *values: Any) -> None:
    for value in values:
        _case(f"{what}={_label(value)}", lambda m, s, value=value: make(m, s, value), match)  # type: ignore[misc]


_cases(
    "batch",
    lambda m, s, v: m.add_messages(s, v),
    "^messages",
    None,
    5,
    "x",
    b"x",
    {"role": "user"},
    {1},
    [None],
    [5],
    ["x"],
    [[]],
)
_cases("batch of", lambda m, s, v: m.add_messages(s, [OK] * v), "^messages: .*limit", 0, 1001)
_case("batch, unknown field", lambda m, s: m.add_messages(s, [OK | {"colour": "secret"}]), r"^messages\[0\].colour: ")
_case("batch, key no string", lambda m, s: m.add_messages(s, [dict[Any, Any](OK) | {5: "secret"}]), r"^messages\[0\].5: ")
_case("batch, id twice", lambda m, s: m.add_messages(s, [OK | {"external_id": "n"}] * 2), "^external_id: ", Conflict)
_case("other content", lambda m, s: m.add_message(s, "user", "other", external_id="known"), "^external_id: ", Conflict)
_case("other seq", lambda m, s: m.add_message(s, "user", "x", expected_seq=7), "^expected_seq: ", Conflict)
_case("huge seq", lambda m, s: m.add_message(s, "user", "x", expected_seq=HUGE), "^expected_seq: ", TurnkeepError)

_cases(
    "find",
    lambda m, s, v: m.find_message(s, v),
    "^external_id: ",
    None,
    "",
    True,
    1.5,
    [],
    ["x"],
    HUGE,
    b"x",
    "x" * 513,
    NUL,
    LONE,
)

_cases("after", lambda m, s, v: m.get_messages(s, after=v), "^after: ", -1, True, None, "1", 1.0, [1])
_cases("limit", lambda m, s, v: m.get_messages(s, limit=v), "^limit: .*", 0, -1, 1001, HUGE, True, None, "1", 1.5)
_cases("events after", lambda m, s, v: m.get_events(s, after=v), "^after: ", -1, True, None, "1", 1.0)
_cases("events limit", lambda m, s, v: m.get_events(s, limit=v), "^limit: ", 0, -1, 1001, HUGE, True, None)
_cases("list limit", lambda m, s, v: m.list_sessions(limit=v), "^limit: ", 0, -1, 1001, HUGE, True, None, "1")
_cases("list status", lambda m, s, v: m.list_sessions(status=v), "^status: ", "open", 5, ["active"], {"a": 1})
_cases("list before", lambda m, s, v: m.list_sessions(before=v), "^before: ", "", 5, ["x"], NUL, LONE)
_case("list before unknown", lambda m, s: m.list_sessions(before="ses_x"), "ses_x", UnknownSession)
_cases("list interface", lambda m, s, v: m.list_sessions(interface_type=v), "^interface_type: ", "", 5, ["x"], NUL, LONE)
_cases("list user", lambda m, s, v: m.list_sessions(external_user_id=v), "^external_user_id: ", "", ["x"], True, HUGE, NUL, LONE)

_cases("max_messages", lambda m, s, v: m.build_context(s, max_messages=v), "^max_messages: ", 0, -1, True, "5", 2.0, [5])
_cases(
    "token_budget", lambda m, s, v: m.build_context(s, token_budget=v), "^token_budget: ", 0, -1, 10**9 + 1, HUGE, True, "5", 2.0
)
_cases("system", lambda m, s, v: m.build_context(s, system=v), "^system: ", 5, ["x"], {"a": 1}, NUL, LONE, "x" * (MIB + 1), b"x")
_cases(
    "tools",
    lambda m, s, v: m.build_context(s, tools=v),
    "^tools",
    5,
    "x",
    [5],
    ["x"],
    [None],
    [{"a": float("nan")}],
    [{"a": {1}}],
)
_cases("tools too", lambda m, s, v: m.build_context(s, tools=v), "^tools", {"a": 1}, [CYCLE], [{"a": NUL}], [{"a": LONE}], True)
_case("too small for the prompt", lambda m, s: m.build_context(s, system="x " * 9000), "^token_limit: .*limit", BudgetTooSmall)
_case("too small for tools", lambda m, s: m.build_context(s, tools=[{"a": "x " * 9000}]), "^token_limit: .*limit", BudgetTooSmall)
_case("no room", lambda m, s: m.build_context(s, token_budget=1), "^token_budget: .*limit", BudgetTooSmall)

_cases("token_limit", lambda m, s, v: opened(m, 2, token_limit=v), "^token_limit: ", 0, -1, 10**9 + 1, HUGE, True, "5", 2.0, [5])
_cases(
    "expires_in",
    lambda m, s, v: opened(m, 2, expires_in=v),
    "^expires_in: ",
    0,
    -1,
    timedelta(0),
    timedelta(seconds=-1),
    True,
    "5",
)
_cases(
    "expires_in too",
    lambda m, s, v: opened(m, 2, expires_in=v),
    "^expires_in: ",
    float("nan"),
    float("inf"),
    HUGE,
    timedelta.max,
    [5],
)
_cases(
    "conversation",
    lambda m, s, v: opened(m, v),
    "^conversation_id: ",
    None,
    "",
    1.5,
    True,
    ["x"],
    {"a": 1},
    NUL,
    LONE,
    "x" * 513,
    HUGE,
)
_cases("user", lambda m, s, v: opened(m, 2, external_user_id=v), "^external_user_id: ", "", 1.5, True, ["x"], NUL, LONE, HUGE)
_cases("chat", lambda m, s, v: opened(m, 2, external_chat_id=v), "^external_chat_id: ", "", 1.5, True, ["x"], NUL, LONE, HUGE)
_cases("interface", lambda m, s, v: m.get_or_create_session(v, 2), "^interface_type: ", None, "", 5, ["x"], NUL, LONE, "x" * 513)
_cases("carry_over", lambda m, s, v: opened(m, 2, carry_over=v), "^carry_over: ", "all", 5, ["none"], True)
_cases("tokenizer", lambda m, s, v: opened(m, 2, tokenizer=v), "^tokenizer: ", "gpt", 5, ["o200k"], {"a": 1}, True, LONE)
_cases("model", lambda m, s, v: m.get_or_create_session("test", 2, model=v), "^model: ", 5, ["gpt"], {"a": 1}, True, b"gpt")
_cases(
    "metadata",
    lambda m, s, v: opened(m, 2, metadata=v),
    "^metadata: ",
    5,
    "x",
    [],
    {"a": NUL},
    {"a": LONE},
    {"a": float("nan")},
    CYCLE,
)
_cases("find", lambda m, s, v: m.find_by_conversation(v), "^conversation_id: ", None, "", True, ["x"], HUGE, NUL, LONE)
_cases("find on", lambda m, s, v: m.find_by_conversation(1, v), "^interface_type: ", "", 5, ["x"], NUL, LONE)
_cases("erase", lambda m, s, v: m.erase_user(v), "^external_user_id: ", None, "", True, 1.5, ["x"], HUGE, NUL, LONE)
_cases("erase on", lambda m, s, v: m.erase_user("u", v), "^interface_type: ", "", 5, ["x"], NUL, LONE)

_cases("retract", lambda m, s, v: m.retract(s, v), "^from_seq: ", 0, -1, 3, HUGE, True, None, "1", 1.0)
_cases("state", lambda m, s, v: m.update_state(s, v), "^patch: ", None, 5, "x", [], {1}, True)
_cases(
    "state value", lambda m, s, v: m.update_state(s, {"k": v}), "^patch: ", float("nan"), float("inf"), {1}, b"x", object(), CYCLE
)
_cases("state value too", lambda m, s, v: m.update_state(s, {"k": v}), "^patch: ", NUL, LONE, deep(5000), [NUL], 1j)
_cases("state key", lambda m, s, v: m.update_state(s, {v: 1}), "^patch: ", NUL, LONE, 1, None, 1.5, (1,))
_case("state too large", lambda m, s: m.update_state(s, {"k": "x" * 65_536}), "^patch: .*limit 65,536, got 65,5")
_cases("scope", lambda m, s, v: m.update_state(s, {}, v), "^scope: ", "all", None, 5, ["user"])
_cases("get scope", lambda m, s, v: m.get_state(s, v), "^scope: ", "all", None, 5, ["user"])

_cases("tool name", lambda m, s, v: m.record_tool_call(s, v), "^name: ", None, "", 5, ["x"], NUL, LONE, "x" * 513)
_cases("tool outcome", lambda m, s, v: m.record_tool_call(s, "f", outcome=v), "^outcome: ", "", 5, ["x"], NUL, LONE)
_cases("tool id", lambda m, s, v: m.record_tool_call(s, "f", tool_call_id=v), "^tool_call_id: ", "", 5, ["x"], NUL, LONE)
_cases("duration", lambda m, s, v: m.record_tool_call(s, "f", duration_ms=v), "^duration_ms: ", -1, *NO_JSON[:2], "5", True, HUGE)
_cases(
    "tool data", lambda m, s, v: m.record_tool_call(s, "f", data=v), "^data: ", 5, "x", [], {"a": NUL}, {"a": float("nan")}, CYCLE
)
_cases("error data", lambda m, s, v: m.record_error(s, "f", data=v), "^data: ", 5, "x", [1], True, {"a": LONE})
_cases("error message", lambda m, s, v: m.record_error(s, "f", message=v), "^message: ", 5, ["x"], NUL, LONE, "x" * 70_000)
_cases(
    "usage in",
    lambda m, s, v: m.record_usage(s, tokens_in=v, tokens_out=0),
    "^tokens_in: ",
    -1,
    True,
    None,
    1.5,
    "1",
    10**13,
    HUGE,
)
_cases(
    "usage out", lambda m, s, v: m.record_usage(s, tokens_in=0, tokens_out=v), "^tokens_out: ", -1, True, None, 1.5, "1", 10**13
)
_cases(
    "usage cached",
    lambda m, s, v: m.record_usage(s, tokens_in=5, tokens_out=0, cache_read_tokens=v),
    "^cache_read_tokens: ",
    *(-1, True, None, 1.5, "1", 6, 10**13, HUGE),
)
_cases(
    "usage counted",
    lambda m, s, v: m.record_usage(s, tokens_in=5, tokens_out=0, counted_tokens=v),
    "^counted_tokens: ",
    *(-1, 0, True, 1.5, "1", 10**13, HUGE),
)
_cases(
    "usage model",
    lambda m, s, v: m.record_usage(s, tokens_in=0, tokens_out=0, model=v),
    "^(name|model): ",
    None,
    "",
    5,
    NUL,
    LONE,
)
_cases("backup", lambda m, s, v: m.backup(v), "^target: ", None, 5, b"x", ["x"], NUL, LONE, "")


@pytest.mark.parametrize(("make", "error", "match"), [case[1:] for case in OTHERS], ids=[_name(case[0]) for case in OTHERS])
async def test_a_bad_argument(memory: SessionManager, make: Callable[..., Any], error: type[TurnkeepError], match: str) -> None:
    await refused(memory, lambda s: make(memory, s), error, match)


async def test_the_tables_on_a_file(tmp_path: Path) -> None:
    wrong = []
    async with made_at("file", tmp_path) as sessions:
        for arguments, match in MESSAGES:
            try:
                await _bad_message(sessions, arguments, match)
            except (AssertionError, pytest.fail.Exception, Exception) as error:
                wrong.append(f"add_message({_name(arguments)}): {type(error).__name__} {str(error)[:200]}")
        for what, make, kind, match in OTHERS:
            try:
                await refused(sessions, lambda s, make=make: make(sessions, s), kind, match)  # type: ignore[misc]
            except (AssertionError, pytest.fail.Exception, Exception) as error:
                wrong.append(f"{what}: {type(error).__name__} {str(error)[:200]}")
        assert wrong == []
        assert await sessions.check() == []


async def test_state_that_grows_over_its_limit(sessions: SessionManager) -> None:
    session = await opened(sessions, external_user_id="u")
    for scope in ("session", "user"):
        for number in range(3):
            await sessions.update_state(session.id, {f"k{number}": "x" * 20_000}, scope)
        before = await snapshot(sessions, session.id)
        with pytest.raises(InvalidInput, match="^state: .*limit 65,536, got 8") as caught:
            await sessions.update_state(session.id, {"k3": "x" * 20_000}, scope)
        assert caught.value.limit == 65_536
        assert await snapshot(sessions, session.id) == before


async def test_what_is_at_its_limit_is_taken(sessions: SessionManager) -> None:
    session = await opened(sessions, external_user_id="u", token_limit=10**9, expires_in=10**10)
    await sessions.add_message(session.id, "user", "x" * MIB, external_id="i" * 512, name="n" * 512, author_id="a" * 512)
    await sessions.add_messages(session.id, [OK] * 1000)
    calls = [call(id=f"c{n}") for n in range(128)]
    await sessions.add_message(session.id, "assistant", tool_calls=calls)
    await sessions.add_message(session.id, "tool", "", tool_call_id="c0")
    await sessions.add_message(session.id, "user", "x", created_at=datetime(1, 1, 1, tzinfo=UTC))
    await sessions.add_message(session.id, "user", "x", created_at=datetime.max.replace(tzinfo=UTC))
    empty = len('{"k":""}')
    await sessions.update_state(session.id, {"k": "x" * (65_536 - empty)})
    nested = deep(100)
    await sessions.add_message(session.id, "user", "x", metadata=nested)
    await sessions.update_state(session.id, nested, "user")
    assert (await sessions.get_state(session.id, "user")) == nested
    found = await log(sessions, session.id)
    assert len(found) == 1006
    assert [str(message.created_at) for message in found]
    assert await sessions.get_messages(session.id, after=10**30) == []
    assert await sessions.get_messages(session.id, after=2**32 - 1) == []
    assert await sessions.get_messages(session.id, after=2**63) == []
    assert await sessions.get_events(session.id, after=10**30) == []
    assert (await sessions.build_context(session.id, max_messages=10**30)).messages
    assert await sessions.check() == []


@pytest.mark.parametrize(
    "value", [0, -1, 2**53 + 1, 2**64 - 1, -(2**63), 1.5, -0.0, 1e308, True, None, "", [], {}, [[]], "é👩‍👩‍👧"]
)
async def test_json_reads_back_as_it_was_given(sessions: SessionManager, value: Any) -> None:
    session = await opened(sessions, metadata={"v": value})
    stored = await sessions.add_message(session.id, "user", [{"type": "x", "v": value}], metadata={"v": value})
    [read] = await log(sessions, session.id)
    assert read == stored
    for found in (read.metadata, read.content[0], session.metadata):  # type: ignore[index]
        assert repr(found["v"]) == repr(value)  # type: ignore[index]


async def test_a_closed_session(sessions: SessionManager) -> None:
    session = await opened(sessions, external_user_id="u")
    await sessions.add_message(session.id, "assistant", tool_calls=[call(id="c1")])
    await sessions.deactivate_session(session.id)
    before = await snapshot(sessions, session.id)
    for role in ("user", "system"):
        with pytest.raises(SessionClosed, match="get_or_create_session"):
            await sessions.add_message(session.id, role, "x")
    assert await snapshot(sessions, session.id) == before
    assert (await sessions.add_message(session.id, "tool", "", tool_call_id="c1")).seq == 2
