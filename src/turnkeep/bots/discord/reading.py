"""What a message or a command of Discord says: pure functions from it to a `Received`.

Invariants: a message that is for us is read whole or not at all; an id made here is the same each time the message comes, by the
gateway or out of a channel's history; of what cannot be read it is said what it was.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import msgspec
from discord import Attachment as File
from discord import Interaction, Member, Message, MessageType, Thread, User
from msgspec.structs import replace

from turnkeep.bots.delivery import Place
from turnkeep.bots.discord.menu import ASK, TEXT
from turnkeep.bots.discord.tickets import ORIGINAL, Ticket
from turnkeep.bots.received import Attachment, Kind, Received, quote
from turnkeep.chat import Incoming

INTERFACE = "discord"
PRIVATE = ("stats", "summary", "export", "forget", "help")  # in guilds only who asked sees what these say
EDIT_AGE = timedelta(hours=1)  # what Discord changes on an older edit is none
_SPOKEN = (MessageType.default, MessageType.reply)
_MARK = re.compile(r"<(@[!&]?|#|a?:\w+:)(\d+)>")  # somebody, a role, a channel, an emoji
Scope = Literal["chat", "topic", "user"]
Person: TypeAlias = User | Member


class Me(msgspec.Struct, frozen=True):
    """The bot itself, and how it listens."""

    id: int
    scope: Scope
    hears: bool


# --- messages


def received_of(message: Message, me: Me, language: str | None = None) -> Received | None:
    """What a message is for the bot; None if it is nothing: a bot's, a notice, or between people where it does not listen.

    `language`: of who wrote it, where it is known; messages do not tell it.
    """
    if message.author.bot or message.webhook_id or not _says_something(message):
        return None
    if is_for(message, me):
        return _or_greeted(received(message, me, language, kind="unread" if unread_kind(message) else "message"))
    return received(message, me, language, kind="heard") if me.hears else None


def edited_of(message: Message, me: Me, language: str | None = None) -> Received | None:
    """What a new version of a message is for the bot. Discord tells of one also when it has only found a link's preview."""
    if (
        message.edited_at is None
        or message.author.bot
        or message.webhook_id
        or not _says_something(message)
        or not is_for(message, me)
    ):
        return None
    found = None if unread_kind(message) else received(message, me, language, kind="edit")
    return found if found is not None and _tells(found) else None


def _tells(received: Received) -> bool:
    return bool(str(received.incoming.content).strip() or received.attachments)


def _or_greeted(received: Received) -> Received:
    """A bot that is only named, or asked nothing, says who it is."""
    return received if _tells(received) else replace(received, kind="command", command="start")


def _says_something(message: Message) -> bool:
    said = message.content or message.attachments or message.message_snapshots or unread_kind(message)
    return bool(said) and message.type in _SPOKEN


def unread_kind(message: Message) -> str | None:
    """What a message is that has nothing we can read."""
    if message.content or message.attachments:
        return None
    if message.message_snapshots:
        told = any(one.content.strip() or one.attachments for one in message.message_snapshots)
        return None if told else "forwarded message"
    if message.stickers:
        return f"sticker {message.stickers[0].name}"
    return "poll" if message.poll is not None else None


def is_for(message: Message, me: Me) -> bool:
    """In a guild: whether it mentions the bot, if only by the role that is its own, or replies to it."""
    if message.guild is None or any(user.id == me.id for user in message.mentions):
        return True
    replied = _replied(message)
    return (replied is not None and replied.author.id == me.id) or _own_role(message, me) is not None


def _own_role(message: Message, me: Me) -> int | None:
    return next((role.id for role in message.role_mentions if role.tags and role.tags.bot_id == me.id), None)


def _replied(message: Message) -> Message | None:
    found = message.reference.resolved if message.reference is not None else None
    return found if isinstance(found, Message) else None


