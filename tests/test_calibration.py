"""How far a count is off, and what follows: the pure part."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from turnkeep.calibration import CALLS, LEAST, MOST, NONE, PROMPT, STEP, added, allowed, costs
from turnkeep.session import Calibration
from turnkeep.tokens import COUNTERS, get_counter, is_exact

NOTHING = Calibration("app", "estimate", "m", 0, 0, 0, NONE, 0)
COUNTS = st.integers(1, 5000)


def report(counted: int, told: int, tokenizer: str = "estimate") -> Calibration:
    return Calibration("app", tokenizer, "m", 1, counted, told, NONE, 5)


def after(*percents: int, counted: int = 1000, start: Calibration = NOTHING) -> Calibration:
    known = start
    for percent in percents:
        known = added(known, report(counted, counted * percent // 100))
    return known


def test_is_exact_is_what_the_counters_say() -> None:
    assert {name: is_exact(name) for name in COUNTERS} == {name: get_counter(name).exact for name in COUNTERS}


def test_some_calls_are_needed() -> None:
    assert after(*[130] * (CALLS - 1)).correction == NONE
    assert after(*[130] * CALLS).correction == 130
    assert after(*[131] * CALLS).correction == 135
    assert after(*[130] * CALLS, counted=PROMPT - 1).correction == NONE


def test_it_is_bounded() -> None:
    assert after(*[900] * CALLS).correction == MOST
    assert after(*[1] * CALLS).correction == LEAST
    assert after(*[0] * CALLS).correction == LEAST


def test_one_wild_report_does_not_turn_it() -> None:
    assert after(*[110] * 30, 1000).correction <= 140


def test_it_rises_at_once_and_falls_late() -> None:
    known = after(*[100] * 50)
    assert known.correction == NONE
    assert after(*[150] * 1, start=known).correction == 105
    assert after(*[90] * 100, start=known).correction == NONE  # 93 %: less than two steps too high
    assert after(*[80] * 100, start=known).correction == 90  # 87 %


@given(st.lists(st.tuples(COUNTS, st.integers(0, 9000)), max_size=60))
def test_no_prompt_is_over_its_budget_by_the_ratio(reports: list[tuple[int, int]]) -> None:
    known = NOTHING
    for counted, told in reports:
        known = added(known, report(counted, told))
        assert LEAST <= known.correction <= MOST and known.correction % STEP == 0
        if known.calls >= CALLS and known.counted_tokens >= known.calls * PROMPT:
            ratio = 100 * known.reported_tokens / known.counted_tokens
            assert min(ratio, MOST) <= known.correction < max(ratio, LEAST) + 2 * STEP + 1
    exact = added(NOTHING, report(1, 1, "o200k"))
    assert exact.correction == NONE
    assert known.calls == len(reports)


@given(st.integers(256, 10**6), st.integers(LEAST, MOST))
def test_what_is_allowed_costs_no_more_than_the_budget(budget: int, correction: int) -> None:
    ours = allowed(budget, correction)
    assert costs(ours, correction) <= budget < costs(ours + 1, correction) + (correction < NONE)
    assert allowed(budget, NONE) == budget
