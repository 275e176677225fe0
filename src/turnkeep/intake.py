"""From a message that may be stored to one that waits for its `seq`: counted once, by the session's counter.

Invariant: counting a long text gives way to the event loop; counting a short one, as nearly all are, does not even suspend.
"""

from __future__ import annotations

from turnkeep.checks import Draft
from turnkeep.session import NewMessage
from turnkeep.tokens import SLICE, Counter, count_message, count_message_off_loop


def count_now(draft: Draft, counter: Counter) -> int | None:
    """The tokens of a message that is quickly counted, as most are; else None."""
    content = draft.content
    if content.__class__ is str and draft.tool_calls is None and len(content) <= SLICE:
        return count_message(counter, draft.role, content, None, draft.tool_call_id, draft.name)
    return None


async def count_long(draft: Draft, counter: Counter) -> int:
    content = draft.role, draft.content, draft.tool_calls, draft.tool_call_id, draft.name
    return await count_message_off_loop(counter, *content)


def to_store(draft: Draft, counter: Counter, tokens: int) -> NewMessage:
    return NewMessage(
        draft.role,
        draft.content,
        tokens,
        counter.name,
        draft.created_ms,
        draft.external_id,
        draft.tool_calls,
        draft.tool_call_id,
        draft.name,
        draft.author_id,
        draft.metadata,
    )
