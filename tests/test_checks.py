"""What is let in, and where the bounds are."""

from __future__ import annotations

import enum
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnkeep import checks
from turnkeep.errors import InvalidInput

NAIVE = datetime(2024, 1, 1)
CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def refusal(check: Any, *arguments: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check(*arguments)
    return caught.value


def message(max_content: int = 100, max_metadata: int = 100, **fields: Any) -> checks.Draft:
    order = ("role", "content", "tool_calls", "tool_call_id", "name", "external_id", "author_id", "metadata", "created_at")
    bounds = {"now_ms": 5000, "max_content": max_content, "max_metadata": max_metadata}
    return checks.message(*(fields.get(name) for name in order), **bounds)


# --- texts and names


def test_a_text_is_measured_in_bytes() -> None:
    assert checks.text("f", "é" * 5, 10) == "é" * 5
    assert checks.text("f", "🙂", 4) == "🙂"
    for value, size in (("é" * 5 + "x", 11), ("🙂🙂", 8), ("x" * 8, 8)):
        error = refusal(checks.text, "f", value, size - 1)
        assert (error.field, error.size, error.limit) == ("f", size, size - 1)


@pytest.mark.parametrize("value", ["\0", "a\0b", "é\0", "\ud800", "a\udfffb", None, 5, b"x", ["x"]])
def test_what_is_no_text(value: Any) -> None:
    assert refusal(checks.text, "f", value, 100).field == "f"


def test_an_empty_text_is_one_if_it_may_be() -> None:
    assert checks.text("f", "", 0) == ""
    assert refusal(lambda: checks.text("f", "", 10, empty=False)).field == "f"


def test_a_name_has_1_to_512_bytes() -> None:
    assert checks.identifier("f", "x" * 512) == "x" * 512
    for value in ("", "x" * 513, "é" * 257, None):
        assert refusal(checks.identifier, "f", value).field == "f"
    assert checks.optional_identifier("f", None) is None
    assert refusal(checks.optional_identifier, "f", "").field == "f"


def test_a_conversation_is_an_int_or_a_string() -> None:
    assert [checks.conversation(value) for value in (0, -5, 10**100, "x")] == ["0", "-5", str(10**100), "x"]
    assert checks.conversation(enum.IntEnum("Chat", {"A": 7}).A) == "7"  # type: ignore[attr-defined]
    for value in (None, True, 1.0, b"x", "", 10**513, 10**5000, -(10**5000)):
        assert refusal(checks.conversation, value).field == "conversation_id"
    assert [checks.external("f", value) for value in (None, 7, "x")] == [None, "7", "x"]
    for value in (False, 1.0, "", 10**5000):
        assert refusal(checks.external, "f", value).field == "f"


# --- JSON

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
JSON = st.recursive(SCALARS | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3))


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    copy = checks.json_value("f", value, 10**6)
    assert repr(copy) == repr(value)


