"""From a message that may be stored to one that waits for its `seq`: counted once, by the session's counter.

Invariant: counting a long text gives way to the event loop; counting a short one, as nearly all are, does not even suspend.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from turnkeep.checks import Draft
from turnkeep.session import NewMessage
from turnkeep.tokens import SLICE, Counter, count_message, count_message_off_loop

TOKENS_AT_ONCE = 8192  # a few milliseconds of counting


def count_now(draft: Draft, counter: Counter) -> int | None:
    """The tokens of a message that is quickly counted, as most are; else None."""
    content = draft.content
    if content.__class__ is str and draft.tool_calls is None and len(content) <= SLICE:
        return count_message(counter, draft.role, content, None, draft.tool_call_id, draft.name)
    return None


async def count_long(draft: Draft, counter: Counter) -> int:
    content = draft.role, draft.content, draft.tool_calls, draft.tool_call_id, draft.name
    return await count_message_off_loop(counter, *content)


async def count_all(drafts: Sequence[Draft], counter: Counter) -> list[NewMessage]:
    """A batch, giving way to the event loop now and then."""
    counted, since = [], 0
    for draft in drafts:
        tokens = count_now(draft, counter)
        counted.append(to_store(draft, counter, await count_long(draft, counter) if tokens is None else tokens))
        since += counted[-1].tokens
        if since > TOKENS_AT_ONCE:
            since = 0
            await asyncio.sleep(0)
    return counted


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
