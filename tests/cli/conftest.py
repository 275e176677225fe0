"""Two ways to run a command: `cli` in this process, `script` as the installed program."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from turnkeep.cli.app import run

PROGRAM = Path(sys.executable).with_name("turnkeep.exe" if os.name == "nt" else "turnkeep")


class Ended(msgspec.Struct):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def error(self) -> dict[str, Any]:
        assert self.out == ""
        told = json.loads(self.err)["error"]
        assert isinstance(told, dict)
        return told


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _a_bare_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TURNKEEP_") or name in ("FORCE_COLOR", "NO_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*args: str) -> Ended:
        capsys.readouterr()
        code = run(args)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return call


@pytest.fixture
def script() -> Command:
    def call(*args: str, **env: str) -> Ended:
        done = subprocess.run(
            [PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", env=os.environ | env, check=False
        )
        assert "Traceback" not in done.stderr
        return Ended(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    done = subprocess.run([PROGRAM, "demo", "--json", "--db", f"sqlite:///{path}"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def db(_made_once: Path, tmp_path: Path) -> Path:
    """A copy of what `turnkeep demo` makes, at tmp_path/demo.db: 7 sessions, 478 messages."""
    return Path(shutil.copy(_made_once, tmp_path / "demo.db"))


@pytest.fixture
def url(db: Path) -> str:
    return f"sqlite:///{db}"


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return path


def conversation(name: str = "c1", *texts: str) -> dict[str, Any]:
    """Texts by turns of the user and the assistant."""
    said = texts or ("Hi!", "Hello.")
    messages = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]
    return {"id": name, "messages": messages}
