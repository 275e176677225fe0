"""What an update of Telegram says: pure functions from it to a `Received`.

Invariants: an update that is for us is read whole or not at all; an id made here is the same each time the update comes; of what
cannot be read it is said what it was.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeGuard

import msgspec
from msgspec.structs import replace
from telegram import Message, MessageEntity, Update, User

from turnkeep.bots.commands import KNOWN
from turnkeep.bots.delivery import Place
from turnkeep.bots.received import Attachment, Kind, Received, quote
from turnkeep.chat import Incoming

INTERFACE = "telegram"
PASTE_UNITS = 4000  # a text this long is perhaps the first piece of a paste that the app has cut
Scope = Literal["chat", "topic", "user"]
_UNREAD = (
    *("sticker", "animation", "video", "video_note", "dice", "contact", "venue", "location", "poll", "game", "story"),
    *("checklist", "paid_media", "giveaway", "invoice"),
)
_FILES = ("animation", "video", "video_note", "voice", "audio", "document")  # an animation is also a document
_NAMES = {"animation": "animation", "video": "video", "video_note": "video message", "voice": "voice message", "audio": "audio"}


class Me(msgspec.Struct, frozen=True):
    """The bot itself, and how it listens."""

    id: int
    username: str
    scope: Scope
    hears: bool


class Command(msgspec.Struct, frozen=True):
    """`/name argument`. `is_ours`: it can be no other bot's, whatever its name."""

    name: str
    argument: str
    is_ours: bool


def received_of(update: Update, me: Me) -> Received | None:
    """What an update's message is for the bot; None if it is nothing: a bot's, a notice, or between people where it does not listen.

    A piece of a longer message may come as `heard` where it does not listen: only who knows the other pieces can tell.
    """
    message, edited = message_of(update), update.edited_message is not None
    if message is None or is_notice(message):
        return None
    command = command_of(message, me)
    if command is not None and (command.name in KNOWN or (command.is_ours and not command.argument)):
        kind: Kind = "retry" if command.name == "retry" else "command"
        return None if edited else received(message, me, kind=kind, command=command.name)
    unread = unread_kind(message) is not None
    if edited and unread:
        return None  # a live location moves
    if is_for(message, me):
        found = received(message, me, edited=edited, kind="unread" if unread else "message")
        if found.incoming.content or found.attachments:
            return found
        return None if edited else replace(found, kind="command", command="start")  # named, and nothing else
    return None if edited else received(message, me, kind="heard")


def message_of(update: Update) -> Message | None:
    """A person's message, new or edited."""
    message = update.message or update.edited_message
    if message is None or message.from_user is None or message.from_user.is_bot:
        return None
    return message


def command_of(message: Message, me: Me) -> Command | None:
    """The command that a message is, if it is one for this bot."""
    text = message.text or ""
    entities = message.entities
    if not entities or entities[0].type != MessageEntity.BOT_COMMAND or entities[0].offset != 0:
        return None
    name, _, at = text[1 : entities[0].length].partition("@")
    if at and at.lower() != me.username.lower():
        return None
    return Command(name.lower(), text[entities[0].length :].strip(), bool(at) or message.chat.type == "private")


def place_of(message: Message) -> Place:
    thread = str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else None
    reply = None if message.chat.type == "private" else str(message.message_id)
    return Place(chat=str(message.chat.id), thread=thread, reply_to=reply)


def conversation_of(message: Message, user: User, scope: Scope) -> str:
    chat = str(message.chat.id)
    if message.chat.type == "private":
        return chat
    if scope == "user":
        return f"{chat}:user:{user.id}"
    if scope == "topic" and message.is_topic_message and message.message_thread_id:
        return f"{chat}:{message.message_thread_id}"
    return chat


def is_notice(message: Message) -> bool:
    """Whether nobody says anything: a title was changed, a message pinned."""
    return not _is_readable(message) and unread_kind(message) is None


def _is_readable(message: Message) -> bool:
    return bool(message.text or message.caption or attachments_of(message)) and unread_kind(message) is None


def unread_kind(message: Message) -> str | None:
    """What kind a message is that has nothing we can read. In an album it is one of several, and noted there."""
    if message.text or message.caption or message.media_group_id:
        return None
    return next((kind for kind in _UNREAD if getattr(message, kind, None)), None)


