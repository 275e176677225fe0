"""When a window is compacted, and which part of it: pure functions over frozen data.

Invariant: a plan covers whole turns from the window's start on, and never the newest turn; what is due follows from the session's
row alone, so a process that dies leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from turnkeep.session import Message, Session, Window
from turnkeep.settings import Settings

PRESSING = 0.9  # of the token limit: from here on the minimum of messages lapses


class Plan(msgspec.Struct, frozen=True):
    """Cover `from_seq..to_seq` by a summary made of `messages`; `generation` is what the window's maker saw."""

    session_id: str
    generation: int
    from_seq: int
    to_seq: int
    messages: tuple[Message, ...]
    replaces: tuple[int, ...] = ()

    @property
    def tokens(self) -> int:
        return sum(message.tokens for message in self.messages)


def is_due(session: Session, settings: Settings) -> bool:
    """Whether fixed parts, summaries and uncovered messages together have reached the threshold."""
    used = session.fixed_tokens + session.summary_tokens + session.window_tokens
    if used < settings.compaction_threshold * session.token_limit:
        return False
    if session.window_messages < settings.compaction_min_messages:
        return used >= PRESSING * session.token_limit and session.window_messages > 1
    return True


def plan(window: Window, settings: Settings) -> Plan | None:
    """What to cover now; None while the window is only what is kept: the newest whole turns within their share, at least one."""
    starts = turn_starts(window.messages)
    budget = settings.compaction_keep * window.session.window_tokens
    keep = starts[-1] if starts else 0
    tokens = sum(message.tokens for message in window.messages[keep:])
    for start in reversed(starts[:-1]):
        tokens += sum(message.tokens for message in window.messages[start:keep])
        if tokens > budget:
            break
        keep = start
    if keep == 0:
        return None
    covered = window.messages[:keep]
    carried = tuple(summary for summary in window.summaries if summary.method == "truncation")
    return Plan(
        window.session.id,
        window.session.generation,
        min([window.session.window_start, *(summary.from_seq for summary in carried)]),
        window.messages[keep].seq - 1,
        covered,
        tuple(summary.number for summary in carried),
    )


def turn_starts(messages: Sequence[Message]) -> list[int]:
    """The indexes at which a window can be cut: at a user message, unless that would tear a tool call from its result."""
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    recent = users[-2] if len(users) > 1 else 0
    spans = _call_spans(messages, recent)
    return [user for user in users if not any(call < user <= result for call, result in spans)]


def _call_spans(messages: Sequence[Message], recent: int) -> list[tuple[int, int]]:
    """Where each call and its result stand, if other messages come between. A call from `recent` on may still get its result."""
    waiting: dict[str, list[int]] = {}
    spans: list[tuple[int, int]] = []
    for index, message in enumerate(messages):
        for call in message.tool_calls or ():
            waiting.setdefault(call["id"], []).append(index)
        if message.role == "tool" and (calls := waiting.get(message.tool_call_id or "")):
            spans.append((calls.pop(), index))
    dangling = (index for calls in waiting.values() for index in calls if index >= recent)
    return [span for span in spans if span[1] - span[0] > 1] + [(index, len(messages)) for index in dangling]
