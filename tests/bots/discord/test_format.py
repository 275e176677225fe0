"""A reply in parts: nothing lost, nothing torn, each part whole in itself."""

import re
from itertools import pairwise

import pytest
import regex  # type: ignore[import-untyped]  # it has no types, and one call here
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.bots.discord.reader import commonmark, discord

from turnkeep.bots.discord.format import MAX_CHARACTERS, formatted, growing
from turnkeep.bots.discord.format.characters import boundary, is_boundary, width

WORDS = st.sampled_from(
    ["a", "größe", "日本語", "👩‍👩‍👧", "word " * 200, "x" * 3000, "\n", "\n\n", " ", "https://example.org/" + "p" * 90]
)
LINES = st.sampled_from(["\n- ", "\n  - ", "\n1. ", "\n> ", "\n\n## "])
MARKED = st.sampled_from(
    [
        "[a link](https://example.org/) ",
        "`code` ",
        "**bold text** ",
        "*so* ",
        "~~not~~ ",
        "||hidden|| ",
        f"**{'bold ' * 500}so** ",
    ]
)
MARKS = st.sampled_from(
    ["**", "__", "*", "_", "`", "``", "~~", "||", "[", "](", ")", "\\", "<", "&lt;", "```", "|", "|\n|--|\n|"]
)
CODE = st.builds(
    lambda language, fence, lines: "\n".join(["", fence + language, *lines, fence, ""]),
    st.sampled_from(["", "python", "c++"]),
    st.sampled_from(["```", "~~~", "````"]),
    st.lists(st.sampled_from(["print(1)", "    x = '|'", "# 🎉", "", "y " * 300, "**no**"]), min_size=1, max_size=20),
)
PROSE = st.lists(WORDS | LINES | MARKED, max_size=40).map("".join)
ANY = st.lists(WORDS | LINES | MARKED | MARKS | CODE, max_size=60).map("".join)
FENCE = re.compile(r"^(?:> )?```[^`\n]*$", re.MULTILINE)
READER = MarkdownIt("commonmark").disable(["code", "html_block"])


def code_of(*texts: str) -> tuple[str, set[str]]:
    """What a Markdown reader sees as code blocks, and their languages."""
    found = [token for text in texts for token in READER.parse(text) if token.type == "fence" and token.content.strip()]
    return "".join(token.content for token in found), {token.info for token in found}


def letters(text: str) -> str:
    """Without marks and blanks."""
    return re.sub(r"[^\w😀-🿿]|_", "", text)


@given(ANY)
@example("```" + "x" * 5000)
@example("\n" * 5000)
@example("**" * 3000)
@example("||" + "`a` " * 2000 + "||")
@example("[" * 4000)
@example("|a|b|\n|-|-|\n" + "|x|y|\n" * 2000)
def test_each_part_can_be_sent(text: str) -> None:
    for part in (*formatted(text), *growing(text)):
        assert part.strip()
        assert len(part) <= MAX_CHARACTERS
        assert len(FENCE.findall(part)) % 2 == 0


@given(PROSE)
def test_nothing_is_lost(text: str) -> None:
    for parts in (formatted(text), growing(text)):
        assert letters("".join(parts)) == letters(text)


@given(st.lists(PROSE | CODE, max_size=8).map("\n\n".join))
def test_a_reader_of_markdown_sees_the_same_code(text: str) -> None:
    assert code_of(*formatted(text)) == code_of(text)


@given(st.text(st.sampled_from("ae\u0301\u0308👩🏽👧\u200d\ufe0f🇩🇪🇫ก\u0e33한\u1100\u1161\u11a8क\u094dष\u0600\r\n "), max_size=30))
def test_no_character_is_cut(text: str) -> None:
    whole = [found.start() for found in regex.finditer(r"\X", text)]
    assert {at for at in range(1, len(text)) if is_boundary(text, at)} <= set(whole)
    assert boundary(text, 0, len(text)) <= len(text)


def test_a_wall_of_families_is_cut_between_them() -> None:
    parts = formatted("👩‍👩‍👧‍👦" * 700)
    assert [len(part) for part in parts] == [1995, 1995, 910]
    assert len(formatted("e" + "\u0301" * 5000)) == 3  # one that is longer than a part


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("❤️", 2), ("", 0)]
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


# --- where it is cut


def test_code_is_closed_and_opened_again_with_its_language() -> None:
    lines = [f"print({at})  # 🎉" for at in range(300)]
    parts = formatted("So:\n\n```python\n" + "\n".join(lines) + "\n```\n\nDone.")
    assert len(parts) > 2
    assert parts[0].startswith("So:\n\n```python\nprint(0)")
    assert all(part.startswith("```python\n") for part in parts[1:])
    assert all(part.endswith("\n```") for part in parts[:-1])
    assert parts[-1].endswith("\n```\n\nDone.")
    assert [line for part in parts for line in part.split("\n") if line.startswith("print")] == lines


