"""`turnkeep chat`, on a pipe and on a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import PROGRAM, Ended

SLOW = """
import asyncio


async def agent(messages):
    if messages[-1]["content"] == "fail":
        raise RuntimeError("no luck")
    for at in range(1000):
        yield f"word{at} "
        await asyncio.sleep(0.01)
"""


def piped(text: str, *args: str, **env: str) -> Ended:
    command = [str(PROGRAM), "chat", "--db", "sqlite:///talk.db", *args]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", env=os.environ | env, check=False)
    assert "Traceback" not in done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


class Terminal:
    """What somebody sees and types."""

    def __init__(self, fd: int) -> None:
        self.fd, self.seen = fd, ""

    def types(self, line: str) -> None:
        os.write(self.fd, f"{line}\n".encode())

    def until(self, words: str) -> str:
        """Read until that is seen; all that came up to there."""
        end = time.monotonic() + 60
        while words not in self.seen:
            assert time.monotonic() < end, f"no {words!r} in {self.seen!r}"
            if select.select([self.fd], [], [], 1.0)[0]:
                self.seen += re.sub("\x1b\\[[0-9;]*m", "", os.read(self.fd, 65_536).decode())
        found, _, self.seen = self.seen.partition(words)
        return found


@contextmanager
def terminal(**env: str) -> Iterator[tuple[Terminal, subprocess.Popen[bytes]]]:
    ours, theirs = pty.openpty()
    command = [str(PROGRAM), "chat", "--db", "sqlite:///talk.db"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"} | env)
    os.close(theirs)
    try:
        yield Terminal(ours), process
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.fixture
def slow(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "slow_agent.py").write_text(SLOW)
    return {"TURNKEEP_MODEL": "python:slow_agent:agent", "PYTHONPATH": str(tmp_path)}


def test_a_talk_goes_on_where_it_was_left() -> None:
    assert "Noted: your name is Ada." in piped("my name is Ada\n").out
    told = piped("what is my name?\n12 * (3 + 4)\n/stats\n").out
    assert "Your name is Ada." in told
    assert "= 84" in told
    assert "Messages: 8" in told
    assert "% of 4,000 tokens, 8 messages" in told


def test_json_is_an_object_a_line() -> None:
    out = piped("hello\n/undo\n", "--json").out.splitlines()
    assert '"context_percent"' in out[0]
    assert out[1].startswith('{"text": "Taken back')


def test_a_line_that_cannot_be_taken_ends_nothing() -> None:
    ended = piped(f"{'x' * 2000}\n/rest\nmy name is Ada\n", TURNKEEP_MAX_CONTENT_BYTES="1000")
    assert ended.code == 0
    assert "I cannot take this message: content: is too long" in ended.out
    assert "I do not know /rest." in ended.out
    assert "Noted: your name is Ada." in ended.out


def test_an_export_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "conversation-default.md").mkdir()
    assert "The file cannot be written" in piped("hello\n/export\n").out


@pytest.mark.parametrize(("command", "said"), [("/stop", "% of"), ("/reset", "A fresh start.")])
def test_a_command_that_is_typed_into_a_reply_stops_it(slow: dict[str, str], command: str, said: str) -> None:
    with terminal(**slow) as (screen, _):
        screen.until("> ")
        screen.types("go")
        screen.until("word5 ")
        screen.types(command)
        screen.until("(stopped)")
        screen.until(said)
        screen.until("> ")


def test_ctrl_c_stops_a_reply_and_then_the_program(slow: dict[str, str]) -> None:
    with terminal(**slow) as (screen, process):
        screen.until("> ")
        screen.types("go")
        screen.until("word5 ")
        process.send_signal(signal.SIGINT)
        screen.until("(stopped)")
        screen.until("> ")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_failure_is_a_sentence_and_a_line_of_the_log(slow: dict[str, str]) -> None:
    with terminal(LANG="de_DE.UTF-8", **slow) as (screen, _):
        screen.until("> ")
        screen.types("fail")
        shown = screen.until("/retry")
        assert "Etwas ging schief" in shown
        assert "RuntimeError" in shown
        assert "Traceback" not in shown
        screen.until("1 Nachrichten")
