"""How far a count is off, learned from what providers report, and what follows for budgets: pure functions over frozen sums.

A `correction` is what the provider counts for 100 tokens of ours. Budgets are the provider's tokens, so a prompt may have
`allowed(budget, correction)` of ours. Invariants: a tokenizer that is exact is never corrected; neither is one of which too little is
known; a correction is never less than the ratio that it stands for, within its bounds.
"""

from __future__ import annotations

from msgspec.structs import replace

from turnkeep.session import Calibration
from turnkeep.tokens import is_exact

NONE = 100
STEP = 5  # percent: a new correction moves the cut of prompts, so small changes make none
LEAST, MOST = 50, 200  # percent: beyond it is no estimate that is off, but another text than the one that was counted
CALLS = 8
PROMPT = 256  # tokens on average: in shorter prompts what a provider adds to each one, whatever its length, weighs too much


def added(known: Calibration, report: Calibration) -> Calibration:
    """The sums with those of a report, and the correction that they ask for."""
    return learned(
        replace(
            known,
            calls=known.calls + report.calls,
            counted_tokens=known.counted_tokens + report.counted_tokens,
            reported_tokens=known.reported_tokens + report.reported_tokens,
            reported_ms=max(known.reported_ms, report.reported_ms),
        )
    )


def learned(known: Calibration) -> Calibration:
    """With the correction that its sums ask for."""
    correction = NONE if is_exact(known.tokenizer) else _correction(known)
    return known if correction == known.correction else replace(known, correction=correction)


def _correction(known: Calibration) -> int:
    """The next step above the ratio; the one that it had, while that is above and not two steps too high."""
    if known.calls < CALLS or known.counted_tokens < known.calls * PROMPT:
        return known.correction
    wanted = min(max(-(-100 * known.reported_tokens // known.counted_tokens), LEAST), MOST)
    if wanted <= known.correction < wanted + 2 * STEP:
        return known.correction
    return -(-wanted // STEP) * STEP


def allowed(budget: int, correction: int) -> int:
    """The tokens, by the session's counter, of a prompt that has at most `budget` by the provider's."""
    return budget if correction == NONE else budget * 100 // correction


def costs(tokens: int, correction: int) -> int:
    """What so many tokens by the session's counter are by the provider's, at most."""
    return -(-tokens * correction // 100)
