"""kill -9 at any moment of a migration: the next run goes on from there, and in the end all is there once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGKILL
from typing import Any

from tests.transfer.helpers import end, sql

from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.testing.builders import message, opened, said
from turnkeep.testing.everything import filled
from turnkeep.testing.store_contract.moving import every_row

PROGRAM = """
import os, signal, sys
from turnkeep.stores.sqlite import SQLiteStore
from turnkeep.transfer import copy
copy.PAGE = 20
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may have been told to ignore it
load, loads = SQLiteStore.load, 0
async def counted(self, *args, **more):
    global loads
    await load(self, *args, **more)
    loads += 1
    if loads == int(os.environ.get("STOP_AT", 0)):
        signal.raise_signal(int(os.environ["STOP_BY"]))
SQLiteStore.load = counted
from turnkeep.cli.app import run
sys.exit(run(["migrate", "--json", *sys.argv[1:]]))
"""


def started(source: Path, target: Path, **env: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, f"sqlite:///{source}", f"sqlite:///{target}"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=source.parent, env=os.environ | env, **pipes)


def rows_there(target: Path) -> int | None:
    """By the mark; None when there is none, since it has not begun or has ended."""
    if not target.exists() or not sql(target, "SELECT 1 FROM sqlite_schema WHERE name = 'transfer'"):
        return None
    found = sql(target, "SELECT mark FROM transfer")
    return json.loads(found[0][0])["rows"] if found else None


async def test_killed_again_and_again_it_loses_nothing(tmp_path: Path) -> None:
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    store = SQLiteStore(source)
    await store.open()
    for number in range(8):
        session = await opened(store, conversation_id=f"long {number}")
        await said(store, session, *[message(content=f"{at}", external_id=f"{number}:{at}") for at in range(500)])
    await filled(store)
    rows = await every_row(store)
    await store.close()
    seen: list[int] = []
    for pages in (1, 2, 7, 60, 30):
        process = started(source, target, STOP_AT=str(pages), STOP_BY=str(int(SIGKILL)))
        process.communicate()
        assert process.returncode == -SIGKILL
        seen.append(rows_there(target) or 0)
    assert seen == sorted(set(seen))
    last = started(source, target)
    out, err = last.communicate()
    assert (last.returncode, err) == (0, "")
    assert json.loads(out)["there_before"] == seen[-1]
    assert rows_there(target) is None
    async with end("sqlite", target) as moved:
        assert await every_row(moved) == rows
        assert await moved.check() == []


async def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    async with end("sqlite", source) as store:
        await said(store, await opened(store), *["hello"] * 1000)
        await said(store, await opened(store, conversation_id="2"), *["hello"] * 1000)
    process = started(source, target, STOP_AT="10", STOP_BY=str(int(SIGINT)))
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "rows are in the target; run the same command again, it goes on from there" in err
    assert "Traceback" not in err
    last = started(source, target)
    out, err = last.communicate()
    assert (last.returncode, err) == (0, "")
    told = json.loads(out)
    assert told["there_before"] >= 100
    assert told["rows"]["messages"] == 2000
