"""`turnkeep migrate`."""

import asyncio
import hashlib
import os
import pty
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import PROGRAM, Command

from turnkeep import SessionManager

KEY, OTHER = "5f" * 32, "6a" * 32


def test_all_of_a_database_is_in_the_other_one(cli: Command, url: str, db: Path, tmp_path: Path) -> None:
    before = hashlib.sha256(db.read_bytes()).digest()
    target = f"sqlite:///{tmp_path / 'new.db'}"
    told = cli("migrate", url, target)
    assert told.code == 0
    assert "messages    478" in told.out
    assert f"set TURNKEEP_DATABASE_URL to {target}" in told.out
    assert max(map(len, told.out.partition("Now set")[0].splitlines())) <= 80
    assert hashlib.sha256(db.read_bytes()).digest() == before
    assert cli("stats", "--json", "--db", target).json() == cli("stats", "--json", "--db", url).json()
    assert cli("sessions", "list", "--json", "--db", target).json() == cli("sessions", "list", "--json", "--db", url).json()
    assert cli("doctor", "--db", target).code == 0


def test_json(cli: Command, url: str, db: Path) -> None:
    told = cli("migrate", "--json", url, "sqlite:///new.db").json()
    assert told["rows"]["messages"] == 478
    assert told["copied"] == sum(told["rows"].values())
    assert set(told["checksums"]) == set(told["rows"])
    assert (told["source"], told["there_before"]) == (f"sqlite:///{db}", 0)
    error = cli("migrate", "--json", url, "sqlite:///new.db").error()
    assert (error["code"], error["field"]) == ("invalid-input", "target")
    assert "478 messages" in error["message"]


@pytest.mark.parametrize(
    ("source", "target", "told", "code"),
    [
        ("sqlite:///none.db", "sqlite:///new.db", "there is no database at", 1),
        ("sqlite:///empty.db", "sqlite:///new.db", "is empty", 1),
        ("sqlite:///words.txt", "sqlite:///new.db", "no database", 1),
        ("memory://", "sqlite:///new.db", "memory:// keeps nothing", 1),
        ("sqlite:///demo.db", "memory://", "memory:// keeps nothing", 1),
        ("sqlite:///demo.db", "sqlite:///./demo.db", "is the source", 1),
        ("sqlite:///demo.db", "sqlite:///linked.db", "is the source", 1),
        ("sqlite:///demo.db", "sqlite:///no/folder/new.db", "cannot be opened", 1),
        ("sqlite:///demo.db", "mysql://new", "url: must be", 1),
        ("demo.db", "sqlite:///new.db", "must be a URL, such as sqlite:///demo.db", 2),
        ("sqlite:///demo.db", "new.db", "must be a URL, such as sqlite:///new.db", 2),
    ],
)
def test_what_cannot_be_moved(cli: Command, db: Path, source: str, target: str, told: str, code: int) -> None:
    Path("empty.db").touch()
    Path("words.txt").write_text("no database")
    Path("linked.db").hardlink_to(db)
    before = sorted(Path().rglob("*"))
    ended = cli("migrate", source, target)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err.replace("\n", " ")
    assert sorted(Path().rglob("*")) == before


async def _fill(url: str) -> None:
    async with SessionManager.open(url, cleanup_interval=0.0) as sessions:
        session = await sessions.get_or_create_session("web", "c1")
        await sessions.add_message(session.id, "user", "The code is 4711.")


def test_each_end_has_its_own_key(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the clear, then encrypted, then with another key, then in the clear again."""
    asyncio.run(_fill("sqlite:///clear.db"))
    Path("one.toml").write_text(f'encryption_key = "{KEY}"')
    Path("two.toml").write_text(f'encryption_key = "{OTHER}"')
    Path("none.toml").write_text("")
    assert cli("migrate", "sqlite:///clear.db", "sqlite:///one.db", "--target-settings", "one.toml").code == 0
    assert b"4711" not in Path("one.db").read_bytes()
    monkeypatch.setenv("TURNKEEP_ENCRYPTION_KEY", KEY)
    assert cli("stats", "--json", "--db", "sqlite:///one.db").json()["total_messages"] == 1
    assert cli("migrate", "sqlite:///one.db", "sqlite:///two.db", "--target-settings", "two.toml").code == 0
    assert cli("migrate", "sqlite:///one.db", "sqlite:///same.db").code == 0
    assert cli("stats", "--json", "--db", "sqlite:///same.db").json()["total_messages"] == 1
    assert cli("migrate", "sqlite:///two.db", "sqlite:///wrong.db").code == 1
    assert not Path("wrong.db").exists()
    ends = ("--source-settings", "two.toml", "--target-settings", "none.toml")
    assert cli("migrate", "sqlite:///two.db", "sqlite:///again.db", *ends).code == 0
    monkeypatch.delenv("TURNKEEP_ENCRYPTION_KEY")
    assert cli("stats", "--json", "--db", "sqlite:///again.db").json()["total_messages"] == 1


def test_other_commands_refuse_an_unfinished_target(cli: Command, db: Path) -> None:
    from_elsewhere = 'INSERT INTO transfer VALUES (\'{"source": "sqlite:////elsewhere.db", "kind": "messages"}\')'
    with closing(sqlite3.connect(db)) as other:
        other.execute(from_elsewhere)
        other.commit()
    for words in (("stats",), ("sessions", "list"), ("keys", "list"), ("keys", "create", "--scope", "read")):
        assert cli(*words, "--json", "--db", f"sqlite:///{db}").error()["code"] == "migration-unfinished"
    error = cli("migrate", "--json", f"sqlite:///{db}", "sqlite:///new.db").error()
    assert error["code"] == "migration-unfinished"
    asyncio.run(_fill("sqlite:///other.db"))
    error = cli("migrate", "--json", "sqlite:///other.db", f"sqlite:///{db}").error()
    assert (error["code"], "sqlite:////elsewhere.db" in error["message"]) == ("migration-unfinished", True)


def test_the_bars_fit_into_80_columns(db: Path, tmp_path: Path) -> None:
    shown, mine = pty.openpty()
    command = [str(PROGRAM), "migrate", f"sqlite:///{db}", f"sqlite:///{tmp_path / 'new.db'}"]
    process = subprocess.Popen(
        command, stderr=mine, stdout=subprocess.DEVNULL, env=os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    )
    os.close(mine)
    text = b""
    try:
        while chunk := os.read(shown, 65536):
            text += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(shown)
    assert process.wait() == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode()).replace("\r", "\n").splitlines()
    bars = [line.rstrip() for line in lines if line.startswith(("Copying", "Comparing"))]
    assert any("rows/s" in line for line in bars)
    assert max(map(len, bars)) <= 80
