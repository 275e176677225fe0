"""kill -9 at any moment of a migration: the next run goes on from there, and in the end all is there once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from signal import SIGINT, SIGKILL
from typing import Any

import pytest
from tests.transfer.helpers import at, end

from turnkeep.testing.builders import message, opened, said
from turnkeep.testing.everything import filled
from turnkeep.testing.store_contract.moving import every_row

PROGRAM = """
import os, signal, sys
from turnkeep.settings import Settings
from turnkeep.stores import open_store
from turnkeep.transfer import copy
copy.PAGE = 20
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may have been told to ignore it
kind = type(open_store(sys.argv[2], Settings()))
load, loads = kind.load, 0
async def counted(self, *args, **more):
    global loads
    await load(self, *args, **more)
    loads += 1
    if loads == int(os.environ.get("STOP_AT", 0)):
        signal.raise_signal(int(os.environ["STOP_BY"]))
kind.load = counted
from turnkeep.cli.app import run
sys.exit(run(["migrate", "--json", *sys.argv[1:]]))
"""


def started(source: str, target: str, **env: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, source, target]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=os.environ | env, **pipes)


async def rows_there(target: str) -> int | None:
    """By the mark; None when there is none, since it has ended."""
    async with at(target) as store:
        mark = await store.mark()
    return None if mark is None else json.loads(mark)["rows"]


async def killed_at_each(source: str, target: str, loads: Sequence[int]) -> int:
    """A run that is killed behind that many loads, for each of these; how many rows are there in the end."""
    seen: list[int] = []
    for count in loads:
        process = started(source, target, STOP_AT=str(count), STOP_BY=str(int(SIGKILL)))
        process.communicate()
        assert process.returncode == -SIGKILL
        seen.append(await rows_there(target) or 0)
    assert seen == sorted(set(seen))
    return seen[-1]


@pytest.mark.parametrize(
    ("source", "target", "loads"), [("a.db", "b.db", (1, 2, 7, 60, 30)), ("a.db", "", (1, 2, 7, 60, 30)), ("", "b.db", (2, 60))]
)
async def test_killed_again_and_again_it_loses_nothing(
    tmp_path: Path, source: str, target: str, loads: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    """From a file or into one; no name: PostgreSQL."""
    source, target = (f"sqlite:///{tmp_path / end}" if end else request.getfixturevalue("database") for end in (source, target))
    async with at(source) as store:
        for number in range(8):
            session = await opened(store, conversation_id=f"long {number}")
            await said(store, session, *[message(content=f"{at}", external_id=f"{number}:{at}") for at in range(300)])
        await filled(store)
        rows = await every_row(store)
    there = await killed_at_each(source, target, loads)
    last = started(source, target)
    out, err = last.communicate()
    assert (last.returncode, err) == (0, "")
    assert json.loads(out)["there_before"] == there
    assert await rows_there(target) is None
    async with at(target) as moved:
        assert await every_row(moved) == rows
        assert await moved.check() == []


async def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    async with end("sqlite", source) as store:
        await said(store, await opened(store), *["hello"] * 1000)
        await said(store, await opened(store, conversation_id="2"), *["hello"] * 1000)
    ends = f"sqlite:///{source}", f"sqlite:///{target}"
    process = started(*ends, STOP_AT="10", STOP_BY=str(int(SIGINT)))
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "rows are in the target; run the same command again, it goes on from there" in err
    assert "Traceback" not in err
    last = started(*ends)
    out, err = last.communicate()
    assert (last.returncode, err) == (0, "")
    told = json.loads(out)
    assert told["there_before"] >= 100
    assert told["rows"]["messages"] == 2000
