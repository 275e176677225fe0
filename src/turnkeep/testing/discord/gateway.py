"""The gateway: sessions of events, and the sockets on which they are told.

Invariants: an event has its number before it is sent, and stays until the bot says that it has it; a session that is resumed hears all
that it has missed, once and in order, before anything new. A socket that is cut loses what was on its way, as a network does.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
from aiohttp import WSMsgType, web

from turnkeep.testing.discord.shapes import Json

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, RESUME, RECONNECT, MEMBERS, INVALID, HELLO, ACK = 0, 1, 2, 3, 6, 7, 8, 9, 10, 11
GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15  # intents
PRIVILEGED = 1 << 1 | 1 << 8 | MESSAGE_CONTENT
KEPT = 20_000  # events of a session; who missed more begins anew
# codes with which a socket is closed
UNKNOWN_OP, DECODE_ERROR, NOT_AUTHENTICATED, WRONG_TOKEN, TWICE, SILENT, BAD_INTENTS, NOT_ALLOWED = (
    4001,
    4002,
    4003,
    4004,
    4005,
    4009,
    4013,
    4014,
)


class _Closing(Exception):
    """The bot did something for which Discord hangs up."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class World(Protocol):
    """What a new session is told of."""

    def ready(self) -> Json:
        """Of READY, all but what the gateway knows."""
        ...

    def guilds(self) -> Iterable[Json]: ...


