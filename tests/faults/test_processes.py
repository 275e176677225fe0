"""Several processes on one file: dense, nothing lost or doubled, and what one commits the others see at once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from tests.faults.helpers import at_once, contents, log, manager, opened, sound, sql, worker

from turnkeep.errors import StoreUnavailable

NAMES = "abcd"
COUNT = 200


async def test_four_processes_append_to_the_same_sessions(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    async with manager(path) as sessions:
        ids = [(await opened(sessions, number)).id for number in range(10)]
        answers = await asyncio.to_thread(
            lambda: at_once([worker("append_to_all", path, name, ",".join(ids), COUNT) for name in NAMES])
        )
        waits = sorted(wait for [answer] in answers for wait in answer)
        assert len(waits) == len(NAMES) * COUNT
        print(f"p50 {waits[len(waits) // 2]} us, p99 {waits[len(waits) * 99 // 100]} us, max {waits[-1]} us")
        await sound(sessions, *ids)
        for at, session_id in enumerate(ids):
            texts = list(map(str, contents(await log(sessions, session_id))))
            for name in NAMES:
                mine = [int(text[2:]) for text in texts if text.startswith(name)]
                assert sorted(mine) == list(range(at, COUNT, 10))
            assert len(texts) == len(NAMES) * COUNT // 10
        assert waits[len(waits) * 99 // 100] < 2_000_000


async def test_what_another_process_commits_is_seen_at_once(tmp_path: Path) -> None:
    """Also by a cache that has the session, whatever it was asked before."""
    path, chance = tmp_path / "chats.db", random.Random(6)
    async with manager(path) as sessions:
        session = await opened(sessions)
        process = worker("append_when_told", path, session.id)
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == '"ready"\n'
        told: list[str] = []
        for number in range(200):
            if chance.random() < 0.5:
                process.stdin.write(f"theirs {number}\n")
                process.stdin.flush()
                assert int(process.stdout.readline()) == len(told) + 1
                told.append(f"theirs {number}")
            else:
                message = await sessions.add_message(session.id, "user", f"ours {number}")
                assert message.seq == len(told) + 1
                told.append(f"ours {number}")
            context = await sessions.build_context(session.id, max_messages=5)
            assert context.messages[-1]["content"] == told[-1]
            assert (await sessions.get_session(session.id)).seq == len(told)
        process.stdin.close()
        assert process.wait(20) == 0
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == ""
        process.stderr.close()
        assert contents(await log(sessions, session.id)) == told
        assert (await sessions.get_stats()).cache_hit_rate > 0.2
        await sound(sessions, session.id)


async def test_a_session_deleted_by_another_manager(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    async with manager(path) as sessions, manager(path) as other:
        session = await opened(sessions)
        await sessions.add_message(session.id, "user", "hello")
        await sessions.build_context(session.id)
        await other.update_state(session.id, {"a": 1})
        assert await sessions.get_state(session.id) == {"a": 1}
        await other.delete_session(session.id)
        for refused in (sessions.build_context, sessions.get_messages, sessions.get_state):
            try:
                await refused(session.id)
            except LookupError as error:
                assert session.id in str(error)
            else:
                raise AssertionError("the cache told of a deleted session")
        successor = await opened(sessions)
        assert successor.id != session.id
        assert successor.seq == 0


def test_one_key_opened_by_four_processes(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    answers = at_once([worker("open_sessions", path) for _ in range(4)])
    for number in range(20):
        pairs = [answer[number] for [answer] in answers]
        assert len({session_id for session_id, _ in pairs}) == 1
        assert sum(created for _, created in pairs) == 1
    assert sql(path, "SELECT count(*) FROM sessions") == [(20,)]


async def test_eight_processes_open_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    answers = at_once([worker("open_new_file", path) for _ in range(8)])
    assert answers == [[1]] * 8
    async with manager(path) as sessions:
        await sound(sessions)
        assert (await sessions.get_stats()).total_sessions == 8


async def test_many_managers_open_a_new_file_in_one_process(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"

    async def use(number: int) -> None:
        async with manager(path) as sessions:
            session = await opened(sessions, number)
            assert (await sessions.add_message(session.id, "user", "x")).seq == 1

    await asyncio.gather(*[use(number) for number in range(12)])
    async with manager(path) as sessions:
        await sound(sessions)
        assert (await sessions.get_stats()).total_messages == 12


async def test_a_file_replaced_by_another_programs(tmp_path: Path) -> None:
    """A migration that another process is in the middle of is waited for, not taken for a foreign database."""
    path = tmp_path / "chats.db"
    for _ in range(20):
        managers = [manager(path) for _ in range(3)]
        results = await asyncio.gather(*[one._start() for one in managers], return_exceptions=True)
        assert not [one for one in results if isinstance(one, StoreUnavailable | BaseException)]
        for one in managers:
            await one.close()
        path.unlink()
