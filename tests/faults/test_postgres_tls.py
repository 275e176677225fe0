"""TLS to PostgreSQL: each mode of `postgres_tls` asks of the server what it promises, and says what is wrong with it.

The server of the tests is built without TLS, so somebody stands before it who speaks it as PostgreSQL does.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from turnkeep import SessionManager, Settings
from turnkeep.errors import InvalidInput, StoreUnavailable
from turnkeep.testing.servers.postgres import PostgresServer

DAY = timedelta(days=1)
SSL_REQUEST = 80877103


class Authority:
    """Who signs certificates; its own is in a file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        built = self._begun(self._name, self._key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = built.add_extension(usage, True).sign(self._key, hashes.SHA256())
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def _begun(self, name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number(), now - DAY, now + DAY)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return made.add_extension(issuer, False).add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)

    def certify(self, folder: Path, host: str) -> None:
        """`server.crt` and `server.key`, for that host."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        hosts = x509.SubjectAlternativeName([x509.DNSName(host)])
        made = self._begun(name, key.public_key()).add_extension(hosts, False).sign(self._key, hashes.SHA256())
        (folder / "server.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        kind = serialization.PrivateFormat.PKCS8
        (folder / "server.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))


class Front:
    """Before `server`: it takes the TLS off. Of each connection it notes whether there was any."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(folder / "server.crt", folder / "server.key")
        self.encrypted: list[bool] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._listening = await asyncio.start_server(self._met, "127.0.0.1")
        self.port: int = self._listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)

    def url(self, host: str) -> str:
        return self._server.url().replace(f"127.0.0.1:{self._server.port}", f"{host}:{self.port}")

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # who refuses a certificate hangs up
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.readexactly(8)
        if wants_tls := int.from_bytes(said[4:], "big") == SSL_REQUEST:
            writer.write(b"S")
            await writer.start_tls(self._context)
            said = b""
        self.encrypted.append(wants_tls)
        answers, asked = await asyncio.open_connection("127.0.0.1", self._server.port)
        asked.write(said)
        try:
            await asyncio.gather(_copy(reader, asked), _copy(answers, writer))
        finally:
            asked.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    writer.transport.abort()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture
async def front(postgres: PostgresServer, authority: Authority, tmp_path: Path) -> AsyncIterator[Front]:
    """Its certificate is for `localhost`, not for 127.0.0.1."""
    authority.certify(tmp_path, "localhost")
    made = Front(postgres, tmp_path)
    await made.start()
    yield made
    await made.stop()


def options(mode: str, ca: Path | None) -> Settings:
    return Settings(postgres_tls=cast(Any, mode), postgres_tls_ca=None if ca is None else str(ca), cleanup_interval=0.0)


async def encrypted(front: Front, host: str, mode: str, ca: Path | None = None) -> bool:
    """Open and read; whether all of it was encrypted."""
    async with SessionManager.open(front.url(host), settings=options(mode, ca)) as sessions:
        assert await sessions.list_sessions() == []
    [found] = set(front.encrypted)
    return found


@pytest.mark.parametrize(
    ("host", "mode", "checked"),
    [
        ("localhost", "verify-full", True),
        ("localhost", "verify-ca", True),
        ("127.0.0.1", "verify-ca", True),  # whoever has a certificate of this authority will do
        ("127.0.0.1", "require", False),
        ("127.0.0.1", "prefer", False),
    ],
)
async def test_what_a_mode_accepts(front: Front, authority: Authority, host: str, mode: str, checked: bool) -> None:
    assert await encrypted(front, host, mode, authority.file if checked else None)


async def test_disable_is_in_the_clear(front: Front) -> None:
    assert not await encrypted(front, "127.0.0.1", "disable")


async def test_another_host_is_refused_by_name(front: Front, authority: Authority, postgres: PostgresServer) -> None:
    with pytest.raises(StoreUnavailable, match=r"its certificate.*not valid for '127\.0\.0\.1'.*postgres_tls") as refused:
        await encrypted(front, "127.0.0.1", "verify-full", authority.file)
    assert postgres.password not in str(refused.value)


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
async def test_another_authority_is_refused(front: Front, tmp_path: Path, mode: str) -> None:
    for ca in (Authority(tmp_path, "theirs").file, None):  # None: the system's, who know nothing of ours
        with pytest.raises(StoreUnavailable, match="its certificate.*postgres_tls_ca"):
            await encrypted(front, "localhost", mode, ca)


@pytest.mark.parametrize("mode", ["require", "verify-full"])
async def test_a_server_without_tls_is_refused(postgres: PostgresServer, mode: str) -> None:
    with pytest.raises(StoreUnavailable, match=f"offers no TLS.*postgres_tls.*{mode}"):
        await SessionManager.open(postgres.url(), settings=options(mode, None))


@pytest.mark.parametrize("text", [None, "no certificate"])
async def test_a_file_that_holds_no_authority_is_named(front: Front, tmp_path: Path, text: str | None) -> None:
    ca = tmp_path / "ca.pem"
    if text is not None:
        ca.write_text(text)
    with pytest.raises(InvalidInput, match=r"postgres_tls_ca: .*ca\.pem"):
        await encrypted(front, "localhost", "verify-full", ca)
