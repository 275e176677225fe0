"""The worker process: when there is one, that it makes the same records, and that nothing is lost with it. Real processes, real kills."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.summarizers.facts import BY_ID

from turnkeep import SessionManager
from turnkeep.children import command
from turnkeep.session import Message
from turnkeep.stores.rules import at_seq
from turnkeep.summarizers import Extractive, offload
from turnkeep.summarizers.extractive import Record
from turnkeep.summarizers.jobs import Extractives, Setup, job
from turnkeep.summarizers.ladder import PATIENCE
from turnkeep.summarizers.offload import OVER, START, STOP, Offload, Share
from turnkeep.testing import message
from turnkeep.tokens import count_message, get_counter

COUNTER = get_counter("o200k")
SETUP = Setup("Europe/Lisbon", {"case": r"C-\d+"})


def log_of(rows: Sequence[dict]) -> list[Message]:
    out = []
    for at, row in enumerate(rows, start=1):
        said = message(row["role"], row["content"], tool_calls=row.get("tool_calls"), tool_call_id=row.get("tool_call_id"))
        tokens = count_message(COUNTER, said.role, said.content, said.tool_calls, said.tool_call_id)
        out.append(at_seq(replace(said, tokens=tokens), at))
    return out


TALK = log_of(BY_ID["trip-porto"]["messages"][1:40])


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)


def gone(pid: int) -> bool:
    """Ended; a zombie counts where somebody else is to wait for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def fold(one: Offload, messages: Sequence[Message] = TALK, previous: Sequence[Record] = ()) -> list[Record] | None:
    return await one.fold("o200k", messages, previous, 300)


async def until_started(one: Offload) -> int:
    """Nobody waits for a start; what is asked meanwhile is not done there. The worker's pid."""
    async with asyncio.timeout(60):
        while one.pid is None:
            assert await fold(one) is None
            await asyncio.sleep(0.01)
    return one.pid


@asynccontextmanager
async def working() -> AsyncIterator[tuple[Offload, int]]:
    """One that has a worker, and its pid."""
    one = Offload(SETUP)
    try:
        one.spent(100 * OVER)
        yield one, await until_started(one)
    finally:
        await one.close()


def here(messages: Sequence[Message], previous: Sequence[Record] = ()) -> list[Record]:
    extract = Extractives(SETUP).of(COUNTER)
    return extract.choose(extract.records(messages, previous=previous), max_tokens=300)


# --- when there is one


def test_the_share_of_the_time_falls_by_two_thirds_in_ten_seconds() -> None:
    share = Share().after(1.0, now=100.0)
    assert share.at(100.0) == pytest.approx(1 / OVER)
    assert share.at(100.0 + OVER) == pytest.approx(0.368 / OVER, rel=0.01)
    assert share.after(1.0, now=100.0).at(100.0) == pytest.approx(2 / OVER)


@pytest.mark.parametrize(("seconds", "every", "starts"), [(0.1, 60, False), (0.1, 5, False), (0.05, 0.2, True)])
def test_a_steady_load_starts_one_only_where_it_takes_a_tenth_of_the_time(seconds: float, every: float, starts: bool) -> None:
    share, most = Share(), 0.0
    for step in range(200):
        share = share.after(seconds, step * every)
        most = max(most, share.at(step * every))
    assert (most > START) is starts
    assert share.at(200 * every + 60) < STOP


async def test_without_a_load_no_process_is_started() -> None:
    one = Offload(SETUP)
    for _ in range(5):
        one.spent(0.1 * START * OVER)
        assert await fold(one) is None
    await asyncio.sleep(0)
    assert one.pid is None
    await one.close()


async def test_it_ends_when_it_has_little_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "LOOK", 0.01)
    now = [0.0]
    one = Offload(SETUP, clock=lambda: now[0])
    one.spent(OVER)
    pid = await until_started(one)
    await asyncio.sleep(0.1)
    assert one.pid == pid
    now[0] = 10 * OVER
    await until(lambda: not Path(f"/proc/{pid}").exists())
    assert one.pid is None
    one.spent(OVER)
    assert await until_started(one) != pid
    await one.close()


async def test_a_few_short_messages_stay_here() -> None:
    async with working() as (one, _):
        assert await fold(one, TALK[:2]) is None
        assert await fold(one) is not None


