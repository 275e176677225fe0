"""`turnkeep.sync`: the same calls, from any thread, without a loop."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import turnkeep
from turnkeep import sync
from turnkeep.errors import (
    Conflict,
    IdempotencyKeyReused,
    InvalidInput,
    ManagerClosed,
    PreconditionFailed,
    SessionClosed,
    UnknownSession,
    UsedAfterFork,
    WrongLoop,
)
from turnkeep.settings import Settings


@pytest.fixture(params=["sqlite", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/turnkeep.db"


@pytest.fixture
def sessions(url: str) -> Iterator[sync.SessionManager]:
    with sync.SessionManager.open(url, settings=Settings(token_limit=100_000)) as opened:
        yield opened


# --- parity


def coroutine_methods() -> dict[str, Callable[..., Any]]:
    methods = inspect.getmembers(turnkeep.SessionManager, inspect.iscoroutinefunction)
    return {name: method for name, method in methods if not name.startswith("_")}


def test_there_are_calls_to_compare() -> None:
    assert {"add_message", "build_context", "close", "settle"} <= set(coroutine_methods())


@pytest.mark.parametrize("name", coroutine_methods())
def test_every_call_is_there_with_the_same_parameters(name: str) -> None:
    mine, theirs = getattr(sync.SessionManager, name), coroutine_methods()[name]
    assert inspect.signature(mine) == inspect.signature(theirs)
    assert (mine.__name__, mine.__doc__) == (theirs.__name__, theirs.__doc__)
    assert not inspect.iscoroutinefunction(mine)


def test_it_has_no_calls_of_its_own() -> None:
    public = {name for name in vars(sync.SessionManager) if not name.startswith("_")}
    assert public - set(dir(turnkeep.SessionManager)) == set()


def test_it_has_the_same_properties(url: str) -> None:
    names = {name for name, _ in inspect.getmembers(turnkeep.SessionManager, lambda member: isinstance(member, property))}
    assert names == {"app", "failures", "settings"}
    assert names == {name for name, _ in inspect.getmembers(sync.SessionManager, lambda member: isinstance(member, property))}
    with sync.SessionManager.open(url, app="shop", token_limit=77) as opened:
        assert (opened.app, opened.settings.app, opened.settings.token_limit) == ("shop", "shop", 77)
        assert opened.get_or_create_session("web", 1).token_limit == 77
    assert (opened.app, opened.settings.token_limit) == ("shop", 77)  # also of a closed one
    for name in sorted(names):
        with pytest.raises(AttributeError):
            setattr(opened, name, None)


def test_a_message_that_is_delivered_again_is_found(url: str) -> None:
    with sync.SessionManager.open(url) as opened:
        session = opened.get_or_create_session("web", 1)
        assert opened.find_message(session.id, 991) is None
        stored = opened.add_message(session.id, "user", "hello", external_id=991)
        opened.deactivate_session(session.id)
        assert opened.find_message(opened.get_or_create_session("web", 1).id, "991") == stored


# --- the same flow


def test_a_conversation(sessions: sync.SessionManager) -> None:
    session = sessions.get_or_create_session(interface_type="telegram", conversation_id=123, external_user_id="ann")
    first = sessions.add_message(session.id, "user", "What's the weather?", external_id="tg:991")
    assert sessions.add_message(session.id, "user", "What's the weather?", external_id="tg:991").seq == first.seq
    sessions.add_messages(session.id, [{"role": "assistant", "content": "Fine."}])
    context = sessions.build_context(session.id, max_messages=20)
    assert [message["content"] for message in context.messages] == ["What's the weather?", "Fine."]
    assert sessions.update_state(session.id, {"name": "Ann"}, "user") == {"name": "Ann"}
    assert sessions.get_session_stats(session.id).messages == sessions.get_stats().total_messages == 2
    assert sessions.find_by_conversation(123) is not None
    sessions.settle()
    assert sessions.deactivate_session(session.id).status == "inactive"
    assert sessions.check() == []


def test_from_several_threads(sessions: sync.SessionManager) -> None:
    session = sessions.get_or_create_session("web", 1)
    together = threading.Barrier(8)

    def talk(thread: int) -> list[int]:
        together.wait(30)
        assert sessions.get_or_create_session("web", 1).id == session.id
        return [sessions.add_message(session.id, "user", f"{thread}/{n}").seq for n in range(20)]

    with ThreadPoolExecutor(8) as pool:
        seqs = [seq for answer in pool.map(talk, range(8)) for seq in answer]
    assert sorted(seqs) == list(range(1, 161))
    stored = sessions.get_messages(session.id, limit=1000)
    assert sorted(str(message.content) for message in stored) == sorted(f"{t}/{n}" for t in range(8) for n in range(20))


def test_several_managers_share_one_loop_thread(url: str, sessions: sync.SessionManager, tmp_path: Path) -> None:
    before = threading.active_count()
    with sync.SessionManager.open("memory://") as other, sync.SessionManager.open(f"sqlite:///{tmp_path}/third.db") as third:
        for one in (sessions, other, third):
            one.add_message(one.get_or_create_session("web", 1).id, "user", "hello")
            assert one.get_stats().total_messages == 1
        loops = [thread for thread in threading.enumerate() if thread.name == "turnkeep-loop"]
        assert len(loops) == 1
    assert threading.active_count() <= before + 8


async def test_in_the_thread_of_a_running_loop(sessions: sync.SessionManager) -> None:
    session = sessions.get_or_create_session("web", 1)
    assert sessions.add_message(session.id, "user", "hello").seq == 1
    answers = await asyncio.gather(*(asyncio.to_thread(sessions.add_message, session.id, "user", f"{n}") for n in range(10)))
    assert sorted(message.seq for message in answers) == list(range(2, 12))


def test_on_its_own_thread_it_says_what_to_use(sessions: sync.SessionManager) -> None:
    caught: list[BaseException] = []

    class Clock:
        """Asked for the time on the loop's thread, it makes a call of its own."""

        armed = False

        def __call__(self) -> float:
            if self.armed:
                self.armed = False
                try:
                    sessions.get_stats()
                except WrongLoop as error:
                    caught.append(error)
            return 1_750_000_000.0

    clock = Clock()
    with sync.SessionManager.open("memory://", clock=clock, cleanup_interval=0) as other:
        session = other.get_or_create_session("web", 1)
        clock.armed = True
        other.add_message(session.id, "user", "hello")
    assert [type(error) for error in caught] == [WrongLoop]
    assert "turnkeep.SessionManager" in str(caught[0])


