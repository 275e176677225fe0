"""kill -9 at any moment: what was acknowledged is there, once and in order; the next start repairs nothing."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path
from signal import SIGKILL

from tests.faults.helpers import contents, finished, log, manager, opened, sound, worker
from tests.faults.workers import TURN, write_under_key

ROUNDS = 20


def acknowledged_until_killed(path: Path, kind: str) -> dict[int, int]:
    """Numbers of messages whose calls returned, and their `seq`, of processes that were killed one after another."""
    chance = random.Random(2)
    acknowledged: dict[int, int] = {}
    process = worker("breed", path, kind)
    assert process.stdin
    assert process.stdout
    for _ in range(ROUNDS):
        first = max(acknowledged, default=0) + 100  # a gap: those in flight when it dies may be there or not
        process.stdin.write(f"{first}\n")
        process.stdin.flush()
        [child] = json.loads(process.stdout.readline())
        killed_after = chance.randint(0, 150)
        for told in range(100_000):
            if told == killed_after:
                os.kill(child, SIGKILL)
            line = json.loads(process.stdout.readline())
            if line == "dead":
                break
            acknowledged[line[0]] = line[1]
    finished(process)
    assert len(acknowledged) > 10 * ROUNDS
    return acknowledged


async def test_kill_during_steady_appends(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    acknowledged = acknowledged_until_killed(path, "ids")
    async with manager(path) as sessions:
        session = await opened(sessions)
        await sound(sessions, session.id)
        stored = {message.external_id: message for message in await log(sessions, session.id)}
        assert len(stored) == session.seq
        for number, seq in acknowledged.items():
            assert (stored[f"x{number}"].seq, stored[f"x{number}"].content) == (seq, f"text {number}")
        numbers = [int(str(message.external_id)[1:]) for message in stored.values()]
        assert len(numbers) - len(acknowledged) <= 4 * ROUNDS  # in flight and stored: a caller each at most
        again = max(acknowledged)
        role = "user" if again % 2 else "assistant"
        await sessions.add_message(session.id, role, f"text {again}", external_id=f"x{again}")
        assert (await sessions.get_session(session.id)).seq == session.seq


async def test_kill_leaves_a_write_and_the_note_of_its_key_or_neither(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    acknowledged = acknowledged_until_killed(path, "keys")
    async with manager(path) as sessions:
        session = await opened(sessions)
        await sound(sessions, session.id)
        stored = [int(str(text).removeprefix("text ")) for text in contents(await log(sessions, session.id))]
        assert set(acknowledged) <= set(stored)
        numbers = range(1, max(stored) + 8)  # those that were acknowledged, those in doubt, and new ones
        again = await asyncio.gather(*[write_under_key(sessions, session.id, number) for number in numbers])
        assert {number: again[number - 1].seq for number in acknowledged} == acknowledged
        texts = contents(await log(sessions, session.id))
        assert len(texts) == len(set(texts)) == len(numbers)
        assert (await sessions.get_session(session.id)).usage_in == sum(numbers)
        assert await sessions.check() == []


async def test_kill_before_and_after_every_store_call_of_a_turn(tmp_path: Path) -> None:
    lanes = [worker("turns_to_the_death", tmp_path, lane, 2) for lane in (0, 1)]
    runs = sorted(run for lane in lanes for run in finished(lane, 90))
    deaths = [run for run in runs if run[1] == -SIGKILL]
    assert len(deaths) > 30
    assert all(status == 0 and said[-1] == ["end", 0] for _, status, said in runs[len(deaths) :])
    most = 0
    for fatal, _, said in runs:
        async with manager(tmp_path / f"{fatal}.db") as sessions:
            assert await sessions.check() == []
            told = [text for kind, text in said if kind == "stored"]
            session = await opened(sessions, external_user_id="u")
            if ["session", session.id] not in said:
                assert not told
            await sound(sessions, session.id)
            before = contents(await log(sessions, session.id))
            assert before[: len(told)] == told
            assert len(before) - len(told) <= 1
            if ["state", 1] in said:
                assert await sessions.get_state(session.id) == {"mood": "good"}
                assert await sessions.get_state(session.id, "user") == {"lang": "en"}
            # The platform delivers again what it saw no answer to.
            for message in (TURN[0], TURN[3]):
                await sessions.add_message(session.id, **message)
                await sessions.add_message(session.id, **message)
            rows = await log(sessions, session.id)
            ids = [row.external_id for row in rows if row.external_id]
            assert sorted(ids) == ["reply:1", "tg:1"]
            context = await sessions.build_context(session.id)
            assert context.messages
            most = max(most, len(rows))
    assert most == 8
