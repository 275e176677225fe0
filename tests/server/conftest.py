"""The application over a real SQLite file, on the test's own loop; and `turnkeep serve` as a process."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from turnkeep.keys import Access, new_key
from turnkeep.server.app import create_app
from turnkeep.server.tenants import Tenants
from turnkeep.settings import Settings

PROGRAM = Path(sys.executable).with_name("turnkeep")
URL = "/api/sessions"
TYPE = "urn:turnkeep:problem:"


class Client:
    """Calls with one key. `problem` asserts that the answer is one."""

    def __init__(self, http: httpx.AsyncClient, key: str | None) -> None:
        self.http = http
        self.headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    async def call(self, method: str, path: str, headers: dict[str, str] | None = None, **given: Any) -> httpx.Response:
        return await self.http.request(method, path, headers=self.headers | (headers or {}), **given)

    async def get(self, path: str, **given: Any) -> httpx.Response:
        return await self.call("GET", path, **given)

    async def post(self, path: str, body: Any = None, **given: Any) -> httpx.Response:
        return await self.call("POST", path, json=body, **given)

    async def act(self, action: str, **fields: Any) -> httpx.Response:
        return await self.post(URL, {"action": action, **fields})

    async def create(self, conversation_id: int | str = 1, **fields: Any) -> dict[str, Any]:
        answer = await self.act("create", **{"interface_type": "web", "conversation_id": conversation_id, **fields})
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def said(self, session: dict[str, Any], *texts: str) -> str:
        """Messages of the user and the assistant by turns; the session's path."""
        path = f"{URL}/{session['id']}"
        messages = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
        if messages:
            assert (await self.post(f"{path}/messages", {"messages": messages})).status_code == 201
        return path


class Running:
    """An application that is open, and keys for it."""

    def __init__(self, tenants: Tenants, http: httpx.AsyncClient) -> None:
        self.tenants, self.http = tenants, http

    async def key(self, scope: Access = "admin", app: str = "default", user: str | None = None) -> str:
        shown, key = new_key(app, scope, external_user_id=user, now_ms=int(time.time() * 1000))
        await self.tenants.store.add_key(key)
        return shown

    async def client(self, scope: Access = "admin", app: str = "default", user: str | None = None) -> Client:
        return Client(self.http, await self.key(scope, app, user))


def transport_to(tenants: Tenants) -> httpx.ASGITransport:
    app: Any = create_app(tenants)
    return httpx.ASGITransport(app)


@asynccontextmanager
async def application(place: Path | str, **settings: Any) -> AsyncIterator[Running]:
    """On a file in that folder, or on the database of that URL."""
    given = Settings(cleanup_interval=0.0, max_body_bytes=100_000, **settings)
    url = place if isinstance(place, str) else f"sqlite:///{place}/turnkeep.db"
    async with Tenants(url, given) as tenants:
        transport = transport_to(tenants)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
            yield Running(tenants, http)
            assert await tenants.store.check() == []


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with application(tmp_path) as opened:
        yield opened


@pytest.fixture
async def client(running: Running) -> Client:
    return await running.client()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told = answer.json()
    assert (told["type"], told["status"]) == (TYPE + code, status)
    assert told["title"]
    assert told["detail"]
    assert "Traceback" not in answer.text
    return dict(told)


# --- as a process


class Process:
    """`turnkeep serve --json` on a free port."""

    def __init__(self, folder: Path, *options: str, environment: dict[str, str], files: int | None) -> None:
        began = time.monotonic()
        command: list[str | Path] = [PROGRAM, "serve", "--json", "--port", "0", "--db", "sqlite:///served.db", *options]
        if files is not None:
            command = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *command]
        given = {name: value for name, value in os.environ.items() if not name.startswith("TURNKEEP_")} | environment
        self.errors = (folder / "stderr.txt").open("w+b")
        self.popen = subprocess.Popen(command, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=self.errors)
        assert self.popen.stdout is not None
        told = b""
        while line := self.popen.stdout.readline():
            told += line
            if line.startswith(b"}"):
                break
        assert told, self.stderr()
        self.told = json.loads(told)
        self.url: str = self.told["url"]
        httpx.get(f"{self.url}/healthz", timeout=10).raise_for_status()
        self.seconds = time.monotonic() - began  # to the first answer

    def stderr(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode()

    def end(self, number: int) -> int:
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        code = self.popen.wait(timeout=20)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code


@contextmanager
def serving(
    folder: Path, *options: str, environment: dict[str, str] | None = None, files: int | None = None
) -> Iterator[Process]:
    """`environment`: settings; `files`: how many the process may open."""
    process = Process(folder, *options, environment=environment or {}, files=files)
    try:
        yield process
    finally:
        process.end(9)
        process.errors.close()


async def post_until_it_ends(url: str, key: str, path: str, stop: asyncio.Event) -> list[str]:
    """Messages from 16 callers until the server goes away; the texts that got their 201."""
    acknowledged: list[str] = []

    async def caller(number: int, http: httpx.AsyncClient) -> None:
        for at in range(100_000):
            text = f"{number}-{at}"
            try:
                answer = await http.post(path + "/messages", json={"role": "user", "content": text})
            except httpx.HTTPError:
                return
            if answer.status_code == 201:
                acknowledged.append(text)
            if len(acknowledged) > 100:
                stop.set()

    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as http:
        await asyncio.gather(*(caller(number, http) for number in range(16)))
    return acknowledged
