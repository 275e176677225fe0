"""A line for each request, if that is wanted; and in no log anything that a request brought."""

import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import URL, Client, Running, application, serving

from turnkeep.errors import StoreError

LINE = re.compile(r"method=(\S+) route=(\S+) status=(\d{3}) ms=(\d+\.\d\d) bytes=(\d+) key=(\S+)")
SECRETS = ("content-x", "query-x", "user-x", "path-x", "header-x", "field-x", "conversation-x")


async def everything(running: Running, client: Client, monkeypatch: pytest.MonkeyPatch) -> str:
    """Requests that succeed, are refused, and fail, each with something secret at each place; the session's id."""
    session = await client.create("conversation-x", external_user_id="user-x")
    path = await client.said(session, "content-x")
    headers = {"Idempotency-Key": "header-x", "X-Other": "header-x"}
    message: dict[str, Any] = {"role": "user", "content": "content-x"}
    for body in (message, {**message, "field-x": 1}, {**message, "role": "content-x"}, {**message, "tool_calls": "content-x"}):
        await client.post(f"{path}/messages", body, headers=headers)
    await client.post(f"{path}/messages?query-x=1", message)
    await client.get(f"{path}/context?system=query-x")
    await client.call("POST", f"{path}/messages", content=b'{"content-x')
    await client.get(f"{path}/context?system=query-x&token_budget=1")
    await client.get(f"{path}%0Apath-x")
    await client.get("/path-x%0A?query-x")
    await Client(client.http, "tk_content-x").get(URL)

    async def broken(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is gone")

    async def buggy(*_: Any, **__: Any) -> None:
        raise KeyError

    for failure, status in ((broken, 500), (buggy, 500)):
        with monkeypatch.context() as patched:
            for name in ("session", "append", "window"):
                patched.setattr(running.tenants.store, name, failure)
            assert (await client.post(f"{path}/messages", message, headers=headers)).status_code == status
            assert (await client.get(f"{URL}/path-x%0A/context?system=query-x")).status_code == status
    return str(session["id"])


@pytest.mark.parametrize("access_log", [True, False])
async def test_no_log_has_anything_that_a_request_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, access_log: bool
) -> None:
    caplog.set_level(logging.WARNING, "httpx")  # the client's own
    caplog.set_level(logging.INFO)
    async with application(tmp_path, access_log=access_log) as running:
        key = await running.key()
        session_id = await everything(running, Client(running.http, key), monkeypatch)
    assert ("turnkeep.access" in {record.name for record in caplog.records}) == access_log
    assert "the disk is gone" in caplog.text
    for secret in (*SECRETS, session_id, key, key.rpartition("_")[2]):
        assert secret not in caplog.text


async def test_what_a_line_says(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "turnkeep.access")
    async with application(tmp_path, access_log=True) as running:
        client = await running.client()
        [key] = await running.tenants.store.keys()
        path = await client.said(await client.create())
        answers = [
            await client.post(f"{path}/messages", {"role": "user", "content": "hi"}),
            await client.get(f"{path}x"),
            await client.get("/nothing"),
            await Client(running.http, None).get(URL),
            await client.get("/healthz"),
        ]
    found = [LINE.fullmatch(record.message) for record in caplog.records if record.name == "turnkeep.access"]
    told = [line.groups() for line in found if line][-5:]
    one = "/api/sessions/{session_id}"
    assert [(method, route, status, name) for method, route, status, _, _, name in told] == [
        ("POST", f"{one}/messages", "201", key.id),
        ("GET", one, "404", key.id),
        ("-", "-", "404", "-"),
        ("GET", URL, "401", "-"),
        ("GET", "/healthz", "200", "-"),
    ]
    assert [int(size) for *_, size, _ in told] == [len(answer.content) for answer in answers]
    assert all(found)


def test_the_option_of_the_command(tmp_path: Path) -> None:
    with serving(tmp_path, "--access-log") as server:
        httpx.get(f"{server.url}/api/sessions?query-x=1", headers={"Authorization": f"Bearer {server.told['key']}"}, timeout=10)
        server.end(15)
        lines = server.stderr().splitlines()
    assert len(lines) == 2
    assert "route=/healthz status=200" in lines[0]
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}} {LINE.pattern}", lines[1])
    assert "query-x" not in lines[1]
