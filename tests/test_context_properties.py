"""Any history makes a prompt that fits, that the APIs take, and that starts like the one before."""

from __future__ import annotations

import json
import re
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from turnkeep.context import SMALLEST_MESSAGE, Context, build
from turnkeep.errors import BudgetTooSmall
from turnkeep.session import Message, Session, Summary, Window
from turnkeep.testing.rules import check_anthropic, check_gemini, check_openai
from turnkeep.tokens import Counter, count_message, get_counter
from turnkeep.turns import UNKNOWN_OUTCOME

COUNTER = get_counter("o200k")
RUNS = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
UNICODE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
WORDS = st.sampled_from(
    [
        "hello there",
        "what is the weather like in Paris?",
        "漢字かな交じり文",
        "مرحبا بالعالم",
        "👩‍👩‍👧‍👦🏽 ok",
        " \n\t",
        "```py\nx = 1\n```",
    ]
)
TEXTS = st.one_of(WORDS, UNICODE, st.builds(lambda text, times: text * times, st.one_of(WORDS, UNICODE), st.integers(1, 400)))
NAMES = st.sampled_from([None, None, None, "ann", "Bob the <Builder>", "漢字"])
PARTS = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, TEXTS),
        st.sampled_from(
            [
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "made_up", "made_up": [1]},
            ]
        ),
    ),
    min_size=1,
    max_size=3,
)
ARGUMENTS = st.one_of(
    st.sampled_from(["{}", '{"a": 1}', "not json", "[1]", '"\\ud800"']),
    st.builds(lambda n: json.dumps({"text": "word " * n}), st.integers(0, 500)),
)


def stored(seq: int, role: Any, content: Any, **more: Any) -> Message:
    counted = (more.get(key) for key in ("tool_calls", "tool_call_id", "name"))
    return Message(role, content, count_message(COUNTER, role, content, *counted), COUNTER.name, 0, seq=seq, **more)


@st.composite
def logs(draw: st.DrawFn, reuse: bool = True, erase: bool = True) -> tuple[Message, ...]:
    """Histories as nasty as a store may hold them: any order that obeys "a result names an earlier call"."""
    messages: list[Message] = []
    called: list[str] = []
    seq = 0
    for _ in range(draw(st.integers(1, 24))):
        seq += draw(st.sampled_from([1, 1, 1, 1, 4]))  # what was retracted left a hole
        kind = draw(
            st.sampled_from(["user", "user", "assistant", "assistant", "calls", "calls", "tool", "tool", "tool", "system"])
        )
        if kind == "tool" and called:
            content = draw(st.one_of(st.just(""), TEXTS))
            message = stored(seq, "tool", content, tool_call_id=draw(st.sampled_from(called[-4:])))
        elif kind == "calls":
            ids = draw(st.lists(st.sampled_from(["call_1", "call_2", "a b/c", "x" * 80]), min_size=1, max_size=3, unique=True))
            ids = ids if reuse else [f"{one}-{seq}" for one in ids]
            called += ids
            function = draw(st.sampled_from(["look", "find.all", "go"]))
            calls = [{"id": one, "type": "function", "function": {"name": function, "arguments": draw(ARGUMENTS)}} for one in ids]
            message = stored(seq, "assistant", draw(st.one_of(st.none(), TEXTS)), tool_calls=calls)
        elif kind == "user":
            message = stored(seq, "user", draw(st.one_of(TEXTS, TEXTS, PARTS)), name=draw(NAMES))
        else:
            message = stored(seq, "system" if kind == "system" and messages else "assistant", draw(TEXTS))
        if erase and draw(st.integers(0, 19)) == 0:
            message = Message(message.role, "", 0, COUNTER.name, 0, seq=seq, erased=True)
        messages.append(message)
    return tuple(messages)


def session(messages: tuple[Message, ...], **more: Any) -> Session:
    base = Session(
        id="s", number=1, app="default", interface_type="cli", conversation_id="1", token_limit=4000, tokenizer="o200k",
        lifetime_ms=None, created_ms=0, active_ms=0, expires_ms=None, seq=messages[-1].seq, version=7,
    )  # fmt: skip
    return replace(base, **more)


