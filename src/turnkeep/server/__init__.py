"""The HTTP API, `turnkeep serve`: `SessionManager` for clients in any language.

Invariant: Litestar, uvicorn and prometheus_client are imported below this package only; without them it says what to install.
"""

from __future__ import annotations

from collections.abc import Callable

from turnkeep.errors import MissingExtra
from turnkeep.settings import Settings

LIBRARIES = ("httptools", "litestar", "prometheus_client", "uvicorn")


def serve(url: str | None, settings: Settings, host: str, port: int, ready: Callable[[str, str | None], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is told the address, and the admin key if this start has made one."""
    try:
        from turnkeep.server.run import run
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in LIBRARIES:
            raise
        raise MissingExtra("The server", "server") from error
    run(url, settings, host, port, ready)
