"""Replaying conversations through the manager, as a bot would hold them.

Invariant: the database gets the conversations' messages and no others, each once, however often and however far a replay ran
before: a message's place in its conversation is its `external_id`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from turnkeep.cli.conversations import Conversation
from turnkeep.cli.prompts import Prompts, Watched
from turnkeep.errors import TurnkeepError
from turnkeep.manager import SessionManager

INTERFACE = "demo"


class Tally(msgspec.Struct):
    """What is done so far."""

    sessions: dict[str, str] = {}  # the session of each conversation
    messages: int = 0
    stored: int = 0  # the others were there already
    prompts: Prompts = msgspec.field(default_factory=Prompts)
    window: tuple[int, int] = (0, 0)  # tokens of the newest prompt, and its limit
    other_limit: int = 0  # sessions that were there already, with another token limit


async def replay(
    manager: SessionManager, conversations: Sequence[Conversation], tally: Tally, *, token_limit: int | None, concurrency: int
) -> None:
    """All conversations, `concurrency` at once. A failure stops all of them, between two messages."""
    waiting = iter(conversations)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(conversations))):
                group.create_task(_worker(manager, waiting, tally, token_limit))
    except* TurnkeepError as errors:
        raise _first(errors) from None
    await manager.settle()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _worker(manager: SessionManager, waiting: Iterator[Conversation], tally: Tally, token_limit: int | None) -> None:
    for conversation in waiting:
        try:
            await _hold(manager, conversation, tally, token_limit)
        except TurnkeepError as error:
            error.add_note(f"this was in conversation {conversation.id!r}")
            raise


async def _hold(manager: SessionManager, conversation: Conversation, tally: Tally, token_limit: int | None) -> None:
    session = await manager.get_or_create_session(
        INTERFACE,
        conversation.id,
        external_user_id=conversation.id,
        external_chat_id=conversation.id,
        token_limit=token_limit,
        expires_in=None,  # a replay tomorrow finds the session, too
    )
    tally.sessions[conversation.id] = session.id
    tally.other_limit += session.token_limit != (token_limit or manager.settings.token_limit)
    watched = Watched(tally.prompts)
    for at, message in enumerate(conversation.messages, 1):
        if message["role"] == "assistant":
            await manager.settle()  # people take their time, and what happens in the background is done by then
            context = await manager.build_context(session.id)  # what the model would be called with
            watched.add(context, await manager.get_session(session.id))
            tally.window = context.tokens, session.token_limit
        await manager.add_message(session.id, **message)
        tally.messages += 1
        tally.stored += at > session.seq