def window(messages: tuple[Message, ...], tail: int = 0, summaries: tuple[Summary, ...] = (), **more: Any) -> Window:
    """The whole log, or without its first `tail` messages, as a store gives it when less was asked for."""
    earlier = messages[:tail]
    tokens = sum(message.tokens for message in earlier)
    start = messages[0].seq
    return Window(
        session(messages, window_start=start),
        (),
        summaries,
        messages[tail:],
        len(earlier),
        tokens,
        more.get("user", {}),
        more.get("own", {}),
    )


SUMMARIES = st.lists(TEXTS, max_size=3).map(
    lambda texts: tuple(
        Summary(
            from_seq=at, to_seq=at, text=text, method="model", tokens=1, counter="o200k", tokens_before=9, number=at, created_ms=0
        )
        for at, text in enumerate(texts)
    )
)
TOOLS = [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}]
FIXED = st.fixed_dictionaries(
    {
        "system": st.sampled_from([None, "", "You are a helpful assistant."]),
        "tools": st.sampled_from([None, TOOLS]),
        "context_state": st.sampled_from([(), ("a",), ("b", "a", "zz")]),
        "max_messages": st.sampled_from([None, None, 1, 2, 5, 20]),
    }
)
STATES = {"user": {"b": {"y": 1, "x": "é"}, "a": 1, "hidden": 2}, "own": {"a": [1, 2]}}
MARKED = r"left out|\[\.\.\.\]"
BUDGETS = st.one_of(st.integers(1, 400), st.integers(100, 6000), st.just(10**9))


def recount(context: Context, tools: Any, counter: Counter = COUNTER) -> int:
    """The whole prompt's tokens, reckoned from nothing but what is sent."""
    total = 3 + (counter.count(json.dumps(tools, separators=(",", ":"), ensure_ascii=False)) if tools else 0)
    for message in context.messages:
        total += 3 + counter.count(message["role"])
        total += _recount_content(message["content"], counter)
        for key in ("name", "tool_call_id"):
            total += counter.count(message[key]) + 1 if key in message else 0
        for call in message.get("tool_calls", ()):
            function = call["function"]
            total += 4 + sum(counter.count(text) for text in (call["id"], function["name"], function["arguments"]))
    return total


def _recount_content(content: Any, counter: Counter) -> int:
    if not isinstance(content, list):
        return counter.count(content or "")
    total = 0
    for part in content:
        match part:
            case {"type": "text", "text": text}:
                total += counter.count(text)
            case {"type": "image_url", "image_url": image}:
                total += 85 if image.get("detail") == "low" else 765
            case {"type": "file", "file": {"file_id": _}}:
                total += 1500
            case {"type": "input_audio"}:
                total += 16 + 10  # for the second that it has begun
            case {"type": "file", "file": {"file_data": held}}:
                total += 16 + len(held) // 8
            case _:
                total += counter.count(json.dumps(part, separators=(",", ":")))
    return total


def newest_user(messages: tuple[Message, ...]) -> Message | None:
    users = [message for message in messages if message.role == "user" and not message.erased]
    return users[-1] if users else None


def shows(context: Context, user: Message) -> bool:
    """Whether that message is among those sent, whole or with a marker in its place."""
    sent = [message["content"] for message in context.messages if message["role"] == "user"]
    shortened = any(entry.reason == "shortened" and entry.from_seq == user.seq for entry in context.left_out)
    marked = re.search(r"left out|\[\.\.\.\]", json.dumps(sent[-1:]))
    return bool(sent) and (sent[-1] == user.content or (shortened and marked is not None))


def build_or_none(view: Window, budget: int, **more: Any) -> Context | None:
    try:
        return build(view, COUNTER, budget=budget, **more)
    except BudgetTooSmall as error:
        assert error.size is not None and error.size > budget and error.size < 400
        return None


