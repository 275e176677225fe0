"""What a step of the loop writes leaves as one piece, in order, on a real connection."""

import asyncio

from turnkeep.server.joined import MOST, JoinedTransport


class Sent(asyncio.Protocol):
    """Writes `pieces` when it is connected, and keeps what the real transport was given at once."""

    def __init__(self, pieces: list[bytes], end: bool) -> None:
        self.pieces, self.end = pieces, end
        self.writes: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.write = transport.write
        transport.write = self.counted  # type: ignore[method-assign]  # the real one, watched
        joined = JoinedTransport(transport, asyncio.get_running_loop())
        for piece in self.pieces:
            joined.write(piece)
        if self.end:
            joined.close()

    def counted(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(len(data))
        self.write(data)


async def sent(pieces: list[bytes], *, end: bool = True) -> tuple[bytes, list[int]]:
    """What a client gets, and the sizes of the writes it came by."""
    protocol = Sent(pieces, end)
    server = await asyncio.get_running_loop().create_server(lambda: protocol, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            return await (reader.read() if end else reader.readexactly(sum(map(len, pieces)))), protocol.writes
        finally:
            writer.close()


async def test_a_head_and_its_body() -> None:
    assert await sent([b"head", b"body"]) == (b"headbody", [8])


async def test_a_head_alone_leaves_at_once() -> None:
    assert await sent([b"head"], end=False) == (b"head", [4])
    assert await sent([b"head", b""]) == (b"head", [4])


async def test_much_is_not_held() -> None:
    large = bytes(MOST + 1)
    assert await sent([large, b"end"]) == (large + b"end", [MOST + 1, 3])
    assert await sent([b"head", large, b"end"]) == (b"head" + large + b"end", [MOST + 5, 3])
