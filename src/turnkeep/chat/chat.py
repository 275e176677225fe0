"""One whole turn: `Chat.reply()`.

    get or create the session -> store the user's message -> build the context
    -> the agent: its text streamed, each tool call stored before it runs and its result after
    -> store the answer

Invariants: the turns of a conversation run one after the other, in the order in which they were handed in; a user's message is
stored before a model is asked, and gets one answer however often it is handed in (by its `external_id`); a tool runs at most once:
a turn that a crash cut off goes on from what is stored, and a call without a result is told to the model as one of unknown outcome.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from turnkeep.agents import RECALL, Listener, Progress, Tool, Turn, as_agent, load_agent, recalls
from turnkeep.chat.lanes import Lanes
from turnkeep.errors import SessionClosed
from turnkeep.manager import SessionManager
from turnkeep.redaction import redactor
from turnkeep.session import CarryOver, Content, Message, Session

log = logging.getLogger("turnkeep.chat")
MAX_REASON = 2000  # characters of an error's message that are kept

Key = tuple[str, str]


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A user's message as a platform delivered it. `external_id`: the platform's own id of it."""

    interface_type: str
    conversation_id: int | str
    content: Content
    external_id: int | str | None = None
    external_user_id: int | str | None = None
    external_chat_id: int | str | None = None
    author_id: int | str | None = None
    name: str | None = None
    metadata: dict[str, Any] | None = None
    created_at: datetime | None = None

    @property
    def key(self) -> Key:
        return self.interface_type, str(self.conversation_id)


class Failure(msgspec.Struct, frozen=True):
    """Why there is no answer. `id` stands in the log and in the session's errors; `kind` names the error."""

    id: str
    kind: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """How a turn ended: with an answer; stopped, perhaps with the beginning of one; or with a failure.

    `repeated`: the message had its answer already, and this is it. `tokens`: what the turn cost, as the provider counted, else as
    we count the prompt and the answer.
    """

    session: Session
    text: str = ""
    tokens: int = 0
    message: Message | None = None
    stopped: bool = False
    repeated: bool = False
    failure: Failure | None = None


def _unheard(progress: Progress) -> None:
    pass