@pytest.mark.parametrize("change", [{"frozen": True}, {"executable": ""}, {"executable": "/usr/bin/uwsgi"}])
async def test_what_is_not_python_itself_is_never_started_again(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    for name, value in change.items():
        monkeypatch.setattr(sys, name, value, raising=False)
    assert command("turnkeep.summarizers.worker") is None
    one = Offload(SETUP)
    one.spent(100 * OVER)
    assert await fold(one) is None
    await one.close()


async def test_it_gives_way_to_who_serves() -> None:
    """Within one session of processes, since many kernels weigh sessions against each other first; and out of the terminal's reach."""
    async with working() as (_, pid):
        assert os.getpriority(os.PRIO_PROCESS, pid) == 19
        assert os.getsid(pid) == os.getsid(0)
        assert os.getpgid(pid) == pid
        if sys.platform == "linux":
            assert os.sched_getscheduler(pid) == os.SCHED_IDLE


# --- what it makes


async def test_it_makes_the_records_that_are_made_here() -> None:
    async with working() as (one, _):
        talks = [log_of(talk["messages"]) for _, talk in sorted(BY_ID.items()) if len(talk["messages"]) > 40]
        assert len(talks) > 3
        for messages in talks:
            half = len(messages) // 2
            first = await fold(one, messages[:half])
            assert first
            assert first == here(messages[:half])
            assert await fold(one, messages[half:], first) == here(messages[half:], first)


async def test_it_redacts_as_the_settings_say() -> None:
    said = [replace(TALK[0], content=f"My case is C-4711, of the hotel {TALK[0].content}"), *TALK[1:]]
    async with working() as (one, _):
        made = await fold(one, said)
        assert made == here(said)
        assert "C-4711" not in Extractive().render(made or [])


async def test_jobs_of_many_are_answered_to_who_asked() -> None:
    parts = [TALK[at : at + 15] for at in range(12)]
    async with working() as (one, _):
        assert await asyncio.gather(*[fold(one, part) for part in parts]) == [here(part) for part in parts]


@pytest.mark.parametrize("content", ["half of an emoji \ud83d", [{"type": "text", "text": "x", "size": 2**70}]])
async def test_what_cannot_be_sent_is_made_here(content: object) -> None:
    said = [replace(TALK[0], content=content), *TALK[1:]]
    async with working() as (one, pid):
        assert await fold(one, said) is None
        assert await fold(one) is not None
        assert one.pid == pid


async def test_an_error_of_the_worker_is_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "turnkeep.compaction")
    async with working() as (one, pid):
        assert await one.fold("no such counter", TALK, [], 300) is None
        assert "InvalidInput" in caplog.text
        assert await fold(one) is not None
        assert one.pid == pid


def test_metadata_and_ids_stay_here() -> None:
    told = replace(TALK[0], metadata={"huge": 2**70}, external_id="tg:1", author_id="ann", counter="o200k")
    [sent] = job("o200k", [told], [], 300).messages
    assert (sent.metadata, sent.external_id, sent.author_id) == (None, None, None)
    assert (sent.role, sent.content, sent.created_ms) == (told.role, told.content, told.created_ms)


# --- what goes wrong


async def test_a_killed_worker_gives_its_jobs_back_and_another_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    async with working() as (one, pid):
        os.kill(pid, signal.SIGSTOP)
        asked = [asyncio.create_task(fold(one)) for _ in range(3)]
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.gather(*asked) == [None, None, None]
        await until(lambda: not Path(f"/proc/{pid}").exists())  # no zombie
        assert "was lost" in caplog.text
        one.spent(10 * OVER)
        assert await until_started(one) != pid
        assert await fold(one) == here(TALK)


async def test_who_waits_for_its_end_is_told_of_it(caplog: pytest.LogCaptureFixture) -> None:
    """Also where it was killed twice: asyncio warns of a child that somebody else has waited for."""
    for _ in range(6):
        async with working() as (one, pid):
            assert await fold(one) is not None
        assert not Path(f"/proc/{pid}").exists()
    assert caplog.messages == []


async def test_a_hung_worker_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with working() as (one, pid):
        monkeypatch.setattr(offload, "HUNG", 0.2)
        os.kill(pid, signal.SIGSTOP)
        assert await fold(one) is None
        await until(lambda: not Path(f"/proc/{pid}").exists())


