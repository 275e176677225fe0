"""What is about more than one session: a person's erasure, background work, and the database as a whole.

Invariant: figures and copies of the database hold every app's rows, so only an admin key of the server's own app (the setting `app`)
gets them; to all others they are forbidden.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from turnkeep.manager import SessionManager
from turnkeep.server import answers
from turnkeep.server.answers import Answer
from turnkeep.server.bodies import Erase
from turnkeep.server.call import Call
from turnkeep.server.conditions import ONCE, write
from turnkeep.server.operations import operation
from turnkeep.server.problems import Forbidden
from turnkeep.session import Erased

_ERASE = msgspec.json.Decoder(Erase)
_CHUNK = 1 << 20


def _of_the_whole(request: Call) -> SessionManager:
    """The manager, for what is about every app."""
    caller = request.caller
    caller.require_whole_app()
    own = request.app.state.tenants.settings.app
    if caller.key.app != own:
        raise Forbidden(f"This is about the whole database: it needs an admin key of the app that the server runs as, {own!r}.")
    return caller.sessions


@operation("GET", "/api/key", scope="read", answers={200: answers.Key}, tag="server")
async def read_key(request: Call) -> ASGIApp:
    """What the key of this request may do, and for whom."""
    key = request.caller.key
    return Answer(answers.Key(key.app, key.scope, key.external_user_id))


@operation(
    "POST",
    "/api/users/erase",
    scope="admin",
    answers={200: Erased},
    problems=(413, 415, 422),
    body=Erase,
    headers=ONCE,
    tag="upkeep",
)
async def erase_user(request: Call) -> ASGIApp:
    """Remove a person: their sessions and state, and what they wrote in other sessions (by `author_id`), for good."""
    given = await request.body_as(_ERASE)
    request.caller.require_whole_app()
    sessions = await write(request)
    return Answer(await sessions.erase_user(given.external_user_id, given.interface_type))


@operation("POST", "/api/settle", scope="write", answers={204: None}, tag="upkeep")
async def settle(request: Call) -> ASGIApp:
    """Wait until background work is done; for tests and scripts."""
    await request.caller.sessions.settle()
    return Answer(status=204)


@operation("GET", "/api/check", scope="admin", answers={200: answers.Checked}, tag="upkeep")
async def check(request: Call) -> ASGIApp:
    """Prove the database's invariants again from its rows; a line for each that does not hold, of every app."""
    return Answer(answers.Checked(await _of_the_whole(request).check()))


@operation("GET", "/api/sizes", scope="admin", answers={200: answers.Sizes}, tag="upkeep")
async def sizes(request: Call) -> ASGIApp:
    """Rows by table and bytes by file, of every app."""
    return Answer(answers.Sizes(await _of_the_whole(request).sizes()))


@operation("GET", "/api/backup", scope="admin", answers={200: bytes}, tag="upkeep")
async def backup(request: Call) -> ASGIApp:
    """A consistent copy of the database, encrypted with the same key, while it is in use.

    It is made whole in the server's folder for temporary files (`TMPDIR`) before the first byte is sent.
    """
    folder = TemporaryDirectory(prefix="turnkeep-backup-")
    copy = Path(folder.name) / "backup.db"
    try:
        await _of_the_whole(request).backup(copy)
    except BaseException:
        folder.cleanup()
        raise
    return Download(copy, folder)


class Download:
    """A file as an answer; its folder is removed when it was sent, or the client has gone."""

    def __init__(self, path: Path, folder: TemporaryDirectory[str]) -> None:
        self.path, self.folder = path, folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"content-length", b"%d" % self.path.stat().st_size),
            (b"content-disposition", b'attachment; filename="turnkeep-backup.db"'),
        ]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            with self.path.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, _CHUNK):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.folder.cleanup()


HANDLERS = [read_key, erase_user, settle, check, sizes, backup]