def test_code_that_fits_into_a_part_stays_whole() -> None:
    code = "```\n" + "x = 1\n" * 250 + "```"
    assert formatted("word " * 200 + f"\n\n## Title\n\n{code}") == [("word " * 200).strip(), f"## Title\n\n{code}"]


def test_marks_are_closed_and_opened_again() -> None:
    parts = formatted("**Note: ||" + "secret " * 499 + "end||**")
    assert len(parts) == 2
    assert parts[0].startswith("**Note: ||secret ")
    assert parts[0].endswith("secret||**")
    assert parts[1].startswith("**||secret ")
    assert parts[1].endswith("secret end||**")


@pytest.mark.parametrize("shift", range(0, 60, 7))
@pytest.mark.parametrize(
    "whole",
    [
        "[a link of words](https://example.org/a_(b)?q=1)",
        "`some inline code`",
        "**some bold words**",
        "||some hidden words||",
        "~~some struck _words_~~",
        "<@123456789012345678>",
        "<a:party:123456789012345678>",
        "<https://example.org/?q=1>",
        "https://example.org/" + "p" * 200,
    ],
)
def test_it_stays_whole(shift: int, whole: str) -> None:
    """Also in one paragraph that is longer than a part."""
    parts = formatted(f"{'word ' * 390}{'x' * shift} {whole} " * 3)
    assert len(parts) > 2
    assert sum(part.count(whole) for part in parts) == 3


def test_lists_and_their_items_stay_whole() -> None:
    short = "".join(f"- item {at}\n  - and more\n" for at in range(40))
    assert formatted("word " * 300 + f"\n{short}")[1] == short.strip()
    long = "".join(f"- item {at} {'word ' * 60}\n  - and more\n" for at in range(20))
    parts = formatted(long)
    assert len(parts) > 3
    assert all(part.startswith("- item ") and part.endswith("  - and more") for part in parts)


def test_a_long_quote_is_a_quote_in_each_part() -> None:
    parts = formatted("> " + "word " * 900)
    assert [part[:7] for part in parts] == ["> word "] * 3


def test_a_line_ends_a_part_where_it_can() -> None:
    lines = [f"{at} {'word ' * 20}".strip() for at in range(60)]
    assert [line for part in formatted("\n".join(lines)) for line in part.split("\n")] == lines


@pytest.mark.parametrize("text", ["", " \n ", "\n", "```\n```"])
def test_nothing_is_something(text: str) -> None:
    assert formatted(text) == ["…"]
    assert growing(text) == []


def test_what_is_longer_than_a_part_is_cut() -> None:
    assert [len(part) for part in formatted("x" * 4500)] == [2000, 2000, 500]
    parts = formatted("```text\n" + "x" * 4500 + "\n```")
    assert [len(part) for part in parts] == [2000, 2000, len("```text\n\n```") + 4500 - 2 * 1988]


# --- what Discord shows otherwise


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("#### Deep **er**", "**Deep er**"),
        ("# One #\n## Two\n### Three", "# One\n## Two\n### Three"),
        ("* a\n+ b\n1) c", "- a\n- b\n1. c"),
        ("1. a\n    - b\n\t- c", "1. a\n    - b\n    - c"),
        (">a\n>> b\n>>> c", "> a\n> b\n> c"),
        ("a\n\n---\n\n* * *", f"a\n\n{'─' * 12}\n\n{'─' * 12}"),
        ("__bold__ and _so_ and __init__.py", "**bold** and _so_ and **init**.py"),
        ("snake_case_name and a__b__c", "snake_case_name and a\\_\\_b\\_\\_c"),
        ("if a || b || c", "if a \\|\\| b \\|\\| c"),
        ("||spoiler||", "||spoiler||"),
        ("5 * 3 * 2, **stars, *.py, `tick", "5 * 3 * 2, \\*\\*stars, \\*.py, \\`tick"),
        ("_a snake_case word_", "*a snake_case word*"),
        ("**a __b__ c** ***d***", "**a b c** ***d***"),
        ("`**no** _n_ &lt;`", "`**no** _n_ &lt;`"),
        ("a &lt; b &amp;&nbsp;c &#42; &copy &unknown;", "a \\< b &\xa0c \\* &copy &unknown;"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("![A cat](https://x.org/c.png) ![](https://x.org/d.png)", "[A cat](https://x.org/c.png) https://x.org/d.png"),
        ("[https://x.org](https://x.org) [up](#top) [t](https://x.org 'no')", "https://x.org up (#top) [t](https://x.org 'no')"),
        ("see https://x.org/__init__.py and **https://x.org**", "see https://x.org/__init__.py and **https://x.org**"),
        ("~~~py {.x}\na\n~~~", "```py\na\n```"),
        ("````md\n```py\nx\n```\n````", "```md\n`\u200b`\u200b`py\nx\n`\u200b`\u200b`\n```"),
        ("1. a\n   ```sh\n   ls\n     -l\n   ```\n2. b", "1. a\n```sh\nls\n  -l\n```\n2. b"),
        ("> ```py\n> x\n> ```\nb", "> ```py\n> x\n> ```\nb"),
        ("- ```py\n  x\n  ```\n- b", "- \n```py\nx\n```\n- b"),
        ("```py\nnever closed", "```py\nnever closed\n```"),
        ("<@1> <#2> <:a:3> <t:4:R> 1 < 2", "<@1> <#2> <:a:3> <t:4:R> 1 < 2"),
    ],
)
def test_markdown_as_discord_shows_it(written: str, shown: str) -> None:
    assert formatted(written) == [shown]


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    marks = st.sampled_from(["**", "*", "_", "__", "~~"])
    return st.builds(lambda mark, words: f"{mark}in {' '.join(words)} out{mark}", marks, st.lists(inner, min_size=1, max_size=4))