class Connection:
    """One socket. What is sent stands in a queue, so that it keeps its order."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, compressed: bool) -> None:
        self.socket, self.transport = socket, transport
        self.session: Session | None = None
        self.farewell: int | None = None  # the code with which the bot closed it
        self._pack = zlib.compressobj() if compressed else None
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()

    def tell(self, op: int, data: Any = None) -> None:
        self.put(msgspec.json.encode({"op": op, "d": data, "s": None, "t": None}))

    def put(self, payload: bytes) -> None:
        self._queue.put_nowait(payload)

    async def write(self) -> None:
        """Until it is cancelled, or the socket is gone."""
        try:
            while True:
                payload = await self._queue.get()
                if self._pack is None:
                    await self.socket.send_str(payload.decode())
                else:
                    await self.socket.send_bytes(self._pack.compress(payload) + self._pack.flush(zlib.Z_SYNC_FLUSH))
        except ConnectionError:
            return

    def cut(self) -> None:
        """As if the network had gone: no word of farewell."""
        if self.transport is not None:
            self.transport.abort()


class Session:
    """What one bot is told, by number."""

    def __init__(self, session_id: str, intents: int) -> None:
        self.id, self.intents, self.seq = session_id, intents, 0
        self.events: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self.connection: Connection | None = None

    def dispatch(self, kind: str, data: Json) -> None:
        self.seq += 1
        payload = msgspec.json.encode({"op": DISPATCH, "t": kind, "s": self.seq, "d": data})
        self.events.append((self.seq, payload))
        if self.connection is not None:
            self.connection.put(payload)

    def confirmed(self, seq: int) -> None:
        """The bot has all up to that number."""
        while self.events and self.events[0][0] <= seq:
            self.events.popleft()

    def missed(self, seq: int) -> list[bytes] | None:
        """What came after that number; None if it is not known any more."""
        first = self.events[0][0] if self.events else self.seq + 1
        if not first - 1 <= seq <= self.seq:
            return None
        return [payload for number, payload in self.events if number > seq]


class Gateway:
    """All sessions and sockets of one bot. `called` is set when the bot did something."""

    def __init__(self, world: World, token: str, calls: Counter[str], called: asyncio.Event) -> None:
        self.world, self.token, self.calls, self.called = world, token, calls, called
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.allowed = MESSAGE_CONTENT  # privileged intents that the bot's owner has switched on
        self.heartbeat = 41.25  # seconds
        self.acknowledges = True  # heartbeats
        self.down = False  # nobody gets in
        self.url = ""
        self.begun = 0  # how often a session began or went on
        self._count = 0

    # --- what happens to bots

    def dispatch(self, kind: str, data: Json, intent: int = 0, bare: Json | None = None) -> None:
        """Tell every session that has the intent. `bare`: for those without the intent for the content of messages."""
        for session in self.sessions.values():
            if not intent or session.intents & intent:
                content = bare is None or session.intents & MESSAGE_CONTENT
                session.dispatch(kind, data if content or bare is None else bare)

    def reconnect(self) -> None:
        """Op 7: the bot shall come again, and go on."""
        self._tell(RECONNECT)

    def invalidate(self, *, resumable: bool) -> None:
        """Op 9. What is not resumable is forgotten."""
        self._tell(INVALID, resumable)
        if not resumable:
            self.forget()

    def forget(self) -> None:
        """No session can be resumed any more; those that have a socket hear nothing more on it."""
        for session in self.sessions.values():
            if session.connection is not None:
                session.connection.session = None
        self.sessions.clear()

    def cut(self) -> None:
        """Every socket is gone, without a close frame; the sessions stay."""
        for connection in list(self.connections):
            connection.cut()

    async def close(self, code: int) -> None:
        """Every socket is closed with that code; the sessions stay."""
        for connection in list(self.connections):
            await connection.socket.close(code=code)

    def _tell(self, op: int, data: Any = None) -> None:
        for connection in self.connections:
            connection.tell(op, data)

    # --- a socket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        compressed = request.query.get("compress") == "zlib-stream"
        connection = Connection(socket, request.transport, compressed)
        self.connections.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            connection.tell(HELLO, {"heartbeat_interval": int(self.heartbeat * 1000)})
            await self._listen(connection)
        except _Closing as closing:
            await socket.close(code=closing.code, message=closing.reason.encode())
        finally:
            writer.cancel()
            self._left(connection)
        return socket

    async def _listen(self, connection: Connection) -> None:
        while True:
            try:
                message = await connection.socket.receive(timeout=self.heartbeat * 1.5)
            except TimeoutError:
                raise _Closing(SILENT, "Session timed out.") from None
            if message.type is WSMsgType.CLOSE:
                connection.farewell = message.data
            if message.type is not WSMsgType.TEXT:
                return
            try:
                told = msgspec.json.decode(message.data, type=Json)
            except msgspec.DecodeError:
                raise _Closing(DECODE_ERROR, "Error while decoding payload.") from None
            self._hear(connection, told.get("op"), told.get("d"))
            self.called.set()

    def _left(self, connection: Connection) -> None:
        self.connections.discard(connection)
        session = connection.session
        if session is not None:
            session.connection = None
            if connection.farewell in (1000, 1001):  # that is how a bot says that it will not be back
                self.sessions.pop(session.id, None)
        self.called.set()

    def _hear(self, connection: Connection, op: object, data: Any) -> None:
        if op == HEARTBEAT:
            self._beat(connection, data)
        elif op == IDENTIFY:
            self._identify(connection, data)
        elif op == RESUME:
            self._resume(connection, data)
        elif op not in (PRESENCE, MEMBERS):
            raise _Closing(UNKNOWN_OP, "Unknown opcode.")
        elif connection.session is None:
            raise _Closing(NOT_AUTHENTICATED, "Not authenticated.")
        elif op == MEMBERS:
            connection.session.dispatch("GUILD_MEMBERS_CHUNK", _no_members(data))

    def _beat(self, connection: Connection, data: Any) -> None:
        self.calls["HEARTBEAT"] += 1
        if isinstance(data, int) and connection.session is not None:
            connection.session.confirmed(data)
        if self.acknowledges:
            connection.tell(ACK)

    def _identify(self, connection: Connection, data: Json) -> None:
        self.calls["IDENTIFY"] += 1
        if connection.session is not None:
            raise _Closing(TWICE, "Already authenticated.")
        self._checked(data)
        intents = data.get("intents")
        if not isinstance(intents, int) or intents < 0:
            raise _Closing(BAD_INTENTS, "Invalid intent(s).")
        if intents & PRIVILEGED & ~self.allowed:
            raise _Closing(NOT_ALLOWED, "Disallowed intent(s).")
        self._count += 1
        self.sessions = {
            key: one for key, one in self.sessions.items() if one.connection
        }  # who begins anew has given up the rest
        session = Session(f"{self._count:032x}", intents)
        self.sessions[session.id] = session
        self._attach(connection, session)
        known = {"v": 10, "session_id": session.id, "resume_gateway_url": self.url, "shard": data.get("shard", [0, 1])}
        session.dispatch("READY", {**self.world.ready(), **known})
        for guild in self.world.guilds():
            if intents & GUILDS:
                session.dispatch("GUILD_CREATE", guild)

    def _resume(self, connection: Connection, data: Json) -> None:
        self.calls["RESUME"] += 1
        self._checked(data)
        session = self.sessions.get(str(data.get("session_id")))
        missed = session.missed(data.get("seq") or 0) if session else None
        if session is None or missed is None:
            connection.tell(INVALID, False)
            return
        if session.connection is not None:  # its end has not been noticed yet
            session.connection.session = None
        self._attach(connection, session)
        for payload in missed:
            connection.put(payload)
        session.dispatch("RESUMED", {"_trace": []})

    def _checked(self, data: Json) -> None:
        if data.get("token") != self.token:
            raise _Closing(WRONG_TOKEN, "Authentication failed.")

    def _attach(self, connection: Connection, session: Session) -> None:
        connection.session, session.connection = session, connection
        self.begun += 1


def _no_members(data: Json) -> Json:
    """Nobody is told of: what bots ask for beside their own member needs a privileged intent."""
    return {
        "guild_id": data["guild_id"],
        "members": [],
        "chunk_index": 0,
        "chunk_count": 1,
        "not_found": [],
        "nonce": data.get("nonce"),
    }
