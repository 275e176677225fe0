"""What changes in a session, as it happens."""

from __future__ import annotations

from litestar.params import FromPath
from litestar.types import ASGIApp

from turnkeep.errors import InvalidInput
from turnkeep.server.call import Call
from turnkeep.server.operations import operation
from turnkeep.server.routes.sessions import ONE
from turnkeep.server.streams import EventStream


@operation("GET", ONE + "/events", scope="read", answers={200: str}, problems=(404, 429, 503), headers=("Last-Event-ID",))
async def listen(request: Call, session_id: FromPath[str]) -> ASGIApp:
    """The changes of the session as Server-Sent Events, for as long as the client listens.

    The events `message`, `summary`, `tool-call`, `error` and `usage` have as data what the resources show; a `session` comes when all up to
    its `version` was told, and tells of every other change; `deleted` is the last. It begins with a `session`, or with
    `Last-Event-ID` exactly behind that event.
    """
    sessions = await request.sessions_for(session_id)
    try:
        feed = sessions.listen(session_id, request.header(b"last-event-id"))
        await feed.begin()
    except InvalidInput as error:
        raise InvalidInput("last-event-id", error.reason) if error.field == "after" else error from None
    tenants = request.app.state.tenants
    return EventStream(tenants.streams, feed, request.caller.key, tenants.counts)


HANDLERS = [listen]
