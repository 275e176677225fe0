"""`turnkeep.sync` under threads and forks, and interpreters that end without closing anything."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from tests.faults.helpers import ask, contents, log, manager, opened, sound, url, worker

from turnkeep import sync
from turnkeep.errors import ManagerClosed, TurnkeepError

OPTIONS = {"cleanup_interval": 0, "tokenizer": "estimate"}


def test_many_threads(tmp_path: Path) -> None:
    with sync.SessionManager.open(url(tmp_path / "chats.db"), **OPTIONS) as sessions:
        errors: list[BaseException] = []

        def talk(thread: int) -> None:
            try:
                session = sessions.get_or_create_session("test", thread % 4)
                for turn in range(40):
                    text = f"{thread}.{turn}"
                    assert sessions.add_message(session.id, "user", text, external_id=text).content == text
                    assert sessions.build_context(session.id, max_messages=3).messages
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=talk, args=(thread,)) for thread in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        for number in range(4):
            session = sessions.get_or_create_session("test", number)
            texts = [str(message.content) for message in sessions.get_messages(session.id, limit=1000)]
            for one in range(number, 16, 4):
                assert [text for text in texts if text.startswith(f"{one}.")] == [f"{one}.{turn}" for turn in range(40)]
            assert session.seq == len(texts) == 160
        assert sessions.check() == []


def test_closing_under_threads(tmp_path: Path) -> None:
    """Every thread is answered: stored, or refused as closed."""
    sessions = sync.SessionManager.open(url(tmp_path / "chats.db"), **OPTIONS)
    session = sessions.get_or_create_session("test", 1)
    told: list[str] = []
    enough = threading.Event()

    def talk(thread: int) -> None:
        for turn in range(100_000):
            try:
                sessions.add_message(session.id, "user", f"{thread}.{turn}")
            except ManagerClosed:
                return
            told.append(f"{thread}.{turn}")
            if turn == 20:
                enough.set()

    threads = [threading.Thread(target=talk, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    assert enough.wait(30)
    sessions.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    with sync.SessionManager.open(url(tmp_path / "chats.db"), **OPTIONS) as again:
        found: list[str] = []
        while page := again.get_messages(session.id, after=len(found), limit=1000):
            found += [str(message.content) for message in page]
        assert sorted(found) == sorted(told)
        assert again.check() == []


def test_workers_forked_by_a_server(tmp_path: Path) -> None:
    """The master closes before it forks: all that the workers acknowledged is there, where they said."""
    *told, codes, texts, problems = ask("sync_prefork", tmp_path / "chats.db")
    assert codes == [0, 0, 0]
    assert texts[0] == "parent"
    assert texts[-1] == "parent again"
    assert sorted(texts[1:-1]) == sorted(f"child {number}.{turn}" for number in range(3) for turn in range(40))
    assert sorted(told) == [[seq, text] for seq, text in enumerate(texts[1:-1], 2)]
    assert problems == []


def test_workers_of_a_server_that_keeps_its_manager_open(tmp_path: Path) -> None:
    """They are told so, whichever way they try, and nothing of theirs is acknowledged or stored."""
    *told, codes, texts, problems = ask("sync_prefork_left_open", tmp_path / "chats.db")
    assert codes == [0, 0, 0]
    for number in range(3):
        mine = [answer for worker, answer in told if worker == number]
        assert [answer[0] for answer in mine] == ["UsedAfterFork"] * 3
        assert all("close the manager before the" in answer[1] for answer in mine)
    assert texts == ["parent", "parent again"]
    assert problems == []


@pytest.mark.parametrize("task", ["never_closed", "sync_never_closed"])
async def test_an_interpreter_that_ends_without_closing(tmp_path: Path, task: str) -> None:
    """It ends, in silence, and keeps what it acknowledged."""
    path = tmp_path / "chats.db"
    process = worker(task, path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    told = [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith("\n")]
    assert len(told) >= 50
    async with manager(path) as sessions:
        session = await opened(sessions)
        await sound(sessions, session.id)
        found = contents(await log(sessions, session.id))
        for text in set(told):
            assert found.count(text) >= told.count(text)


def test_a_sync_error_is_the_same_error(tmp_path: Path) -> None:
    with sync.SessionManager.open(url(tmp_path / "chats.db"), **OPTIONS) as sessions:
        with pytest.raises(TurnkeepError, match="^session_id: no session"):
            sessions.get_messages("ses_unknown")
        with pytest.raises(TurnkeepError, match="^content: "):
            sessions.add_message(sessions.get_or_create_session("test", 1).id, "user", "")
    with pytest.raises(ManagerClosed):
        sessions.get_messages("ses_unknown")
    with pytest.raises(TurnkeepError):
        sync.SessionManager.open(url(tmp_path / "missing" / "chats.db"), **OPTIONS)
