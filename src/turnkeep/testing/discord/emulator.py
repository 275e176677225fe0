"""Discord on loopback: the REST API, the gateway and the files, as far as a bot on a real library needs them.

Invariants: what Discord refuses is refused here, with its codes; a call that is refused, or too many, changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict, deque
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from turnkeep.testing.discord.callbacks import Callbacks
from turnkeep.testing.discord.calls import Call, Handler, Routes, answer, read
from turnkeep.testing.discord.chats import TEXT, Chat, Guild, Server
from turnkeep.testing.discord.checks import commands, refusal
from turnkeep.testing.discord.messages import Messages
from turnkeep.testing.discord.shapes import Json, Refused, User

TOKEN = "TUlUNDI0Mg.TEST-x.token-of-the-emulator-abcdefghijkl"
API = "/api/v10"
MAX_BODY = 60_000_000


class DiscordEmulator:
    """A Discord of its own, with one bot in it. Point a client of discord.py at it before it is run, and let people talk:

        discord.http.Route.BASE = emulator.url
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(emulator.gateway_url)

        ann, general = emulator.user("Ann"), emulator.channel("general")
        general.says("hello", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["Hello, Ann."])
        asked = general.command("/forget", ann)
        await general.until(lambda chat: bool(asked.answers()))
        general.presses(asked.shown[0], "Erase all", ann)

    What goes wrong is asked for:

        emulator.flood["edit_message"] = 3               # the next three are answered by 429
        emulator.limits["create_message"] = (5, 5.0)     # as Discord has them; without, there are none
        emulator.refuse("create_message", 50013)
        emulator.gateway.cut()                           # or reconnect(), invalidate(resumable=...), close(code), down = True
        general.is_deleted()                             # or lets_bot(write=False)

    Calls are counted by the names of their handlers (`calls["create_message"]`), what the gateway hears by its own (`calls["RESUME"]`).
    """

    def __init__(self, *, name: str = "Turnkeep", token: str = TOKEN, port: int = 0) -> None:
        self.token, self.port = token, port
        self.server = Server(name, token)
        self.calls, self.gateway, self.commands = self.server.calls, self.server.gateway, self.server.commands
        self.flood: Counter[str] = Counter()  # how many calls of a name are answered by 429 next
        self.retry_after = 0.2  # seconds, in these answers
        self.broken: Counter[str] = Counter()  # how many calls of a name end in 502 next
        self.lost: Counter[str] = Counter()  # how many calls of a name are done, and then get no answer
        self.limits: dict[str, tuple[int, float]] = {}  # by name: how many calls in so many seconds one channel may get
        self.delay = 0.0  # seconds before each answer
        self._refused: dict[str, deque[Refused]] = defaultdict(deque)
        self._windows: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self.messages = Messages(self.server)
        self.callbacks = Callbacks(self.server, self.messages)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_BODY)
        for method, path, handler in (*self._routes(), *self.messages.routes(), *self.callbacks.routes()):
            app.router.add_route(method, f"{API}{path}", self._answering(handler))
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_get("/attachments/{channel}/{file}/{name}", self._file)
        app.router.add_route("*", "/{path:.*}", self._unknown)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.gateway.url, self.server.url = self.gateway_url, f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.gateway.cut()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Of the REST API."""
        return f"http://127.0.0.1:{self.port}{API}"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gateway"

    # --- people and places

    def user(self, name: str, *, language: str = "en") -> User:
        user = User(self.server.ids.next(), name, language)
        self.server.users[user.id] = user
        return user

    def private(self, user: User) -> Chat:
        """The user's direct messages with the bot."""
        return self.server.private(user)

    def guild(self, name: str = "Friends", *, language: str = "en") -> Guild:
        return Guild(self.server, name, language)

    def channel(self, name: str, guild: Guild | None = None) -> Chat:
        """A text channel; without a guild, in the first one."""
        guild = guild or next(iter(self.server.places.values()), None) or self.guild()
        return Chat(self.server, TEXT, name, guild=guild)

    def refuse(self, name: str, code: int, times: int = 1) -> None:
        """The next calls of that name are refused with that code of Discord's."""
        self._refused[name].extend([refusal(code)] * times)

    # --- calls

    def _answering(self, handler: Handler) -> Any:
        name = handler.__name__

        async def call(request: web.Request) -> web.StreamResponse:
            self.calls[name] += 1
            headers = self._headers(name, request)
            try:
                response = await self._called(name, handler, request, headers)
            except Refused as error:
                response = answer(error.told(), error.status, headers)
            except ConnectionResetError:  # the bot thought better of it
                return web.Response(status=499)
            self.server.called.set()
            if _taken(self.lost, name) and request.transport is not None:
                request.transport.close()
            return response

        return call

    async def _called(self, name: str, handler: Handler, request: web.Request, headers: dict[str, str]) -> web.Response:
        if "token" not in request.match_info and request.headers.get("Authorization") != f"Bot {self.token}":
            raise Refused(401, 0, "401: Unauthorized")
        if self.delay:
            await asyncio.sleep(self.delay)
        call = await read(request)
        if _taken(self.flood, name):
            return _too_many(self.retry_after, headers)
        if wait := self._over_limit(name, request):
            return _too_many(wait, headers)
        if _taken(self.broken, name):
            return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")
        if self._refused[name]:
            raise self._refused[name].popleft()
        return answer(await handler(call), 200, headers)

    # --- limits

    def _window(self, name: str, request: web.Request) -> deque[float]:
        ids = request.match_info
        window = self._windows[name, ids.get("channel") or ids.get("token") or ""]
        while window and window[0] < time.monotonic() - self.limits[name][1]:
            window.popleft()
        return window

    def _over_limit(self, name: str, request: web.Request) -> float:
        """0 if the call may be made, which counts it, else the seconds until it may."""
        if name not in self.limits:
            return 0.0
        window = self._window(name, request)
        count, seconds = self.limits[name]
        if len(window) >= count:
            return max(0.001, window[0] + seconds - time.monotonic())
        window.append(time.monotonic())
        return 0.0

    def _headers(self, name: str, request: web.Request) -> dict[str, str]:
        """What every answer says of the limit, this call included."""
        count, seconds, used, after = 1000, 1.0, 0, 1.0
        if name in self.limits:
            count, seconds = self.limits[name]
            window = self._window(name, request)
            used = len(window)
            after = window[0] + seconds - time.monotonic() if window else seconds
        return {
            "X-RateLimit-Limit": str(count),
            "X-RateLimit-Remaining": str(max(0, count - used - 1)),
            "X-RateLimit-Reset": f"{time.time() + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": name,
        }

    # --- what is about the bot itself

    def _routes(self) -> Routes:
        application = "/applications/{application}/commands"
        return (
            ("GET", "/users/@me", self.get_me),
            ("GET", "/users/{user}", self.get_user),
            ("GET", "/oauth2/applications/@me", self.get_application),
            ("GET", "/applications/@me", self.get_application),
            ("GET", "/gateway", self.get_gateway),
            ("GET", "/gateway/bot", self.get_gateway),
            ("GET", application, self.get_commands),
            ("PUT", application, self.put_commands),
        )

    async def get_me(self, call: Call) -> Json:
        return self.server.me.told() | {"verified": True, "mfa_enabled": True, "locale": "en-US", "email": None, "flags": 0}

    async def get_user(self, call: Call) -> Json:
        user = self.server.users.get(call.id("user"))
        if user is None:
            raise refusal(10013)
        return user.told()

    async def get_application(self, call: Call) -> Json:
        me = self.server.me
        known = {"id": str(me.id), "name": me.name, "description": "", "icon": None, "verify_key": "0" * 64, "flags": 0}
        owner = User(1, "Owner").told()
        return known | {"bot_public": True, "bot_require_code_grant": False, "owner": owner, "team": None, "rpc_origins": []}

    async def get_gateway(self, call: Call) -> Json:
        limit = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
        return {"url": self.gateway_url, "shards": 1, "session_start_limit": limit}

    async def get_commands(self, call: Call) -> list[Json]:
        return list(self.commands.values())

    async def put_commands(self, call: Call) -> list[Json]:
        """The whole menu; a command that was there keeps its id."""
        made = {one["name"]: self._registered(one) for one in commands(call.given)}
        self.commands.clear()
        self.commands.update(made)
        return list(made.values())

    def _registered(self, given: Json) -> Json:
        known = self.commands.get(given["name"])
        me = str(self.server.me.id)
        fixed = {"id": known["id"] if known else str(self.server.ids.next()), "application_id": me, "version": me}
        usual: Json = {
            "type": 1,
            "default_member_permissions": None,
            "dm_permission": True,
            "nsfw": False,
            "contexts": None,
            "options": [],
        }
        return usual | given | fixed

    async def _file(self, request: web.Request) -> web.Response:
        found = self.server.files.get(int(request.match_info["file"]))
        if found is None:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=found[1])

    async def _unknown(self, request: web.Request) -> web.Response:
        return answer({"message": "404: Not Found", "code": 0}, 404)


def _taken(counter: Counter[str], name: str) -> bool:
    if counter[name] <= 0:
        return False
    counter[name] -= 1
    return True


def _too_many(seconds: float, headers: dict[str, str]) -> web.Response:
    told = {"message": "You are being rate limited.", "retry_after": round(seconds, 3), "global": False}
    limited = {"Via": "1.1 google", "Retry-After": str(int(seconds) + 1), "X-RateLimit-Scope": "user"}
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": f"{seconds:.3f}"}
    return answer(told, 429, headers | limited | reset)
