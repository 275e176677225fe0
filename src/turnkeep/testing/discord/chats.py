"""What a Discord server knows: guilds, channels, their messages, and what people do there.

Invariant: a message shows what the app would show, after every edit; each thing that happens is told to the gateway's sessions once.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from turnkeep.testing.discord.checks import MAX_FILE_BYTES
from turnkeep.testing.discord.gateway import DIRECT_MESSAGES, GUILD_MESSAGES, GUILDS, Gateway
from turnkeep.testing.discord.interactions import COMMAND, COMPONENT, Interaction, of_button, of_command
from turnkeep.testing.discord.shapes import Json, Shown, Snowflakes, User, locale_of, made_at, now

TEXT, DIRECT, THREAD = 0, 1, 11  # types of channels
REPLY = 19  # type of a message
SEE, WRITE = 1 << 10, 1 << 11 | 1 << 38  # permissions
PERMISSIONS = SEE | WRITE | 1 << 6 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 31 | 1 << 35
_MENTION = re.compile(r"<@!?(\d+)>")


class Server:
    """The state behind the emulator."""

    def __init__(self, name: str, token: str) -> None:
        self.ids = Snowflakes()
        self.me = User(self.ids.next(), name, is_bot=True)
        self.users = {self.me.id: self.me}
        self.places: dict[int, Guild] = {}
        self.chats: dict[int, Chat] = {}
        self.files: dict[int, tuple[str, bytes]] = {}
        self.commands: dict[str, Json] = {}  # by name
        self.interactions: dict[str, Interaction] = {}  # by token
        self.calls: Counter[str] = Counter()
        self.called = asyncio.Event()
        self.gateway = Gateway(self, token, self.calls, self.called)
        self.url = ""  # where files are

    def ready(self) -> Json:
        waiting = [{"id": str(guild.id), "unavailable": True} for guild in self.places.values()]
        application = {"id": str(self.me.id), "flags": 0}
        return {"user": self.me.told(), "guilds": waiting, "private_channels": [], "application": application}

    def guilds(self) -> Iterator[Json]:
        return (guild.told() for guild in self.places.values())

    def private(self, user: User) -> Chat:
        """The direct messages of a user and the bot."""
        known = next((chat for chat in self.chats.values() if chat.user is user), None)
        return known or Chat(self, DIRECT, "", user=user)

    def keep(self, chat: Chat, name: str, data: bytes, media_type: str | None = None) -> Json:
        """A file beside a message."""
        file_id = self.ids.next()
        self.files[file_id] = name, data
        url = f"{self.url}/attachments/{chat.id}/{file_id}/{name}"
        kind = media_type or mimetypes.guess_type(name)[0]
        told: Json = {"id": str(file_id), "filename": name, "size": len(data), "url": url, "proxy_url": url}
        return told | ({"content_type": kind} if kind else {})


class Guild:
    """A server, as the app calls it. `role`: the one that is the bot's own, by the bot's name."""

    def __init__(self, server: Server, name: str, language: str) -> None:
        self.server, self.id, self.role, self.name = server, server.ids.next(), server.ids.next(), name
        self.locale = locale_of(language)
        self.chats: list[Chat] = []
        server.places[self.id] = self
        joined = {key: value for key, value in self.told().items() if key != "unavailable"}
        server.gateway.dispatch("GUILD_CREATE", joined, GUILDS)

    def told(self) -> Json:
        everyone = {"id": str(self.id), "name": "@everyone", "permissions": str(PERMISSIONS), "position": 0, "color": 0}
        everyone |= {"hoist": False, "managed": False, "mentionable": False, "flags": 0}
        me = self.server.me
        own = {**everyone, "id": str(self.role), "name": me.name, "managed": True, "position": 1, "tags": {"bot_id": str(me.id)}}
        mine = {**me.member(), "user": me.told(), "roles": [str(self.role)]}
        return {
            "id": str(self.id),
            "name": self.name,
            "owner_id": "1",
            "roles": [everyone, own],
            "emojis": [],
            "stickers": [],
            "features": [],
            "preferred_locale": self.locale,
            "joined_at": made_at(self.id),
            "large": False,
            "unavailable": False,
            "member_count": 2,
            "members": [mine],
            "channels": [chat.told() for chat in self.chats if chat.kind == TEXT],
            "threads": [chat.told() for chat in self.chats if chat.kind == THREAD],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }


class Chat:
    """A channel, a thread, or a user's direct messages. What people do there are its methods; each makes the event that a bot gets."""

    def __init__(
        self,
        server: Server,
        kind: int,
        name: str,
        *,
        guild: Guild | None = None,
        user: User | None = None,
        parent: Chat | None = None,
        under: Shown | None = None,
    ) -> None:
        self.server, self.kind, self.name, self.guild, self.user, self.parent = server, kind, name, guild, user, parent
        self.id = server.ids.next() if under is None else under.id
        self.messages: list[Shown] = []
        self.typed = 0  # how often the bot showed that it writes
        self.seen, self.writable, self.blocked = (
            True,
            True,
            False,
        )  # by the bot; `blocked`: the user takes no direct messages from it
        server.chats[self.id] = self
        if guild is not None:
            guild.chats.append(self)
            self._happens("THREAD_CREATE" if kind == THREAD else "CHANNEL_CREATE", self.told(), GUILDS)

    def told(self) -> Json:
        newest = str(self.messages[-1].id) if self.messages else None
        known: Json = {"id": str(self.id), "type": self.kind, "last_message_id": newest, "flags": 0}
        if self.guild is None:
            return known | {"recipients": [self.user.told()] if self.user else []}
        known |= {"guild_id": str(self.guild.id), "name": self.name, "rate_limit_per_user": 0}
        if self.parent is None:
            denied = self._denied()
            overwrites = [{"id": str(self.guild.id), "type": 0, "allow": "0", "deny": str(denied)}] if denied else []
            return known | {"position": 0, "nsfw": False, "topic": None, "parent_id": None, "permission_overwrites": overwrites}
        archive = {"archived": False, "locked": False, "auto_archive_duration": 1440, "archive_timestamp": made_at(self.id)}
        counts = {"message_count": len(self.messages), "member_count": 1, "total_message_sent": len(self.messages)}
        return known | counts | {"parent_id": str(self.parent.id), "owner_id": "1", "thread_metadata": archive}

    # --- what people do

    def says(
        self, text: str, by: User | None = None, *, mention: bool = False, reply_to: Shown | None = None, **fields: Any
    ) -> Shown:
        """A message. `mention`: it begins by naming the bot; `fields` are the API's."""
        content = f"{self.server.me.mention} {text}" if mention else text
        shown = self.add(by or self._person(), {"content": content, **fields}, reply_to)
        self.tell("MESSAGE_CREATE", shown)
        return shown

    def sends_file(
        self, data: bytes, name: str, media_type: str | None = None, text: str = "", by: User | None = None, **says: Any
    ) -> Shown:
        return self.says(text, by, attachments=[self.server.keep(self, name, data, media_type)], **says)

    def command(self, name: str, by: User | None = None, /, **options: Any) -> Interaction:
        """`name`: of a command that the bot has registered, with a slash or without; `options`: by their names."""
        data = of_command(self.server.commands, name, options, direct=self.guild is None)
        return self._asks(Interaction(self.server.ids.next(), COMMAND, self.id, by or self._person(), data))

    def presses(self, shown: Shown, label: str, by: User | None = None) -> Interaction:
        """A person presses the button of that label."""
        user = by or self._person()
        if shown.deleted or shown.only_for not in (None, user):
            raise ValueError(f"{user.name} does not see that message")
        return self._asks(Interaction(self.server.ids.next(), COMPONENT, self.id, user, of_button(shown, label), shown))

    def edits(self, shown: Shown, text: str) -> None:
        """A person edits a message of theirs."""
        self.change(shown, {"content": text, "mentions": self.mentioned(text)})

    def deletes(self, shown: Shown) -> None:
        shown.deleted = True
        if shown.only_for is None:
            gone = {"id": str(shown.id), "channel_id": str(self.id)}
            self._happens("MESSAGE_DELETE", gone | self._where(), self._intent())

    def thread(self, name: str, under: Shown | None = None) -> Chat:
        """A new thread in this channel. `under`: the message that it hangs on."""
        return Chat(self.server, THREAD, name, guild=self.guild, parent=self, under=under)

    def lets_bot(self, *, see: bool = True, write: bool = True) -> None:
        """Permissions of the bot here, and in the threads."""
        self.seen, self.writable = see, write
        self._happens("CHANNEL_UPDATE", self.told(), GUILDS)

    def is_deleted(self) -> None:
        """Somebody deletes the channel or thread."""
        for one in [chat for chat in self.server.chats.values() if chat.parent is self]:
            one.is_deleted()
        del self.server.chats[self.id]
        if self.guild is not None:
            self.guild.chats.remove(self)
        self._happens("THREAD_DELETE" if self.kind == THREAD else "CHANNEL_DELETE", self.told(), GUILDS)

    def _asks(self, interaction: Interaction) -> Interaction:
        self.server.interactions[interaction.token] = interaction
        told: Json = {
            "id": str(interaction.id),
            "application_id": str(self.server.me.id),
            "type": interaction.kind,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(self.id),
            "channel": {**self.told(), "permissions": str(PERMISSIONS)},
            "locale": interaction.user.locale,
            "entitlements": [],
            "app_permissions": str(PERMISSIONS & ~self._denied()),
            "authorizing_integration_owners": {"0": str(self.guild.id) if self.guild else "0"},
            "context": 1 if self.guild is None else 0,
            "attachment_size_limit": MAX_FILE_BYTES,
            **self._where(),
        }
        if interaction.source is not None:
            told["message"] = interaction.source.raw
        if self.guild is None:
            told["user"] = interaction.user.told()
        else:
            told["guild_locale"] = self.guild.locale
            told["guild"] = {"id": str(self.guild.id), "locale": self.guild.locale, "features": []}
            told["member"] = {**interaction.user.member(), "user": interaction.user.told(), "permissions": str(PERMISSIONS)}
        self.server.gateway.dispatch("INTERACTION_CREATE", told)
        return interaction

    # --- what a test sees

    def find(self, message_id: int) -> Shown | None:
        return next((one for one in self.messages if one.id == message_id and not one.deleted), None)

    def from_bot(self) -> list[Shown]:
        """What the bot has said and not deleted."""
        return [one for one in self.messages if one.sender is self.server.me and not one.deleted]

    def answers(self) -> list[str]:
        """The texts of these, but for those that say only that it is thinking."""
        return [one.text for one in self.from_bot() if not one.loading]

    def files(self, shown: Shown) -> dict[str, bytes]:
        """What is attached to a message, by name."""
        return {one["filename"]: self.server.files[int(one["id"])][1] for one in shown.raw["attachments"]}

    async def until(self, seen: Callable[[Chat], bool], seconds: float = 20.0) -> None:
        """Wait until that is so; it is asked after each call of the bot."""
        async with asyncio.timeout(seconds):
            while not seen(self):
                self.server.called.clear()
                await self.server.called.wait()

    # --- messages

    def add(self, sender: User, fields: Json, reply_to: Shown | None = None) -> Shown:
        """A new message, of which nobody is told yet."""
        message_id = self.server.ids.next()
        raw: Json = {
            "id": str(message_id),
            "channel_id": str(self.id),
            "author": sender.told(),
            "content": "",
            "timestamp": made_at(message_id),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": self.mentioned(str(fields.get("content") or "")),
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "components": [],
            "pinned": False,
            "type": 0,
            "flags": 0,
            **fields,
        }
        if reply_to is not None:
            raw |= self._quoting(reply_to, raw)
        shown = Shown(raw, sender)
        self.messages.append(shown)
        return shown

    def change(self, shown: Shown, fields: Json) -> None:
        """An edit, and the word of it."""
        shown.raw = {**shown.raw, "edited_timestamp": now(), **fields}
        shown.edits += 1
        if shown.only_for is None:
            self.tell("MESSAGE_UPDATE", shown)

    def tell(self, kind: str, shown: Shown) -> None:
        raw = {**shown.raw, **self._where()}
        if self.guild is not None:
            raw["mentions"] = [{**one, "member": self.server.users[int(one["id"])].member()} for one in raw["mentions"]]
            if "webhook_id" not in raw:
                raw["member"] = shown.sender.member()
        self._happens(kind, raw, self._intent(), None if self.is_open(shown) else bare(raw))

    def is_open(self, shown: Shown) -> bool:
        """Whether every bot may know what it says: its own messages, those that name it, and direct ones."""
        me = self.server.me
        return shown.sender is me or self.guild is None or any(one["id"] == str(me.id) for one in shown.raw["mentions"])

    def mentioned(self, text: str) -> list[Json]:
        """The people that a text names."""
        found = dict.fromkeys(int(one) for one in _MENTION.findall(text))
        return [self.server.users[one].told() for one in found if one in self.server.users]

    def _quoting(self, reply_to: Shown, raw: Json) -> Json:
        """A reply names whom it answers, as the app does if it is not told otherwise."""
        where = {"message_id": str(reply_to.id), "channel_id": str(self.id), "type": 0, **self._where()}
        kept = {key: value for key, value in reply_to.raw.items() if key != "referenced_message"}
        named = [one for one in raw["mentions"] if one["id"] != str(reply_to.sender.id)]
        quoted = {"type": REPLY, "message_reference": where, "referenced_message": None if reply_to.deleted else kept}
        return quoted | {"mentions": [*named, reply_to.sender.told()]}

    def _where(self) -> Json:
        return {} if self.guild is None else {"guild_id": str(self.guild.id)}

    def _intent(self) -> int:
        return DIRECT_MESSAGES if self.guild is None else GUILD_MESSAGES

    def _happens(self, kind: str, data: Json, intent: int, without: Json | None = None) -> None:
        if intent == GUILDS or self.is_seen():
            self.server.gateway.dispatch(kind, data, intent, without)

    def is_seen(self) -> bool:
        """Whether the bot may look in."""
        return (self.parent or self).seen

    def is_writable(self) -> bool:
        return (self.parent or self).writable

    def _denied(self) -> int:
        """Permissions that the bot does not have here."""
        return (0 if self.is_seen() else SEE) | (0 if self.is_writable() else WRITE)

    def _person(self) -> User:
        if self.user is None:
            raise ValueError("in a guild, say who it is")
        return self.user


def bare(raw: Json) -> Json:
    """A message for a bot that may not know its content."""
    quoted = raw.get("referenced_message")
    without = {**raw, "content": "", "embeds": [], "attachments": [], "components": []}
    return without | ({"referenced_message": bare(quoted)} if quoted else {})
