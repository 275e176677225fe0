"""Work in the background is done once, whichever instance does it, and whatever becomes of that one."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.instances.conftest import Told, grown, process, until

from turnkeep import SessionManager
from turnkeep.lifecycle import store_of
from turnkeep.session import Cleaned


def manager(url: str, told: Told, **settings: Any) -> SessionManager:
    return SessionManager.open(url, summarizer=told, cleanup_interval=0.0, **settings)


async def stop(instance: subprocess.Popen[str], url: str) -> None:
    """Where it stands, but in no transaction: SQLite has everybody wait for whoever is in one."""
    db = apsw.Connection(url.removeprefix("sqlite:///"))
    while True:
        instance.send_signal(signal.SIGSTOP)
        try:
            db.execute("BEGIN IMMEDIATE; ROLLBACK").fetchall()
        except apsw.BusyError:
            instance.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.01)
        else:
            db.close()
            return


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/chats.db"


async def test_one_of_all_instances_summarizes(url: str) -> None:
    told = [Told(f"by {number}") for number in range(3)]
    async with manager(url, told[0]) as first, manager(url, told[1]) as second, manager(url, told[2]) as third:
        session = await grown(first)
        await told[0].began.wait()
        for one in (second, third):  # to each of them it is due as well
            await one.add_message(session.id, "user", "And what about this one?")
            await one.settle()
        for summarizer in told:
            summarizer.go.set()
        await first.settle()
        assert [summarizer.calls for summarizer in told] == [1, 0, 0]
        [made] = await third.get_summaries(session.id)
        assert made.text.startswith("by 0")


@pytest.mark.usefixtures("haste")
async def test_an_instance_that_is_killed_is_replaced(url: str) -> None:
    told = Told("by another")
    told.go.set()
    with process("tests.instances.compacting", url) as killed:
        assert killed.stdout
        async with manager(url, told) as sessions:
            assert await asyncio.to_thread(killed.stdout.readline) == "began\n"
            [session] = await sessions.list_sessions()
            await asyncio.sleep(1.0)  # more than a lease lasts: it is renewed
            assert told.calls == 0
            killed.send_signal(signal.SIGKILL)
            await until(lambda: told.calls)
            await sessions.settle()
            [made] = await sessions.get_summaries(session.id)
            assert made.text.startswith("by another")
            assert made.live
            assert await sessions.check() == []


@pytest.mark.usefixtures("haste")
async def test_one_that_comes_back_cannot_overwrite(url: str) -> None:
    told = Told("by another")
    told.go.set()
    with process("tests.instances.compacting", url) as slow:
        assert slow.stdout
        assert slow.stdin
        async with manager(url, told) as sessions:
            assert await asyncio.to_thread(slow.stdout.readline) == "began\n"
            [session] = await sessions.list_sessions()
            await stop(slow, url)
            await until(lambda: told.calls)
            await sessions.settle()
            before = await sessions.get_summaries(session.id)
            slow.send_signal(signal.SIGCONT)
            slow.stdin.write("go\n")
            slow.stdin.flush()
            assert await asyncio.to_thread(slow.stdout.readline) == "1 0\n"  # it asked its model once, and nothing failed
            assert [one.text.split("\n")[0] for one in before] == ["by another"]
            assert await sessions.get_summaries(session.id) == before
            assert await sessions.check() == []
    assert slow.returncode == 0


@pytest.mark.usefixtures("haste")
async def test_what_did_not_end_in_time_is_left_to_the_next_start(url: str) -> None:
    slow, told = Told("too late"), Told("at the next start")
    async with manager(url, slow, close_timeout=0.01) as sessions:
        session = await grown(sessions)
        await slow.began.wait()
    told.go.set()
    async with manager(url, told) as sessions:
        await until(lambda: told.calls)
        await sessions.settle()
        assert [one.text.split("\n")[0] for one in await sessions.get_summaries(session.id)] == ["at the next start"]


@pytest.mark.usefixtures("haste")
async def test_one_instance_cleans_up_and_another_when_it_is_gone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []

    async def opened(number: int, interval: float) -> SessionManager:
        sessions = SessionManager.open(url, cleanup_interval=interval)
        store = store_of(sessions)

        async def cleanup(*args: Any, **named: Any) -> Cleaned:
            done.append(number)
            if number == 0:
                await asyncio.sleep(3600)  # it never ends
            return Cleaned()

        monkeypatch.setattr(store, "cleanup", cleanup)
        return await sessions

    first = await opened(0, 3600.0)
    await until(lambda: done)
    others = [await opened(number, 3600.0) for number in (1, 2)]
    await asyncio.sleep(1.0)  # more than a lease lasts
    assert done == [0]
    await first.close()
    await until(lambda: len(done) > 1)
    await asyncio.sleep(1.0)
    assert len(done) == 2  # nobody does it again before the hour is over
    for one in others:
        await one.close()
