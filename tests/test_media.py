"""What pictures, documents and sounds cost."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from base64 import b64encode

import pypdf
import pytest

from turnkeep.media import IMAGE_TOKENS, UNKNOWN, file_tokens, image_size, image_tokens, pdf_pages
from turnkeep.tokens import count_message, counter_name_for, get_counter


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int) -> str:
    """A whole one, in black."""
    rows = zlib.compress(b"\0" * ((width // 8 + 2) * height))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return data_url("image/png", data)


def jpeg(width: int, height: int, *before: bytes, kind: int = 0xC0) -> str:
    """Its segments up to the one with the size, with others before it."""
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(one) + 2) + one for one in before)
    return data_url(
        "image/jpeg", b"\xff\xd8" + segments + b"\xff" + bytes([kind]) + struct.pack(">HBHHB", 17, 8, height, width, 3)
    )


def gif(width: int, height: int) -> str:
    return data_url("image/gif", b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;")


def webp(kind: bytes, width: int, height: int) -> str:
    body = {
        b"VP8 ": b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height),
        b"VP8L": b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0" * 8,
        b"VP8X": b"\0" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    }[kind]
    data = kind + struct.pack("<I", len(body)) + body
    return data_url("image/webp", b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data)


@pytest.mark.parametrize("size", [(1, 1), (640, 480), (3000, 2000), (16_000, 3)])
def test_the_size_is_read_of_each_kind(size: tuple[int, int]) -> None:
    urls = [png(*size), gif(*size), jpeg(*size), jpeg(*size, b"x" * 60_000, b"Exif", kind=0xC2)]
    urls += [webp(kind, *size) for kind in (b"VP8 ", b"VP8L", b"VP8X")]
    assert [image_size(url) for url in urls] == [size] * len(urls)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.org/a.png",
        "data:image/png;base64,",
        "data:image/png;base64,!!!!",
        "data:image/png;base64,ÄÖÜß",
        png(640, 480)[:40],
        jpeg(640, 480)[:30],
        gif(0, 5),
        data_url("image/jpeg", b"\xff\xd8" + b"\xff\xe0\0\0" * 1000),
        data_url("image/jpeg", b"\xff\xd8" + b"\xff" * 5000),
        data_url("image/webp", b"RIFF\0\0\0\0WEBPVP8?" + b"\0" * 40),
    ],
)
def test_what_is_no_picture_costs_the_estimate(url: str) -> None:
    assert image_size(url) is None
    assert [image_tokens(url, "high", maker) for maker in ("o200k", "estimate", "claude", "gemini")] == [
        *(IMAGE_TOKENS, IMAGE_TOKENS),
        *(UNKNOWN["claude"], UNKNOWN["gemini"]),
    ]


@pytest.mark.parametrize(
    ("size", "openai", "claude", "gemini"),
    [
        ((200, 200), 255, 54, 258),
        ((384, 384), 255, 197, 258),
        ((512, 512), 255, 350, 258),
        ((1024, 1024), 765, 1399, 1032),
        ((2048, 4096), 1105, 1600, 4644),
        ((1092, 1092), 765, 1590, 1032),
        ((4000, 10), 765, 9, 1548),
    ],
)
def test_each_maker_has_a_rule(size: tuple[int, int], openai: int, claude: int, gemini: int) -> None:
    url = png(*size)
    assert [image_tokens(url, None, maker) for maker in ("o200k", "claude", "gemini")] == [openai, claude, gemini]
    assert [image_tokens(url, "low", maker) for maker in ("cl100k", "claude", "gemini")] == [85, claude, gemini]


def test_a_message_counts_by_the_rule_of_its_model() -> None:
    part = {"type": "image_url", "image_url": {"url": png(1024, 1024)}}
    names = [counter_name_for(model) for model in ("gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro", "mistral-large")]
    assert [count_message(get_counter(name), "user", [part]) - 4 for name in names] == [765, 1399, 1032, 765]


def document(pages: int) -> str:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    file = io.BytesIO()
    writer.write(file)
    return data_url("application/pdf", file.getvalue())


@pytest.mark.parametrize("pages", [1, 7, 30])
def test_a_pdf_counts_by_its_pages(pages: int) -> None:
    url = document(pages)
    assert pdf_pages(url) == pdf_pages(url.partition(",")[2]) == pages
    part = {"type": "file", "file": {"file_data": url, "filename": "a.pdf"}}
    assert [file_tokens(part, maker) for maker in ("o200k", "claude", "gemini")] == [
        *(16 + pages * 1500, 16 + pages * 3000),
        16 + pages * 258,
    ]


def test_a_pdf_whose_pages_are_not_in_sight_counts_by_its_bytes() -> None:
    url = data_url("application/pdf", b"%PDF-1.7 " + b"x" * 5991)
    assert pdf_pages(url) == 0
    assert file_tokens({"type": "file", "file": {"file_data": url}}, "o200k") == 16 + len(url) // 8


def test_a_sound_counts_by_its_seconds() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 8000 * 3)
    held = b64encode(file.getvalue()).decode()
    part = {"type": "input_audio", "input_audio": {"data": held, "format": "wav"}}
    assert [file_tokens(part, maker) for maker in ("o200k", "gemini")] == [16 + 4 * 10, 16 + 4 * 32]  # begun seconds
    mp3 = {"type": "input_audio", "input_audio": {"data": b64encode(b"\xff\xfb" * 16_000).decode(), "format": "mp3"}}
    assert file_tokens(mp3, "o200k") == 16 + 2 * 10
