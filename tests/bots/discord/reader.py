"""What is formatted within a line, by two readers: Discord's own rules, as far as they are published, and CommonMark's."""

import re

from markdown_it import MarkdownIt

# github.com/discord/SimpleAST, and its clients' own rules for code and spoilers
RULES = {
    "escape": re.compile(r"\\([^0-9A-Za-z\s])"),
    "strong": re.compile(r"\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)"),
    "underline": re.compile(r"__((?:\\[\s\S]|[^\\])+?)__(?!_)"),
    "em": re.compile(
        r"\b_((?:__|\\[\s\S]|[^\\_])+?)_\b|\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)", re.ASCII
    ),
    "s": re.compile(r"~~(?=\S)((?:\\[\s\S]|~(?!~)|[^\s~\\]|\s(?!~~))+?)~~"),
    "spoiler": re.compile(r"\|\|([\s\S]+?)\|\|"),
    "code": re.compile(r"(?P<ticks>`+)([\s\S]*?[^`])(?P=ticks)(?!`)"),
    "text": re.compile(r"([\s\S]+?)(?=[^0-9A-Za-z\s\u00c0-\uffff-]|\n|\w+:\S|\Z)", re.ASCII),
}
WEIGHT = {"strong": 0.2, "underline": 0.15, "em": 0.1}  # of those that match at one place the longest is taken
READER = MarkdownIt("commonmark").enable("strikethrough")
Letters = list[tuple[str, frozenset[str]]]


def discord(text: str, kinds: frozenset[str] = frozenset()) -> Letters:
    """Each letter, and how Discord formats it."""
    found: Letters = []
    at = 0
    while at < len(text):
        matches = {name: match for name, rule in RULES.items() if (match := rule.match(text[at:]))}
        rivals = [name for name in matches if name in WEIGHT]
        name = (
            next(iter(matches))
            if "escape" in matches or not rivals
            else max(rivals, key=lambda one: len(matches[one][0]) + WEIGHT[one])
        )
        inner = next(group for group in reversed(matches[name].groups()) if group is not None)
        if name in ("escape", "text", "code"):
            found += [(letter, kinds | {"code"} if name == "code" else kinds) for letter in inner]
        else:
            found += discord(inner, kinds | {name})
        at += matches[name].end()
    return [one for one in found if one[0].isalnum()]


def commonmark(text: str) -> Letters:
    """Each letter, and how CommonMark formats it."""
    found: Letters = []
    kinds: list[str] = []
    for token in READER.parseInline(text)[0].children or ():
        if token.nesting == 1:
            kinds.append(token.type.removesuffix("_open"))
        elif token.nesting == -1:
            kinds.pop()
        else:
            found += [(letter, frozenset([*kinds, *(["code"] * (token.type == "code_inline"))])) for letter in token.content]
    return [one for one in found if one[0].isalnum()]
