"""Bad input: a typed error that names the field, and nothing is stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from turnkeep.errors import InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.session import JsonObject, Scope
from turnkeep.testing.manager_contract.case import Case, Clock, OpenManager, calls, chat, raises, refused, turns, untouched

LONG = "x" * (1_048_576 + 1)
NAIVE = datetime(2024, 1, 1)
TEXT: JsonObject = {"role": "user", "content": "hi"}
CALL: JsonObject = calls("c")[0]
SCOPES: tuple[Scope, ...] = ("session", "user")


def called(**changes: Any) -> JsonObject:
    return {"role": "assistant", "tool_calls": [{**CALL, **changes}]}


def _anything(*values: Any) -> tuple[Any, ...]:
    return values


def _each(about: str, message: JsonObject, field: str, *values: Any) -> list[tuple[str, JsonObject]]:
    """The field that the error names, and the message, with each of the values in turn."""
    return [(about, {**message, field: value}) for value in values]


BAD: list[tuple[str, JsonObject]] = [
    *_each("role", {**TEXT}, "role", "bot", "", "User", None, 5, ["user"], {}),
    *_each("content", {**TEXT}, "content", "", None, [], 5, b"hi", {}, "a\0b", "\ud800", LONG, True),
    *_each("content", {"role": "assistant"}, "content", "", None, []),
    *_each("content", {"role": "system"}, "content", "", None, []),
    *_each("content[0]", {**TEXT}, "content", ["hi"], [5], [None], [{}], [{"text": "hi"}], [{"type": 5}]),
    *_each("content[0].text", {**TEXT}, "content", [{"type": "text"}], [{"type": "text", "text": 5}]),
    *_each("content[1]", {**TEXT}, "content", [{"type": "text", "text": "a"}, "b"]),
    *_each("content", {**TEXT}, "content", *([{"type": "text", "text": text}] for text in ("a\0b", "\ud800", LONG))),
    *_each("content", {**TEXT}, "content", [{"type": "x", "value": object()}]),
    *_each("tool_calls", {"tool_calls": [CALL], "content": "hi"}, "role", "user", "system", "tool"),
    *_each("tool_calls", {"role": "assistant"}, "tool_calls", "c", 5, {"id": "c"}, [CALL] * 129),
    *_each("tool_calls[0]", {"role": "assistant"}, "tool_calls", ["c"], [5], [None]),
    *_each("tool_calls[1].id", {"role": "assistant"}, "tool_calls", [CALL, CALL]),
    *(("tool_calls[0].id", called(id=value)) for value in _anything(None, "", 5, "x" * 513, "\0")),
    ("tool_calls[0].type", called(type="custom")),
    *(("tool_calls[0].function", called(function=value)) for value in _anything(None, "look", [])),
    *(("tool_calls[0].function.name", called(function={"name": value, "arguments": "{}"})) for value in _anything(None, "", 5)),
    *(
        ("tool_calls[0].function.arguments", called(function={"name": "f", "arguments": value}))
        for value in _anything(None, {}, 5)
    ),
    *(("tool_calls", called(function={"name": "look", "arguments": text})) for text in (LONG, "\0")),
    ("tool_call_id", {"role": "tool", "content": "blue"}),
    *_each("tool_call_id", {"role": "tool", "content": "blue"}, "tool_call_id", "", 5, None, "\0"),
    *_each("tool_call_id", {**TEXT}, "tool_call_id", "c"),
    *_each("name", {**TEXT}, "name", "", 5, "x" * 513, "\0"),
    *_each("external_id", {**TEXT}, "external_id", "", True, 1.5, "x" * 513, "a\0"),
    *_each("author_id", {**TEXT}, "author_id", "", True, 1.5, "x" * 513),
    *_each("metadata", {**TEXT}, "metadata", "x", 5, [], {"a": object()}, {"a": "\0"}, {"a": "x" * 70_000}),
    *_each("created_at", {**TEXT}, "created_at", "2024-01-01T00:00:00Z", 0, 1.5, NAIVE),
]

# What JSON would change without a word: the log would say something else than the caller.
UNFAITHFUL: dict[str, Any] = {
    "nan": float("nan"),
    "infinity": float("-inf"),
    "a large int": 2**70,
    "bytes": b"x",
    "a set": {1},
    "a key that is no string": {1: 2},
    "a moment": datetime(2024, 1, 1),
}


def deep(depth: int) -> JsonObject:
    value: JsonObject = {}
    for _ in range(depth):
        value = {"a": value}
    return value


class Refusals(Case):
    """What `add_message` and its like do not let in."""

    @pytest.mark.parametrize("about", sorted({field for field, _ in BAD}))
    async def test_a_bad_message_names_its_field(self, manager: SessionManager, about: str) -> None:
        session = await chat(manager)
        async with untouched(manager, session):
            for field, message in BAD:
                if field == about:
                    with raises(InvalidInput, field):
                        await manager.add_message(session.id, **message)
                    with raises(InvalidInput, f"messages[1].{field}"):
                        await manager.add_messages(session.id, [TEXT, message])

    async def test_an_error_quotes_no_content(self, manager: SessionManager) -> None:
        session = await chat(manager)
        for field in ("content", "metadata", "tool_calls"):
            with pytest.raises(InvalidInput) as caught:
                await manager.add_message(session.id, **{**TEXT, field: {"secret": object()}})
            assert "secret" not in f"{caught.value}{caught.value.__cause__}"

    async def test_a_limit_is_said_and_met_exactly(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, max_content_bytes=10, max_metadata_bytes=12)
        session = await chat(manager)
        await manager.add_message(session.id, "user", "é" * 5)
        with pytest.raises(InvalidInput) as caught:
            await manager.add_message(session.id, "user", "é" * 5 + "x")
        assert (caught.value.field, caught.value.size, caught.value.limit) == ("content", 11, 10)
        await manager.add_message(session.id, "user", "x", metadata={"a": "é12"})
        with pytest.raises(InvalidInput) as caught:
            await manager.add_message(session.id, "user", "x", metadata={"a": "é123"})
        assert (caught.value.field, caught.value.size, caught.value.limit) == ("metadata", 13, 12)

    @pytest.mark.parametrize("value", UNFAITHFUL.values(), ids=UNFAITHFUL)
    async def test_what_json_would_change_is_refused(self, manager: SessionManager, value: Any) -> None:
        session = await chat(manager)
        async with refused(manager, session, InvalidInput, "metadata"):
            await manager.add_message(session.id, "user", "hi", metadata={"a": [value]})
        async with refused(manager, session, InvalidInput, "patch"):
            await manager.update_state(session.id, {"a": {"b": value}})

    @pytest.mark.parametrize("depth", [60, 90, 101, 400, 900, 5000])
    async def test_deep_json_is_kept_or_refused(self, manager: SessionManager, depth: int) -> None:
        session = await chat(manager)
        value = deep(depth)
        for scope in SCOPES:
            try:
                await manager.update_state(session.id, value, scope=scope)
            except InvalidInput as error:
                assert (error.field, depth > 60) == ("patch", True)
            else:
                await manager.get_state(session.id, scope)
        try:
            await manager.add_message(session.id, "user", [{"type": "x", "deep": value}], metadata=value)
        except InvalidInput as error:
            assert (error.field, depth > 60) == ("content", True)
        await manager.add_message(session.id, "user", "hi")
        await manager.build_context(session.id)
        await manager.get_messages(session.id)

    @pytest.mark.parametrize("kind", ["text", "other", "unhashable"])
    async def test_what_is_no_id_is_a_typed_error(self, manager: SessionManager, kind: str) -> None:
        kinds: dict[str, list[Any]] = {
            "text": ["", "x" * 513, "\0", "\ud800"],
            "other": [None, 5, b"ses_", True],
            "unhashable": [[], {}],
        }
        for session_id in kinds[kind]:
            await self.no_id(manager, session_id)

    async def no_id(self, manager: SessionManager, session_id: Any) -> None:
        for call in (
            manager.get_session,
            manager.get_messages,
            manager.build_context,
            manager.get_state,
            manager.clear_messages,
            manager.delete_session,
            manager.get_session_stats,
            manager.summarize_session,
        ):
            with raises(InvalidInput, "session_id"):
                await call(session_id)
        with raises(InvalidInput, "session_id"):
            await manager.add_message(session_id, "user", "hi")
        with raises(InvalidInput, "session_id"):
            await manager.add_messages(session_id, [TEXT])

    async def test_bad_arguments_of_a_context(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 2)
        bad: list[tuple[str, Any]] = [("system", value) for value in (5, b"x", "a\0", "\ud800", LONG)]
        bad += [("tools", value) for value in (5, "look", {"name": "look"})]
        bad += [("tools[0]", [value]) for value in (5, {"a": object()}, {"a": float("nan")})]
        bad += [("max_messages", value) for value in (0, -1, True, "5", 1.5)]
        bad += [("token_budget", value) for value in (0, -1, True, "5", 1.5)]
        for field, value in bad:
            async with refused(manager, session, InvalidInput, field):
                await manager.build_context(session.id, **{field.removesuffix("[0]"): value})
