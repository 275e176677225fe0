"""How a command ends: exit codes, error lines, help; without the extra, with a broken pipe, with Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.conftest import PROGRAM, Command, conversation, write

NEED_A_DATABASE = {
    "list": ("sessions", "list"),
    "show": ("sessions", "show", "ses_x"),
    "delete": ("sessions", "delete", "ses_x", "--yes"),
    "stats": ("stats",),
    "cleanup": ("cleanup",),
    "backup": ("backup", "copy.db"),
    "doctor": ("doctor",),
}
every_command = pytest.mark.parametrize("command", NEED_A_DATABASE.values(), ids=NEED_A_DATABASE)


@every_command
def test_no_command_makes_a_database(cli: Command, tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = cli(*command, "--db", "sqlite:///none.db")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"Error: there is no database at {tmp_path / 'none.db'}: ")
    assert ended.err.count("\n") == 1
    assert cli(*command, "--json").error()["code"] == "store-unavailable"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("sqlite:///text.db", "wrong-key"),
        ("sqlite:///empty.db", "store-unavailable"),
        ("sqlite:///folder", "store-unavailable"),
        ("memory://", "store-unavailable"),
        ("redis://localhost", "invalid-input"),
        ("sqlite:///", "invalid-input"),
    ],
)
def test_what_is_no_database(cli: Command, tmp_path: Path, url: str, code: str) -> None:
    (tmp_path / "text.db").write_text("This is no database, but a text of more than a hundred bytes. " * 3)
    (tmp_path / "empty.db").touch()
    (tmp_path / "folder").mkdir()
    ended = cli("stats", "--json", "--db", url)
    assert (ended.code, ended.error()["code"]) == (1, code)
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_a_wrong_use(script: Command, cli: Command) -> None:
    ended = script("stats", "--db", "turnkeep.db")
    assert (ended.code, ended.out) == (2, "")
    assert "must be a URL, such as sqlite:///turnkeep.db" in ended.err
    told = cli("stats", "--db", "turnkeep.db", "--json").error()
    assert (told["code"], told["field"]) == ("usage", "db")
    assert cli("demo", "--concurrency", "0").code == cli("nonsense").code == cli().code == 2


def test_a_wrong_setting(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNKEEP_TOKEN_LIMIT", "many")
    told = cli("demo", "--json").error()
    assert (told["code"], told["field"]) == ("invalid-input", "token_limit")


def test_version(script: Command) -> None:
    ended = script("--version")
    assert ended.code == 0
    assert ended.out.startswith("turnkeep 0.")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "demo",
        "sessions",
        "sessions list",
        "sessions show",
        "sessions delete",
        "stats",
        "doctor",
        "keys",
        "keys create",
        "serve",
    ],
)
def test_help_fits_80_columns(cli: Command, words: str) -> None:
    ended = cli(*words.split(), "--help")
    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "encryption" not in ended.out.partition("Options:")[2].partition("Commands:")[0]


@pytest.mark.parametrize("library", ["click", "rich"])
def test_without_the_extra(library: str) -> None:
    blocked = f"import sys; sys.modules['{library}'] = None; sys.argv[1:] = ['stats']; from turnkeep.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", blocked], capture_output=True, encoding="utf-8", check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == 'Error: The command line needs an optional part: pip install "turnkeep[cli]"\n'


def test_a_terminal_that_knows_ascii_only(script: Command) -> None:
    plain = {"PYTHONIOENCODING": "ascii"}
    assert script("demo", **plain).code == 0
    told = script("demo", "--json", **plain)
    assert told.json()["stats"]["total_messages"] == 478


@pytest.mark.skipif(os.name == "nt", reason="pipes end in another way on Windows")
@pytest.mark.parametrize("json", [(), ("--json",)])
def test_a_reader_that_has_seen_enough(url: str, json: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run([PROGRAM, "stats", *json, "--db", url], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing on Windows")
def test_ctrl_c(cli: Command, tmp_path: Path) -> None:
    conversations = [conversation(f"c{at}", *(f"text {turn}" for turn in range(200))) for at in range(100)]
    write(tmp_path / "long.jsonl", *conversations)
    arguments = ["demo", "long.jsonl", "--concurrency", "1", "--db", "sqlite:///long.db"]
    # In a shell's background Ctrl-C is ignored, and a process begins as its parent is: so this one is told to hear it.
    heard = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", heard, str(PROGRAM), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as demo:
        deadline = time.monotonic() + 20
        while not (tmp_path / "long.db-wal").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        demo.send_signal(signal.SIGINT)
        out, err = demo.communicate(timeout=20)
    assert (demo.returncode, out, err.strip()) == (130, b"", b"")
    assert cli("doctor", "--db", "sqlite:///long.db").code == 0
