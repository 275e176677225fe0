"""Every command on PostgreSQL, as a user types it; the password of the URL is never printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from turnkeep import SessionManager


def run(url: str, *words: str, code: int = 0) -> str:
    command = [str(Path(sys.executable).with_name("turnkeep")), *words, "--db", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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
