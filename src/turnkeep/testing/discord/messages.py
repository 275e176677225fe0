"""The REST API's part about messages, channels and threads.

Invariant: what Discord would not let the bot do is refused, with its code, and changes nothing.
"""

from __future__ import annotations

import time
from typing import Any

from turnkeep.testing.discord.calls import Call, Routes
from turnkeep.testing.discord.chats import DIRECT, Chat, Server, bare
from turnkeep.testing.discord.checks import MAX_FILES, invalid, message, not_empty, refusal, text_of
from turnkeep.testing.discord.gateway import MESSAGE_CONTENT
from turnkeep.testing.discord.shapes import EPHEMERAL, Json, Shown, User

NONCE_SECONDS = 180.0
SUPPRESS = 1 << 2 | 1 << 12  # flags that a bot may set: no embeds, no notification


class Messages:
    """Handlers, called by the names under which they are counted."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._nonces: dict[str, tuple[float, Shown]] = {}

    def routes(self) -> Routes:
        channel, messages = "/channels/{channel}", "/channels/{channel}/messages"
        return (
            ("GET", channel, self.get_channel),
            ("GET", messages, self.get_messages),
            ("POST", messages, self.create_message),
            ("GET", f"{messages}/{{message}}", self.get_message),
            ("PATCH", f"{messages}/{{message}}", self.edit_message),
            ("DELETE", f"{messages}/{{message}}", self.delete_message),
            ("POST", f"{channel}/typing", self.typing),
            ("POST", f"{channel}/threads", self.create_thread),
            ("POST", f"{messages}/{{message}}/threads", self.create_thread),
            ("POST", "/users/@me/channels", self.create_dm),
        )

    # --- reading

    async def get_channel(self, call: Call) -> Json:
        return self._chat(call).told()

    async def get_message(self, call: Call) -> Json:
        chat = self._chat(call)
        return self._read(chat, self._message(chat, call))

    async def get_messages(self, call: Call) -> list[Json]:
        """The newest first, whatever was asked for."""
        chat, query = self._chat(call), call.query
        limit = int(query.get("limit", 50))
        if not 1 <= limit <= 100:
            raise invalid("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        after, before = int(query.get("after", 0)), int(query.get("before", 1 << 63))
        shown = [one for one in chat.messages if after < one.id < before and not one.deleted and one.only_for is None]
        found = shown[:limit] if "after" in query else shown[-limit:]
        return [self._read(chat, one) for one in reversed(found)]

    def _read(self, chat: Chat, shown: Shown) -> Json:
        may = self.server.gateway.allowed & MESSAGE_CONTENT or chat.is_open(shown)
        return shown.raw if may else bare(shown.raw)

    # --- writing

    async def create_message(self, call: Call) -> Json:
        chat = self._writable(call)
        again = self._repeated(call.given)
        if again is not None:
            return again.raw
        shown = self.post(chat, call, reply_to=self._quoted(chat, call.given))
        if call.given.get("enforce_nonce") and "nonce" in shown.raw:
            self._nonces[shown.raw["nonce"]] = time.monotonic(), shown
        chat.tell("MESSAGE_CREATE", shown)
        return shown.raw

    def post(self, chat: Chat, call: Call, *, reply_to: Shown | None = None, only_for: User | None = None, **more: Any) -> Shown:
        """A message of the bot; nobody is told of it yet."""
        given = call.given
        fields = {**message(given), "attachments": self._attached(chat, call, [])}
        not_empty(fields)
        fields["flags"] = given.get("flags", 0) & SUPPRESS | (EPHEMERAL if only_for else 0)
        shown = chat.add(self.server.me, {**fields, **more}, reply_to)
        shown.raw["mentions"] = _pinged(given, chat.mentioned(shown.text), reply_to)
        shown.sent, shown.only_for = given, only_for
        return shown

    def amend(self, chat: Chat, shown: Shown, call: Call, **more: Any) -> None:
        """An edit of a message of the bot."""
        fields: Json = message(call.given)
        if "attachments" in call.given or call.files:
            fields["attachments"] = self._attached(chat, call, shown.raw["attachments"])
        not_empty({**shown.raw, **fields})
        if "content" in fields:
            fields["mentions"] = _pinged(call.given, chat.mentioned(fields["content"]), None)
        shown.sent = call.given
        chat.change(shown, fields | more)

    async def edit_message(self, call: Call) -> Json:
        chat = self._chat(call)
        shown = self._message(chat, call)
        if shown.sender is not self.server.me:
            raise refusal(50005)
        self.amend(chat, shown, call)
        return shown.raw

    async def delete_message(self, call: Call) -> None:
        chat = self._chat(call)
        shown = self._message(chat, call)
        if shown.sender is not self.server.me:
            raise refusal(50013 if chat.kind != DIRECT else 50001)
        chat.deletes(shown)

    async def typing(self, call: Call) -> None:
        self._writable(call).typed += 1

    def _repeated(self, given: Json) -> Shown | None:
        """What was sent with that nonce a moment ago."""
        if not given.get("enforce_nonce"):
            return None
        at, shown = self._nonces.get(str(given.get("nonce")), (0.0, None))
        return shown if time.monotonic() - at < NONCE_SECONDS else None

    def _quoted(self, chat: Chat, given: Json) -> Shown | None:
        reference = given.get("message_reference")
        if not reference:
            return None
        found = chat.find(int(reference["message_id"]))
        if found is None and reference.get("fail_if_not_exists", True):
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return found

    def _attached(self, chat: Chat, call: Call, old: list[Json]) -> list[Json]:
        """Those that stay, and those that came with the call."""
        told = call.given.get("attachments")
        if told is None:
            told = [{"id": number} for number in call.files]
        if len(told) > MAX_FILES:
            raise invalid("attachments", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FILES} or fewer in length.")
        kept = {one["id"]: one for one in old}
        found = []
        for at, one in enumerate(told):
            if str(one["id"]) in kept:
                found.append(kept[str(one["id"])])
            elif int(one["id"]) in call.files:
                name, data = call.files[int(one["id"])]
                found.append(self.server.keep(chat, one.get("filename") or name, data))
            else:
                raise invalid(f"attachments.{at}.id", "ATTACHMENT_NOT_FOUND", "Attachment data not found.")
        return found

    # --- channels

    async def create_thread(self, call: Call) -> Json:
        chat = self._writable(call)
        under = self._message(chat, call) if "message" in call.ids else None
        name = text_of("name", call.given.get("name"), 100, 1)
        return chat.thread(name, under).told()

    async def create_dm(self, call: Call) -> Json:
        user = self.server.users.get(int(call.given.get("recipient_id") or 0))
        if user is None or user.is_bot:
            raise refusal(50033)
        return self.server.private(user).told()

    # --- what the calls share

    def _chat(self, call: Call) -> Chat:
        chat = self.server.chats.get(call.id("channel"))
        if chat is None:
            raise refusal(10003)
        if not chat.is_seen():
            raise refusal(50001)
        return chat

    def _writable(self, call: Call) -> Chat:
        chat = self._chat(call)
        if not chat.is_writable():
            raise refusal(50013)
        if chat.blocked:
            raise refusal(50007)
        return chat

    @staticmethod
    def _message(chat: Chat, call: Call) -> Shown:
        shown = chat.find(call.id("message"))
        if shown is None or shown.only_for is not None:
            raise refusal(10008)
        return shown


def _pinged(given: Json, named: list[Json], reply_to: Shown | None) -> list[Json]:
    """Whom a message of the bot reaches: of those that it names and whom it answers, whom `allowed_mentions` lets through."""
    allowed = given.get("allowed_mentions")
    if allowed is not None:
        listed = {str(one) for one in allowed.get("users", ())}
        named = [one for one in named if "users" in allowed.get("parse", ()) or one["id"] in listed]
    if reply_to is not None and (allowed is None or allowed.get("replied_user")):
        named = [one for one in named if one["id"] != str(reply_to.sender.id)] + [reply_to.sender.told()]
    return named
