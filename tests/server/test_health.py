"""Whether the server runs, and whether it can work."""

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.server.conftest import URL, Client, application, problem

from turnkeep.errors import StoreError
from turnkeep.server import tenants


async def ready(client: Client) -> int:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    return (await client.get("/readyz")).status_code


async def test_a_database_that_another_process_keeps_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenants, "READY_SECONDS", 0.2)
    async with application(tmp_path) as running:
        client = await running.client()
        assert await ready(client) == 200
        other = apsw.Connection(str(tmp_path / "turnkeep.db"))
        other.execute("BEGIN IMMEDIATE")
        problem(await client.get("/readyz"), 503, "not-ready")
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get(URL)).status_code == 200  # reads go on
        other.execute("ROLLBACK")
        other.close()
        async with asyncio.timeout(30):
            while await ready(client) != 200:
                await asyncio.sleep(0.05)


async def test_a_database_that_was_moved_away(tmp_path: Path) -> None:
    async with application(tmp_path) as running:
        client = await running.client()
        path = tmp_path / "turnkeep.db"
        path.rename(tmp_path / "moved.db")
        told = problem(await client.get("/readyz"), 503, "not-ready")
        assert str(tmp_path) not in told["detail"]
        path.write_bytes(b"")
        problem(await client.get("/readyz"), 503, "not-ready")
        (tmp_path / "moved.db").rename(path)
        assert await ready(client) == 200


async def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with application(tmp_path) as running:
        client = await running.client()

        async def broken(*_: Any) -> None:
            raise StoreError("disk I/O error")

        with monkeypatch.context() as patched:
            patched.setattr(running.tenants.store, "key", broken)
            problem(await client.get("/readyz"), 503, "not-ready")
            assert (await client.get("/healthz")).status_code == 200
        assert await ready(client) == 200


async def test_asking_changes_nothing(tmp_path: Path) -> None:
    async with application(tmp_path) as running:
        client = await running.client()
        before = await running.tenants.store.sizes()
        for _ in range(20):
            assert await ready(client) == 200
        assert {name: size for name, size in (await running.tenants.store.sizes()).items() if "bytes" not in name} == {
            name: size for name, size in before.items() if "bytes" not in name
        }
