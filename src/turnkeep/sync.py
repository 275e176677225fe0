"""The same calls for code without an event loop: Flask, Django, scripts.

Invariant: all managers of a process share one loop thread; a call blocks its own thread until the loop has answered, and any
number of threads may call.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from turnkeep import manager
from turnkeep.errors import ManagerClosed, UsedAfterFork, WrongLoop
from turnkeep.feed import Feed
from turnkeep.session import Change
from turnkeep.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


class _LoopThread:
    """One event loop on a thread of its own, started when it is first needed, and anew after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        loop = self._running()
        if threading.current_thread().name == "turnkeep-loop":
            work.close()
            raise WrongLoop("turnkeep.sync was called on its own loop's thread: use turnkeep.SessionManager there.")
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._loop.run_forever, name="turnkeep-loop", daemon=True).start()
            return self._loop


_thread = _LoopThread()
_M = manager.SessionManager


def _blocking(
    call: Callable[Concatenate[_M, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SessionManager, P], T]:
    @wraps(call)
    def blocking(self: SessionManager, *args: P.args, **kwargs: P.kwargs) -> T:
        return _thread.run(call(self._usable(), *args, **kwargs))

    return cast("Callable[Concatenate[SessionManager, P], T]", blocking)


def _each(feed: Feed) -> Iterator[Change]:
    async def step() -> Change | None:
        return await anext(feed, None)

    while (change := _thread.run(step())) is not None:
        yield change


class SessionManager:
    """`turnkeep.SessionManager`, each call blocking. Use `with SessionManager.open(...)`, or `open(...)` and `close()`."""

    def __init__(self, inner: _M) -> None:
        self._inner = inner
        self._pid = 0

    @classmethod
    def open(cls, url: str | None = None, **options: Any) -> Self:
        """See `turnkeep.SessionManager.open`; opened when this returns."""
        opened = cls(_M.open(url, **options))
        opened._start()
        return opened

    def _start(self) -> None:
        async def start() -> None:
            await self._inner

        _thread.run(start())
        self._pid = os.getpid()

    def _usable(self) -> _M:
        if not self._pid:
            raise ManagerClosed
        if self._pid != os.getpid():
            raise UsedAfterFork
        return self._inner

    @property
    def app(self) -> str:
        return self._inner.app

    @property
    def settings(self) -> Settings:
        return self._inner.settings

    @property
    def failures(self) -> dict[str, int]:
        return self._inner.failures

    def __enter__(self) -> Self:
        self._usable()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def for_app(self, app: str) -> Self:
        """See `turnkeep.SessionManager.for_app`."""
        lent = type(self)(self._usable().for_app(app))
        lent._pid = self._pid
        return lent

    def conditional(
        self, *, expected_version: int | None = None, idempotency_key: str | None = None, fingerprint: str = ""
    ) -> Self:
        """See `turnkeep.SessionManager.conditional`."""
        inner = self._usable().conditional(
            expected_version=expected_version, idempotency_key=idempotency_key, fingerprint=fingerprint
        )
        lent = type(self)(inner)
        lent._pid = self._pid
        return lent

    def listen(self, session_id: str, after: str | None = None) -> Iterator[Change]:
        """See `turnkeep.SessionManager.listen`; each step blocks until there is a change."""

        async def begin() -> Feed:
            return self._usable().listen(session_id, after)

        return _each(_thread.run(begin()))

    close = _blocking(_M.close)
    get_or_create_session = _blocking(_M.get_or_create_session)
    open_session = _blocking(_M.open_session)
    get_session = _blocking(_M.get_session)
    find_by_conversation = _blocking(_M.find_by_conversation)
    list_sessions = _blocking(_M.list_sessions)
    deactivate_session = _blocking(_M.deactivate_session)
    delete_session = _blocking(_M.delete_session)
    erase_user = _blocking(_M.erase_user)
    add_message = _blocking(_M.add_message)
    add_messages = _blocking(_M.add_messages)
    get_messages = _blocking(_M.get_messages)
    find_message = _blocking(_M.find_message)
    build_context = _blocking(_M.build_context)
    summarize_session = _blocking(_M.summarize_session)
    resummarize_session = _blocking(_M.resummarize_session)
    get_summaries = _blocking(_M.get_summaries)
    clear_messages = _blocking(_M.clear_messages)
    retract = _blocking(_M.retract)
    recall = _blocking(_M.recall)
    pin_message = _blocking(_M.pin_message)
    pin = _blocking(_M.pin)
    unpin = _blocking(_M.unpin)
    get_pins = _blocking(_M.get_pins)
    get_state = _blocking(_M.get_state)
    update_state = _blocking(_M.update_state)
    record_tool_call = _blocking(_M.record_tool_call)
    record_error = _blocking(_M.record_error)
    record_usage = _blocking(_M.record_usage)
    get_events = _blocking(_M.get_events)
    cleanup = _blocking(_M.cleanup)
    get_stats = _blocking(_M.get_stats)
    get_session_stats = _blocking(_M.get_session_stats)
    settle = _blocking(_M.settle)
    backup = _blocking(_M.backup)
    check = _blocking(_M.check)
    sizes = _blocking(_M.sizes)
