"""The OpenAPI document says what the server does."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.server.conftest import URL, Client

from turnkeep.server import bodies
from turnkeep.server.examples import EXAMPLES
from turnkeep.server.openapi import OPERATIONS, document
from turnkeep.server.problems import TITLES


def _walk(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _walk(inner)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_an_example_has_its_shape(kind: type) -> None:
    made: Any = msgspec.convert(EXAMPLES[kind], kind)
    if kind is not dict:
        fields = {field.encode_name for field in msgspec.structs.fields(kind)}
        assert set(EXAMPLES[kind]) - {"action"} <= fields
        assert made is not None


def test_every_reference_leads_somewhere() -> None:
    parts = document()["components"]
    names = {one["$ref"] for one in _walk(document()) if isinstance(one, dict) and "$ref" in one}
    kept = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses", "links") for name in parts[kind]}
    assert names == kept


def test_a_validator_finds_no_fault() -> None:
    OpenAPIV31SpecValidator(document()).validate()


def test_every_tag_is_told_and_used() -> None:
    used = {tag for path in document()["paths"].values() for one in path.values() for tag in one["tags"]}
    assert used == {tag["name"] for tag in document()["tags"]}
    assert all(tag["description"] for tag in document()["tags"])


def test_every_parameter_has_its_words_and_its_bounds() -> None:
    for path in document()["paths"].values():
        for one in path.values():
            for given in one["parameters"]:
                assert given["description"].endswith("."), given
                if given["in"] != "header" and given["name"] != "system":
                    assert given["schema"].get("type") == "boolean" or {"minimum", "maxLength", "enum", "anyOf"} & set(
                        given["schema"]
                    ), given


def test_every_field_of_a_body_has_its_words() -> None:
    shapes = document()["components"]["schemas"]
    bodies_of = {kind.__name__ for kind in EXAMPLES if kind.__module__ == bodies.__name__}
    untold = [
        (name, field) for name in bodies_of for field, told in shapes[name]["properties"].items() if "description" not in told
    ]
    assert untold == [(name, "action") for name, field in untold if field == "action"]


def test_every_problem_that_can_be_has_an_example() -> None:
    answers = document()["components"]["responses"].values()
    shown = [example["value"] for one in answers for example in one["content"]["application/problem+json"]["examples"].values()]
    assert {one["status"] for one in shown} == set(TITLES) - {405}  # 405 belongs to no call
    for one in shown:
        assert one["type"].startswith("urn:turnkeep:problem:")


def test_every_operation_is_there_with_its_words() -> None:
    found = [one for path in document()["paths"].values() for one in path.values()]
    assert len(found) == len(OPERATIONS) == len({one["operationId"] for one in found})
    for one in found:
        assert one["summary"].endswith((".", "?")), one
        assert {"500", "503"} <= set(one["responses"])
        for response in one["responses"].values():
            for media in response.get("content", {}).values():
                assert media["examples"]


def test_no_parameter_of_a_path_is_forgotten() -> None:
    for path, methods in document()["paths"].items():
        for one in methods.values():
            assert re.findall(r"{(\w+)}", path) == [given["name"] for given in one["parameters"] if given["in"] == "path"]


async def test_it_is_served_without_a_key(client: Client) -> None:
    answer = await client.http.get("/openapi.json")
    assert (answer.status_code, answer.json()) == (200, document())
    assert answer.json()["openapi"] == "3.1.0"


async def test_the_examples_are_taken(client: Client) -> None:
    """Each example of a body is sent, in an order in which it can be."""
    made = await client.post(URL, EXAMPLES[next(kind for kind in EXAMPLES if kind.__name__ == "Create")])
    session_id = made.json()["id"]
    paths = document()["paths"]
    for path in sorted(paths, key=lambda path: path.endswith(("clear", "retract"))):
        for method, one in paths[path].items():
            for media in one.get("requestBody", {}).get("content", {}).values():
                examples = [example["value"] for example in media["examples"].values()]
                for body in sorted(examples, key=lambda body: body.get("action") in ("deactivate", "clearMessages")):
                    if body.get("action") == "deactivate":
                        continue
                    sent = {**body, "id": session_id} if "id" in body else body
                    answer = await client.call(method.upper(), path.replace("{session_id}", session_id), json=sent)
                    assert str(answer.status_code) in one["responses"], (path, body, answer.text)
                    assert answer.is_success or answer.status_code == 400, (path, body, answer.text)
