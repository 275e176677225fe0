"""What a Telegram server knows: users, chats, their messages, and the updates that a bot has not confirmed.

Invariant: a message shows what the app would show, after every edit; an update stays until the bot asks for a later one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass
class User:
    """A person, or the bot. `language`: of their app."""

    id: int
    first_name: str
    username: str = ""
    language: str = "en"
    is_bot: bool = False

    def told(self) -> Json:
        found: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username:
            found["username"] = self.username
        if not self.is_bot:
            found["language_code"] = self.language
        return found


@dataclass
class Shown:
    """A message as the app shows it. `raw` is the Bot API's object."""

    raw: Json
    sender: User
    edits: int = 0
    deleted: bool = False
    at: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> int:
        return int(self.raw["message_id"])

    @property
    def text(self) -> str:
        return str(self.raw.get("text") or self.raw.get("caption") or "")

    @property
    def buttons(self) -> list[Json]:
        rows = self.raw.get("reply_markup", {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]


class Chat:
    """One chat: private with a user, or a group. What people do in it are its methods; each makes the update that a bot gets."""

    def __init__(self, server: Server, chat_id: int, kind: str, title: str, user: User | None = None) -> None:
        self.server, self.id, self.kind, self.title, self.user = server, chat_id, kind, title, user
        self.messages: list[Shown] = []
        self.actions: list[str] = []  # what the bot showed it was doing
        self.blocked = False

    def told(self) -> Json:
        if self.user is not None:
            return {"id": self.id, "type": "private", "first_name": self.user.first_name}
        return {"id": self.id, "type": self.kind, "title": self.title, "is_forum": True}

    # --- what people do

    def says(self, text: str, user: User | None = None, **fields: Any) -> Shown:
        """A text message. Commands and mentions get their entities."""
        entities = entities_of(text)
        return self.posts(user, text=text, **(fields | ({"entities": entities} if entities else {})))

    def posts(self, user: User | None = None, *, topic: int | None = None, reply_to: Shown | None = None, **fields: Any) -> Shown:
        """Any message; `fields` are the Bot API's."""
        if topic is not None:
            fields |= {"message_thread_id": topic, "is_topic_message": True}
        if reply_to is not None:
            fields["reply_to_message"] = {key: value for key, value in reply_to.raw.items() if key != "reply_to_message"}
        shown = self.add(user or self._person(), fields)
        self.server.update("message", shown.raw)
        return shown

    def sends_photo(self, data: bytes, caption: str = "", user: User | None = None, **fields: Any) -> Shown:
        sizes = [{**self.server.keep(data, "photo.jpg"), "width": side, "height": side} for side in (90, 800)]
        return self.posts(user, photo=sizes, **_captioned(fields, caption))

    def sends_file(
        self, data: bytes, name: str, media_type: str, caption: str = "", user: User | None = None, **fields: Any
    ) -> Shown:
        document = {**self.server.keep(data, name), "file_name": name, "mime_type": media_type}
        return self.posts(user, document=document, **_captioned(fields, caption))

    def sends_voice(self, data: bytes, user: User | None = None) -> Shown:
        return self.posts(user, voice={**self.server.keep(data, "voice.ogg"), "duration": 3, "mime_type": "audio/ogg"})

    def sends_sticker(self, user: User | None = None) -> Shown:
        kind = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False, "emoji": "👍"}
        return self.posts(user, sticker={**self.server.keep(b"sticker", "sticker.webp"), **kind})

    def edits(self, shown: Shown, text: str) -> None:
        """A person edits a message of theirs."""
        shown.edits += 1
        shown.raw = {**shown.raw, "text": text, "edit_date": int(time.time()) + shown.edits}
        self.server.update("edited_message", shown.raw)

    def presses(self, shown: Shown, text: str, user: User | None = None) -> str:
        """A person presses the button of that text; the id of the query."""
        [button] = [button for button in shown.buttons if button["text"] == text]
        query_id = str(self.server.number())
        query = {"id": query_id, "from": (user or self._person()).told(), "message": shown.raw, "chat_instance": "1"}
        self.server.update("callback_query", {**query, "data": button["callback_data"]})
        return query_id

    # --- what a test sees

    def add(self, sender: User, fields: Json) -> Shown:
        raw = {"message_id": self.server.number(), "date": int(time.time()), "chat": self.told(), "from": sender.told(), **fields}
        shown = Shown(raw, sender)
        self.messages.append(shown)
        return shown

    def find(self, message_id: int) -> Shown | None:
        return next((one for one in self.messages if one.id == message_id and not one.deleted), None)

    def from_bot(self) -> list[Shown]:
        """What the bot has said and not deleted."""
        return [one for one in self.messages if one.sender is self.server.me and not one.deleted]

    def answers(self) -> list[str]:
        return [one.text for one in self.from_bot()]

    async def until(self, seen: Callable[[Chat], bool], seconds: float = 20.0) -> None:
        """Wait until that is so; it is asked after each call of the bot."""
        async with asyncio.timeout(seconds):
            while not seen(self):
                self.server.called.clear()
                await self.server.called.wait()

    def _person(self) -> User:
        if self.user is None:
            raise ValueError("in a group, say who it is")
        return self.user


def _captioned(fields: Json, caption: str) -> Json:
    return fields | ({"caption": caption, "caption_entities": entities_of(caption)} if caption else {})


def entities_of(text: str) -> list[Json]:
    """The entities that the app makes of a plain text: a command at its start, and mentions."""
    found: list[Json] = []
    at = 0
    for word in text.split(" "):
        kind = "bot_command" if word.startswith("/") and at == 0 else "mention" if word.startswith("@") else None
        if kind:
            found.append({"type": kind, "offset": units(text[:at]), "length": units(word)})
        at += len(word) + 1
    return found


def units(text: str) -> int:
    """UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


class Server:
    """The state behind the emulator."""

    def __init__(self, username: str) -> None:
        self.me = User(999, "Bot", username, is_bot=True)
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.updates: list[Json] = []
        self.news, self.called = asyncio.Event(), asyncio.Event()
        self._next = 1000

    def number(self) -> int:
        self._next += 1
        return self._next

    def keep(self, data: bytes, name: str) -> Json:
        """A file that a bot may fetch."""
        file_id = f"file{self.number()}"
        self.files[file_id] = name, data
        return {"file_id": file_id, "file_unique_id": file_id, "file_size": len(data)}

    def update(self, kind: str, what: Json) -> None:
        self.updates.append({"update_id": self.number(), kind: what})
        self.news.set()
