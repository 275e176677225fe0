"""The servers that tests start: there at once, gone with the test run, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turnkeep.testing.servers.postgres import PostgresServer

RUN = """
import sys
from turnkeep.testing.servers.postgres import PostgresServer
server = PostgresServer()
server.start()
pid = (server.folder / "data" / "postmaster.pid").read_text().split()[0]
print(server.folder, pid, flush=True)
sys.stdin.read()
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_test_run_that_is_killed_leaves_no_server_and_no_file() -> None:
    run = subprocess.Popen([sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    folder, pid = run.stdout.readline().split()
    assert alive(int(pid))
    run.send_signal(signal.SIGKILL)
    run.communicate()
    deadline = time.monotonic() + 60
    while alive(int(pid)) or Path(folder).exists():
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.02)


def test_databases_are_apart(postgres: PostgresServer) -> None:
    one, other = postgres.create_database(), postgres.create_database()
    names = [url.rpartition("/")[2] for url in (one, other)]
    postgres.query("CREATE TABLE only_here (value text)", names[0])
    assert postgres.query("SELECT to_regclass('only_here') IS NOT NULL", names[0]) == [["t"]]
    assert postgres.query("SELECT to_regclass('only_here') IS NOT NULL", names[1]) == [["f"]]
    for url in (one, other):
        postgres.drop_database(url)
    found = [name for [name] in postgres.query("SELECT datname FROM pg_database")]
    assert not set(names) & set(found)


def test_what_was_committed_is_there_after_a_kill() -> None:
    server = PostgresServer()
    server.start()
    try:
        server.query("CREATE TABLE kept (value text)")
        server.query("INSERT INTO kept VALUES ('a'), ('b')")
        server.kill()
        with pytest.raises(RuntimeError, match="psql failed"):
            server.query("SELECT 1")
        server.restart()
        assert server.query("SELECT value FROM kept ORDER BY 1") == [["a"], ["b"]]
    finally:
        server.stop()
    assert not server.folder.exists()
