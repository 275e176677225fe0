"""Every command on PostgreSQL, as a user types it; the password of the URL is never printed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.cli.conftest import PROGRAM

from turnkeep import SessionManager
from turnkeep.testing.servers.valkey import ValkeyServer
from turnkeep.testing.telegram import TelegramEmulator


def run(url: str, *words: str, code: int = 0, said: str = "", **env: str) -> str:
    command = [str(PROGRAM), *words, "--db", url]
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False, env=os.environ | env)
    assert done.returncode == code, done.stderr
    assert str(urlsplit(url).password) not in done.stdout + done.stderr
    return done.stdout + done.stderr


async def test_the_commands(database: str, tmp_path: Path) -> None:
    async with SessionManager.open(database) as manager:
        session = await manager.get_or_create_session("web", "c1")
        await manager.add_message(session.id, "user", "Hello!")
    assert "Whole" in run(database, "doctor")
    assert json.loads(run(database, "doctor", "--json"))["sizes"]["messages"] == 1
    assert session.id in run(database, "sessions", "list")
    assert "Hello!" in run(database, "sessions", "show", session.id)
    assert json.loads(run(database, "stats", "--json"))["total_messages"] == 1
    assert "0 sessions" in run(database, "cleanup", "--dry-run")
    assert "tk_" in run(database, "keys", "create", "--scope", "read")
    assert "pg_dump" in run(database, "backup", str(tmp_path / "copy"), code=1)
    assert not (tmp_path / "copy").exists()


async def test_the_commands_that_change_sessions_and_keys(database: str) -> None:
    async with SessionManager.open(database) as manager:
        session = await manager.get_or_create_session("web", "c1", tokenizer="estimate")
        await manager.add_message(session.id, "user", "My flight is at nine.")
    run(database, "sessions", "pin", session.id, "Always in French")
    run(database, "sessions", "pin", session.id, "--message", "1")
    assert "Always in French" in run(database, "sessions", "pins", session.id)
    fact = json.loads(run(database, "sessions", "pins", session.id, "--json"))["pins"][0]
    run(database, "sessions", "unpin", session.id, str(fact["number"]))
    assert "Always in French" not in run(database, "sessions", "pins", session.id)
    run(database, "sessions", "resummarize", session.id)
    made = json.loads(run(database, "keys", "create", "--scope", "read", "--json"))
    assert made["id"] in run(database, "keys", "list")
    run(database, "keys", "revoke", made["id"])
    run(database, "sessions", "delete", session.id, "--yes")
    assert session.id not in run(database, "sessions", "list")


def test_demo_and_chat(database: str) -> None:
    shown = run(database, "demo", "--limit", "3")
    assert run(database, "demo", "--limit", "3") != shown  # the second time nothing is stored
    assert json.loads(run(database, "demo", "--limit", "3", "--json"))["stored"] == 0
    run(database, "chat", said="Good morning!\n")
    assert "Good morning!" in run(
        database, "sessions", "show", json.loads(run(database, "sessions", "list", "--json"))["sessions"][0]["id"]
    )


@asynccontextmanager
async def running(url: str, *words: str, **env: str) -> AsyncIterator[None]:
    """A program that goes on until it is told to end, and then ends well."""
    command = [str(PROGRAM), *words, "--db", url]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=os.environ | env)
    assert process.stdout
    async with asyncio.timeout(60):
        while b" on " not in (line := await process.stdout.readline()):  # "Serving on", "is listening on"
            assert line
    yield
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        assert await process.wait() == 0


async def test_the_server_begins_and_ends(database: str) -> None:
    async with running(database, "serve", "--port", "0"):
        assert "admin" in await asyncio.to_thread(run, database, "keys", "list")


async def test_a_bot_answers_and_remembers(database: str) -> None:
    async with TelegramEmulator() as telegram:
        ann = telegram.private(telegram.user("Ann"))
        async with running(database, "telegram", TURNKEEP_TELEGRAM_TOKEN=telegram.token, TURNKEEP_TELEGRAM_API_URL=telegram.url):
            ann.says("My name is Ann.")
            await ann.until(lambda chat: len(chat.answers()) == 1)
    async with SessionManager.open(database) as manager:
        [session] = await manager.list_sessions(interface_type="telegram")
        assert [one.role for one in await manager.get_messages(session.id)] == ["user", "assistant"]
        assert await manager.check() == []


def test_doctor_tells_of_the_servers(database: str) -> None:
    valkey = ValkeyServer()
    run(database, "demo", "--limit", "1")
    assert "Redis" not in run(database, "doctor")
    valkey.start()
    shown = run(database, "doctor", TURNKEEP_CACHE_URL=valkey.url)
    valkey.stop()
    assert re.search(r"Server +PostgreSQL 1\d\.\d+, \d+ of 200 connections", shown)
    assert re.search(r"Redis +Valkey \d+\.\d+\.\d+, answers", shown)
    gone = run(database, "doctor", TURNKEEP_CACHE_URL=valkey.url)  # that is no reason to call the database broken
    assert re.search(r"Redis +does not answer", gone)
    assert json.loads(run(database, "doctor", "--json"))["redis"] is None


def test_help_names_both_databases() -> None:
    shown = subprocess.run([PROGRAM, "stats", "--help"], capture_output=True, text=True, check=True).stdout
    assert "sqlite:///PATH" in shown
    assert "postgresql://" in shown
