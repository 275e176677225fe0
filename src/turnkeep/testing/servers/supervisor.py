"""The program between a test run and a server: `python supervisor.py FOLDER USER COMMAND...`.

Invariant: it reads its standard input, whose other end only the test run holds; when that ends, however it ended, the server is
stopped at once and the folder removed. Each line on it starts the server, again if it is dead. Run as a file, it imports nothing of ours.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys


def supervise(folder: str, user: str, command: list[str]) -> None:
    groups: list[str] | None = [] if user else None
    server: subprocess.Popen[bytes] | None = None
    for _ in sys.stdin:
        if server is not None:
            server.wait()
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sys.stderr, cwd=folder, user=user or None, extra_groups=groups
        )
    if server is not None:
        server.terminate()
        server.send_signal(signal.SIGCONT)  # one that is paused would not hear of it
        try:
            server.wait(0.2)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)  # PostgreSQL then ends without waiting for its clients
            server.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    supervise(sys.argv[1], sys.argv[2], sys.argv[3:])