def is_for(message: Message, me: Me) -> bool:
    """In a group: whether it mentions the bot, or replies to it."""
    if message.chat.type == "private":
        return True
    if _is_from(message.reply_to_message, me) and not message.reply_to_message.forum_topic_created:
        return True
    named = {**message.parse_entities([MessageEntity.MENTION]), **message.parse_caption_entities([MessageEntity.MENTION])}
    return any(text.lower() == f"@{me.username.lower()}" for text in named.values())


def _is_from(message: Message | None, me: Me) -> TypeGuard[Message]:
    return message is not None and message.from_user is not None and message.from_user.id == me.id


def received(message: Message, me: Me, *, edited: bool = False, kind: Kind = "message", command: str = "") -> Received:
    """`edited`: a new version of an older message."""
    user = message.from_user
    assert user is not None
    own = f"tg:{message.chat.id}:{message.message_id}"
    edit = message.edit_date
    private = message.chat.type == "private"
    incoming = Incoming(
        interface_type=INTERFACE,
        conversation_id=conversation_of(message, user, me.scope),
        content=_text(message, me),
        external_id=f"{own}:{int(edit.timestamp())}" if edited and edit else own,
        external_user_id=str(user.id) if private or me.scope == "user" else None,
        external_chat_id=str(message.chat.id),
        author_id=str(user.id),
        name=None if private else _name(user),
        created_at=message.date,
        metadata=_metadata(message),
    )
    return Received(
        incoming=incoming,
        place=place_of(message),
        language=user.language_code or "en",
        kind="edit" if edited else kind,
        group=_group(message, user),
        joins=f"paste:{user.id}" if message.text else None,
        attachments=() if kind == "unread" else (*attachments_of(message), *_quoted_attachments(message, me)),
        command=command,
        edited=own if edited else None,
    )


def _name(user: User) -> str:
    return (user.full_name or str(user.id))[:64]


def _group(message: Message, user: User) -> str | None:
    """What belongs to one turn: an album by its id, a long paste by who wrote it."""
    if message.media_group_id:
        return f"album:{message.media_group_id}"
    if len((message.text or "").encode("utf-16-le")) // 2 >= PASTE_UNITS:
        return f"paste:{user.id}"
    return None


def _text(message: Message, me: Me) -> str:
    """What was said, with what it quotes before it."""
    if kind := unread_kind(message):
        return f"[{_unread(message, kind)} was sent]"
    said = message.text or message.caption or ""
    if message.chat.type != "private":
        said = re.sub(rf"@{re.escape(me.username)}\b", "", said, flags=re.IGNORECASE).strip()
    quoted = _quoted(message, me)
    return f"{quoted}\n\n{said}".strip() if quoted else said


def _quoted(message: Message, me: Me) -> str:
    said = message.quote.text if message.quote else None
    replied = message.reply_to_message
    if said is None and replied is not None and not _is_from(replied, me):
        said = replied.text or replied.caption
    return quote(said or "")


def _quoted_attachments(message: Message, me: Me) -> tuple[Attachment, ...]:
    """In a group, of what a message replies to: people ask about what others have sent. In private it was sent to the bot."""
    replied = message.reply_to_message
    if replied is None or message.chat.type == "private" or _is_from(replied, me):
        return ()
    return attachments_of(replied)


def _unread(message: Message, kind: str) -> str:
    told = kind.replace("_", " ")
    sticker = message.sticker
    return f"{told} {sticker.emoji}" if sticker and sticker.emoji else told


def attachments_of(message: Message) -> tuple[Attachment, ...]:
    if message.photo:
        largest = message.photo[-1]
        return (_attachment(largest, "photo.jpg", "image/jpeg"),)
    for kind in _FILES:
        if file := getattr(message, kind, None):
            name = getattr(file, "file_name", None) or _NAMES.get(kind, "file")
            return (_attachment(file, name, getattr(file, "mime_type", None) or ""),)
    return ()


def _attachment(file: Any, name: str, media_type: str) -> Attachment:
    return Attachment(file_id=file.file_id, name=name, media_type=media_type, size=file.file_size or 0)


def _metadata(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"message_id": message.message_id}
    if message.forward_origin:
        told["forwarded"] = True
    return told
