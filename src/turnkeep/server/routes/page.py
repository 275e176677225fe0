"""The page on which every call can be read about and tried, made of the OpenAPI document in the browser.

Invariant: it is one file that loads nothing but the document; its policy lets it run that file's own script, and talk to this server
alone.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from litestar.types import ASGIApp, Receive, Scope, Send

from turnkeep.server.answers import Html
from turnkeep.server.call import PUBLIC, Call
from turnkeep.server.operations import operation

PAGE = files("turnkeep.server").joinpath("page.html").read_bytes()


def _hash(tag: bytes) -> str:
    found = re.search(rb"<%s>(.*?)</%s>" % (tag, tag), PAGE, re.DOTALL)
    assert found is not None
    return f"'sha256-{b64encode(sha256(found[1]).digest()).decode()}'"


POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src {_hash(b'script')}",
        f"style-src {_hash(b'style')}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-length": str(len(PAGE)),
    "content-security-policy": POLICY,
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Page:
    """The file as an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE, "more_body": False})


@operation("GET", "/docs", scope=PUBLIC, answers={200: Html}, tag="server")
async def read_page(request: Call) -> ASGIApp:
    """A page to read about these calls and try them, in a browser and without the internet. Needs no key."""
    return Page()


HANDLERS = [read_page]
