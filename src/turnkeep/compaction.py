"""When a window is compacted, and which part of it: pure functions over frozen data.

Invariant: a plan covers whole turns from the window's start on, and never the newest turn; what is due follows from the session's
row alone, so a process that dies leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from turnkeep.session import Message, Session, Summary, Window
from turnkeep.settings import Settings

PRESSING = 0.9  # of the token limit: from here on the minimum of messages lapses
RATIO = 8  # tokens that one token of a summary stands for
LEAST = 96  # tokens: of a short stretch more than that part is worth telling, but never more than it saves
MOST = 500
AT_ONCE = 2  # token limits that one summary covers
FOLD_TO = 0.95  # of their share: what summaries are folded to when they have outgrown it


class Plan(msgspec.Struct, frozen=True):
    """Cover `from_seq..to_seq` by a summary of at most `max_tokens`, made of `messages` and of the summaries that it replaces.

    `generation` is what the window's maker saw. `again` are ranges of `seq` that only a truncation stands for: the log still has
    what they said, and the summary is to tell it.
    """

    session_id: str
    generation: int
    from_seq: int
    to_seq: int
    messages: tuple[Message, ...]
    max_tokens: int
    replaces: tuple[Summary, ...] = ()
    again: tuple[tuple[int, int], ...] = ()

    @property
    def tokens(self) -> int:
        return sum(message.tokens for message in self.messages)


def is_due(session: Session, settings: Settings) -> bool:
    """Whether fixed parts, summaries and uncovered messages together have reached the threshold."""
    used = session.fixed_tokens + session.summary_tokens + session.window_tokens
    if used < settings.compaction_threshold * session.counted_limit:
        return False
    if session.window_messages < settings.compaction_min_messages:
        return used >= PRESSING * session.counted_limit and session.window_messages > 1
    return True


def gains(tokens: int, plan: Plan) -> bool:
    """Whether a summary of that many tokens saves at least what it costs."""
    added = tokens - sum(summary.tokens for summary in plan.replaces)
    untold = sum(summary.tokens_before for summary in plan.replaces if summary.method == "truncation")
    return added <= 0 or 2 * added <= plan.tokens + untold


def plan(window: Window, settings: Settings) -> Plan | None:
    """What to cover now; None while the window is only what is kept: the newest whole turns within their share, at least one.

    Of a very long window only the oldest part is covered, so that no summary takes long; what remains is due again.
    """
    starts = turn_starts(window.messages)
    keep = _kept_from(window, starts, settings.compaction_keep)
    keep = _at_most(window, [start for start in starts if start <= keep] or [keep], AT_ONCE * window.session.counted_limit)
    if keep == 0:
        return None
    covered = window.messages[:keep]
    wanted = summary_size(sum(message.tokens for message in covered), window.session.counted_limit, settings)
    replaces, max_tokens = _replaced(window, wanted, settings)
    return Plan(
        window.session.id,
        window.session.generation,
        min([window.session.window_start, *(summary.from_seq for summary in replaces)]),  # 0: also of an earlier session
        window.messages[keep].seq - 1,
        covered,
        max_tokens,
        replaces,
        tuple((summary.from_seq, summary.to_seq) for summary in replaces if summary.method == "truncation"),
    )


def _at_most(window: Window, ends: Sequence[int], most: int) -> int:
    """The last of these indexes with at most that many tokens before it, or the first that is not 0."""
    found, tokens, at = 0, 0, 0
    for end in ends:
        tokens += sum(message.tokens for message in window.messages[at:end])
        if tokens > most and found:
            break
        found, at = end, end
    return found


def _kept_from(window: Window, starts: Sequence[int], share: float) -> int:
    """The index of the first message that stays."""
    budget = share * min(window.session.window_tokens, window.session.counted_limit)
    keep = starts[-1] if starts else 0
    tokens = sum(message.tokens for message in window.messages[keep:])
    for start in reversed(starts[:-1]):
        tokens += sum(message.tokens for message in window.messages[start:keep])
        if tokens > budget:
            break
        keep = start
    return keep


def summary_size(covered: int, token_limit: int, settings: Settings) -> int:
    """The tokens that a summary of `covered` tokens may take: about an eighth keeps what later turns ask for."""
    most = settings.summary_tokens or max(MOST, token_limit // 16)
    return min(max(covered // RATIO, min(LEAST, covered // 2)), most)


def summaries_share(session: Session, settings: Settings) -> int:
    """The tokens that all live summaries may take together, of what the fixed parts leave."""
    limit = max(session.counted_limit - session.fixed_tokens, 0)
    if settings.summary_share is not None:
        return int(settings.summary_share * limit)
    return min(limit // 2, 1600 + limit // 10)


def _replaced(window: Window, wanted: int, settings: Settings) -> tuple[tuple[Summary, ...], int]:
    """The live summaries that the next one takes in, and the tokens it may have.

    None, as long as it finds room beside them: then they stay, byte by byte. If not, it is folded together with all of them, to
    clearly less than the share, so that this is seldom. One from before a clear stays by itself, so that the range of a
    summary never reaches over what was cleared. A truncation, and with it what comes after, is always taken in.
    """
    share = summaries_share(window.session, settings)
    cleared = window.session.cleared_seq
    foldable = [summary for summary in window.summaries if summary.from_seq > cleared or not cleared]
    room = max(share - sum(summary.tokens for summary in window.summaries if summary not in foldable), share // 4)
    if sum(summary.tokens for summary in foldable) + wanted > room:
        return tuple(foldable), max(int(FOLD_TO * room), wanted)
    first = next((at for at, summary in enumerate(foldable) if summary.method == "truncation"), len(foldable))
    taken = tuple(foldable[first:])
    again = sum(summary.tokens_before for summary in taken if summary.method == "truncation")
    told = sum(summary.tokens for summary in taken if summary.method != "truncation")
    extra = summary_size(again, window.session.counted_limit, settings) if again else 0
    return taken, min(wanted + told + extra, max(int(FOLD_TO * room), wanted))


def turn_starts(messages: Sequence[Message]) -> list[int]:
    """The indexes at which a window can be cut: at a user message, unless that would tear a tool call from its result.

    Where there is no user message, at the assistant's.
    """
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    if not users:  # a log of notices: nobody's word is to be kept, and each of the assistant's stands for itself
        users = [index for index, message in enumerate(messages) if message.role == "assistant"]
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
