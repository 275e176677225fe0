"""Real servers on loopback: uvicorn and the application, on the test's own loop, over a SQLite file."""

import socket
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from turnkeep.client import SessionManager
from turnkeep.keys import Access, new_key
from turnkeep.server.app import attach, create_app
from turnkeep.server.protocol import LimitedProtocol, Limits
from turnkeep.server.tenants import Tenants
from turnkeep.server.watch import Watched
from turnkeep.settings import Settings

protocol: Any = partial(LimitedProtocol, Limits(connections=1000, seconds=30))
_spare: list[Watched] = []  # making an application takes longer than most tests


class Served:
    """A database, and a server over it on a free port."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, **settings: Any) -> None:
        self.database, self.clock = f"sqlite:///{path}", clock
        self.settings = Settings(**({"cleanup_interval": 0.0} | settings))
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Also again, after `stop`, on the same port."""
        self.tenants = await Tenants(self.database, self.settings, clock=self.clock).__aenter__()
        if _spare:
            self.app = _spare.pop()
            attach(self.app, self.tenants)
        else:
            self.app = create_app(self.tenants)
        config = uvicorn.Config(self.app, http=protocol, ws="none", lifespan="off", log_config=None, server_header=False)
        config.load()
        self.server = uvicorn.Server(config)
        self.server.lifespan = config.lifespan_class(config)
        self.listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listening.bind(("127.0.0.1", self.port))
        self.port = self.listening.getsockname()[1]
        await self.server.startup(sockets=[self.listening])

    async def stop(self) -> None:
        for one in self.server.servers:  # as uvicorn does it, but for its pause of a tenth of a second
            one.close()
        for connection in list(self.server.server_state.connections):
            connection.shutdown()
        for one in self.server.servers:
            await one.wait_closed()
        _spare.append(self.app)
        await self.tenants.__aexit__(None, None, None)

    async def key(self, scope: Access = "admin", app: str | None = None, user: str | None = None) -> str:
        """A key, of the server's own app unless another is named."""
        shown, key = new_key(app or self.settings.app, scope, external_user_id=user, now_ms=int(time.time() * 1000))
        await self.tenants.store.add_key(key)
        return shown

    async def client(self, scope: Access = "admin", app: str | None = None, **options: Any) -> SessionManager:
        """To be entered or awaited."""
        return SessionManager.open(self.url, key=await self.key(scope, app), **options)


@pytest.fixture
async def served(folder: Path) -> AsyncIterator[Served]:
    server = Served(folder / "turnkeep.db")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[SessionManager]:
    async with await served.client() as opened:
        yield opened
