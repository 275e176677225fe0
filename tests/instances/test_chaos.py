"""Four instances on one PostgreSQL and one Valkey, under load, and everything that can go wrong does; then the history is read.

Invariant of the test: what an instance told to be acknowledged is in the log once, where it said; what is there besides was under way in an
instance that was killed. `TURNKEEP_CHAOS_SECONDS` has the faults go round for so long, and pauses last ten seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.instances.chatting import SESSIONS
from tests.instances.conftest import ROOT
from tests.instances.cutting import CuttingProxy

from turnkeep import Message, Session, SessionManager
from turnkeep.testing.servers.postgres import PostgresServer
from turnkeep.testing.servers.valkey import ValkeyServer

LONG = float(os.environ.get("TURNKEEP_CHAOS_SECONDS", "0"))
PAUSE = 10.0 if LONG else 2.5
PATIENCE = 200.0  # with a new process on a machine that is busy with other things
SHARE = 10  # messages of each instance between two faults
CLOCKS = (0, 120, -120, 0)
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'turnkeep' AND pid <> pg_backend_pid()"


class Instance:
    """One process of `chatting`, and what it has told so far."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.log = name, folder / name
        self.acknowledged: list[tuple[int, int, str]] = []
        self.found: dict[str, Any] = {}
        self.killed = self.ended = False

    async def start(self, *args: str) -> None:
        command = [sys.executable, "-W", "error", "-m", "tests.instances.chatting", self.name, *args]
        with self.log.open("w") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, limit=1 << 24
            )
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            if not line.endswith(b"\n"):
                return  # it was killed in the middle of it
            told = json.loads(line)
            if isinstance(told, dict):
                self.found |= told
            else:
                self.acknowledged.append((told[0], told[1], told[2]))

    async def kill(self) -> None:
        self.killed = True
        self._process.kill()
        await self._process.wait()
        await self._reading

    async def stop(self) -> None:
        """It ends by itself, and well."""
        assert self._process.returncode is None, self.log.read_text()[-3000:]
        assert self._process.stdin
        self._process.stdin.write(b"stop\n")
        async with asyncio.timeout(100):
            await self._reading
            assert await self._process.wait() == 0, self.log.read_text()[-3000:]
        self.ended = True


