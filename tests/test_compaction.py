"""When and what is compacted: the pure plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from turnkeep.compaction import Plan, gains, is_due, plan, summaries_share, summary_size, turn_starts
from turnkeep.session import Message, NewMessage, Session, Summary, Window
from turnkeep.settings import Settings
from turnkeep.stores.rules import at_seq, new_session
from turnkeep.testing import NOW, message, summary, tool_result, tool_use
from turnkeep.testing import new_session as to_open

DEFAULTS = Settings()


def u(tokens: int = 10) -> NewMessage:
    return message("user", "why?", tokens=tokens)


def a(tokens: int = 10) -> NewMessage:
    return message("assistant", "so.", tokens=tokens)


def call(*ids: str, tokens: int = 10) -> NewMessage:
    return tool_use(*ids, tokens=tokens)


def result(name: str, tokens: int = 10) -> NewMessage:
    return tool_result(name, tokens=tokens)


def session(**changes: Any) -> Session:
    return replace(new_session(to_open(token_limit=1000, tokenizer="estimate"), 1, NOW, None), **changes)


def window(*messages: NewMessage, summaries: Sequence[Summary] = (), start: int = 1, **changes: Any) -> Window:
    rows = tuple(at_seq(one, start + at) for at, one in enumerate(messages))
    of = session(
        window_start=start, seq=start + len(rows) - 1, window_messages=len(rows), window_tokens=sum(r.tokens for r in rows)
    )
    return Window(replace(of, **changes), (), tuple(summaries), rows, 0, 0, {}, {})


def cut(*messages: NewMessage, keep: float = 0.3) -> int | None:
    """How many messages the plan covers."""
    made = plan(window(*messages), Settings(compaction_keep=keep))
    return None if made is None else made.to_seq


# --- is it due?


@pytest.mark.parametrize(
    ("fixed", "summaries", "uncovered", "messages", "due"),
    [
        (0, 0, 700, 10, True),
        (0, 0, 699, 10, False),
        (0, 0, 699, 10_000, False),
        (300, 100, 300, 10, True),
        (300, 100, 299, 10, False),
        (0, 0, 899, 9, False),  # under the minimum of messages ...
        (0, 0, 900, 9, True),  # ... which lapses at 90 %
        (500, 300, 100, 2, True),
        (500, 300, 99, 2, False),
        (0, 0, 5000, 1, False),  # one message is its newest turn
        (900, 100, 0, 0, False),
    ],
)
def test_when_it_is_due(fixed: int, summaries: int, uncovered: int, messages: int, due: bool) -> None:
    of = session(fixed_tokens=fixed, summary_tokens=summaries, window_tokens=uncovered, window_messages=messages)
    assert is_due(of, DEFAULTS) is due


def test_when_it_is_due_follows_the_settings() -> None:
    of = session(window_tokens=500, window_messages=4)
    assert is_due(of, Settings(compaction_threshold=0.5, compaction_min_messages=4))
    assert not is_due(of, Settings(compaction_threshold=0.5, compaction_min_messages=5))
    assert not is_due(of, Settings(compaction_threshold=0.51, compaction_min_messages=4))


# --- what is covered?


def test_whole_turns_and_the_newest_30_percent_stay() -> None:
    assert cut(*[u(), a()] * 10) == 14  # 60 of 200 tokens stay
    assert cut(*[u(), a()] * 10, keep=0.29) == 16
    assert cut(*[u(), a()] * 10, keep=0.5) == 10
    assert cut(*[u(), a()] * 3) == 4
    assert cut(u(), a(), a(), u(), a(), a(), a()) == 3


def test_the_newest_turn_stays_however_large_it_is() -> None:
    assert cut(u(), a(), u(10_000), a(10_000)) == 2
    assert cut(*[u(), a()] * 10, keep=0) == 18
    assert cut(u(), a(), u()) == 2


@pytest.mark.parametrize("messages", [[], [u()], [u(), a()], [u(), call("c"), result("c"), a()], [a()], [call("c"), result("c")]])
def test_nothing_is_covered_while_there_is_only_what_is_kept(messages: list[NewMessage]) -> None:
    assert cut(*messages) is None


def test_what_a_clear_left_without_its_question_is_covered_too() -> None:
    assert cut(a(), u(), a()) == 1
    assert cut(a(), result("gone"), u(), a(), u(), a()) == 4


@pytest.mark.parametrize(
    ("messages", "covered"),
    [
        ([u(), call("c"), u(), result("c"), a(), u(), a()], 5),  # a user's message between call and result
        ([u(), call("c", "d"), result("d"), u(), result("c"), u(), a()], 5),  # parallel calls, one result late
        ([u(), call("c"), u(), call("d"), u(), result("c"), result("d"), u(), a()], 7),  # two turns interleaved
        ([u(), call("c"), result("c"), u(), call("c"), result("c"), u(), a()], 6),  # an id used again
        ([u(), call("c"), u(), a(), u(), result("c")], None),  # all of it hangs together
        ([u(), a(), u(), call("c"), u(), a(), u(), result("c")], 2),
        ([u(), call("c"), u(), result("c"), result("c"), u(), result("c")], 5),  # what comes twice holds nothing back
    ],
)
def test_no_call_is_torn_from_its_result(messages: list[NewMessage], covered: int | None) -> None:
    assert cut(*messages, keep=0) == covered


def test_a_recent_call_may_still_get_its_result() -> None:
    assert cut(u(), a(), u(), call("c"), u(), keep=0) == 2
    assert cut(u(), call("c"), u(), a(), keep=0) is None
    assert cut(u(), a(), u(), a(), u(), call("c", "d"), result("d"), keep=0) == 4


def test_an_old_call_holds_nothing_back() -> None:
    assert cut(u(), call("c"), u(), a(), u(), a(), keep=0) == 4


def test_a_plan_says_what_it_saw() -> None:
    seen = window(u(), a(), u(), a(), u(), a(), start=7, generation=3)
    made = plan(seen, Settings(compaction_keep=0))
    assert made is not None
    assert (made.session_id, made.generation, made.from_seq, made.to_seq) == (seen.session.id, 3, 7, 10)
    assert (made.messages, made.tokens, made.replaces) == (seen.messages[:4], 40, ())


def test_truncations_melt_into_the_next_and_summaries_before_them_stay() -> None:
    old = [live(1, 1, 2, 7, "truncation"), live(2, 3, 4, 7, "model"), live(3, 5, 6, 7, "truncation")]
    made = plan(window(u(), a(), u(), a(), start=7, summaries=old), DEFAULTS)
    assert made is not None
    assert (made.from_seq, made.to_seq, made.replaces) == (1, 8, tuple(old))  # no summary reaches over one that stays
    assert made.again == ((1, 2), (5, 6))
    made = plan(window(u(), a(), u(), a(), start=7, summaries=[live(2, 1, 6, 7, "model")]), DEFAULTS)
    assert made is not None
    assert (made.from_seq, made.to_seq, made.replaces, made.again) == (7, 8, (), ())


def live(number: int, first: int, last: int, tokens: int, method: str = "extractive") -> Summary:
    one = summary(first, last, method=method, tokens=tokens)
    return Summary(**{name: getattr(one, name) for name in one.__struct_fields__}, number=number, created_ms=NOW)


LONG = [u(), a()] * 50  # 1000 tokens


@pytest.mark.parametrize(
    ("summaries", "changes", "replaces", "max_tokens"),
    [
        ([], {}, [], 96),  # of the 700 that are covered
        ([live(1, 1, 9, 1900)], {}, [], 96),  # 2,000 is the share of 4,000
        ([live(1, 1, 9, 1905)], {}, [1], 1900),  # folded, to 95 % of it
        ([live(1, 1, 4, 1000), live(2, 5, 9, 1000)], {}, [1, 2], 1900),
        ([live(1, 1, 4, 1000), live(2, 5, 9, 800)], {}, [], 96),
        ([live(1, 1, 4, 1000), live(2, 5, 9, 700)], {"fixed_tokens": 1000}, [1, 2], 1425),  # the share is of what these leave
        ([live(1, 1, 4, 1000), live(2, 5, 9, 1000)], {"cleared_seq": 4}, [2], 950),  # none reaches over what was cleared
        ([live(1, 0, 0, 1000), live(2, 1, 9, 1000)], {}, [1, 2], 1900),  # an earlier session's, too
        ([live(1, 1, 9, 20, "truncation")], {}, [1], 131),  # told after all, beside the new
    ],
)
def test_summaries_stack_and_are_folded_when_they_outgrow_their_share(
    summaries: list[Summary], changes: dict[str, Any], replaces: list[int], max_tokens: int
) -> None:
    made = plan(window(*LONG, summaries=summaries, start=10, token_limit=4000, **changes), DEFAULTS)
    assert made is not None
    assert ([one.number for one in made.replaces], made.max_tokens) == (replaces, max_tokens)
    assert made.from_seq == min([10, *(one.from_seq for one in made.replaces)])


@pytest.mark.parametrize(("limit", "share"), [(1000, 500), (4000, 2000), (8000, 2400), (128_000, 14_400)])
def test_the_share_falls_as_limits_grow(limit: int, share: int) -> None:
    assert summaries_share(session(token_limit=limit), DEFAULTS) == share
    assert summaries_share(session(token_limit=limit), Settings(summary_share=0.2)) == limit // 5


@pytest.mark.parametrize(
    ("covered", "limit", "settings", "size"),
    [
        (800, 4000, {}, 100),
        (200, 4000, {}, 96),
        (60, 4000, {}, 30),
        (8000, 8000, {}, 500),
        (80_000, 128_000, {}, 8000),
        (800, 4000, {"summary_tokens": 60}, 60),
    ],
)
def test_a_summary_is_an_eighth_of_what_it_covers(covered: int, limit: int, settings: dict[str, Any], size: int) -> None:
    assert summary_size(covered, limit, Settings(**settings)) == size


@pytest.mark.parametrize(
    ("tokens", "replaced", "gained"), [(50, 0, True), (51, 0, False), (149, 100, True), (151, 100, False), (90, 100, True)]
)
def test_a_summary_must_save_what_it_costs(tokens: int, replaced: int, gained: bool) -> None:
    old = (live(1, 1, 2, replaced),) if replaced else ()
    made = Plan("ses", 0, 1, 9, tuple(at_seq(u(), at) for at in range(3, 13)), 100, old)
    assert gains(tokens, made) is gained


IDS = st.sampled_from(["c1", "c2", "c3"])
MESSAGES = st.one_of(
    st.builds(u, st.integers(0, 50)),
    st.builds(a, st.integers(0, 50)),
    st.lists(IDS, min_size=1, max_size=3, unique=True).map(lambda ids: call(*ids)),
    st.builds(result, IDS),
)


def pairs(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """The places of each call and of the result that answers it: the newest call of that id that has none."""
    open_calls: list[tuple[str, int]] = []
    found = []
    for at, one in enumerate(messages):
        if one.role == "tool":
            mine = [entry for entry in open_calls if entry[0] == one.tool_call_id]
            if mine:
                index = len(open_calls) - 1 - open_calls[::-1].index(mine[-1])
                found.append((open_calls.pop(index)[1], at))
        open_calls += [(each["id"], at) for each in one.tool_calls or ()]
    return found


@given(st.lists(MESSAGES, max_size=40), st.sampled_from([0.0, 0.1, 0.3, 0.9]))
def test_a_cut_is_never_between_a_call_and_its_result(messages: list[NewMessage], keep: float) -> None:
    seen = window(*messages)
    starts = turn_starts(seen.messages)
    opening = "user" if any(one.role == "user" for one in seen.messages) else "assistant"
    for start in starts:
        assert seen.messages[start].role == opening
        assert not any(one < start <= other for one, other in pairs(seen.messages))
    made = plan(seen, Settings(compaction_keep=keep))
    if made is None:
        assert starts in ([], [0]) or not any(one.tokens for one in seen.messages)  # nothing is within a share of nothing
        return
    kept = seen.messages[len(made.messages) :]
    assert made.messages + kept == seen.messages
    assert len(made.messages) in starts
    assert any(one.role == opening for one in kept)  # the newest user message is never covered
    if len(made.messages) != starts[-1]:
        assert sum(one.tokens for one in kept) <= keep * seen.session.window_tokens
