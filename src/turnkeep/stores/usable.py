"""Whether a store may be used here and now: it is open, by this process and on this event loop.

Invariant: a store that was opened before a fork is never used in the child, which holds none of the parent's locks.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from threading import get_ident
from weakref import WeakSet

from turnkeep.errors import ManagerClosed, UsedAfterFork, WrongLoop


class Usable:
    """Call `bind` when open, `check_usable` before each use, `unbind` to close."""

    def __init__(self) -> None:
        self.opened = self.forked = False
        self.file: tuple[int, int] | None = None  # device and inode of what is open
        _all.add(self)

    def bind(self) -> None:
        self.loop, self.thread = asyncio.get_running_loop(), get_ident()
        self.opened = True

    def unbind(self) -> bool:
        """Whether there is something to close, and it is ours."""
        was_open, self.opened = self.opened, False
        return was_open and not self.forked

    def check_usable(self) -> None:
        if not self.opened:
            raise ManagerClosed
        if self.forked:
            raise UsedAfterFork
        # A thread runs one loop at a time. Asking asyncio which one costs a system call, so that is the second question.
        if (get_ident() != self.thread or not self.loop.is_running()) and asyncio.get_running_loop() is not self.loop:
            raise WrongLoop


_all: WeakSet[Usable] = WeakSet()
_inherited: set[tuple[int, int]] = set()
_kept: list[Usable] = []  # for ever: closing the parent's connections in the child could take away a WAL that is in use


def identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def check_not_inherited(path: Path) -> None:
    """SQLite books its locks by process and inode: in a fork of a process that had the file open, it takes the parent's for its own."""
    if _inherited and path.exists() and identity(path) in _inherited:
        raise UsedAfterFork


def _after_fork() -> None:
    for usable in _all:
        usable.forked = True
        _kept.append(usable)
        if usable.file is not None:
            _inherited.add(usable.file)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
