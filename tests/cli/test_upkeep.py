"""`turnkeep stats`, `cleanup`, `backup`, `doctor`."""

import asyncio
import hashlib
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from turnkeep import SessionManager

KEY = "5f" * 32
STATS = {
    "total_sessions",
    "active_sessions",
    "total_messages",
    "total_tokens",
    "average_session_length",
    "by_interface",
    "cache_size",
    "cache_hit_rate",
    "tool_calls",
    "errors",
    "usage_in",
    "usage_out",
    "usage_cache_read",
    "models",
    "summarizer",
    "redis_up",
    "pool",
}


async def an_hour_ago(url: str) -> None:
    """A session that has expired since, and that no cleanup has seen."""
    async with SessionManager.open(url, cleanup_interval=0.0, clock=lambda: time.time() - 3600) as sessions:
        session = await sessions.get_or_create_session("web", "old", expires_in=60)
        await sessions.add_message(session.id, "user", "Hi!")


def test_stats(cli: Command, url: str) -> None:
    told = cli("stats", "--json", "--db", url).json()
    assert set(told) == STATS
    assert (told["total_sessions"], told["total_messages"], told["tool_calls"]) == (7, 478, 81)
    assert told["by_interface"]["demo"]["sessions"] == 7
    assert "478, 68.3 a session" in cli("stats", "--db", url).out


async def a_call_of_a_model(url: str) -> None:
    async with SessionManager.open(url) as sessions:
        session = await sessions.get_or_create_session("web", "used", model="claude-x")
        await sessions.record_usage(
            session.id, tokens_in=1200, tokens_out=80, cache_read_tokens=900, counted_tokens=1000, model="claude-x"
        )


def test_what_providers_counted(cli: Command, url: str) -> None:
    assert "by the provider's count" not in cli("stats", "--db", url).out
    asyncio.run(a_call_of_a_model(url))
    shown = cli("stats", "--db", url).out
    assert "1,200 in (75% of it from the provider's cache), 80 out" in shown
    assert "claude-x" in shown and "1.200" in shown and "100 %" in shown
    told = cli("stats", "--json", "--db", url).json()
    assert (told["usage_in"], told["usage_out"], told["usage_cache_read"]) == (1200, 80, 900)
    assert [(one["model"], one["ratio"]) for one in told["models"]] == [("claude-x", 1.2)]


def test_what_writes_the_summaries(cli: Command, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Summaries by" not in cli("stats", "--db", url).out
    monkeypatch.setenv("TURNKEEP_SUMMARY_MODEL", "openai:m")
    monkeypatch.setenv("TURNKEEP_SUMMARY_BASE_URL", "http://127.0.0.1:9/v1")
    assert "openai:m: 0 calls, 0 taken, 0 refused" in cli("stats", "--db", url).out
    assert cli("stats", "--json", "--db", url).json()["summarizer"]["source"] == "openai:m"


def test_the_database_of_the_settings(cli: Command, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNKEEP_DATABASE_URL", f"sqlite:///{db}")
    assert cli("stats", "--json").json()["total_sessions"] == 7
    monkeypatch.setenv("TURNKEEP_APP", "other")
    assert cli("stats", "--json").json()["total_sessions"] == 0
    assert cli("stats", "--json", "--app", "default").json()["total_sessions"] == 7


@pytest.mark.parametrize(
    "command", [("stats",), ("sessions", "list"), ("cleanup", "--dry-run"), ("doctor",)], ids=lambda words: words[-1]
)
def test_a_look_changes_nothing(cli: Command, db: Path, url: str, command: tuple[str, ...]) -> None:
    asyncio.run(an_hour_ago(url))
    before = hashlib.sha256(db.read_bytes()).digest()
    assert cli(*command, "--db", url).code == 0
    assert hashlib.sha256(db.read_bytes()).digest() == before


def test_cleanup(cli: Command, url: str) -> None:
    asyncio.run(an_hour_ago(url))
    assert cli("cleanup", "--dry-run", "--json", "--db", url).json() == {"expired": 1, "deleted": 0, "dry_run": True}
    assert cli("cleanup", "--db", url).out == "Closed 1 session that had expired, deleted 0 sessions.\n"
    assert cli("cleanup", "--json", "--db", url).json() == {"expired": 0, "deleted": 0, "dry_run": False}


def test_backup(cli: Command, url: str, tmp_path: Path) -> None:
    told = cli("backup", "copy.db", "--json", "--db", url).json()
    assert told == {"file": str(tmp_path / "copy.db"), "bytes": (tmp_path / "copy.db").stat().st_size}
    assert cli("stats", "--json", "--db", "sqlite:///copy.db").json()["total_messages"] == 478
    again = cli("backup", "copy.db", "--db", url)
    assert (again.code, again.out) == (1, "")
    assert "exists already" in again.err


def test_doctor_finds_a_database_whole(cli: Command, url: str) -> None:
    told = cli("doctor", "--json", "--db", url).json()
    assert (told["ok"], told["broken"]) == (True, [])
    facts = told["facts"]
    assert (facts["encrypted"], facts["journal_mode"], facts["schema_version"] >= 1) == (False, "wal", True)
    assert facts["pages"] * facts["page_bytes"] == told["sizes"]["file_bytes"]
    assert told["sizes"]["messages"] == 478
    shown = cli("doctor", "--db", url)
    assert shown.code == 0
    assert "Whole: every page and every sum is right." in shown.out


def test_doctor_finds_a_wrong_sum(script: Command, cli: Command, db: Path, url: str) -> None:
    with sqlite3.connect(db) as raw:
        raw.execute("UPDATE sessions SET tokens = tokens + 1 WHERE number = 1")
    raw.close()
    ended = script("doctor", "--db", url)
    assert ended.code == 1
    assert "tokens is" in ended.out
    assert "What to do:" in ended.out
    told = cli("doctor", "--json", "--db", url)
    assert (told.code, told.json()["ok"], len(told.json()["broken"])) == (1, False, 1)


def test_doctor_finds_damaged_pages(cli: Command, db: Path, url: str) -> None:
    pages = bytearray(db.read_bytes())
    pages[4096 * 10 : 4096 * 40] = b"\xff" * 4096 * 30
    db.write_bytes(pages)
    ended = cli("doctor", "--json", "--db", url)
    assert ended.code == 1
    assert ended.json()["broken"]


def test_with_a_key_and_without(script: Command, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = ("--json", "--db", "sqlite:///secret.db")
    monkeypatch.setenv("TURNKEEP_ENCRYPTION_KEY", KEY)
    assert cli("demo", "--limit", "1", *secret).code == 0
    assert cli("doctor", *secret).json()["facts"]["encrypted"] is True
    ended = script("stats", *secret, TURNKEEP_ENCRYPTION_KEY="6f" * 32)
    assert (ended.code, ended.error()["code"]) == (1, "wrong-key")
    monkeypatch.delenv("TURNKEEP_ENCRYPTION_KEY")
    assert cli("stats", *secret).error()["code"] == "wrong-key"


def test_a_newer_schema(cli: Command, db: Path, url: str) -> None:
    with sqlite3.connect(db) as raw:
        raw.execute("PRAGMA user_version = 999")
    raw.close()
    shutil.copy(db, "before.db")
    assert cli("doctor", "--json", "--db", url).error()["code"] == "schema-too-new"
    assert db.read_bytes() == Path("before.db").read_bytes()
