"""`SessionManager`, with a server in the place of the database.

Invariant: each call has the name, the arguments, the result and the errors of `turnkeep.SessionManager`'s; beside those, the errors of
the network (see `turnkeep.client.errors`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from turnkeep import checks
from turnkeep.client import answers, arguments
from turnkeep.client.arguments import given, place
from turnkeep.client.connection import Reply
from turnkeep.client.feed import Feed
from turnkeep.client.lifecycle import Lifecycle
from turnkeep.context import Context
from turnkeep.cursors import Cursor
from turnkeep.errors import InvalidInput
from turnkeep.recall import Recalled
from turnkeep.session import (
    UNSET,
    CarryOver,
    Cleaned,
    Erased,
    Event,
    JsonObject,
    Message,
    Pin,
    Scope,
    Session,
    SessionStats,
    Stats,
    Status,
    Summary,
    Unset,
)

URL = "/api/sessions"


class SessionManager(Lifecycle):
    """Sessions of one app on a server. Make one with `SessionManager.open(...)`, in `async with` or awaited.

    What each call does is said at `turnkeep.SessionManager`. It belongs to the event loop that opened it.
    """

    # --- sessions

    async def get_or_create_session(
        self,
        interface_type: str,
        conversation_id: int | str,
        *,
        external_user_id: int | str | None = None,
        external_chat_id: int | str | None = None,
        token_limit: int | None = None,
        expires_in: timedelta | float | Unset | None = UNSET,
        model: str | None = None,
        tokenizer: str | None = None,
        carry_over: CarryOver | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Session:
        session, _ = await self.open_session(
            interface_type,
            conversation_id,
            external_user_id=external_user_id,
            external_chat_id=external_chat_id,
            token_limit=token_limit,
            expires_in=expires_in,
            model=model,
            tokenizer=tokenizer,
            carry_over=carry_over,
            metadata=metadata,
        )
        return session

    async def open_session(
        self,
        interface_type: str,
        conversation_id: int | str,
        *,
        external_user_id: int | str | None = None,
        external_chat_id: int | str | None = None,
        token_limit: int | None = None,
        expires_in: timedelta | float | Unset | None = UNSET,
        model: str | None = None,
        tokenizer: str | None = None,
        carry_over: CarryOver | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> tuple[Session, bool]:
        self._ready()
        wanted = arguments.new_session(
            interface_type,
            conversation_id,
            external_user_id,
            external_chat_id,
            token_limit,
            expires_in,
            model,
            tokenizer,
            carry_over,
            metadata,
        )
        reply = await self._write("POST", URL, wanted)
        return answers.session(reply.body), reply.status == 201

    async def get_session(self, session_id: str) -> Session:
        return answers.session(await self._read(self._place(session_id), about=session_id))

    async def find_by_conversation(self, conversation_id: int | str, interface_type: str | None = None) -> Session | None:
        self._ready()
        interface = checks.optional_identifier("interface_type", interface_type)
        wanted = given(conversationId=checks.conversation(conversation_id), interfaceType=interface, limit=1)
        return next(iter(answers.sessions(await self._read(URL, wanted))), None)

    async def list_sessions(
        self,
        *,
        status: Status | None = None,
        interface_type: str | None = None,
        conversation_id: int | str | None = None,
        external_user_id: int | str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[Session]:
        self._ready()
        if status is not None:
            checks.one_of("status", status, ("active", "inactive", "expired"))
        wanted = given(
            status=status or "all",
            interfaceType=checks.optional_identifier("interface_type", interface_type),
            externalUserId=checks.external("external_user_id", external_user_id),
            before=checks.optional_identifier("before", before),
            limit=arguments.number("limit", limit, 1),
            conversationId=None if conversation_id is None else checks.conversation(conversation_id),
        )
        return answers.sessions(await self._read(URL, wanted, about=before or ""))

    async def deactivate_session(self, session_id: str) -> Session:
        return answers.session((await self._change(session_id, "/deactivate")).body)

    async def delete_session(self, session_id: str) -> None:
        await self._write("DELETE", self._place(session_id), about=session_id)

    async def erase_user(self, external_user_id: int | str, interface_type: str | None = None) -> Erased:
        self._ready()
        user = checks.external("external_user_id", external_user_id)
        if user is None:
            raise InvalidInput("external_user_id", "is needed")
        wanted = given(external_user_id=user, interface_type=checks.optional_identifier("interface_type", interface_type))
        return answers.erased((await self._write("POST", "/api/users/erase", wanted)).body)

    # --- messages

    async def add_message(
        self,
        session_id: str,
        role: str,
        content: str | Sequence[Mapping[str, Any]] | None = None,
        *,
        tool_calls: Sequence[Mapping[str, Any]] | None = None,
        tool_call_id: str | None = None,
        name: str | None = None,
        external_id: int | str | None = None,
        author_id: int | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        created_at: datetime | None = None,
        expected_seq: int | None = None,
    ) -> Message:
        path = self._place(session_id)
        wanted = arguments.message(
            {
                "role": role,
                "content": content,
                "tool_calls": tool_calls,
                "tool_call_id": tool_call_id,
                "name": name,
                "external_id": external_id,
                "author_id": author_id,
                "metadata": metadata,
                "created_at": created_at,
            }
        )
        wanted |= given(expected_seq=arguments.expected(expected_seq))
        return answers.message((await self._write("POST", path + "/messages", wanted, about=session_id)).body)

    async def add_messages(
        self, session_id: str, messages: Sequence[Mapping[str, Any]], *, expected_seq: int | None = None
    ) -> list[Message]:
        path = self._place(session_id)
        wanted = given(messages=arguments.batch(messages), expected_seq=arguments.expected(expected_seq))
        return answers.messages((await self._write("POST", path + "/messages", wanted, about=session_id)).body)

    async def get_messages(self, session_id: str, after: int = 0, limit: int = 100) -> list[Message]:
        path, page = self._place(session_id), arguments.page(after, limit)
        return answers.messages(await self._read(path + "/messages", page, about=session_id))

    async def find_message(self, session_id: str, external_id: int | str) -> Message | None:
        wanted = checks.external("external_id", external_id)
        if wanted is None:
            raise InvalidInput("external_id", "is needed")
        path = self._place(session_id) + "/messages"
        found = answers.messages(await self._read(path, {"external_id": wanted}, about=session_id))
        return found[0] if found else None

    # --- the window

    async def build_context(
        self,
        session_id: str,
        *,
        system: str | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        max_messages: int | None = None,
        token_budget: int | None = None,
    ) -> Context:
        path = self._place(session_id) + "/context"
        wanted = arguments.context(system, tools, max_messages, token_budget)
        return answers.context((await self._call("POST", path, body=wanted, about=session_id)).body)

    async def summarize_session(self, session_id: str) -> Summary | None:
        return answers.made((await self._compact(session_id, "/summaries")).body)

    async def resummarize_session(self, session_id: str) -> list[Summary]:
        return answers.summaries((await self._compact(session_id, "/resummarize")).body)

    async def get_summaries(self, session_id: str) -> list[Summary]:
        return answers.summaries(await self._read(self._place(session_id) + "/summaries", about=session_id))

    async def clear_messages(self, session_id: str, keep_summaries: bool = True) -> Session:
        wanted = {"keep_summaries": bool(keep_summaries)}
        return answers.session((await self._change(session_id, "/clear", wanted)).body)

    async def retract(self, session_id: str, from_seq: int) -> Session:
        wanted = {"from_seq": arguments.number("from_seq", from_seq, 1)}
        return answers.session((await self._change(session_id, "/retract", wanted)).body)

    async def recall(
        self,
        session_id: str,
        *,
        from_seq: int | None = None,
        to_seq: int | None = None,
        words: str | None = None,
        part: int = 1,
        max_tokens: int | None = None,
    ) -> Recalled:
        path = self._place(session_id) + "/recall"
        wanted = arguments.recall(from_seq, to_seq, words, part, max_tokens)
        return answers.recalled(await self._read(path, wanted, about=session_id))

    # --- pins

    async def pin_message(self, session_id: str, seq: int) -> Pin:
        wanted = {"seq": checks.page("seq", seq, 1, 2**32)}
        return answers.pin((await self._change(session_id, "/pins", wanted)).body)

    async def pin(self, session_id: str, text: str, *, author_id: int | str | None = None) -> Pin:
        checks.text("text", text, arguments.ANY, empty=False)
        wanted = given(text=text, author_id=checks.external("author_id", author_id))
        return answers.pin((await self._change(session_id, "/pins", wanted)).body)

    async def unpin(self, session_id: str, number: int) -> None:
        wanted = {"number": checks.page("number", number, 1, 2**62)}
        await self._write("DELETE", self._place(session_id) + "/pins", None, wanted, about=session_id)

    async def get_pins(self, session_id: str) -> list[Pin]:
        return answers.pins(await self._read(self._place(session_id) + "/pins", about=session_id))

    # --- state

    async def get_state(self, session_id: str, scope: Scope = "session") -> JsonObject:
        checks.one_of("scope", scope, ("session", "user"))
        return answers.state(await self._read(self._place(session_id) + "/state", {"scope": scope}, about=session_id))

    async def update_state(self, session_id: str, patch: Mapping[str, Any], scope: Scope = "session") -> JsonObject:
        checks.one_of("scope", scope, ("session", "user"))
        wanted = checks.json_object("patch", patch, arguments.ANY)
        path = self._place(session_id) + "/state"
        return answers.state((await self._write("PATCH", path, wanted, {"scope": scope}, about=session_id)).body)

    # --- events

    async def record_tool_call(
        self,
        session_id: str,
        name: str,
        *,
        duration_ms: float | None = None,
        outcome: Literal["ok", "error"] | str = "ok",
        tool_call_id: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        wanted: JsonObject = {
            "name": checks.identifier("name", name),
            "duration_ms": checks.milliseconds("duration_ms", duration_ms),
            "outcome": checks.optional_identifier("outcome", outcome),
            "tool_call_id": checks.optional_identifier("tool_call_id", tool_call_id),
            "data": arguments.json_object("data", data),
        }
        return answers.event((await self._change(session_id, "/tool-calls", wanted)).body)

    async def record_error(
        self, session_id: str, name: str, *, message: str | None = None, data: Mapping[str, Any] | None = None
    ) -> Event:
        wanted = {
            "name": checks.identifier("name", name),
            "message": arguments.text("message", message),
            "data": arguments.json_object("data", data),
        }
        return answers.event((await self._change(session_id, "/errors", wanted)).body)

    async def record_usage(
        self,
        session_id: str,
        *,
        tokens_in: int,
        tokens_out: int,
        cache_read_tokens: int = 0,
        counted_tokens: int | None = None,
        model: str = "model",
        duration_ms: float | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        checks.usage(tokens_in, tokens_out, cache_read_tokens, counted_tokens)
        wanted = {
            "tokens_in": tokens_in,
            "tokens_out": tokens_out,
            "cache_read_tokens": cache_read_tokens,
            "counted_tokens": counted_tokens,
            "model": checks.identifier("name", model),
            "duration_ms": checks.milliseconds("duration_ms", duration_ms),
            "data": arguments.json_object("data", data),
        }
        return answers.event((await self._change(session_id, "/usage", wanted)).body)

    async def get_events(self, session_id: str, after: int = 0, limit: int = 100) -> list[Event]:
        path, page = self._place(session_id), arguments.page(after, limit)
        return answers.events(await self._read(path + "/activity", page, about=session_id))

    def listen(self, session_id: str, after: str | None = None) -> Feed:
        self._ready()
        checks.identifier("session_id", session_id)
        if after is not None:
            Cursor.parse(session_id, after)
        return self._feed(session_id, after)

    # --- upkeep

    async def cleanup(self, dry_run: bool = False) -> Cleaned:
        self._ready()
        return answers.cleaned((await self._write("POST", URL, {"action": "cleanup", "dry_run": bool(dry_run)})).body)

    async def get_stats(self) -> Stats:
        return answers.stats(await self._read(URL, {"stats": "true"}))

    async def get_session_stats(self, session_id: str) -> SessionStats:
        return answers.session_stats(await self._read(self._place(session_id) + "/stats", about=session_id))

    async def settle(self) -> None:
        await self._call("POST", "/api/settle", slow=True)

    async def backup(self, target: str | Path) -> None:
        self._ready()
        await self._download("/api/backup", checks.path("target", target))

    async def check(self) -> list[str]:
        return answers.problems((await self._call("GET", "/api/check", slow=True)).body)

    async def sizes(self) -> dict[str, int]:
        return answers.sizes(await self._read("/api/sizes"))

    # --- on the way

    def _place(self, session_id: str) -> str:
        self._ready()
        return place(session_id)

    async def _change(self, session_id: str, what: str, body: JsonObject | None = None) -> Reply:
        return await self._write("POST", self._place(session_id) + what, body, about=session_id)

    async def _compact(self, session_id: str, what: str) -> Reply:
        """It stores by compare-and-set, and needs no key to be done once."""
        return await self._call("POST", self._place(session_id) + what, about=session_id, slow=True)