@RUNS
@given(logs(), SUMMARIES, FIXED, BUDGETS, st.data())
def test_a_prompt_fits_is_accepted_and_has_the_newest_user_message(
    messages: tuple[Message, ...], summaries: tuple[Summary, ...], fixed: dict[str, Any], budget: int, data: st.DataObject
) -> None:
    users = [at for at, message in enumerate(messages) if message.role == "user" and not message.erased]
    tail = data.draw(st.integers(0, users[-1] if users else 0))
    view = window(messages, tail, summaries, **STATES)
    context = build_or_none(view, budget, **fixed)
    if context is None:
        return
    assert recount(context, fixed["tools"]) <= context.tokens <= budget
    assert recount(context, fixed["tools"]) == context.tokens
    assert sum(context.parts.values()) == context.tokens
    assert check_openai(context.messages) == []
    if any(not message.erased and message.role != "tool" for message in view.messages):
        assert check_anthropic(context.to_anthropic()) == []
        assert check_gemini(context.to_gemini()) == []
    if user := newest_user(messages):
        assert shows(context, user)
    assert build_or_none(view, budget, **fixed) == context


@RUNS
@given(logs(), st.sampled_from([None, 3, 8]), st.integers(60, 3000))
def test_every_message_is_shown_or_named_in_left_out(messages: tuple[Message, ...], most: int | None, budget: int) -> None:
    context = build(window(messages), COUNTER, max_messages=most, budget=budget)
    made_up = sum(message["content"] == UNKNOWN_OUTCOME for message in context.messages)
    markers = sum(message["role"] == "system" and message["content"].startswith("[") for message in context.messages)
    shown = len(context.messages) - made_up - markers
    gone = [entry for entry in context.left_out if entry.reason != "shortened"]
    named = sum(entry.messages for entry in gone)
    erased = sum(message.erased for message in messages)
    assert len(messages) - erased <= shown + named + _bracketed(messages) <= len(messages) + _bracketed(messages)


def _bracketed(messages: tuple[Message, ...]) -> int:
    return sum(m.role == "system" and isinstance(m.content, str) and m.content.startswith("[") for m in messages)


@RUNS
@given(logs(reuse=False, erase=False), st.sampled_from([None, None, 2, 5]), st.integers(80, 2500))
def test_the_cut_is_the_same_whichever_longer_tail_is_loaded(
    messages: tuple[Message, ...], most: int | None, budget: int
) -> None:
    whole = build(window(messages), COUNTER, max_messages=most, budget=budget)
    for tail in range(1, len(messages)):
        if not _enough(messages[tail:], most, budget):
            break
        assert build(window(messages, tail), COUNTER, max_messages=most, budget=budget).messages == whole.messages


def _enough(loaded: tuple[Message, ...], most: int | None, budget: int) -> bool:
    """Whether a store may stop here: at the tokens or the messages asked for, the newest user message among them.

    Late results and what follows them may belong to a turn before, so these do not count here.
    """
    own = [at for at, message in enumerate(loaded) if message.role != "tool" and (not at or loaded[at - 1].role != "tool")]
    tokens = sum(loaded[at].tokens for at in own)
    return newest_user(loaded) is not None and (tokens >= budget or (most is not None and len(own) > most))


@st.composite
def plain_logs(draw: st.DrawFn) -> tuple[Message, ...]:
    """Turns that are over when the next begins: users, tools and answers in order."""
    messages: list[Message] = []
    for turn in range(draw(st.integers(3, 30))):

        def add(role: Any, content: Any, **more: Any) -> None:
            messages.append(stored(len(messages) + 1, role, content, **more))

        add("user", f"question {turn} " + "word " * draw(st.integers(0, 60)))
        if draw(st.booleans()):
            calls = [{"id": f"c{at}", "type": "function", "function": {"name": "look", "arguments": "{}"}} for at in range(2)]
            add("assistant", None, tool_calls=calls)
            add("tool", "found " * draw(st.integers(0, 60)), tool_call_id="c1")
            add("tool", "", tool_call_id="c0")
        add("assistant", "answer " * draw(st.integers(1, 60)))
    return tuple(messages)


