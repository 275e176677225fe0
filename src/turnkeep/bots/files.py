"""What a file says to a model: an image as it is, a document as text with its name, everything else by its name.

Invariant: what cannot be read is said so in words; nothing is passed over in silence.
"""

from __future__ import annotations

import asyncio
import base64
import io
import logging

from turnkeep.bots.received import Attachment
from turnkeep.session import JsonObject

log = logging.getLogger("turnkeep.bots")
MAX_TEXT = 200_000  # characters of one document
_TEXTS = (
    "application/json",
    "application/xml",
    "application/yaml",
    "application/toml",
    "application/javascript",
    "application/sql",
)
_ENDINGS = (".md", ".txt", ".csv", ".py", ".toml", ".yaml", ".yml", ".log", ".rs", ".go", ".ts", ".ini", ".sh", ".tex")


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
