"""What is refused, and how: a problem detail each time, and never a bug's insides."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.server.conftest import URL, Client, Running, problem, transport_to

from turnkeep import errors
from turnkeep.errors import TurnkeepError
from turnkeep.server.problems import Refused, status_of
from turnkeep.server.tenants import Tenants

JSON = "application/json"
GOOD = b'{"role": "user", "content": "hi"}'


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", JSON, 400, "not-json"),
        (b"hello", JSON, 400, "not-json"),
        (GOOD[:-5], JSON, 400, "not-json"),
        (b"\xff\xfe" + GOOD.decode().encode("utf-16-le"), JSON, 400, "not-json"),
        (b'{"role": "user", "content": "\xff"}', JSON, 400, "not-json"),
        (b'{"role": "user", "content": "\\ud800"}', JSON, 400, "not-json"),
        (b'{"role": "user", "content": "a\\u0000b"}', JSON, 400, "invalid-input"),
        (b"[" * 50_000, JSON, 400, "invalid-input"),
        (b'{"role": "user", "content": [' + b'{"type":"x","a":' * 3000 + b"1" + b"}" * 3000 + b"]}", JSON, 400, "not-json"),
        (b'{"role": "user", "metadata": ' + b'{"a":' * 150 + b"1" + b"}" * 150 + b"}", JSON, 400, "invalid-input"),
        (b"[]", JSON, 400, "invalid-input"),
        (b"null", JSON, 400, "invalid-input"),
        (b'{"role": "user", "content": "hi", "role": 5}', JSON, 400, "invalid-input"),
        (b'{"messages": 5}', JSON, 400, "invalid-input"),
        (b'{"messages": [], "role": "user"}', JSON, 400, "invalid-input"),
        (b" " * 100_001, JSON, 413, "content-too-large"),
        (GOOD, "text/plain", 415, "unsupported-media-type"),
        (GOOD, "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (GOOD, "application/json; charset=utf-16", 415, "unsupported-media-type"),
    ],
)
async def test_a_bad_body(client: Client, body: bytes, kind: str, status: int, code: str) -> None:
    path = await client.said(await client.create())
    answer = await client.call("POST", f"{path}/messages", headers={"Content-Type": kind}, content=body)
    problem(answer, status, code)
    assert (await client.get(path)).json()["messages"] == 0


@pytest.mark.parametrize("kind", [JSON, "Application/JSON; charset=UTF-8", "application/vnd.turn+json"])
async def test_a_good_body(client: Client, kind: str) -> None:
    path = await client.said(await client.create())
    answer = await client.call("POST", f"{path}/messages", headers={"Content-Type": kind}, content=GOOD)
    assert answer.status_code == 201


async def test_a_body_that_does_not_say_how_long_it_is(client: Client) -> None:
    path = await client.said(await client.create())

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 10_000

    told = problem(await client.call("POST", f"{path}/messages", content=endless()), 413, "content-too-large")
    assert told["limit"] == 100_000


async def test_a_compressed_body_is_refused(client: Client) -> None:
    path = await client.said(await client.create())
    answer = await client.post(f"{path}/messages", {}, headers={"Content-Encoding": "gzip"})
    problem(answer, 415, "unsupported-media-type")


async def test_a_limit_is_told(client: Client) -> None:
    path = await client.said(await client.create())
    body = {"role": "user", "content": "hi", "metadata": {"a": "x" * 70_000}}
    told = problem(await client.post(f"{path}/messages", body), 400, "invalid-input")
    assert (told["field"], told["limit"]) == ("metadata", 65_536)
    assert told["size"] > 70_000


async def test_what_is_not_there(client: Client) -> None:
    problem(await client.get("/nothing"), 404, "not-found")
    answer = await client.call("PUT", URL)
    problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["allow"]


async def test_a_bug_tells_nothing(
    running: Running, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(key: str) -> None:
        raise RuntimeError("the insides")

    monkeypatch.setattr(running.tenants, "find", broken)
    with caplog.at_level(logging.ERROR):
        answer = await client.get(URL)
    problem(answer, 500, "internal")
    assert "insides" not in answer.text
    assert "the insides" in caplog.text


async def test_a_closed_store_is_not_ready(running: Running, tmp_path: object) -> None:
    tenants = Tenants(f"sqlite:///{tmp_path}/other.db", running.tenants.settings)
    async with tenants:
        transport = transport_to(tenants)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
        problem(await http.get("/readyz"), 503, "closed")
        assert (await http.get("/healthz")).status_code == 200


def _all(root: type[TurnkeepError]) -> list[type[TurnkeepError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in _all(child))]


def test_every_error_has_a_status_and_a_type_of_its_own() -> None:
    kinds = [kind for kind in _all(TurnkeepError) if kind.__module__ in (errors.__name__, Refused.__module__)]
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert 400 <= status_of(kind.__new__(kind)) < 600
