"""Every code block of the pages is executed, or checked in the way of its language; a language that is not known here fails."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import msgspec
import pytest
import yaml
from tests.docs.pages import PAGES, ROOT, Block, blocks

from turnkeep import SessionManager, Stats
from turnkeep.cli.conversations import read
from turnkeep.server.routes import metrics
from turnkeep.settings import NAMES, PREFIX, Settings, load

BLOCKS = [block for page in PAGES for block in blocks(page)]
BIN = Path(sys.executable).parent
VERBS = runpy.run_path(str(ROOT / "dev"), run_name="dev")["VERBS"]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
PATIENCE = 600  # seconds for a block; one of them runs the whole contract of a store, and the machine may be busy
SOURCES = "\n".join(path.read_text("utf-8") for folder in ("src", "benchmarks") for path in (ROOT / folder).rglob("*.py"))


@pytest.fixture(autouse=True)
def bare_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block runs in an empty folder and without settings from outside."""
    for variable in os.environ:
        if variable.startswith(PREFIX):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


# --- python


def _compiled(block: Block) -> CodeType:
    """Its lines have the numbers that they have on the page."""
    code = "\n" * block.line + block.code
    found: CodeType = compile(code, str(block.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return found


def _execute(*parts: Block, **known: str) -> None:
    """One block after the other in one namespace, in a coroutine if one of them awaits; what they leave open is closed."""
    compiled = [_compiled(part) for part in parts]
    names: dict[str, Any] = {"__name__": "block", **known}

    async def awaiting() -> None:
        try:
            for code in compiled:
                result = eval(code, names)
                if inspect.iscoroutine(result):
                    await result
        finally:
            for value in names.values():
                if isinstance(value, SessionManager):
                    await value.close()

    if any(code.co_flags & inspect.CO_COROUTINE for code in compiled):
        asyncio.run(awaiting())
    else:
        for code in compiled:
            exec(code, names)


def run_python(block: Block) -> None:
    _execute(block)


def run_continued(block: Block) -> None:
    [setup] = [other for other in blocks(block.page) if other.info == "python setup"]
    assert setup.line < block.line, "it stands before what it continues"
    _execute(setup, block)


def run_pytest(block: Block) -> None:
    """A test module, as its reader would run it."""
    Path("test_block.py").write_text(block.code, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_block.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


# --- shell


def _a_database() -> str:
    """turnkeep.db in this folder with one session in it; its id."""

    async def make() -> str:
        async with SessionManager.open() as sessions:
            session = await sessions.get_or_create_session("telegram", 123, external_user_id="ann")
            await sessions.add_message(session.id, "user", "Hello!")
            await sessions.add_message(session.id, "assistant", "Hi! What can I do for you?")
            return session.id

    return asyncio.run(make())


def run_shell(block: Block) -> None:
    commands = [shlex.split(part, comments=True) for line in block.code.splitlines() for part in line.split("&&")]
    checked = [_CHECKS.get(words[0]) for words in commands if words]
    if not any(checked):
        _run_commands(block)
        return
    for words in filter(None, commands):
        check = _CHECKS.get(words[0])
        assert check, f"{words[0]!r} stands beside a command that is checked, not run: give it a block of its own"
        check(words[1:])


def _run_commands(block: Block) -> None:
    assert re.search(r"^turnkeep ", block.code, re.MULTILINE), "a shell block without `turnkeep`: say here how to check it"
    assert (BIN / "turnkeep").exists()
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "ID": _a_database()}
    command = ["sh", "-eu", "-c", block.code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert not done.stderr


SERVED = 'curl() { command curl -sS --fail-with-body "$@"; }\n'  # an answer that is an error fails the block


@contextmanager
def _server() -> Iterator[dict[str, str]]:
    """One of its own, over a database with a session: URL, KEY and that session's ID, as the pages have them."""
    session_id = _a_database()
    with subprocess.Popen([str(BIN / "turnkeep"), "serve", "--json", "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            told = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
            yield {"URL": told["url"], "KEY": told["key"], "ID": session_id}
        finally:
            server.kill()


def run_served(block: Block) -> None:
    with _server() as known:
        command = ["sh", "-eu", "-c", SERVED + block.code]
        environment = {**os.environ, **known}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr


def run_python_served(block: Block) -> None:
    with _server() as known:
        _execute(block, **known)


def _check_dev(words: list[str]) -> None:
    assert words[0] in VERBS
    if words[0] == "bench":
        assert (ROOT / "benchmarks" / f"{words[1]}.py").exists()


def _check_pip(words: list[str]) -> None:
    assert words[0] == "install"
    name, _, extras = words[-1].rstrip("]").partition("[")
    assert name in (".", "turnkeep")
    assert set(filter(None, extras.split(","))) <= set(EXTRAS)


def _check_git(words: list[str]) -> None:
    assert words[0] == "clone"
    assert len(words) == 3, "`git clone WHAT FOLDER`, so that the next line knows where"


def _check_cd(words: list[str]) -> None:
    assert words == ["turnkeep"], "the folder that the clone was given"


def _check_python(words: list[str]) -> None:
    assert words[0] == "dev"
    _check_dev(words[1:])


_CHECKS: dict[str, Callable[[list[str]], None]] = {
    "./dev": _check_dev,
    "pip": _check_pip,
    "git": _check_git,
    "cd": _check_cd,
    "python3.13": _check_python,
}


# --- settings, data, pictures


def run_toml(block: Block) -> None:
    Path("turnkeep.toml").write_text(block.code, "utf-8")
    _shows(load(environ={}), set(tomllib.loads(block.code)))


def run_env(block: Block) -> None:
    values = dict(line.split("=", 1) for line in block.code.splitlines())
    _shows(load(environ=values), {variable.removeprefix(PREFIX).lower() for variable in values})


def _shows(settings: Settings, names: set[str]) -> None:
    """Each of these is a setting, and has another value than by default."""
    changed = {name for name in NAMES if getattr(settings, name) != getattr(Settings(), name)}
    assert changed == names


def run_json(block: Block) -> None:
    found = msgspec.json.decode(block.code)
    if "messages" in found:
        Path("lines.jsonl").write_text(block.code, "utf-8")
        assert read(Path("lines.jsonl"), Settings())[0].id == found["id"]
    else:
        assert set(found) == set(Stats.__struct_fields__)
        msgspec.convert(found, Stats)


def run_yaml(block: Block) -> None:
    """How Prometheus is told to read a server: at a path that it has, and with a key."""
    [job] = yaml.safe_load(block.code)["scrape_configs"]
    assert {path for handler in metrics.HANDLERS for path in handler.paths} == {job["metrics_path"]}
    assert job["authorization"]["type"] == "Bearer"


def run_text(block: Block) -> None:
    """A picture: what looks like a name in it is one."""
    for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b|\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", block.code):
        assert re.search(rf"\b{name}\b", SOURCES), f"{name} is no name in the sources"


WAYS: dict[str, Callable[[Block], None]] = {
    "python": run_python,
    "python setup": run_python,
    "python continued": run_continued,
    "python pytest": run_pytest,
    "sh": run_shell,
    "sh served": run_served,
    "python served": run_python_served,
    "toml": run_toml,
    "env": run_env,
    "json": run_json,
    "text": run_text,
    "yaml": run_yaml,
}


@pytest.mark.timeout(PATIENCE + 30)
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_block(block: Block) -> None:
    assert block.info in WAYS, f"{block.name}: nobody knows how to execute this; choose one of {', '.join(WAYS)}"
    WAYS[block.info](block)


def test_the_example_of_the_readme_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    [example] = [block for block in BLOCKS if block.page.name == "README.md" and block.info == "python"]
    run_python(example)
    printed = capsys.readouterr().out
    assert re.fullmatch(r"""\[{'role': 'user', 'content': "What's the weather\?"}\] \d+\n""", printed)

    async def stored() -> list[tuple[str, object]]:
        async with SessionManager.open("sqlite:///turnkeep.db") as sessions:
            [session] = await sessions.list_sessions()
            return [(message.role, message.content) for message in await sessions.get_messages(session.id)]

    assert asyncio.run(stored()) == [("user", "What's the weather?"), ("assistant", "Sunny, 21 degrees.")]


def test_no_code_hides_from_the_tests() -> None:
    """Not by indentation, which Markdown takes for code, too, and not in HTML."""
    for page in PAGES:
        lines = page.read_text("utf-8").splitlines()
        assert [line for line in lines if re.match(r"<(pre|code)", line.strip())] == []
        indented = [at for at in range(1, len(lines)) if lines[at].startswith("    ") and not lines[at - 1].strip()]
        in_blocks = {block.line + at for block in blocks(page) for at in range(block.code.count("\n") + 1)}
        assert [lines[at] for at in indented if at not in in_blocks] == []


# --- the executor itself


def _block(code: str, info: str = "python") -> Block:
    return Block(Path("page.md"), 1, info, code)


def test_a_block_that_is_wrong_fails() -> None:
    with pytest.raises(AssertionError):
        run_python(_block("assert 1 == 2"))
    with pytest.raises(ZeroDivisionError):
        run_python(_block("import asyncio\nawait asyncio.sleep(0)\n1 / 0"))
    with pytest.raises(AssertionError):
        run_shell(_block("turnkeep no-such-command\n"))
    with pytest.raises(AssertionError):
        run_shell(_block("./dev no-such-verb\n"))
    with pytest.raises(AssertionError):
        run_shell(_block("ls\n"))
    with pytest.raises(AssertionError):
        run_pytest(_block("def test_it():\n    assert 0\n"))
    with pytest.raises(AssertionError):
        run_env(_block("TURNKEEP_TOKEN_LIMTI=5\n"))
    with pytest.raises(AssertionError):
        run_text(_block("no_such_name"))


def test_blocks_are_found_whole(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n```python continued\nx = 1\n\n```\n````text\n```\n````\n  ```sh\n  ls\n  ```\n", "utf-8")
    assert [(block.line, block.info, block.code) for block in blocks(page)] == [
        (2, "python continued", "x = 1\n\n"),
        (6, "text", "```\n"),
        (9, "sh", "ls\n"),
    ]
