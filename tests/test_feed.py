"""What the manager's contract does not say of live changes: other processes, what is let go of, and threads without a loop."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from turnkeep import Message, SessionManager, sync
from turnkeep import feed as feed_module
from turnkeep.cursors import Cursor
from turnkeep.errors import StoreBusy, UnknownSession
from turnkeep.feed import PAGE
from turnkeep.session import NewSummary, Session

WRITER = """
import asyncio, sys
from turnkeep import SessionManager

async def main(url, session_id):
    async with SessionManager.open(url) as sessions:
        for number in range(200):
            await sessions.add_message(session_id, "user", f"{number}")
        await sessions.delete_session(session_id)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_another_process_writes_and_deletes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/chats.db"
    async with SessionManager.open(url) as sessions, asyncio.timeout(60):
        session = await sessions.get_or_create_session("web", 1)
        feed = sessions.listen(session.id)
        assert (await anext(feed)).value == session
        with subprocess.Popen([sys.executable, "-c", WRITER, url, session.id]) as writer:
            changes = [change async for change in feed]
        assert writer.returncode == 0
        assert changes[-1].kind == "deleted"
        contents = [change.value.content for change in changes if isinstance(change.value, Message)]
        assert contents == [str(number) for number in range(len(contents))]  # a prefix: the rest was gone before it was read


async def test_what_nobody_holds_is_forgotten() -> None:
    async with SessionManager.open("memory://") as sessions:
        session = await sessions.get_or_create_session("web", 1)
        async for change in sessions.listen(session.id):
            assert change.value == session
            break
        feeds = sessions._feeds
        gc.collect()
        [held] = feeds._by_session.values()
        assert len(held) == 0
        looking = feeds._poll
        assert looking is not None
        async with asyncio.timeout(30):
            await looking
        assert (feeds._by_session, feeds._poll) == ({}, None)
        kept = sessions.listen(session.id)
        assert (await anext(kept)).value == session  # and it looks again
        assert feeds._poll is not None


async def test_one_that_is_not_read_holds_a_page_at_most() -> None:
    async with SessionManager.open("memory://", compaction="manual") as sessions:
        session = await sessions.get_or_create_session("web", 1)
        feed = sessions.listen(session.id)
        await anext(feed)
        await sessions.add_messages(session.id, [{"role": "user", "content": f"{at}"} for at in range(1000)])
        await anext(feed)
        assert len(feed._ready) == PAGE - 1


async def test_an_error_of_the_store_is_told_and_can_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "POLL_SECONDS", 1000.0)
    async with SessionManager.open(f"sqlite:///{tmp_path}/chats.db") as sessions:
        session = await sessions.get_or_create_session("web", 1)
        feed = sessions.listen(session.id)
        await anext(feed)
        said = await sessions.add_message(session.id, "user", "hi")

        async def busy(*args: object) -> None:
            raise StoreBusy

        with monkeypatch.context() as patched:
            patched.setattr(sessions._store, "marks", busy)
            with pytest.raises(StoreBusy):
                await anext(feed)
        assert (await anext(feed)).value == said
        assert (await anext(feed)).value == await sessions.get_session(session.id)
        waiting = asyncio.create_task(anext(feed))
        await asyncio.sleep(0)
        await sessions.delete_session(session.id)
        assert (await waiting).kind == "deleted"
        assert [change async for change in feed] == []


async def test_what_was_erased_before_it_is_read_is_not_told() -> None:
    async with SessionManager.open("memory://", compaction="manual") as sessions:
        session = await sessions.get_or_create_session("group", 1, external_user_id="host")
        await sessions.add_message(session.id, "user", "a secret of bob", author_id="bob")
        now = await sessions.add_message(session.id, "assistant", "well")
        made = NewSummary(from_seq=1, to_seq=2, text="Bob told.", method="model", tokens=9, counter="o200k", tokens_before=99)
        cursor = Cursor(1, 0, 0, 0).shown(session.id)
        await sessions._store.add_summary("default", session.id, made, generation=session.generation, now_ms=now.created_ms)
        feed = sessions.listen(session.id, cursor)
        await anext(feed)  # it has seen that there is a summary
        await sessions.erase_user("bob")
        version, kinds = (await sessions.get_session(session.id)).version, []
        async for change in feed:
            kinds.append(change.kind)
            if isinstance(change.value, Session) and change.value.version == version:
                break
        assert set(kinds) == {"message", "session"}


def test_a_cursor_reads_back_as_it_was() -> None:
    cursor = Cursor(3, 2**32, 10**17, 0)
    assert Cursor.parse("ses_a", cursor.shown("ses_a")) == cursor


def test_without_a_loop() -> None:
    with sync.SessionManager.open("memory://") as sessions:
        session = sessions.get_or_create_session("web", 1)
        changes = sessions.listen(session.id)
        assert next(changes).value == session
        thread = Thread(target=sessions.add_message, args=(session.id, "user", "hi"))
        thread.start()
        change = next(changes)
        thread.join()
        assert isinstance(change.value, Message)
        later = sessions.listen(session.id, change.cursor)
        assert next(later).value == sessions.get_session(session.id)
        sessions.delete_session(session.id)
        assert [one.kind for one in later] == ["deleted"]
        with pytest.raises(UnknownSession):
            next(sessions.listen(session.id))
