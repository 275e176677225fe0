"""`recall` as a tool: the model reads again what its prompt only tells in a summary.

Invariant: it reads the session of the turn that it is called in, and no other: a model cannot name one.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps
from typing import Any

from turnkeep.agents.tools import Tool, tool
from turnkeep.manager import SessionManager

Place = tuple[SessionManager, str]
_here: ContextVar[Place] = ContextVar("turnkeep.recall")


def recalls(sessions: SessionManager, session_id: str) -> None:
    """From here on, in this task and in those that it starts, `recall` reads this session."""
    _here.set((sessions, session_id))


async def recall(from_seq: int | None = None, to_seq: int | None = None, words: str | None = None, part: int = 1) -> str:
    """Read earlier messages of this conversation word for word: those that the prompt only tells in a summary, marks as not
    shown, or shows with a part left out. Without arguments it begins with the oldest; a page ends with how to go on.

    from_seq: the number of the first message.
    to_seq: the number of the last one.
    words: only messages that hold all of these words.
    part: of one message alone (from_seq = to_seq) that is too long for an answer, which part of it.
    """
    sessions, session_id = _here.get()
    return (await sessions.recall(session_id, from_seq=from_seq, to_seq=to_seq, words=words, part=part)).text()


RECALL = tool(recall)


def recall_tool(sessions: SessionManager, session_id: str) -> Tool:
    """The tool for one session, where no `Chat` says which one it is."""

    @wraps(recall)
    async def here(**given: Any) -> str:
        return (await sessions.recall(session_id, **given)).text()

    return Tool(RECALL.name, RECALL.description, here, RECALL.arguments)
