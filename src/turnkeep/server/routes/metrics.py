"""Figures for whoever runs the server."""

from __future__ import annotations

from litestar import Response

from turnkeep.server.call import Call
from turnkeep.server.operations import operation
from turnkeep.server.problems import Forbidden


@operation("GET", "/metrics", scope="admin", answers={200: str}, tag="server")
async def metrics(request: Call) -> Response[bytes]:
    """What Prometheus reads. It is about all apps, so the keys of one app alone may, and that app is named by the settings."""
    caller, state = request.caller, request.app.state
    caller.require_whole_app()
    if caller.key.app != state.tenants.operator:
        raise Forbidden("This is about all apps: it needs a key of the app that the server's setting metrics_app names.")
    await state.tenants.count()
    kind, text = state.exposition.text(request.header(b"accept"))
    return Response(text, headers={"Content-Type": kind})


HANDLERS = [metrics]