@given(
    st.lists(st.recursive(st.sampled_from(["one", "snake_case", "2 * 3", "`a_b`"]), nested, max_leaves=8), max_size=6).map(
        " ".join
    )
)
@example("*2 * 3* ***so*** **_so_** *__so__* ~~**so**~~")
@example("_`a*b`_ *`a*b`* _snake_case_")
def test_discord_formats_what_commonmark_does(text: str) -> None:
    assert discord(formatted(text)[0]) == commonmark(text) or not text


@given(st.lists(st.sampled_from(["a", "b", " ", " ", "**", "__", "*", "_", "`", "~~", " ||"]), max_size=4).map("".join))
def test_nothing_is_formatted_by_accident(marks: str) -> None:
    text = f"one {marks} two\n\nthree {marks} four"
    for (_, shown), (_, meant) in zip(discord("\n".join(formatted(text))), commonmark(text), strict=True):
        assert shown <= meant


def test_a_narrow_table_is_drawn() -> None:
    text = "| Name | Price | |\n|:--|--:|:-:|\n| 日本 | 5 | x |\n| `a\\|b` | **12.50** | yes |\nafter"
    drawn = "```\nName  Price\n────  ─────  ───\n日本      5   x\na|b   12.50  yes\n```\nafter"
    assert formatted(text) == [drawn]


def test_a_long_table_has_its_head_in_each_part() -> None:
    parts = formatted("| number | square |\n|--|--|\n" + "".join(f"| {n} | {n * n} |\n" for n in range(300)))
    assert len(parts) == 3
    assert all(part.startswith("```\nnumber  square\n──────  ──────\n") and part.endswith("\n```") for part in parts)
    rows = [line.split() for part in parts for line in part.split("\n")[3:-1]]
    assert rows == [[str(n), str(n * n)] for n in range(300)]


def test_a_wide_table_and_one_with_links_is_a_list() -> None:
    wide = f"| City | About | Since |\n|--|--|--|\n| Lyon | {'word ' * 12}| 43 BC |\n| Rome | old | |\n"
    assert formatted(wide) == [f"- **Lyon**\n  - About: {('word ' * 12).strip()}\n  - Since: 43 BC\n- **Rome**\n  - About: old"]
    links = "| Site | Address |\n|--|--|\n| One | [x](https://x.org) |\n| | y |"
    assert formatted(links) == ["- **One**: [x](https://x.org)\n- –: y"]


# --- while it grows


@pytest.mark.parametrize(
    ("so_far", "shown"),
    [
        ("Hello **bo", "Hello **bo**"),
        ("Hello **bold*", "Hello **bold**"),
        ("a `co", "a `co`"),
        ("*a **b", "*a **b***"),
        ("```py\nx = [1", "```py\nx = [1\n```"),
        ("```py\nx\n``", "```py\nx\n``\n```"),
        ("see [the page](https://exam", "see the page"),
        ("a **", "a"),
        ("- one\n- ||two ", "- one\n- ||two||"),
        ("**a\n\nb", "\\*\\*a\n\nb"),
    ],
)
def test_what_is_open_is_closed_while_it_grows(so_far: str, shown: str) -> None:
    assert growing(so_far) == [shown]


@given(st.lists(st.sampled_from(["a", "word " * 50, "x" * 700, "\n", "\n\n", " ", "## so\n\n"]), max_size=60).map("".join))
def test_full_parts_stay_as_they_are_while_it_grows(text: str) -> None:
    for shorter, longer in pairwise([growing(text[: len(text) * part // 4]) for part in range(5)]):
        assert shorter[:-1] == longer[: max(0, len(shorter) - 1)]