def test_json_is_copied() -> None:
    value: dict[str, Any] = {"a": [{}]}
    copy = checks.json_object("f", value, 100)
    value["a"][0]["b"] = 1
    assert copy == {"a": [{}]}
    assert checks.json_object("f", OrderedDict(a=(1, (2,))), 100) == {"a": [1, [2]]}


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        2**64,
        -(2**63) - 1,
        2**70,
        10**40,
        b"x",
        {1, 2},
        {1: 2},
        {None: 1},
        datetime(2024, 1, 1, tzinfo=UTC),
        timedelta(1),
        object(),
        1j,
        "\0",
        {"\0": 1},
        "\ud800",
        {"\ud800": 1},
        MappingProxyType({"a": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_say_is_refused_at_any_depth(value: Any) -> None:
    for nested in (value, [value], {"a": value}, {"a": [1, {"b": (value,)}]}):
        assert refusal(checks.json_value, "f", nested, 1000).field == "f"


def test_the_depth_of_json() -> None:
    def nest(depth: int, kind: str) -> Any:
        value: Any = 1
        for at in range(depth):
            value = {"a": value} if kind == "dicts" or (kind == "both" and at % 2) else [value]
        return value

    for kind in ("lists", "dicts", "both"):
        assert checks.json_value("f", nest(checks.MAX_DEPTH, kind), 10**6) == nest(checks.MAX_DEPTH, kind)
        for depth in (checks.MAX_DEPTH + 1, 500, 990, 100_000):
            assert refusal(checks.json_value, "f", nest(depth, kind), 10**7).field == "f"
    wide: Any = [{"a": []}] * 5000
    assert checks.json_value("f", wide, 10**6) == wide
    assert checks.json_value("f", ["[{" * 500, 9 * 10**18, "1" * 30], 10**6)


def test_the_size_of_json() -> None:
    assert checks.json_object("f", {"a": "é"}, 10) == {"a": "é"}
    error = refusal(checks.json_object, "f", {"a": "é"}, 9)
    assert (error.size, error.limit) == (10, 9)
    others: list[Any] = [None, [], "x", 5]
    for value in others:
        assert refusal(checks.json_object, "f", value, 100).field == "f"


# --- times and numbers


def test_a_moment_has_a_time_zone() -> None:
    assert checks.moment("f", datetime(1970, 1, 1, 0, 0, 1, 500, UTC)) == 1000
    year_1 = datetime(1, 1, 1, tzinfo=UTC)
    assert checks.moment("f", year_1) == year_1.timestamp() * 1000
    east, west = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
    assert checks.moment("f", datetime.max.replace(tzinfo=UTC)) == 253_402_300_799_999
    far = [datetime.max.replace(tzinfo=west), datetime.min.replace(tzinfo=east)]
    for value in (NAIVE, NAIVE.date(), 0, "2024-01-01", None, *far):
        assert refusal(checks.moment, "f", value).field == "f"


def test_a_lifetime_is_positive() -> None:
    given = [(timedelta(hours=1), 3_600_000), (1, 1000), (0.0001, 1), (1.5, 1500), (10**10, 10**13)]
    assert [checks.lifetime("f", value) for value, _ in given] == [ms for _, ms in given]
    for value in (
        0,
        -1,
        timedelta(0),
        timedelta(-1),
        float("nan"),
        float("inf"),
        10**10 + 1,
        10**400,
        True,
        "1",
        None,
        timedelta.max,
    ):
        assert refusal(checks.lifetime, "f", value).field == "f"


def test_a_page_is_within_its_bounds() -> None:
    assert [checks.page("f", value, 1, 3) for value in (1, 3)] == [1, 3]
    assert checks.page("f", 10**30, 0, None) == 10**30
    for value in (0, 4, True, 1.0, "1", None):
        assert refusal(checks.page, "f", value, 1, 3).field == "f"


def test_one_of_some() -> None:
    checks.one_of("f", "a", ("a", "b"))
    others: list[Any] = ["", "c", None, ["a"], {}]
    for value in others:
        assert "a, b" in str(refusal(checks.one_of, "f", value, ("a", "b")))


# --- messages


def test_a_message_as_it_is_stored() -> None:
    draft = message(role="user", content="hi", author_id=7, metadata={"a": 1})
    assert (draft.role, draft.content, draft.author_id, draft.metadata, draft.created_ms) == ("user", "hi", "7", {"a": 1}, 5000)
    assert message(role="user", content="hi", created_at=datetime(1970, 1, 2, tzinfo=UTC)).created_ms == 86_400_000
    assert message(role="assistant", tool_calls=[CALL]).content is None
    assert message(role="assistant", content=[], tool_calls=[CALL]).content is None
    assert message(role="assistant", content="hi", tool_calls=[]).tool_calls is None
    assert message(role="tool", content="", tool_call_id="c").content == ""


def test_bounds_of_a_message() -> None:
    assert message(role="user", content="x" * 100).content == "x" * 100
    parts = [{"type": "text", "text": "x" * 70}]
    size = len(str(parts)) - 3  # as JSON, without the spaces
    assert message(role="user", content=parts, max_content=size).content == parts
    assert refusal(lambda: message(role="user", content=parts, max_content=size - 1)).size == size
    many = [{**CALL, "id": f"c{at}"} for at in range(128)]
    calls = message(role="assistant", tool_calls=many, max_content=10**6).tool_calls
    assert calls is not None
    assert len(calls) == 128
    over = refusal(lambda: message(role="assistant", tool_calls=[*many, CALL], max_content=10**6))
    assert (over.field, over.size, over.limit) == ("tool_calls", 129, 128)
    assert refusal(lambda: message(role="user", content="x" * 101)).limit == 100


def test_fields_of_a_batch() -> None:
    assert checks.fields({"role": "user", "content": "x", "refusal": None, "audio": [], "flag": False}, 3) == {
        "role": "user",
        "content": "x",
    }
    assert refusal(checks.fields, {"role": "user", "refusal": "no"}, 3).field == "messages[3].refusal"
    assert refusal(checks.fields, {"role": "user", 5: "no"}, 3).field == "messages[3].5"
    assert refusal(checks.fields, "user", 3).field == "messages[3]"
    assert len(refusal(checks.fields, {"x" * 10_000: 1}, 3).field) < 100


KEYS = st.sampled_from(["type", "text", "id", "function", "name", "arguments"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(ANYTHING, st.sampled_from([*sorted(checks.MESSAGE_FIELDS)]))
def test_anything_is_let_in_or_refused_by_name(value: Any, field: str) -> None:
    role = "assistant" if field == "tool_calls" else "user"
    try:
        draft = message(**{"role": role, "content": "hi", field: value})
    except InvalidInput as error:
        assert error.field.split("[")[0] == field
    else:
        assert draft.role in ("user", "assistant", "system")