@settings(RUNS, max_examples=60)
@given(plain_logs(), st.sampled_from([None, 6, 10]), st.integers(300, 2000))
def test_a_prompt_starts_like_the_one_before_until_the_cut_moves(
    messages: tuple[Message, ...], most: int | None, budget: int
) -> None:
    ends = [*[at for at, message in enumerate(messages) if message.role == "user"][1:], len(messages)]
    states = ({"n": turn} for turn in range(len(ends)))
    prompts = [
        build(
            window(messages[:end], own=state), COUNTER, system="Be kind.", context_state=("n",), max_messages=most, budget=budget
        )
        for end, state in zip(ends, states, strict=True)
    ]
    for before, after in pairwise(prompts):
        if _cut(before) == _cut(after):
            start = _before_newest_turn(before)
            assert after.messages[: len(start)] == start
            assert _bytes(after.to_anthropic()).startswith(_bytes_until(before))
    moves = len({_cut(context) for context in prompts})
    tokens = sum(message.tokens for message in messages)
    steps = tokens / (budget // 4) + (len(messages) / (most // 2) if most else 0)
    assert moves <= steps + 1
    assert _cuts_only_grow(prompts)


def _before_newest_turn(context: Context) -> list[dict[str, Any]]:
    users = [at for at, message in enumerate(context.messages) if message["role"] == "user"]
    return context.messages[: users[-1] - 1]  # the state stands right before


def _bytes(payload: Any) -> str:
    return json.dumps(payload)


def _bytes_until(context: Context) -> str:
    """The Anthropic prompt's bytes up to its newest turn, which opens with the state."""
    text = _bytes(context.to_anthropic())
    return text[: text.rindex("[System message]")] if "[System message]" in text else ""


def _cut(context: Context) -> int:
    return max([entry.to_seq for entry in context.left_out if entry.reason in ("budget", "max_messages")], default=0)


def _cuts_only_grow(prompts: list[Context]) -> bool:
    cuts = [_cut(context) for context in prompts]
    return list(accumulate(cuts, max)) == cuts


@settings(RUNS, max_examples=60)
@given(TEXTS, st.integers(1, 40), st.integers(40, 400), st.sampled_from(["user", "tool"]))
def test_giants_are_shortened_to_the_budget(text: str, times: int, budget: int, role: str) -> None:
    giant = text * times * 20
    calls = [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    messages = (
        stored(1, "user", giant if role == "user" else "hi"),
        stored(2, "assistant", "", tool_calls=calls),
        stored(3, "tool", giant, tool_call_id="c"),
    )
    context = build(window(messages), COUNTER, budget=budget)
    assert recount(context, None) == context.tokens <= budget
    assert check_openai(context.messages) == [] and check_anthropic(context.to_anthropic()) == []
    if messages[0].tokens + messages[1].tokens + messages[2].tokens + 3 > budget:
        assert re.search(r"left out|not shown|\[\.\.\.\]", json.dumps(context.messages))
        assert context.left_out


@pytest.mark.parametrize("name", ["o200k", "cl100k", "estimate"])
def test_the_smallest_room_is_enough_by_every_counter(name: str) -> None:
    counter = get_counter(name)
    texts = ["漢字 👩‍👩‍👧‍👦 " * 300, "word " * 1000]
    messages = tuple(replace(stored(10**9 + at, "user", text, name="漢" * 64), counter="other") for at, text in enumerate(texts))
    summaries = tuple(
        Summary(
            from_seq=1,
            to_seq=10**8,
            text=text,
            method="model",
            tokens=1,
            counter="o200k",
            tokens_before=9,
            number=1,
            created_ms=0,
        )
        for text in texts
    )
    for budget in range(3 + SMALLEST_MESSAGE, 300):
        context = build(window(messages, 0, summaries), counter, budget=budget)
        assert recount(context, None, counter) == context.tokens <= budget
        assert context.messages[-1]["role"] == "user"