async def test_who_is_cancelled_leaves_the_answers_of_others_alone() -> None:
    async with working() as (one, pid):
        os.kill(pid, signal.SIGSTOP)
        first, second = asyncio.create_task(fold(one, TALK[:20])), asyncio.create_task(fold(one, TALK[20:]))
        await asyncio.sleep(0)
        first.cancel()
        os.kill(pid, signal.SIGCONT)
        assert await second == here(TALK[20:])
        assert first.cancelled()


async def test_closing_while_it_works_gives_the_work_back() -> None:
    async with working() as (one, pid):
        os.kill(pid, signal.SIGSTOP)
        asked = asyncio.create_task(fold(one))
        await asyncio.sleep(0)
        await one.close()
        assert await asked is None
        assert not Path(f"/proc/{pid}").exists()
        assert await fold(one) is None


async def test_closing_while_it_starts_leaves_nothing() -> None:
    def children() -> set[str]:
        return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())

    before, one = children(), Offload(SETUP)
    one.spent(OVER)
    await fold(one)
    await until(lambda: children() > before)
    [pid] = children() - before
    await one.close()
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(("script", "why"), [(None, "No such file"), ("exit 1", "ended before"), ("sleep 60", "took too long")])
async def test_one_that_cannot_be_started_is_not_tried_all_the_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, script: str | None, why: str
) -> None:
    program = tmp_path / "python3"
    if script is not None:
        program.write_text(f"#!/bin/sh\nexec {script}\n" if script.startswith("sleep") else f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    if why == "took too long":
        monkeypatch.setattr(offload, "STARTS", 0.3)
    now = [0.0]
    one = Offload(SETUP, clock=lambda: now[0])
    for tried in range(1, 4):
        one.spent(10 * OVER)
        for _ in range(3):
            assert await fold(one) is None
        await until(lambda tried=tried: caplog.text.count("could not be started") == tried)  # type: ignore[misc]
        now[0] += 2.0**tried
    assert why in caplog.text
    await one.close()


PARENT = """
import asyncio, os, sys
from turnkeep.summarizers.jobs import Setup
from turnkeep.summarizers.offload import OVER, Offload

async def main():
    one = Offload(Setup())
    one.spent(OVER)
    await one.fold("o200k", [], [], 300)
    while one.pid is None:
        await asyncio.sleep(0.01)
    if sys.argv[1] == "fork" and not os.fork():
        os.close(1)
        os.read(0, 1)  # holds what it was born with open, until the test ends
        os._exit(0)
    print(one.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["alone", "fork"])
async def test_it_ends_when_its_parent_is_killed(how: str) -> None:
    """Also where a fork of the parent has the worker's input open."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdin is not None
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not gone(pid)
    parent.kill()
    parent.wait()
    await until(lambda: gone(pid))
    parent.stdin.close()
    parent.stdout.close()


THREAD = """
import asyncio, os, sys, threading
from turnkeep.summarizers.jobs import Setup
from turnkeep.summarizers.offload import OVER, Offload

async def main():
    one = Offload(Setup())
    one.spent(100 * OVER)
    await one.fold("o200k", [], [], 300)
    while one.pid is None:
        await asyncio.sleep(0.01)
    print(one.pid, flush=True)

os.close(2)
thread = threading.Thread(target=lambda: asyncio.run(main()))
thread.start()
thread.join()
"""


async def test_it_starts_from_a_thread_without_standard_error_and_ends_with_a_loop_that_was_not_closed() -> None:
    told = subprocess.run([sys.executable, "-c", THREAD], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    await until(lambda: gone(int(told)))


def test_it_loads_neither_database_nor_server() -> None:
    code = "import sys, turnkeep.summarizers.worker; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"apsw", "litestar", "uvicorn", "httpx2", "pydantic", "telegram", "rich", "click"}.isdisjoint(loaded)
    assert "msgspec" in loaded


# --- under a manager


async def talked(sessions: SessionManager, numbers: range) -> list[list[str]]:
    """The summaries' texts of each of these sessions, which all hold one talk."""
    made = []
    for number in numbers:
        session = await sessions.get_or_create_session("web", number, token_limit=1500)
        for one in TALK:
            await sessions.add_message(
                session.id, one.role, one.content, tool_calls=one.tool_calls, tool_call_id=one.tool_call_id
            )
        await asyncio.sleep(0)  # this store never waits for anything
        made.append([summary.text for summary in await sessions.get_summaries(session.id)])
    return made


async def kill_each(one: Offload, killed: list[int]) -> None:
    while True:
        pid = one.pid
        if pid is not None and pid not in killed:
            await asyncio.sleep(0.1)
            killed.append(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.01)


async def test_a_manager_stores_the_same_summaries_with_it_killed_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with SessionManager.open("memory://", compaction="inline", compaction_process=False) as sessions:
        [expected] = await talked(sessions, range(1))
    assert len(expected) > 1
    monkeypatch.setattr(offload, "START", 0.0)
    monkeypatch.setattr(offload, "FIRST_REST", 0.01)
    killed: list[int] = []
    async with SessionManager.open("memory://", compaction="inline") as sessions:
        one = sessions._ladder.offload
        assert one is not None
        killing, at = asyncio.create_task(kill_each(one, killed)), 0
        while len(killed) < 3:
            for texts in await talked(sessions, range(at, at + 4)):
                assert texts == expected
            at += 4
        killing.cancel()
        assert sessions.failures == {"summarizer": 0, "compaction": 0, "cleanup": 0}
    assert [pid for pid in killed if Path(f"/proc/{pid}").exists()] == []


async def test_closing_a_manager_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "START", 0.0)
    async with SessionManager.open("memory://") as sessions:
        one, at = sessions._ladder.offload, 0
        assert one is not None
        while one.pid is None:
            await talked(sessions, range(at, at + 1))
            at += 1
        pid = one.pid
        await talked(sessions, range(at, at + 1))
    assert not Path(f"/proc/{pid}").exists()


async def test_a_prompt_does_not_wait_behind_others_for_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offload, "START", 0.0)
    async with SessionManager.open("memory://", cleanup_interval=0) as sessions:
        one, at = sessions._ladder.offload, 0
        assert one is not None
        while one.pid is None:
            await talked(sessions, range(at, at + 1))
            at += 1
        assert await fold(one, TALK * 8) is not None  # so it is known how long a job takes
        name = (await sessions.get_or_create_session("web", "late", token_limit=1500)).id
        os.kill(one.pid, signal.SIGSTOP)
        others = [asyncio.create_task(fold(one)) for _ in range(9)]
        await until(lambda: sessions._ladder.is_behind)
        await sessions.add_messages(name, [{"role": "user", "content": f"{at}. {TALK[0].content}"} for at in range(99)])
        async with asyncio.timeout(30):  # and not until the worker goes on
            built = await sessions.build_context(name)
        assert built.messages[0]["content"].endswith("are not shown here.]")
        assert built.tokens <= 1500
        os.kill(one.pid, signal.SIGCONT)
        assert None not in await asyncio.gather(*others)
        await sessions.settle()
        built = await sessions.build_context(name)
        assert built.messages[0]["content"].startswith("Summary of earlier messages 1-")


