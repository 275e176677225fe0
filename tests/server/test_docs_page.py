"""The page at /docs: it loads nothing from elsewhere, runs nothing but its own script, and can show every call of the document."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

from tests.server.conftest import Client

from turnkeep.server.openapi import document
from turnkeep.server.routes.page import PAGE


class _Tags(HTMLParser):
    """All tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _tags() -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(PAGE.decode())
    return parser.found


async def test_it_is_served_without_a_key_and_under_a_strict_policy(client: Client) -> None:
    answer = await client.http.get("/docs")
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["connect-src"], policy["base-uri"]) == ("'none'", "'self'", "'none'")
    assert policy["frame-ancestors"] == policy["form-action"] == "'none'"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE.decode(), re.DOTALL)
        assert policy[rule] == f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_it_loads_nothing_but_the_document() -> None:
    for tag, attributes in _tags():
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        for name in ("src", "href", "action"):
            assert attributes.get(name) in (None, "data:,", "#calls", "openapi.json"), (tag, attributes)
    text = PAGE.decode()
    assert not re.search(r"https?:|@import|\burl\(|innerHTML|eval\(|localStorage|sessionStorage|document\.cookie", text)
    assert re.findall(r"fetch\(([^,)]*)", text) == ["url", '"openapi.json"']
    assert text.count("\n") < 400


def test_every_field_has_a_label() -> None:
    tags = _tags()
    labelled = {attributes.get("for") for tag, attributes in tags if tag == "label"}
    assert {attributes["id"] for tag, attributes in tags if tag in ("input", "select", "textarea")} == labelled


def test_every_call_is_of_a_form_that_it_shows() -> None:
    """By tag; its parameters in the path, the query or the headers; its body as JSON, begun from an example."""
    told = document()
    tags = {tag["name"] for tag in told["tags"]}
    for path, methods in told["paths"].items():
        for one in methods.values():
            assert one["tags"][0] in tags
            assert re.fullmatch(r"\w+", one["operationId"])
            _check(path, one)


def _check(path: str, one: dict[str, Any]) -> None:
    places = {(given["in"], given["name"]) for given in one["parameters"]}
    assert {name for place, name in places if place == "path"} == set(re.findall(r"{(\w+)}", path))
    assert {place for place, _ in places} <= {"path", "query", "header"}
    if "requestBody" in one:
        [(media, content)] = one["requestBody"]["content"].items()
        assert (media, bool(content["examples"])) == ("application/json", True)