class Chaos:
    """The servers, and the instances that were ever started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres, self.valkey = PostgresServer(), ValkeyServer()
        self.instances: list[Instance] = []

    async def start(self) -> None:
        await asyncio.to_thread(self.postgres.start)
        await asyncio.to_thread(self.valkey.start)
        self.url = await asyncio.to_thread(self.postgres.create_database)
        self.proxy = CuttingProxy(self.postgres.port)
        await self.proxy.start()
        await asyncio.gather(*[self.begin(clock) for clock in CLOCKS])

    async def begin(self, clock: int) -> None:
        instance = Instance(f"i{len(self.instances)}", self.folder)
        self.instances.append(instance)
        await instance.start(self.url.replace(f":{self.postgres.port}/", f":{self.proxy.port}/"), self.valkey.url, str(clock))

    async def stop(self) -> None:
        for instance in self.living:
            if not instance.ended:
                await instance.kill()
        await self.proxy.stop()
        await asyncio.to_thread(self.valkey.stop)
        await asyncio.to_thread(self.postgres.stop)

    @property
    def living(self) -> list[Instance]:
        return [one for one in self.instances if not one.killed]

    async def goes_on(self) -> None:
        """Every instance that lives has had more messages acknowledged."""
        before = {one: len(one.acknowledged) for one in self.living}
        async with asyncio.timeout(PATIENCE):
            while any(len(one.acknowledged) < count + SHARE for one, count in before.items()):
                await asyncio.sleep(0.01)

    # --- what goes wrong

    async def kill_an_instance(self) -> None:
        await self.living[0].kill()
        await self.goes_on()
        await self.begin(CLOCKS[len(self.instances) % len(CLOCKS)])

    async def kill_postgres(self) -> None:
        await asyncio.to_thread(self.postgres.kill)
        await asyncio.to_thread(self.postgres.restart)

    async def restart_valkey_empty(self) -> None:
        await asyncio.to_thread(self.valkey.kill)
        await self.goes_on()
        await asyncio.to_thread(self.valkey.restart)

    async def pause_valkey(self) -> None:
        self.valkey.pause()
        await asyncio.gather(asyncio.sleep(PAUSE), self.goes_on())
        self.valkey.go_on()

    async def cut_off_what_commits(self) -> None:
        """Answers are lost, and connections are ended by the server, whatever they were doing."""
        for _ in range(6):
            self.proxy.cut()
            await asyncio.sleep(0.05)
            await asyncio.to_thread(self.postgres.query, CUT)
            await asyncio.sleep(0.05)


@pytest.fixture
async def chaos(tmp_path: Path) -> AsyncIterator[Chaos]:
    made = Chaos(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.timeout(LONG + 600)
async def test_whatever_goes_wrong_the_history_is_whole(chaos: Chaos) -> None:
    await chaos.goes_on()
    began, rounds = time.monotonic(), 0
    while rounds == 0 or time.monotonic() < began + LONG:
        rounds += 1
        for fault in (
            chaos.kill_an_instance,
            chaos.kill_postgres,
            chaos.restart_valkey_empty,
            chaos.pause_valkey,
            chaos.cut_off_what_commits,
        ):
            await fault()
            await chaos.goes_on()
    living = chaos.living
    await asyncio.gather(*[one.stop() for one in living])
    summaries = await _check_history(chaos)
    assert sum(one.found.get("made", 0) for one in chaos.instances) <= 2 * summaries  # what two make at once is stored once
    _check_found(living)


def _check_found(living: list[Instance]) -> None:
    assert len(living) == len(CLOCKS)
    assert sum(one.found["unknown"] for one in living) > 0  # else nothing was cut in the middle
    for one in living:
        assert one.found["wrong"] == []
        assert one.found["contexts"] > 0
        heard = one.found["heard"]
        assert heard == list(range(heard[0], heard[-1] + 1))
        assert "never retrieved" not in one.log.read_text()


async def _check_history(chaos: Chaos) -> int:
    """How many summaries there are in it."""
    count = 0
    told: dict[int, dict[int, str]] = defaultdict(dict)
    for one in chaos.instances:
        for at, seq, words in one.acknowledged:
            assert told[at].setdefault(seq, words) == words, "one place was given twice"
    async with SessionManager.open(chaos.url, cleanup_interval=0.0) as sessions:
        assert await sessions.check() == []
        found = {int(one.conversation_id): one for one in await sessions.list_sessions(interface_type="chaos")}
        assert sorted(found) == list(range(SESSIONS))
        for at, session in found.items():
            messages = await _log(sessions, session)
            assert [one.seq for one in messages] == list(range(1, session.seq + 1))
            names = {one.seq: str(one.external_id) for one in messages}
            assert told[at].items() <= names.items(), "what was acknowledged is not there"
            _check_doubles(chaos, messages, told[at])
            count += await _check_summaries(sessions, session)
    return count


async def _log(sessions: SessionManager, session: Session) -> list[Message]:
    found: list[Message] = []
    while page := await sessions.get_messages(session.id, after=len(found), limit=1000):
        found += page
    return found


def _check_doubles(chaos: Chaos, messages: list[Message], told: dict[int, str]) -> None:
    """Each message once, and nothing but what was acknowledged, or under way where an instance was killed; each talker's in order."""
    names = [str(one.external_id) for one in messages]
    assert len(set(names)) == len(names)
    killed = {one.name for one in chaos.instances if one.killed}
    assert {name.split(".")[0] for name in set(names) - set(told.values())} <= killed
    assert all(str(one.content).startswith(f"{one.external_id} ") for one in messages)
    numbers: dict[str, list[int]] = defaultdict(list)
    for name in names:
        talker, _, number = name.rpartition(".")
        numbers[talker].append(int(number))
    for found in numbers.values():
        assert found == list(range(found[0], found[-1] + 1, SESSIONS))


async def _check_summaries(sessions: SessionManager, session: Session) -> int:
    """The live ones cover all before the window, once; of all that were ever stored no two cover the same. How many these are."""
    summaries = await sessions.get_summaries(session.id)
    ranges = [(one.from_seq, one.to_seq) for one in summaries if one.live]
    assert ranges, "nothing was ever compacted"
    assert [first for first, _ in ranges] == [1, *(last + 1 for _, last in ranges[:-1])]
    assert ranges[-1][1] == session.window_start - 1
    assert len({(one.from_seq, one.to_seq) for one in summaries}) == len(summaries)
    return len(summaries)