# --- errors pass through


def test_errors_are_the_same(sessions: sync.SessionManager) -> None:
    session = sessions.get_or_create_session("web", 1)
    sessions.add_message(session.id, "user", "hello", external_id="x")
    with pytest.raises(UnknownSession):
        sessions.get_session("nobody")
    with pytest.raises(InvalidInput) as caught:
        sessions.add_message(session.id, "bot", "hello")
    assert caught.value.field == "role"
    with pytest.raises(Conflict):
        sessions.add_message(session.id, "user", "other", external_id="x")
    with pytest.raises(TypeError):
        sessions.add_message(session.id, "user", "hello", unknown=5)  # type: ignore[call-arg]
    sessions.deactivate_session(session.id)
    with pytest.raises(SessionClosed):
        sessions.add_message(session.id, "user", "hello")
    assert sessions.get_session(session.id).seq == 1


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    for options in ({"url": "mysql://x"}, {"url": 7}, {"url": "memory://", "token_limit": 0}, {"url": "memory://", "unknown": 1}):
        with pytest.raises(InvalidInput):
            sync.SessionManager.open(**options)
    with pytest.raises(turnkeep.errors.StoreError):
        sync.SessionManager.open(f"sqlite:///{tmp_path}")  # a folder


def test_a_closed_manager_says_so(url: str) -> None:
    opened = sync.SessionManager.open(url)
    session = opened.get_or_create_session("web", 1)
    opened.close()
    opened.close()
    with pytest.raises(ManagerClosed):
        opened.add_message(session.id, "user", "hello")
    with pytest.raises(ManagerClosed):
        sync.SessionManager(turnkeep.SessionManager.open(url)).get_stats()


def test_leaving_the_block_by_an_error_closes_it(url: str) -> None:
    with pytest.raises(ZeroDivisionError), sync.SessionManager.open(url) as opened:
        raise ZeroDivisionError
    with pytest.raises(ManagerClosed):
        opened.get_stats()


def test_a_file_is_there_for_the_next_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/turnkeep.db"
    with sync.SessionManager.open(url) as opened:
        session = opened.get_or_create_session("web", 1)
        opened.add_message(session.id, "user", "hello")
    with sync.SessionManager.open(url) as again:
        assert [message.content for message in again.get_messages(session.id)] == ["hello"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_after_a_fork_it_says_what_to_do(url: str, tmp_path: Path) -> None:
    with sync.SessionManager.open(url) as opened:
        child = os.fork()
        if not child:
            code = 1
            try:
                opened.get_stats()
            except UsedAfterFork:
                with sync.SessionManager.open(f"sqlite:///{tmp_path}/child.db") as fresh:
                    code = fresh.get_stats().total_sessions
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert opened.get_stats().total_sessions == 0


def test_conditional_writes(sessions: sync.SessionManager) -> None:
    session = sessions.get_or_create_session("web", 1)
    once = sessions.conditional(idempotency_key="k", expected_version=session.version)
    assert once.add_message(session.id, "user", "hi") == once.add_message(session.id, "user", "hi")
    with pytest.raises(PreconditionFailed):
        sessions.conditional(expected_version=session.version).update_state(session.id, {})
    with pytest.raises(IdempotencyKeyReused):
        sessions.conditional(idempotency_key="k", fingerprint="other").add_message(session.id, "user", "hi")
    assert sessions.get_session(session.id).seq == 1
