"""What pictures, documents and sounds cost: by the rule of the maker whose model is counted for, or by an estimate that is stated here.

Invariants: pure, and bounded: of a picture only its first bytes are decoded, to read its size. What cannot be read costs the estimate,
and nothing here raises.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from math import ceil, sqrt
from typing import TypeAlias

from turnkeep.session import JsonObject

Size: TypeAlias = tuple[int, int]  # width and height

LOW_DETAIL = 85  # OpenAI's, whatever the size
UNKNOWN = {"claude": 1600, "gemini": 1032}  # of a picture that is only named, or that cannot be read: a large one
IMAGE_TOKENS = 765  # the same elsewhere: 1024 x 1024 in high detail
FILE_TOKENS = 1500  # a file given by reference: its size is not known
BASE64_PER_TOKEN = 8  # characters of what else is given inline: six bytes to a token
PAGE_TOKENS = {
    "claude": 3000,
    "gemini": 258,
}  # of a PDF: Anthropic says 1,500 to 3,000 for its text alone; Gemini has a fixed count
PAGE_TOKENS_ELSEWHERE = 1500  # text and a picture of it
SOUND_TOKENS = {"gemini": 32}  # a second
SOUND_TOKENS_ELSEWHERE = 10
MP3_BYTES = 16_000  # a second, at 128 kbit/s
_HEAD = 262_144  # characters of base64 in which a picture's size must stand
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,")
_PAGE = re.compile(rb"/Type\s*/Page[^s]")
_COUNT = re.compile(rb"/Type\s*/Pages\b[^>]{0,400}?/Count\s+(\d{1,6})|/Count\s+(\d{1,6})[^>]{0,400}?/Type\s*/Pages\b")
_JPEG_SIZES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))


# --- pictures


def image_tokens(url: object, detail: object, maker: str) -> int:
    """`maker`: `claude`, `gemini`, or any other for OpenAI's rule of tiles."""
    if maker not in _RULES and detail == "low":
        return LOW_DETAIL
    size = image_size(url) if isinstance(url, str) else None
    if size is None:
        return UNKNOWN.get(maker, IMAGE_TOKENS)
    return _RULES.get(maker, _openai)(*size)


def _openai(width: int, height: int) -> int:
    """Into 2048 x 2048, then the shorter side down to 768; 170 for each tile of 512, and 85."""
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return LOW_DETAIL + 170 * ceil(round(width * scale, 3) / 512) * ceil(round(height * scale, 3) / 512)


def _claude(width: int, height: int) -> int:
    """A token for 750 pixels, after the longer side came down to 1568 and all of it to what 1,600 tokens hold."""
    scale = min(1.0, 1568 / max(width, height), sqrt(1600 * 750 / (width * height)))
    return ceil(round(width * scale * height * scale / 750, 3))


def _gemini(width: int, height: int) -> int:
    """258 for a small one, and for each tile of 768 x 768."""
    if max(width, height) <= 384:
        return 258
    return 258 * ceil(width / 768) * ceil(height / 768)


_RULES: dict[str, Callable[[int, int], int]] = {"claude": _claude, "gemini": _gemini}


def image_size(url: str) -> Size | None:
    """Of a PNG, a JPEG, a GIF or a WebP in a data URL; None for what is not inline, or no such picture."""
    found = _DATA_URL.match(url)
    head = _decoded(url[found.end() : found.end() + _HEAD]) if found else b""
    size = None
    for read in (_png, _gif, _webp, _jpeg):
        size = size or read(head)
    return size if size and min(size) > 0 else None


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text[: len(text) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")


def _png(data: bytes) -> Size | None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return _big(data, 16, 4), _big(data, 20, 4)


def _gif(data: bytes) -> Size | None:
    return (_little(data, 6, 2), _little(data, 8, 2)) if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10 else None


def _webp(data: bytes) -> Size | None:
    """Lossy, lossless, and with more than a picture in it."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8 ":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case _:
            return None


def _jpeg(data: bytes) -> Size | None:
    """From segment to segment, up to the one that has the size."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind in _JPEG_SIZES:
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        if kind == 0xFF:  # padding
            at += 1
        else:
            at += 2 + max(_big(data, at + 2, 2), 2)
    return None


# --- documents and sounds


def file_tokens(part: JsonObject, maker: str) -> int:
    """A `file` or `input_audio` part: a PDF by its pages, a sound by its seconds, else by its bytes."""
    inner = part.get(str(part.get("type")))
    held = (inner.get("file_data") or inner.get("data")) if isinstance(inner, dict) else None
    if not isinstance(held, str) or not held:
        return FILE_TOKENS
    if part.get("type") == "input_audio":
        return 16 + _sound(held, maker)
    pages = pdf_pages(held) if held.startswith(("data:application/pdf;", "JVBERi0")) else 0
    if pages:
        return 16 + pages * PAGE_TOKENS.get(maker, PAGE_TOKENS_ELSEWHERE)
    return 16 + len(held) // BASE64_PER_TOKEN


def pdf_pages(held: str) -> int:
    """How many pages a PDF says it has; 0 where that is not in plain sight."""
    found = _DATA_URL.match(held)
    data = _decoded(held[found.end() :] if found else held)
    counts = [int(one or other) for one, other in _COUNT.findall(data)]
    return min(max(counts, default=0) or len(_PAGE.findall(data)), 10_000)


def _sound(held: str, maker: str) -> int:
    head = _decoded(held[:64])
    size = len(held) * 3 // 4 - held.count("=", -2)
    a_second = _little(head, 28, 4) if head[:4] == b"RIFF" and head[8:12] == b"WAVE" else MP3_BYTES
    return ceil(size / max(a_second, 1000)) * SOUND_TOKENS.get(maker, SOUND_TOKENS_ELSEWHERE)
