"""The application: handlers over what `Tenants` has open, as any ASGI server can run it.

Invariant: it opens and closes nothing: whoever runs it closes the database after the last answer.
"""

from __future__ import annotations

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.plugins import PluginProtocol

from turnkeep.errors import TurnkeepError
from turnkeep.server import problems
from turnkeep.server.call import Call, authorize
from turnkeep.server.limits import Admission
from turnkeep.server.metrics import Exposition, Figures
from turnkeep.server.openapi import OPERATIONS
from turnkeep.server.routes import metrics
from turnkeep.server.tenants import Tenants
from turnkeep.server.watch import Watched

EXPOSED = ["Allow", "ETag", "RateLimit", "RateLimit-Policy", "Retry-After"]  # to a page's scripts, by CORS


class _App(Litestar):
    """Litestar's, without plugins for libraries that no handler here uses: to look for pydantic is to import it, both its versions."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return plugins


def create_app(tenants: Tenants) -> Watched:
    """`tenants` is open, on the loop that the application runs on."""
    settings = tenants.settings
    origins = [*settings.cors_origins]
    app = _App(
        route_handlers=[*OPERATIONS, *metrics.HANDLERS],
        before_request=authorize,
        cors_config=CORSConfig(allow_origins=origins, expose_headers=EXPOSED) if origins else None,
        exception_handlers={
            HTTPException: problems.on_http_exception,
            TurnkeepError: problems.on_turnkeep_error,
            Exception: problems.on_bug,
        },
        logging_config=None,
        openapi_config=None,
        request_class=Call,
        request_max_body_size=None,  # `Call.body` keeps to the limit
    )
    app.state.methods = {route.path_format: ", ".join(sorted(route.methods)) for route in app.routes}
    watched = Watched(app, Figures(), access_log=settings.access_log)
    attach(watched, tenants)
    return watched


def attach(watched: Watched, tenants: Tenants) -> None:
    """Have the application serve these, and count from nothing."""
    figures = watched.figures = Figures()
    tenants.store.listeners.append(figures.heard)
    watched.app.state.update(
        {
            "tenants": tenants,
            "max_body_bytes": tenants.settings.max_body_bytes,
            "figures": figures,
            "exposition": Exposition(figures, tenants.readings),
            "admission": Admission(tenants, tenants.settings, figures, tenants.hints),
        }
    )
