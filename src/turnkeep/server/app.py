"""The application: handlers over what `Tenants` has open, as any ASGI server can run it.

Invariant: it opens and closes nothing: whoever runs it closes the database after the last answer.
"""

from __future__ import annotations

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from turnkeep.errors import TurnkeepError
from turnkeep.server import problems
from turnkeep.server.call import Call, authorize
from turnkeep.server.openapi import OPERATIONS
from turnkeep.server.tenants import Tenants


def create_app(tenants: Tenants) -> Litestar:
    """`tenants` is open, on the loop that the application runs on."""
    limit = tenants.settings.max_body_bytes
    return Litestar(
        route_handlers=list(OPERATIONS),
        before_request=authorize,
        exception_handlers={
            HTTPException: problems.on_http_exception,
            TurnkeepError: problems.on_turnkeep_error,
            Exception: problems.on_bug,
        },
        logging_config=None,
        openapi_config=None,
        request_class=Call,
        request_max_body_size=limit,
        state=State({"tenants": tenants, "max_body_bytes": limit}),
    )
