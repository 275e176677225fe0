"""A reply in parts: nothing lost, nothing torn."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnkeep.bots.telegram.format import MAX_UNITS, Part, formatted, unformatted

WORDS = st.sampled_from(
    ["a", "größe", "日本語", "👩‍👩‍👧", "word " * 200, "x" * 3000, "\n", "\n\n", " ", "https://example.org/" + "p" * 90]
)
PIECES = WORDS | st.sampled_from(
    ["[a link](https://example.org/?q=1) ", "`in line` ", "**bold text** ", "```python\nprint(1)\n```\n"]
)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def told(part: Part, kind: str) -> list[str]:
    """The texts of its entities of a kind."""
    raw = part.text.encode("utf-16-le")
    spans = [(one["offset"], one["offset"] + one["length"]) for one in part.entities if one["type"] == kind]
    return [raw[2 * first : 2 * last].decode("utf-16-le") for first, last in spans]


@given(st.lists(PIECES, max_size=60))
def test_each_part_can_be_sent(pieces: list[str]) -> None:
    for part in formatted("".join(pieces)):
        assert part.text.strip()
        assert units(part.text) <= MAX_UNITS
        for one in part.entities:
            assert one["offset"] >= 0
            assert one["length"] > 0
            assert one["offset"] + one["length"] <= units(part.text)
            told(part, one["type"])  # no character is cut in two


@given(st.lists(WORDS, max_size=60))
def test_nothing_is_lost(pieces: list[str]) -> None:
    text = "".join(pieces)
    kept = "".join(part.text for part in unformatted(text))
    assert "".join(kept.split()) == "".join(text.split())


@pytest.mark.parametrize("shift", range(0, 60, 7))
@pytest.mark.parametrize(
    ("written", "kind", "shown"),
    [
        ("[a link of words](https://example.org/?q=1)", "text_link", "a link of words"),
        ("`some inline code`", "code", "some inline code"),
    ],
)
def test_links_and_inline_code_stay_whole(shift: int, written: str, kind: str, shown: str) -> None:
    """Also in one paragraph that is longer than a part."""
    parts = formatted(f"{'word ' * 800}{'x' * shift} {written} " * 3)
    assert len(parts) > 2
    assert [text for part in parts for text in told(part, kind)] == [shown] * 3


def test_words_and_addresses_stay_whole() -> None:
    text = " ".join(f"word{at}" for at in range(1500)) + " https://example.org/" + "p" * 300
    for parts in (formatted(text), unformatted(text)):
        assert [word for part in parts for word in part.text.split()] == text.split()


def test_what_is_longer_than_a_part_is_cut() -> None:
    assert [units(part.text) for part in unformatted("https://example.org/" + "p" * 5000)] == [4096, 924]


def test_code_keeps_its_lines_and_its_language() -> None:
    lines = [f"print({at})  # 🎉" for at in range(900)]
    parts = formatted("```python\n" + "\n".join(lines) + "\n```")
    assert [line for part in parts for line in part.text.splitlines()] == lines
    found: list[dict[str, Any]] = [one for part in parts for one in part.entities]
    assert {(one["type"], one.get("language")) for one in found} == {("pre", "python")}
    assert len(parts) == len(found) > 3


def test_a_line_ends_a_part_where_it_can() -> None:
    text = "\n".join("word " * 20 for _ in range(100))
    assert all(re.search(r"\n$", part.text) for part in unformatted(text)[:-1])


@pytest.mark.parametrize("text", ["", " \n ", "\n"])
def test_nothing_is_something(text: str) -> None:
    assert formatted(text) == [Part("…")]
