"""Opening, finding, closing and removing sessions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from turnkeep import checks
from turnkeep.errors import InvalidInput, ManagerClosed
from turnkeep.lifecycle import Lifecycle
from turnkeep.session import UNSET, CarryOver, Erased, Session, Status, Unset
from turnkeep.settings import check_token_limit
from turnkeep.stores.base import MAX_PAGE, NewSession
from turnkeep.tokens import counter_name_for


class Sessions(Lifecycle):
    """The calls about sessions as a whole."""

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
