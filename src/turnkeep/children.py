"""Processes that do work for this one: how they are started and ended.

Invariant: after `end` the process is gone and waited for, or was told to go and is not worth more waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path

ENDS = 5.0  # seconds for an end


def command(module: str) -> list[str] | None:
    """What runs `main` of a module in a process of its own; None where this process is not Python's own program, which would start
    something else. The path is this process's own, so that the child finds the same Turnkeep, wherever it was started."""
    name = Path(sys.executable or "").name.lower()
    if os.name != "posix" or getattr(sys, "frozen", False) or not name.startswith(("python", "pypy")):
        return None
    # It takes a group of its own before all else: to ask that of who starts it, not every event loop knows (uvloop).
    boot = f"import json, os, sys; os.setpgid(0, 0); sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"
    return [sys.executable, "-P", "-c", boot, json.dumps(sys.path)]


async def start(program: Sequence[str]) -> Process:
    """It is spoken to by pipes, and no signal of the terminal reaches it: its group is its own. Its session is this process's: many kernels
    share a core out among sessions first, and a priority counts within one only (autogroups). OSError or NotImplementedError where
    there can be none."""
    return await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE)


def kill(process: Process) -> None:
    """It has nothing to lose. By its number, for `Process.kill` first looks whether it has ended, and thereby takes its end away from
    asyncio, which waits for it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


async def end(process: Process) -> None:
    kill(process)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ENDS):
            await process.wait()
