"""What people ask of a conversation beside an answer: `/reset`, `/undo`, `/retry`, `/stats`, `/summary`, `/export` and the rest.

Invariant: a command waits for the turns before it and never meets one half-way; nothing but `forget` removes a message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from turnkeep.agents import Listener
from turnkeep.chat.chat import Chat, Incoming, Reply
from turnkeep.session import Erased, Message, Session, SessionStats, Summary

PAGE = 200
VERSION_OF = "version_of"  # in the metadata of a message: the external id of the one that it says again, retried or edited


class Usage(msgspec.Struct, frozen=True):
    """Figures of a conversation; `context_percent`: how much of the token limit the next prompt's window takes."""

    stats: SessionStats
    context_percent: int


def context_percent(session: Session) -> int:
    """How full the session's context is, of its token limit."""
    used = session.fixed_tokens + session.summary_tokens + session.window_tokens
    return min(100, round(100 * used / session.counted_limit))


class Commands:
    """Over a chat; each takes the conversation's key, and does nothing where there is no conversation (None, or 0)."""

    def __init__(self, chat: Chat) -> None:
        self.chat, self.sessions = chat, chat.sessions

    async def reset(self, interface_type: str, conversation_id: int | str) -> bool:
        """A fresh window: messages and summaries leave the context, the user's preferences stay. A reply on its way is stopped."""
        self.chat.stop(interface_type, conversation_id)
        async with self.chat.alone(interface_type, conversation_id) as session:
            if session is None:
                return False
            await self.sessions.clear_messages(session.id, keep_summaries=False)
            return True

    async def undo(self, interface_type: str, conversation_id: int | str) -> Message | None:
        """Take the newest turn back: the user's message of it, which is now hidden with all that answered it."""
        self.chat.stop(interface_type, conversation_id)
        async with self.chat.alone(interface_type, conversation_id) as session:
            message = await self.newest(session)
            if session is not None and message is not None:
                await self.sessions.retract(session.id, message.seq)
            return message

    async def retry(self, incoming: Incoming, listener: Listener) -> Reply | None:
        """Answer the newest message again. `incoming` says whose command it is; its content is not used.

        Handed in twice, as after a crash, it goes on with the message that it has taken back already.
        """
        again_id = None if incoming.external_id is None else f"retry:{incoming.external_id}"
        message = await self._known(incoming, again_id) or await self.undo(*incoming.key)
        if message is None:
            return None
        again = replace(
            incoming,
            content=message.content,
            author_id=message.author_id,
            name=message.name,
            metadata=version_of(origin(message), message.metadata),
            external_id=again_id,
        )
        return await self.chat.reply(again, listener)

    async def _known(self, incoming: Incoming, external_id: str | None) -> Message | None:
        session = await self.sessions.find_by_conversation(incoming.conversation_id, incoming.interface_type)
        if session is None or external_id is None:
            return None
        return await self.sessions.find_message(session.id, external_id)

    async def newest(self, session: Session | None, *, taken_back: bool = False) -> Message | None:
        """The newest user message that the context still shows word for word, or which was the last to be `taken_back`."""
        if session is None:
            return None
        end = session.seq
        while end >= session.window_start:
            start = max(session.window_start - 1, end - PAGE)
            page = await self.sessions.get_messages(session.id, after=start, limit=end - start)
            for message in reversed(page):
                if message.role == "user" and not message.erased and (taken_back or not session.hides(message.seq)):
                    return message
            end = start
        return None

    async def usage(self, interface_type: str, conversation_id: int | str) -> Usage | None:
        """Tokens, messages, tool calls, and how full the context is."""
        session = await self.sessions.find_by_conversation(conversation_id, interface_type)
        if session is None:
            return None
        return Usage(await self.sessions.get_session_stats(session.id), context_percent(session))

    async def summary(self, interface_type: str, conversation_id: int | str) -> list[Summary]:
        """What the conversation remembers of what it no longer shows word for word."""
        session = await self.sessions.find_by_conversation(conversation_id, interface_type)
        return [] if session is None else [one for one in await self.sessions.get_summaries(session.id) if one.live]

    async def compact(self, interface_type: str, conversation_id: int | str) -> Summary | None:
        """Summarize now."""
        async with self.chat.alone(interface_type, conversation_id) as session:
            return None if session is None else await self.sessions.summarize_session(session.id)

    async def forget(self, external_user_id: int | str, interface_type: str) -> Erased:
        """Erase a person from this interface: sessions, state, and what they wrote in others' sessions."""
        return await self.sessions.erase_user(external_user_id, interface_type)

    async def export(self, interface_type: str, conversation_id: int | str) -> str | None:
        """The conversation as Markdown, word for word, what was summarized or taken back included."""
        session = await self.sessions.find_by_conversation(conversation_id, interface_type)
        if session is None:
            return None
        told = [f"# Conversation {session.conversation_id} on {session.interface_type}", ""]
        told += [line async for message in self._log(session) for line in _told(message, session)]
        return "\n".join(told)

    async def _log(self, session: Session) -> AsyncIterator[Message]:
        after = 0
        while page := await self.sessions.get_messages(session.id, after=after, limit=PAGE):
            for message in page:
                yield message
            after = page[-1].seq


def origin(message: Message) -> str | None:
    """The external id under which a message, or what it says again, first came."""
    found: str | None = (message.metadata or {}).get(VERSION_OF, message.external_id)
    return found


def version_of(first: str | None, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metadata of a message that says again what first came under that external id."""
    return {**(metadata or {}), **({VERSION_OF: first} if first is not None else {})}


def _told(message: Message, session: Session) -> list[str]:
    when = f"{message.created_at:%Y-%m-%d %H:%M:%S} UTC"
    hidden = " (taken back)" if session.hides(message.seq) else ""
    lines = [f"**{message.name or message.role}**, {when}{hidden}", "", _content(message), ""]
    lines += [f"- calls `{call['function']['name']}({call['function']['arguments']})`" for call in message.tool_calls or ()]
    return lines


def _content(message: Message) -> str:
    if message.erased:
        return "(erased)"
    if not isinstance(message.content, list):
        return message.content or ""
    return "\n".join(str(part.get("text") or f"[{part.get('type')}]") for part in message.content)