async def test_a_prompt_does_not_wait_for_a_worker_that_gets_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before it, so that only its own job shows that there is no time for summaries."""
    monkeypatch.setattr(offload, "START", 0.0)
    async with SessionManager.open("memory://", cleanup_interval=0) as sessions:
        one, at = sessions._ladder.offload, 0
        assert one is not None
        while one.pid is None:
            await talked(sessions, range(at, at + 1))
            at += 1
        await sessions.settle()
        name = (await sessions.get_or_create_session("web", "late", token_limit=1500)).id
        os.kill(one.pid, signal.SIGSTOP)
        await sessions.add_messages(name, [{"role": "user", "content": f"{at}. {TALK[0].content}"} for at in range(99)])
        async with asyncio.timeout(30):
            built = await sessions.build_context(name)
        assert built.messages[0]["content"].endswith("are not shown here.]")
        assert built.tokens <= 1500
        assert one.delay > PATIENCE
        os.kill(one.pid, signal.SIGCONT)
        await sessions.settle()
        built = await sessions.build_context(name)
        assert built.messages[0]["content"].startswith("Summary of earlier messages 1-")


async def test_the_setting_switches_it_off() -> None:
    async with SessionManager.open("memory://", compaction_process=False) as sessions:
        assert sessions._ladder.offload is None
