"""What a file says to a model: an image as it is, a document as text with its name, everything else by its name.

Invariants: what cannot be read is said so in words; nothing is passed over in silence; a file is fetched after its message was taken
in, and what all say has room in one message of the log.
"""

from __future__ import annotations

import asyncio
import base64
import io
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec.structs import replace

from turnkeep.bots.delivery import Gone, Missing, Passing, insist
from turnkeep.bots.received import Attachment, Received
from turnkeep.bots.texts import Texts
from turnkeep.session import JsonObject

log = logging.getLogger("turnkeep.bots")
MAX_TEXT = 200_000  # characters of one document
MEGABYTE = 1_000_000
RESERVED = 4096  # bytes of a message that files may not fill
TRIES = 4  # to fetch a file
_TEXTS = (
    "application/json",
    "application/xml",
    "application/yaml",
    "application/toml",
    "application/javascript",
    "application/sql",
)
_ENDINGS = (".md", ".txt", ".csv", ".py", ".toml", ".yaml", ".yml", ".log", ".rs", ".go", ".ts", ".ini", ".sh", ".tex")


class Files:
    """Reads what lies beside messages. `images`: whether the model takes them; `max_bytes`: of a message of the log."""

    def __init__(
        self, fetch: Callable[[Attachment], Awaitable[bytes]], *, images: bool, max_file_mb: int, max_bytes: int
    ) -> None:
        self.fetch, self.images, self.max_file_mb, self.max_bytes = fetch, images, max_file_mb, max_bytes

    async def beside(self, received: Received) -> Received:
        """The message with what its attachments say; it was taken in with no more than their names."""
        texts, said = Texts(received.language), received.incoming.content
        words: list[JsonObject] = [{"type": "text", "text": said}] if isinstance(said, str) and said.strip() else []
        parts = await self._parts(received.attachments, self.max_bytes - _size(words), texts)
        names = [attachment.name for attachment in received.attachments]
        metadata = {**(received.incoming.metadata or {}), "attachments": names}
        return replace(received, incoming=replace(received.incoming, content=[*words, *parts], metadata=metadata))

    async def _parts(self, attachments: Sequence[Attachment], left: int, texts: Texts) -> list[JsonObject]:
        parts = []
        for attachment in attachments:
            part = await self._part(attachment, texts)
            if _size(part) > left - RESERVED:
                part = noted(attachment, texts.say("file.no_room"))
            left -= _size(part)
            parts.append(part)
        return parts

    async def _part(self, attachment: Attachment, texts: Texts) -> JsonObject:
        if not is_readable(attachment):
            return noted(attachment)
        if attachment.size > self.max_file_mb * MEGABYTE:
            return noted(attachment, texts.say("file.too_large", name=attachment.name, limit=self.max_file_mb))
        try:
            data = await insist(lambda: self.fetch(attachment), TRIES)
        except (Passing, Gone, Missing) as error:
            log.warning("a file cannot be fetched: %s", error)
            return noted(attachment, texts.say("file.unreadable", name=attachment.name))
        return await read(attachment, data, images=self.images)


def _size(part: object) -> int:
    """As the log counts it, or a little more."""
    return len(msgspec.json.encode(part))


def is_image(attachment: Attachment) -> bool:
    return attachment.media_type in ("image/jpeg", "image/png", "image/webp", "image/gif")


def is_readable(attachment: Attachment) -> bool:
    """Whether its bytes are wanted at all."""
    return is_image(attachment) or _is_pdf(attachment) or _is_text(attachment)


def _is_pdf(attachment: Attachment) -> bool:
    return attachment.media_type == "application/pdf" or attachment.name.lower().endswith(".pdf")


def _is_text(attachment: Attachment) -> bool:
    kind = attachment.media_type
    return kind.startswith("text/") or kind in _TEXTS or attachment.name.lower().endswith(_ENDINGS)


def noted(attachment: Attachment, why: str = "") -> JsonObject:
    """A file that is not read: that it was there."""
    reason = f": {why}" if why else ""
    return {"type": "text", "text": f"[{attachment.name} ({attachment.media_type or 'unknown type'}) was attached{reason}]"}


async def read(attachment: Attachment, data: bytes, *, images: bool) -> JsonObject:
    """A part in OpenAI's shape. `images`: whether the model takes them."""
    if is_image(attachment):
        if not images:
            return noted(attachment)
        url = f"data:{attachment.media_type};base64,{base64.b64encode(data).decode()}"
        return {"type": "image_url", "image_url": {"url": url}}
    try:
        text = await asyncio.to_thread(_pdf, data) if _is_pdf(attachment) else data.decode("utf-8-sig")
    except ValueError as error:
        log.info("an attachment of %s bytes cannot be read: %s", len(data), error)
        return noted(attachment, "it cannot be read")
    text = text.replace("\0", "").strip()
    if not text:
        return noted(attachment, "there is no text in it")
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}\n[cut off: it has {len(text):,} characters]"
    return {"type": "text", "text": f"File {attachment.name}:\n{text}"}


def _pdf(data: bytes) -> str:
    from pypdf import PdfReader  # a third of the bot's start otherwise
    from pypdf.errors import PyPdfError

    try:
        return "\n\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    except (PyPdfError, ValueError, KeyError, OSError, RecursionError) as error:
        raise ValueError(type(error).__name__) from error