def received(message: Message, me: Me, language: str | None, *, kind: Kind) -> Received:
    user, own, edited = message.author, f"dc:{message.id}", message.edited_at
    private = message.guild is None
    return Received(
        incoming=Incoming(
            interface_type=INTERFACE,
            content=_text(message, me),
            external_id=f"{own}:{int(edited.timestamp() * 1000)}" if kind == "edit" and edited else own,
            created_at=message.created_at,
            metadata=_metadata(message),
            **_whose(message.channel, user, me.scope, private=private),
        ),
        place=Place(chat=str(message.channel.id), reply_to=None if private else str(message.id)),
        language=language or (str(message.guild.preferred_locale) if message.guild else "en"),
        kind=kind,
        attachments=() if kind == "unread" else tuple(_attachment(file) for file in _files(message, me)),
        edited=own if kind == "edit" else None,
    )


def _whose(channel: Any, user: Person, scope: Scope, *, private: bool) -> dict[str, Any]:
    """The conversation, and who speaks in it."""
    parent = str(channel.parent_id if isinstance(channel, Thread) else channel.id)
    conversation = str(channel.id) if private or scope == "topic" else parent
    return {
        "conversation_id": f"{parent}:user:{user.id}" if scope == "user" and not private else conversation,
        "external_user_id": str(user.id) if private or scope == "user" else None,
        "external_chat_id": parent,
        "author_id": str(user.id),
        "name": None if private else (user.display_name or str(user.id))[:64],
    }


# --- what a message says


def _text(message: Message, me: Me) -> str:
    """What was said, with what it quotes before it."""
    if kind := unread_kind(message):
        return f"[{kind} was sent]"
    replied = _replied(message)
    quoted = [quote(_readable(replied, None))] if replied is not None and replied.author.id != me.id else []
    quoted += [quote(forwarded.content) for forwarded in message.message_snapshots]
    return "\n\n".join(said for said in (*quoted, _readable(message, me)) if said)


def _readable(message: Message, me: Me | None) -> str:
    """Its text with names in the place of numbers, and without the mention of the bot."""
    names = {f"@{user.id}": f"@{user.display_name}" for user in message.mentions}
    names |= {f"@&{role.id}": f"@{role.name}" for role in message.role_mentions}
    names |= {f"#{channel.id}": f"#{channel.name}" for channel in message.channel_mentions}
    if me is not None and message.guild is not None:
        names |= {f"@{me.id}": "", f"@&{_own_role(message, me)}": ""}

    def named(found: re.Match[str]) -> str:
        mark, number = found.groups()
        if mark.endswith(":"):
            return mark.removeprefix("a")
        return names.get(f"{mark.removesuffix('!')}{number}", found[0])

    return _MARK.sub(named, message.content).strip()


def _files(message: Message, me: Me) -> list[File]:
    """What came with it; in a guild also what it replies to: people ask about what others have sent."""
    found = [*message.attachments, *(file for forwarded in message.message_snapshots for file in forwarded.attachments)]
    replied = _replied(message)
    if replied is not None and message.guild is not None and replied.author.id != me.id:
        found += replied.attachments
    return found


def _attachment(file: File) -> Attachment:
    media_type = (file.content_type or "").partition(";")[0].strip()
    return Attachment(file_id=file.url, name=file.filename, media_type=media_type, size=file.size)


def _metadata(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"message_id": message.id}
    if message.message_snapshots:
        told["forwarded"] = True
    return told


# --- slash commands


def asked_of(interaction: Interaction, me: Me) -> Received | None:
    """What a slash command is for the bot. Its answer goes where Discord shows that one is coming."""
    data: dict[str, Any] = dict(interaction.data or {})
    name, channel = str(data.get("name")), interaction.channel
    if channel is None:
        return None
    private = interaction.guild_id is None
    ticket = Ticket.of(interaction, private=not private and name in PRIVATE)
    said = next((str(option["value"]) for option in data.get("options", ()) if option["name"] == TEXT), "")
    kinds: dict[str, Kind] = {ASK: "message", "retry": "retry"}
    kind = kinds.get(name, "command")
    found = Received(
        incoming=Incoming(
            interface_type=INTERFACE,
            content=said if kind == "message" else f"/{name}",
            external_id=f"dc:{interaction.id}",
            created_at=interaction.created_at,
            metadata={"interaction_id": interaction.id},
            **_whose(channel, interaction.user, me.scope, private=private),
        ),
        place=Place(chat=str(channel.id), reply_to=ORIGINAL, ticket=ticket.told()),
        language=str(interaction.locale),
        kind=kind,
        command="" if kind == "message" else name,
    )
    return _or_greeted(found) if kind == "message" else found
