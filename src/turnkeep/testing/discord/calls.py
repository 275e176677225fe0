"""One call of the REST API: what was asked, and the answer to it.

Invariant: an answer in JSON has the content type `application/json`, exactly.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec
from aiohttp import web

from turnkeep.testing.discord.checks import MAX_FILE_BYTES, refusal
from turnkeep.testing.discord.shapes import Json

File: TypeAlias = tuple[str, bytes]  # its name, and what is in it
_FILE = re.compile(r"files\[(\d+)\]")


class Call(NamedTuple):
    """`ids`: of the path; `given`: the body; `files`: those that came with it, by their number."""

    ids: Mapping[str, str]
    query: Mapping[str, str]
    given: Any
    files: dict[int, File]

    def id(self, name: str) -> int:
        found = self.ids[name]
        return int(found) if found.isdecimal() else 0


Handler: TypeAlias = Callable[[Call], Awaitable[Any]]  # None: an answer without a body
Routes: TypeAlias = tuple[tuple[str, str, Handler], ...]  # method, path, who answers: calls are counted by its name


async def read(request: web.Request) -> Call:
    given: Any = {}
    files: dict[int, File] = {}
    if request.content_type == "application/json":
        given = _decoded(await request.read())
    elif request.can_read_body:
        for name, value in (await request.post()).items():
            numbered = _FILE.fullmatch(name)
            if isinstance(value, web.FileField) and numbered:
                files[int(numbered[1])] = value.filename, value.file.read()
            elif name == "payload_json":
                given = _decoded(value if isinstance(value, str | bytes) else b"")
    if any(len(data) > MAX_FILE_BYTES for _, data in files.values()):
        raise refusal(40005)
    return Call(request.match_info, request.query, given, files)


def _decoded(body: str | bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError:
        raise refusal(50109) from None


def answer(told: Json | list[Any] | None, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    if told is None:
        return web.Response(status=204, headers=headers)
    return web.Response(body=msgspec.json.encode(told), status=status, headers=headers, content_type="application/json")
