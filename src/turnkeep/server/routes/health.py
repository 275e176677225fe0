"""Whether the server runs, and whether it can work."""

from __future__ import annotations

import logging

from litestar.types import ASGIApp
from msgspec import UNSET

from turnkeep.errors import StoreError
from turnkeep.server.answers import Answer, Health
from turnkeep.server.call import PUBLIC, Call
from turnkeep.server.operations import operation
from turnkeep.server.problems import NotReady

log = logging.getLogger("turnkeep.server")


@operation("GET", "/healthz", scope=PUBLIC, answers={200: Health}, tag="server")
async def healthz(request: Call) -> ASGIApp:
    """Whether the process runs. Needs no key."""
    return Answer(Health("ok"))


@operation("GET", "/readyz", scope=PUBLIC, answers={200: Health}, problems=(503,), tag="server")
async def readyz(request: Call) -> ASGIApp:
    """Whether the database is read and takes changes. Needs no key. A Redis that is away is told, and is no reason to be unready."""
    tenants = request.app.state.tenants
    try:
        await tenants.answers()
    except StoreError as error:
        log.warning("not ready: %s", error)  # whoever asks without a key is told no path
        raise NotReady from None
    return Answer(Health("ok", UNSET if tenants.hints is None else tenants.hints.up))


HANDLERS = [healthz, readyz]
