"""The process: a socket, uvicorn, and the signals that end it.

Invariants: the address is taken before the database is opened; after SIGTERM or SIGINT nothing new is accepted, what is under way is
answered, event streams end, and the database is closed last; then the process ends by itself, with 0.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import uvicorn

from turnkeep.errors import InvalidInput
from turnkeep.server.app import create_app
from turnkeep.server.protocol import RESERVE, LimitedProtocol, Limits
from turnkeep.server.tenants import Tenants
from turnkeep.settings import Settings

BACKLOG = 2048
OTHER_FILES = 64  # that the process has open
log = logging.getLogger("turnkeep.server")

Ready = Callable[[str, str | None], None]


class _Server(uvicorn.Server):
    """uvicorn's, but for signals: it would raise them again in the end, and the process die of them; and it would wait for streams.

    `ready` is called when requests and signals are heard.
    """

    def __init__(self, config: uvicorn.Config, tenants: Tenants, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._tenants, self._ready = tenants, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._tenants.streams.end()

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            now = time.monotonic()
            for connection in [*self.server_state.connections]:
                if isinstance(connection, LimitedProtocol):
                    connection.look(now)
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio looks for it: only then does it turn off Nagle's algorithm, which would hold back the
    # second part of each answer for 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        told = os.strerror(error.errno) if isinstance(error, OSError) and error.errno and error.errno > 0 else str(error)
        listening.close()
        raise InvalidInput("host", f"cannot listen on {host}:{port}: {told}") from None
    return listening


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(url: str | None, settings: Settings, host: str, port: int, ready: Ready) -> None:
    """See `turnkeep.server.serve`."""
    if settings.access_log:
        _tell_accesses()
    tenants = Tenants(url, settings)
    listening = _listen(host, port)
    try:
        asyncio.run(_serve(tenants, listening, ready))
    finally:
        listening.close()


def _room_for(connections: int) -> int:
    """As many of them as the process may have open beside its files: its limit is raised, or else that number lowered."""
    wanted = connections + RESERVE + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < wanted:
            connections = max(1, soft - RESERVE - OTHER_FILES)
            log.warning("only %d connections at once: the process may open %d files (ulimit -n)", connections, soft)
    return connections


def _tell_accesses() -> None:
    """To stderr, one line each."""
    lines = logging.StreamHandler()
    lines.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    access = logging.getLogger("turnkeep.access")
    access.setLevel(logging.INFO)
    access.propagate = False
    access.addHandler(lines)


async def _serve(tenants: Tenants, listening: socket.socket, ready: Ready) -> None:
    async with tenants:
        key = await tenants.first_key()
        server = _Server(_config(tenants), tenants, lambda: ready(_address(listening), key))
        gc.freeze()  # what is loaded now stays: no full collection need look through it again, which would hold up all who wait
        await server.serve(sockets=[listening])


def _config(tenants: Tenants) -> uvicorn.Config:
    settings = tenants.settings
    limits = Limits(_room_for(settings.max_connections), settings.request_timeout)
    return uvicorn.Config(
        create_app(tenants),
        http=partial(LimitedProtocol, limits),  # type: ignore[arg-type]  # it is only ever called
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,  # uvicorn's has query strings in it, and they may name people
        proxy_headers=False,  # nothing here asks who the client is: its key says so
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.close_timeout),
    )
