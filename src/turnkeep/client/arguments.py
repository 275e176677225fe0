"""What goes out: arguments judged as a local manager judges them, and put as the server reads them.

Invariant: pure. What JSON or a URL would change on the way is refused here, by the very checks that the server has; how large a value
may be is left to the server, whose settings say so.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from turnkeep import checks
from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.recall import LEAST, MAX_SEQ, MOST, span
from turnkeep.session import JsonObject, Unset, to_datetime
from turnkeep.settings import check_token_limit

ANY = sys.maxsize
_LARGEST = 2**62  # beyond it one number of a page is as good as another
_ID = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[!#-~]{1,200}")  # visible ASCII, but for quotes
_KEY = re.compile(r"[\x21-\x7e]+")


def url(given: object) -> str:
    """The server's address, without a slash at its end."""
    text = checks.text("url", given, 4096)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidInput("url", "must be the address of a Turnkeep server, as http://HOST:PORT or https://HOST")
    return text.rstrip("/")


def key(given: object) -> str:
    if not isinstance(given, str) or not _KEY.fullmatch(given):
        raise InvalidInput("key", "must be an API key, as `turnkeep keys create` shows it: pass key= or set TURNKEEP_API_KEY")
    return given


def place(session_id: str) -> str:
    """The path of a session. An id that no session has could lead to another path: the answer is known without asking."""
    if not _ID.fullmatch(checks.identifier("session_id", session_id)):
        raise UnknownSession(session_id)
    return f"/api/sessions/{session_id}"


def idempotency_key(key: str | None) -> str | None:
    """As the header takes it: one that would not pass as it is, by its hash."""
    found = checks.optional_identifier("idempotency_key", key)
    return found if found is None or _PLAIN.fullmatch(found) else _hashed(found)


def fingerprint(value: str) -> str:
    text = checks.text("fingerprint", value, checks.MAX_ID_CHARS)
    return _hashed(text) if text else ""


def _hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def given(**fields: Any) -> JsonObject:
    """Those that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def number(field: str, value: object, low: int) -> int:
    return min(checks.page(field, value, low, None), _LARGEST)


def new_session(
    interface_type: str,
    conversation_id: int | str,
    external_user_id: int | str | None,
    external_chat_id: int | str | None,
    token_limit: int | None,
    expires_in: timedelta | float | Unset | None,
    model: str | None,
    tokenizer: str | None,
    carry_over: str | None,
    metadata: Mapping[str, Any] | None,
) -> JsonObject:
    if carry_over is not None:
        checks.one_of("carry_over", carry_over, ("summary", "none"))
    body = given(
        action="create",
        model=checks.optional_identifier("model", model),
        tokenizer=checks.optional_identifier("tokenizer", tokenizer),
        interface_type=checks.identifier("interface_type", interface_type),
        conversation_id=checks.conversation(conversation_id),
        external_user_id=checks.external("external_user_id", external_user_id),
        external_chat_id=checks.external("external_chat_id", external_chat_id),
        token_limit=None if token_limit is None else check_token_limit("token_limit", token_limit),
        carry_over=carry_over,
        metadata=None if metadata is None else checks.json_object("metadata", metadata, ANY),
    )
    if not isinstance(expires_in, Unset):
        body["expires_in_ms"] = None if expires_in is None else checks.lifetime("expires_in", expires_in)
    return body


def message(fields: Mapping[str, Any]) -> JsonObject:
    """A message's fields as a body has them; what is not given, is not sent."""
    named = {name: fields.get(name) for name in _MESSAGE}
    draft = checks.message(*named.values(), now_ms=0, max_content=ANY, max_metadata=ANY)
    return given(
        role=draft.role,
        content=draft.content,
        tool_calls=draft.tool_calls,
        tool_call_id=draft.tool_call_id,
        name=draft.name,
        external_id=draft.external_id,
        author_id=draft.author_id,
        metadata=draft.metadata,
        created_at=None if named["created_at"] is None else to_datetime(draft.created_ms),
    )


_MESSAGE = ("role", "content", "tool_calls", "tool_call_id", "name", "external_id", "author_id", "metadata", "created_at")


def batch(messages: Sequence[Mapping[str, Any]]) -> list[JsonObject]:
    checks.batch("messages", messages)
    return [_item(one, at) for at, one in enumerate(messages)]


def _item(item: object, at: int) -> JsonObject:
    fields = checks.fields(item, at)
    try:
        return message(fields)
    except InvalidInput as error:
        raise InvalidInput(f"messages[{at}].{error.field}", error.reason, size=error.size, limit=error.limit) from None


def expected(seq: int | None) -> int | None:
    return None if seq is None else checks.page("expected_seq", seq, 0, 2**32)


def context(
    system: str | None, tools: Sequence[Mapping[str, Any]] | None, max_messages: int | None, token_budget: int | None
) -> JsonObject:
    return given(
        token_budget=None if token_budget is None else check_token_limit("token_budget", token_budget),
        max_messages=None if max_messages is None else number("max_messages", max_messages, 1),
        system=None if system is None else checks.text("system", system, ANY),
        tools=checks.schemas("tools", tools, ANY),
    )


def recall(from_seq: int | None, to_seq: int | None, words: str | None, part: int, max_tokens: int | None) -> JsonObject:
    first, last = span(from_seq, to_seq)
    return given(
        from_seq=None if from_seq is None else first,
        to_seq=None if to_seq is None else last,
        words=None if words is None else checks.text("words", words, checks.MAX_ID_CHARS),
        part=checks.page("part", part, 1, MAX_SEQ),
        max_tokens=None if max_tokens is None else checks.page("max_tokens", max_tokens, LEAST, MOST),
    )


def json_object(field: str, value: Mapping[str, Any] | None) -> JsonObject | None:
    return None if value is None else checks.json_object(field, value, ANY)


def text(field: str, value: str | None) -> str | None:
    return None if value is None else checks.text(field, value, ANY)


def page(after: int, limit: int) -> JsonObject:
    return {"after": checks.after("after", after), "limit": number("limit", limit, 1)}