class Chat:
    """Turns over `sessions`, answered by `agent` (what `turnkeep.agents.as_agent` takes; None: what the settings name)."""

    def __init__(
        self,
        sessions: SessionManager,
        agent: Any = None,
        *,
        tools: Sequence[Tool] = (),
        system: str | None = None,
        carry_over: CarryOver = "summary",
    ) -> None:
        settings = sessions.settings
        self.sessions = sessions
        tools = (*tools, RECALL) if settings.recall else tools
        self.agent = load_agent(settings, tools) if agent is None else as_agent(agent, tools)
        self.system = settings.system_prompt if system is None else system
        self.carry_over = carry_over
        self.timeout = settings.reply_timeout
        self._redactor = redactor(settings.redaction_patterns)
        self._lanes = Lanes()
        self._running: dict[Key, asyncio.Task[None]] = {}

    # --- a turn

    async def reply(self, incoming: Incoming, listener: Listener = _unheard) -> Reply:
        """Answer a message, after those of its conversation that were handed in before. `listener` hears the reply grow.

        What the message itself does wrong (`InvalidInput`) is raised; what goes wrong with the answer is a `Failure` of the reply.
        """
        async with self._lanes.taken(incoming.key):
            session, message = await self._store(incoming)
            answer_id = _answer_id(message)
            if answer_id and (known := await self.sessions.find_message(session.id, answer_id)):
                return Reply(session=session, text=_text(known), message=known, repeated=True)
            return await self._answer(incoming.key, session, message, listener)

    async def hear(self, incoming: Incoming) -> Message:
        """Store a message that wants no answer, as when people in a group talk to each other."""
        async with self._lanes.taken(incoming.key):
            _, message = await self._store(incoming)
            return message

    async def session(self, incoming: Incoming) -> Session:
        """The conversation's session, opened if it has none."""
        return await self.sessions.get_or_create_session(
            incoming.interface_type,
            incoming.conversation_id,
            external_user_id=incoming.external_user_id,
            external_chat_id=incoming.external_chat_id,
            carry_over=self.carry_over,
        )

    async def _store(self, incoming: Incoming) -> tuple[Session, Message]:
        while True:
            session = await self.session(incoming)
            try:
                return session, await self.sessions.add_message(
                    session.id,
                    "user",
                    incoming.content,
                    external_id=incoming.external_id,
                    author_id=incoming.author_id,
                    name=incoming.name,
                    metadata=incoming.metadata,
                    created_at=incoming.created_at,
                )
            except SessionClosed:  # in between: its successor takes it
                continue

    async def _answer(self, key: Key, session: Session, message: Message, listener: Listener) -> Reply:
        turn = Turn(self.sessions, session, message, listener)
        stopped, failure = False, None
        async with self._run(key, turn) as running:
            try:
                await asyncio.wait([running])
                await running
                if not "".join(turn.said).strip():
                    failure = await self._failed(turn, "EmptyReply", "the agent ended without a word")
            except asyncio.CancelledError:
                if not running.cancelled() or _is_cancelled():
                    raise
                stopped = True
            except Exception as error:
                failure = await self._failed(turn, type(error).__name__, str(error), error)
        text = "".join(turn.said) if failure is None else ""
        stored = await self._keep(turn, text, stopped) if text.strip() else None
        tokens = turn.tokens_used or turn.tokens_shown + (stored.tokens if stored else 0)
        after = await self.sessions.get_session(session.id)
        return Reply(session=after, text=text, tokens=tokens, message=stored, stopped=stopped, failure=failure)

    @asynccontextmanager
    async def _run(self, key: Key, turn: Turn) -> AsyncIterator[asyncio.Task[None]]:
        """The agent on a task of its own, so that it can be stopped while its caller goes on."""
        running = self._running[key] = asyncio.create_task(self._listen(turn))
        try:
            yield running
        finally:
            del self._running[key]
            if not running.done():
                running.cancel()
                await asyncio.wait([running])

    async def _listen(self, turn: Turn) -> None:
        async with asyncio.timeout(self.timeout):
            recalls(self.sessions, turn.session.id)
            schemas = await self.agent.schemas()
            turn.begins(await self.sessions.build_context(turn.session.id, system=self.system, tools=schemas or None))
            async for piece in self.agent.run(turn):
                if piece:
                    turn.say(piece)

    async def _keep(self, turn: Turn, text: str, stopped: bool) -> Message:
        return await self.sessions.add_message(
            turn.session.id,
            "assistant",
            text,
            external_id=_answer_id(turn.message),
            metadata={"stopped": True} if stopped else None,
        )

    async def _failed(self, turn: Turn, kind: str, reason: str, error: Exception | None = None) -> Failure:
        failure = Failure(secrets.token_hex(4), kind)
        log.error("error %s: the turn at message %s failed: %s", failure.id, turn.message.seq, kind, exc_info=error)
        await self.sessions.record_error(
            turn.session.id,
            kind,
            message=self._redactor.redact(reason)[:MAX_REASON] or kind,
            data={"id": failure.id, "seq": turn.message.seq},
        )
        return failure

    # --- around it

    def stop(self, interface_type: str, conversation_id: int | str) -> bool:
        """Stop the reply that is on its way, if there is one; what it said so far is kept."""
        running = self._running.get((interface_type, str(conversation_id)))
        return running is not None and running.cancel()

    @asynccontextmanager
    async def alone(self, interface_type: str, conversation_id: int | str) -> AsyncIterator[Session | None]:
        """Between two turns of a conversation, with its active session; for what must not meet a reply half-way."""
        async with self._lanes.taken((interface_type, str(conversation_id))):
            yield await self.sessions.find_by_conversation(conversation_id, interface_type)


def _answer_id(message: Message) -> str | None:
    """The `external_id` of a message's answer: by it a message handed in again finds the answer that it has."""
    return None if message.external_id is None else f"answer-to:{message.external_id}"


def _is_cancelled() -> bool:
    """Whether it is the caller who is to end, at whatever moment its agent was stopped."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _text(message: Message) -> str:
    return message.content if isinstance(message.content, str) else ""
