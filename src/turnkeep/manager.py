"""`SessionManager`: the one front door of the library.

Invariants: a call judges its arguments before it touches the store; a message is counted once, before it is stored; nothing here
waits for a language model except `summarize_session` and `compaction="inline"`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from turnkeep import checks, context
from turnkeep.compaction import is_due
from turnkeep.context import Context
from turnkeep.cursors import Cursor
from turnkeep.errors import Conflict, InvalidInput, ManagerClosed
from turnkeep.feed import Feed, Owner
from turnkeep.intake import count_all, count_long, count_now, to_store
from turnkeep.lifecycle import Known, Lifecycle
from turnkeep.session import (
    UNSET,
    Appended,
    CarryOver,
    Cleaned,
    Erased,
    Event,
    EventKind,
    JsonObject,
    Message,
    NewMessage,
    Scope,
    Session,
    SessionStats,
    Stats,
    Status,
    Summary,
    Unset,
)
from turnkeep.settings import check_token_limit
from turnkeep.stopgap import Missing, Words
from turnkeep.stores import CachedStore
from turnkeep.stores.base import MAX_PAGE, NewSession
from turnkeep.tokens import counter_name_for

REACH = 4  # budgets that are read of a window whose tool results can be shortened


class SessionManager(Lifecycle):
    """Sessions of one app. Make one with `SessionManager.open(...)`, in `async with` or awaited; see docs/SESSION_MANAGEMENT.md.

    It belongs to the event loop that opened it. Every call raises `TurnkeepError`s only: `InvalidInput` for what was passed in,
    `UnknownSession` for a session that this app does not have, `StoreError` when the database refuses.
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
        """The active session of this conversation, unchanged; or a new one.

        `token_limit`: tokens of the whole prompt. `expires_in`: after the last message; a timedelta, seconds, or None for never.
        `model` or `tokenizer` picks the counter. When an older session of the conversation has expired or was closed, the new one
        is its successor; `carry_over` says whether its last summary comes along.
        """
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
        """`get_or_create_session`, and whether it made one."""
        settings = self._settings
        if isinstance(expires_in, Unset):
            expires_in = settings.expires_in
        if carry_over is not None:
            checks.one_of("carry_over", carry_over, ("summary", "none"))
        if not self._opened:
            raise ManagerClosed
        model, tokenizer = checks.optional_identifier("model", model), checks.optional_identifier("tokenizer", tokenizer)
        counter = await self._counter(tokenizer or counter_name_for(model, settings.tokenizer))
        new = NewSession(
            id="ses_" + secrets.token_urlsafe(16),
            app=self._app,
            interface_type=checks.identifier("interface_type", interface_type),
            conversation_id=checks.conversation(conversation_id),
            external_user_id=checks.external("external_user_id", external_user_id),
            external_chat_id=checks.external("external_chat_id", external_chat_id),
            token_limit=check_token_limit("token_limit", settings.token_limit if token_limit is None else token_limit),
            tokenizer=counter.name,
            lifetime_ms=None if expires_in is None else checks.lifetime("expires_in", expires_in),
            carry_over=carry_over or settings.carry_over,
            metadata=None if metadata is None else checks.json_object("metadata", metadata, settings.max_metadata_bytes),
        )
        session, created = await self._store.open_session(new, self._now_ms(), guard=self._guard(of_session=False))
        if created:
            self._remember(session, counter)
        return session, created

    async def get_session(self, session_id: str) -> Session:
        """The session, its status by the clock."""
        return self._seen(await self._store.session(self._app, self._ready(session_id)))

    async def find_by_conversation(self, conversation_id: int | str, interface_type: str | None = None) -> Session | None:
        """The newest active session of the conversation, on any interface if none is named."""
        if not self._opened:
            raise ManagerClosed
        interface = checks.optional_identifier("interface_type", interface_type)
        return await self._store.find(self._app, checks.conversation(conversation_id), interface, self._now_ms())

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
        """Newest first, at most 1000; for the next page pass the last one's id as `before`."""
        if not self._opened:
            raise ManagerClosed
        if status is not None:
            checks.one_of("status", status, ("active", "inactive", "expired"))
        found = await self._store.sessions(
            self._app,
            status=status,
            interface_type=checks.optional_identifier("interface_type", interface_type),
            user=checks.external("external_user_id", external_user_id),
            before=checks.optional_identifier("before", before),
            limit=checks.page("limit", limit, 1, MAX_PAGE),
            now_ms=self._now_ms(),
            conversation_id=None if conversation_id is None else checks.conversation(conversation_id),
        )
        return [self._seen(session) for session in found]

    async def deactivate_session(self, session_id: str) -> Session:
        """Close it: it takes no new user messages, and the conversation's next one opens a successor."""
        return await self._store.deactivate(self._app, self._ready(session_id), self._now_ms(), guard=self._guard())

    async def delete_session(self, session_id: str) -> None:
        """Remove it and everything of it, for good."""
        await self._store.delete(self._app, self._ready(session_id), guard=self._guard())
        self._known.pop(session_id, None)

    async def erase_user(self, external_user_id: int | str, interface_type: str | None = None) -> Erased:
        """Remove a person: their sessions and state, and what they wrote in other sessions (by `author_id`), for good."""
        if not self._opened:
            raise ManagerClosed
        user = checks.external("external_user_id", external_user_id)
        if user is None:
            raise InvalidInput("external_user_id", "is needed")
        interface = checks.optional_identifier("interface_type", interface_type)
        return await self._store.erase_user(self._app, user, interface, self._now_ms(), guard=self._guard(of_session=False))

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
        """Add one message at the end of the log; durable when this returns.

        `content`: a string or OpenAI's list of parts. `external_id`: the platform's id of the message, by which it is stored once
        however often it is delivered. `expected_seq`: the newest message's `seq`, or `Conflict`.
        """
        known = self._known_already(session_id) or await self._learn(session_id)
        settings, now_ms = self._settings, self._now_ms()
        draft = checks.message(
            role,
            content,
            tool_calls,
            tool_call_id,
            name,
            external_id,
            author_id,
            metadata,
            created_at,
            now_ms=now_ms,
            max_content=settings.max_content_bytes,
            max_metadata=settings.max_metadata_bytes,
        )
        tokens = count_now(draft, known.counter)
        message = to_store(draft, known.counter, await count_long(draft, known.counter) if tokens is None else tokens)
        appended = await self._append(session_id, known, (message,), now_ms, expected_seq)
        return appended.messages[0]

    async def add_messages(
        self, session_id: str, messages: Sequence[Mapping[str, Any]], *, expected_seq: int | None = None
    ) -> list[Message]:
        """Add up to 1000 messages, all or none: dicts with the arguments of `add_message` as keys."""
        known = self._known_already(session_id) or await self._learn(session_id)
        checks.batch("messages", messages)
        now_ms = self._now_ms()
        drafts = [self._draft(item, at, now_ms) for at, item in enumerate(messages)]
        counted = await count_all(drafts, known.counter)
        return list((await self._append(session_id, known, counted, now_ms, expected_seq)).messages)

    def _draft(self, item: object, at: int, now_ms: int) -> checks.Draft:
        fields = checks.fields(item, at)
        names = ("role", "content", "tool_calls", "tool_call_id", "name", "external_id", "author_id", "metadata", "created_at")
        try:
            return checks.message(
                *[fields.get(name) for name in names],
                now_ms=now_ms,
                max_content=self._settings.max_content_bytes,
                max_metadata=self._settings.max_metadata_bytes,
            )
        except InvalidInput as error:
            raise InvalidInput(f"messages[{at}].{error.field}", error.reason, size=error.size, limit=error.limit) from None

    async def _append(
        self, session_id: str, known: Known, messages: Sequence[NewMessage], now_ms: int, expected_seq: int | None
    ) -> Appended:
        if expected_seq is not None:
            checks.page("expected_seq", expected_seq, 0, 2**32)
        self._load.begin()
        try:
            appended = await self._store.append(
                self._app,
                session_id,
                messages,
                now_ms=now_ms,
                expected_seq=expected_seq,
                fixed_tokens=known.fixed_tokens,
                guard=self._guard(),
            )
        finally:
            self._load.end()
        if appended.created and is_due(appended.session, self._settings):
            await self._compactor.due(appended.session)
        return appended

    async def get_messages(self, session_id: str, after: int = 0, limit: int = 100) -> list[Message]:
        """The log after that `seq`, oldest first, at most 1000: also what a summary covers, a clear passed or a retract hides."""
        self._ready(session_id)
        after, limit = checks.after("after", after), checks.page("limit", limit, 1, MAX_PAGE)
        return await self._store.messages(self._app, session_id, after=after, limit=limit)

    async def find_message(self, session_id: str, external_id: int | str) -> Message | None:
        """The message of this conversation that was stored under this `external_id`, also if an earlier session took it.

        The way to tell a message that is delivered again, and to find the answer it already got.
        """
        wanted = checks.external("external_id", external_id)
        if wanted is None:
            raise InvalidInput("external_id", "is needed")
        return await self._store.find_message(self._app, self._ready(session_id), wanted)

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
        """The prompt for the next call of the model: at most `token_budget` (default: the session's limit) tokens.

        `system` takes the place of the log's leading system messages. `tools` are the schemas you will send beside the messages:
        they are counted. `max_messages` caps messages of the log; the newest turn may exceed it.
        """
        known = self._known_already(session_id) or await self._learn(session_id)
        budget = known.token_limit
        if token_budget is not None:
            budget = min(budget, check_token_limit("token_budget", token_budget))
        if max_messages is not None:
            checks.page("max_messages", max_messages, 1, None)
        if system is not None:
            checks.text("system", system, self._settings.max_content_bytes)
        schemas = checks.schemas("tools", tools, self._settings.max_content_bytes)
        told: Words = {}
        hurried = False
        while True:
            window = await self._store.window(self._app, session_id, tokens=budget, messages=max_messages)
            if window.earlier and max_messages is None and context.has_large_results(window, budget):
                window = await self._store.window(self._app, session_id, tokens=REACH * budget)
            session = window.session
            try:
                built = context.build(
                    window,
                    known.counter,
                    system=system,
                    tools=schemas,
                    context_state=self._settings.context_state,
                    max_messages=max_messages,
                    budget=budget,
                    gap=self._stopgap.gap(session, told),
                    field="token_limit" if budget == known.token_limit else "token_budget",
                )
            except Missing as missing:  # rare: more must leave than is summarized
                if hurried or not await self._compactor.at_once(session):
                    told |= await self._stopgap.make(session, missing, known.counter)
                    await self._compactor.pressing(session)
                hurried = True
            else:
                known.fixed_tokens = built.fixed_tokens
                if built.tokens >= self._settings.compaction_threshold * known.token_limit:
                    await self._compactor.pressing(session)
                return built

    async def summarize_session(self, session_id: str) -> Summary | None:
        """Compact now. None when there is nothing to cover, or nothing to gain."""
        self._ready(session_id)
        try:
            return await self._compactor.compact(self._app, session_id)
        except Conflict:  # most likely the background was quicker: see what is left to do
            return await self._compactor.compact(self._app, session_id)

    async def resummarize_session(self, session_id: str) -> list[Summary]:
        """Make the live summaries anew from the log, as the summarizer and the settings are now; but for a carried one."""
        self._ready(session_id)
        return await self._compactor.resummarize(self._app, session_id)

    async def get_summaries(self, session_id: str) -> list[Summary]:
        """All summaries, oldest first; those that others have replaced are no longer `live`."""
        return await self._store.summaries(self._app, self._ready(session_id))

    async def clear_messages(self, session_id: str, keep_summaries: bool = True) -> Session:
        """Empty the window; the log stays. With `keep_summaries=False` the summaries leave it too."""
        self._ready(session_id)
        cleared = await self._store.clear(
            self._app, session_id, keep_summaries=keep_summaries, now_ms=self._now_ms(), guard=self._guard()
        )
        return self._seen(cleared)

    async def retract(self, session_id: str, from_seq: int) -> Session:
        """Hide the newest part, from this `seq` on, from the context (undo, retry, an edited message); the log stays."""
        checks.page("from_seq", from_seq, 1, None)
        self._ready(session_id)
        return self._seen(await self._store.retract(self._app, session_id, from_seq, self._now_ms(), guard=self._guard()))

    # --- state

    async def get_state(self, session_id: str, scope: Scope = "session") -> JsonObject:
        """The variables of the session, or (`scope="user"`) of its external user on this interface."""
        checks.one_of("scope", scope, ("session", "user"))
        return await self._store.state(self._app, self._ready(session_id), scope)

    async def update_state(self, session_id: str, patch: Mapping[str, Any], scope: Scope = "session") -> JsonObject:
        """Change them by a merge patch (RFC 7396: null removes a key) and return all of them."""
        checks.one_of("scope", scope, ("session", "user"))
        limit = self._settings.max_state_bytes
        clean = checks.json_object("patch", patch, limit)
        return await self._store.update_state(
            self._app, self._ready(session_id), scope, clean, limit=limit, now_ms=self._now_ms(), guard=self._guard()
        )

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
        """Note that a tool ran. With the `tool_call_id` of a stored message it adds to that call and is not counted again."""
        return await self._record(
            session_id, "tool_call", name, duration_ms=duration_ms, outcome=outcome, tool_call_id=tool_call_id, data=data
        )

    async def record_error(
        self, session_id: str, name: str, *, message: str | None = None, data: Mapping[str, Any] | None = None
    ) -> Event:
        """Note that something failed; `name` is the kind of failure."""
        if message is not None:
            checks.text("message", message, self._settings.max_metadata_bytes)
            clean = {} if data is None else checks.json_object("data", data, self._settings.max_metadata_bytes)
            data = {**clean, "message": message}
        return await self._record(session_id, "error", name, data=data)

    async def record_usage(
        self,
        session_id: str,
        *,
        tokens_in: int,
        tokens_out: int,
        model: str = "model",
        duration_ms: float | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        """Note the provider's own count of a call."""
        checks.page("tokens_in", tokens_in, 0, 10**12)
        checks.page("tokens_out", tokens_out, 0, 10**12)
        return await self._record(
            session_id, "usage", model, duration_ms=duration_ms, tokens_in=tokens_in, tokens_out=tokens_out, data=data
        )

    async def _record(
        self,
        session_id: str,
        kind: EventKind,
        name: str,
        *,
        duration_ms: float | None = None,
        outcome: str | None = None,
        tool_call_id: str | None = None,
        tokens_in: int = 0,
        tokens_out: int = 0,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        event = Event(
            kind=kind,
            name=checks.identifier("name", name),
            created_ms=self._now_ms(),
            duration_ms=checks.milliseconds("duration_ms", duration_ms),
            outcome=checks.optional_identifier("outcome", outcome),
            tool_call_id=checks.optional_identifier("tool_call_id", tool_call_id),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            data=None if data is None else checks.json_object("data", data, self._settings.max_metadata_bytes),
        )
        return await self._store.record(self._app, self._ready(session_id), event, guard=self._guard())

    async def get_events(self, session_id: str, after: int = 0, limit: int = 100) -> list[Event]:
        """Tool calls, errors and usage reports, oldest first; for the next page pass the last one's `number` as `after`."""
        self._ready(session_id)
        after, limit = checks.after("after", after), checks.page("limit", limit, 1, MAX_PAGE)
        return await self._store.events(self._app, session_id, after=after, limit=limit)

    def listen(self, session_id: str, after: str | None = None) -> Feed:
        """What changes from now on, also by other processes; or after that `cursor`: each change once, as the store has it.

        The first change from now on is the `session` as it is.
        """
        cursor = None if after is None else Cursor.parse(self._ready(session_id), after)
        owner = Owner(lambda: self._opened and not self._feeds.closed, self._seen)
        return self._feeds.listen(self._app, self._ready(session_id), cursor, owner)

    # --- upkeep

    async def cleanup(self, dry_run: bool = False) -> Cleaned:
        """Close this app's sessions that are expired, delete those closed longer than `retention` ago."""
        if not self._opened:
            raise ManagerClosed
        return await self._clean_up(self._app, dry_run=dry_run)

    async def get_stats(self) -> Stats:
        """Figures of this app, and of what the cache has done for it."""
        if not self._opened:
            raise ManagerClosed
        sums = await self._store.stats(self._app, self._now_ms())
        cache = self._store if isinstance(self._store, CachedStore) else None
        return Stats(
            total_sessions=sums.total_sessions,
            active_sessions=sums.active_sessions,
            total_messages=sums.total_messages,
            total_tokens=sums.total_tokens,
            average_session_length=sums.total_messages / sums.total_sessions if sums.total_sessions else 0.0,
            tool_calls=sums.tool_calls,
            errors=sums.errors,
            by_interface=sums.by_interface,
            cache_size=cache.sessions_of(self._app) if cache else 0,
            cache_hit_rate=cache.hit_rate(self._app) if cache else 0.0,
        )

    async def get_session_stats(self, session_id: str) -> SessionStats:
        """Figures of one session."""
        session = await self.get_session(session_id)
        summaries = await self._store.summaries(self._app, session_id)
        return SessionStats(
            session_id=session.id,
            status=session.status,
            messages=session.seq,
            tool_calls=session.tool_calls,
            errors=session.errors,
            tokens=session.tokens,
            tokens_in=session.tokens - session.tokens_out,
            tokens_out=session.tokens_out,
            usage_in=session.usage_in,
            usage_out=session.usage_out,
            summaries=len(summaries),
            window_messages=session.window_messages,
            window_tokens=session.window_tokens,
            token_limit=session.token_limit,
            created_at=session.created_at,
            last_active=session.last_active,
            duration=(session.active_ms - session.created_ms) / 1000,
        )

    async def settle(self) -> None:
        """Wait until background work is done; for tests, scripts and shutdown."""
        if not self._opened:
            raise ManagerClosed
        await self._compactor.settle()

    async def backup(self, target: str | Path) -> None:
        """A consistent copy of the database, encrypted with the same key, while it is in use; `target` must not exist."""
        if not self._opened:
            raise ManagerClosed
        await self._store.backup(checks.path("target", target))

    async def check(self) -> list[str]:
        """Prove the database's invariants again from its rows; a line for each that does not hold, of every app."""
        if not self._opened:
            raise ManagerClosed
        return await self._store.check()

    async def sizes(self) -> dict[str, int]:
        """Rows by table and bytes by file, of every app."""
        if not self._opened:
            raise ManagerClosed
        return await self._store.sizes()
