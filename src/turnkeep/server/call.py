"""One request: who asks, what for, and with what.

Invariants: a handler reaches sessions through `sessions_for`, `visible` and `caller` only, which know what the key may see; to it,
what it may not see does not exist. Bodies and queries are judged whole before anything is done.
"""

from __future__ import annotations

import re
from typing import TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.keys import Access, ApiKey
from turnkeep.manager import SessionManager
from turnkeep.server.bodies import Nothing
from turnkeep.server.problems import ContentTooLarge, Forbidden, NotJson, UnsupportedMediaType
from turnkeep.server.tenants import Tenants
from turnkeep.session import Session

T = TypeVar("T")

MAX_PARAMETERS = 32
PUBLIC = "public"
_JSON = re.compile(rb"application/([\w.+-]+\+)?json\s*(;\s*charset\s*=\s*\"?utf-?8\"?\s*)?", re.IGNORECASE)
_AT = re.compile(r"^(?P<why>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_NAMED = re.compile(r"(?:missing required field|contains unknown field) `([^`]*)`")


class Caller:
    """What a key may do, and the manager of its app."""

    __slots__ = ("key", "sessions", "user")

    def __init__(self, key: ApiKey, sessions: SessionManager) -> None:
        self.key, self.sessions, self.user = key, sessions, key.external_user_id

    def require(self, scope: Access) -> None:
        if not self.key.allows(scope):
            raise Forbidden(f"This needs an API key of the scope {scope!r}; this one has {self.key.scope!r}.")

    def require_whole_app(self) -> None:
        if self.user is not None:
            raise Forbidden("This is about all users, and the API key is narrowed to one.")

    def may_see(self, session: Session) -> bool:
        return self.user is None or session.external_user_id == self.user


class Call(Request[ApiKey, None, State]):
    """Litestar's request, and what our handlers ask of it."""

    _read: bytes | None = None

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.scope["caller"])  # type: ignore[typeddict-item]  # ASGI lets one add keys

    # --- who may

    async def visible(self, session_id: str) -> Session:
        """The session, if the key may see it; else it is unknown, as one that does not exist."""
        caller = self.caller
        session = await caller.sessions.get_session(session_id)
        if not caller.may_see(session):
            raise UnknownSession(session_id)
        return session

    async def sessions_for(self, session_id: str) -> SessionManager:
        """The manager, for calls about a session that the key may see. One that does not exist the call itself finds out, or
        knows that a delete which is sent again was done."""
        caller = self.caller
        if caller.user is not None:
            try:
                session = await caller.sessions.get_session(session_id)
            except UnknownSession:  # ids are given once: it will not come to be meanwhile
                return caller.sessions
            if not caller.may_see(session):
                raise UnknownSession(session_id)
        return caller.sessions

    # --- with what

    def header(self, name: bytes) -> str | None:
        """A header that must not stand twice; `name` in lower case."""
        found = [value for key, value in self.scope["headers"] if key == name]
        if len(found) > 1:
            raise InvalidInput(name.decode(), "stands twice in the headers")
        return found[0].decode("latin-1") if found else None

    def query_as(self, kind: type[T]) -> T:
        """The query's parameters, as a struct; one that it has no field for is refused."""
        query = self.scope["query_string"]
        if not query:
            return _converted({}, kind)
        try:
            given = parse_qsl(
                query.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MAX_PARAMETERS,
            )
        except ValueError:
            raise InvalidInput("query", f"must be at most {MAX_PARAMETERS} parameters in UTF-8, percent-encoded") from None
        named = dict(given)
        if len(named) < len(given):
            raise InvalidInput("query", "names a parameter twice")
        return _converted(named, kind)

    async def body(self) -> bytes:
        """All of it, within the limit of the settings. Read here: Litestar parses all headers first, for the length alone."""
        if self._read is None:
            self._read = await self._receive_all(self.app.state.max_body_bytes)
        return self._read

    async def _receive_all(self, limit: int) -> bytes:
        announced = self.header(b"content-length")
        size, parts, more = 0, list[bytes](), True
        if announced is not None and announced.isdecimal() and int(announced) > limit:
            raise ContentTooLarge(limit)
        while more:
            message = await self.receive()
            if message["type"] != "http.request":
                raise NotJson("The body ended before its end.")
            size += len(message["body"])
            if size > limit:
                raise ContentTooLarge(limit)
            parts.append(message["body"])
            more = message["more_body"]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def body_as(self, decoder: msgspec.json.Decoder[T]) -> T:
        """The body, as the decoder's type."""
        kind, encoding = self.header(b"content-type"), self.header(b"content-encoding")
        if (kind is not None and not _JSON.fullmatch(kind.encode("latin-1"))) or encoding not in (None, "identity"):
            raise UnsupportedMediaType
        try:
            return decoder.decode(await self.body())
        except msgspec.ValidationError as error:
            raise invalid(error, "body") from None
        except RecursionError:
            raise NotJson("The body is nested too deep.") from None
        except ValueError as error:  # of msgspec, or a UnicodeDecodeError
            told = str(error) if isinstance(error, msgspec.DecodeError) else "JSON must be in UTF-8"
            raise NotJson(f"The body is no JSON in UTF-8: {told}") from None


def _converted(query: dict[str, str], kind: type[T]) -> T:
    try:
        made = msgspec.convert(query, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error, "query") from None
    for name in query:
        if getattr(made, name) is None:  # msgspec takes the text "null" for it, where a number may be none
            raise InvalidInput(name, "must not be null: leave it out")
    return made


def invalid(error: msgspec.ValidationError, whole: str) -> InvalidInput:
    """What msgspec says, with the field where this project says it: in front."""
    found = _AT.match(str(error))
    assert found is not None
    path, why = found["path"] or "", found["why"]
    if named := _NAMED.search(why):
        path = f"{path}.{named[1][:64]}" if path else named[1][:64]
        why = "is needed" if "missing" in why else "is no field of this"
    return InvalidInput(path or whole, why[:1].lower() + why[1:])


async def authorize(request: Request[ApiKey, None, State]) -> Response[None] | None:
    """Before every handler: the key, and whether its scope is enough. A handler that says nothing needs an admin's."""
    call = cast(Call, request)
    if call.method == "OPTIONS":  # answered here: Litestar's own handler names the methods of one of the path's handlers only
        return Response(None, status_code=204, headers={"Allow": call.app.state.methods[call.scope["path_template"]]})
    needed = call.route_handler.opt.get("scope", "admin")
    if needed == PUBLIC:
        return None
    tenants: Tenants = call.app.state.tenants
    key = await call.app.state.admission.admit(_bearer(call))
    caller = call.scope["caller"] = Caller(key, tenants.manager(key.app))  # type: ignore[typeddict-unknown-key]  # see Call.caller
    caller.require(needed)
    if call.scope["query_string"] and call.route_handler.opt["operation"].query is Nothing:
        call.query_as(Nothing)
    return None


def _bearer(call: Call) -> str | None:
    found = [value for name, value in call.scope["headers"] if name == b"authorization"]
    if len(found) != 1:
        return None
    scheme, _, shown = found[0].decode("latin-1").partition(" ")
    return shown.strip() if scheme.lower() == "bearer" else None
