"""Whether the server runs, and whether it can work."""

from __future__ import annotations

from litestar.types import ASGIApp

from turnkeep.server.answers import Answer, Health
from turnkeep.server.call import PUBLIC, Call
from turnkeep.server.operations import operation


@operation("GET", "/healthz", scope=PUBLIC, answers={200: Health}, tag="server")
async def healthz(request: Call) -> ASGIApp:
    """Whether the process runs. Needs no key."""
    return Answer(Health("ok"))


@operation("GET", "/readyz", scope=PUBLIC, answers={200: Health}, problems=(503,), tag="server")
async def readyz(request: Call) -> ASGIApp:
    """Whether the database answers. Needs no key."""
    await request.app.state.tenants.answers()
    return Answer(Health("ok"))


HANDLERS = [healthz, readyz]
