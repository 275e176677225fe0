"""Appends are judged ahead of their commit: whatever makes that judgement wrong, each caller gets the truth, in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.helpers import sql

from turnkeep.errors import Conflict, InvalidInput, SessionClosed, StoreFull, UnknownSession
from turnkeep.session import Appended, NewMessage, Session
from turnkeep.stores.sqlite import SQLiteStore, changes
from turnkeep.stores.sqlite.writer import MIN_BATCH
from turnkeep.testing.builders import APP, HOUR, NOW, message, new_session, tool_result, tool_use

MANY = 300


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "chats.db")
    await store.open()
    yield store
    await store.close()


def append(
    store: SQLiteStore, session: Session, *messages: NewMessage, expected_seq: int | None = None, now_ms: int = NOW
) -> asyncio.Future[Appended]:
    """What `store.append` awaits: judged when this returns, and committed when the loop goes on."""
    return store._writer.append((APP, session.id, messages, now_ms, expected_seq, None), len(messages))


async def opened(store: SQLiteStore, conversation: int = 1) -> Session:
    """A session with one message, so that the writer knows it and the counter."""
    session, _ = await store.open_session(new_session(conversation_id=str(conversation)), NOW)
    return (await append(store, session, message("user", "first"))).session


async def answers(calls: list[asyncio.Future[Appended]]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def proven(store: SQLiteStore, session: Session, texts: list[str]) -> None:
    """The log is just that, and every total equals its rows."""
    assert [one.content for one in await store.messages(APP, session.id, after=0, limit=1000)] == texts
    assert await store.check() == []


def theirs(store: SQLiteStore, statement: str, *bindings: Any) -> None:
    """Another program's commit, while the loop stands still."""
    sql(store.path, statement, *bindings)


# --- one statement


@pytest.mark.parametrize(("appends", "batches"), [(3, 1), (MIN_BATCH, 1), (2 * MIN_BATCH, 2)])
async def test_a_batch_is_one_statement(store: SQLiteStore, appends: int, batches: int) -> None:
    """Of many, half are on their way while the other half is served."""
    sessions = [await opened(store, number) for number in range(appends)]
    statements: list[str] = []

    def note(_cursor: Any, statement: str, _bindings: Any) -> bool:
        statements.append(statement)
        return True

    store._write_db.exec_trace = note
    await asyncio.gather(*[append(store, session, message("user", "hi", external_id="x")) for session in sessions])
    store._write_db.exec_trace = None
    assert [statement.split(" (")[0] for statement in statements] == ["INSERT INTO appended"] * batches
    assert await store.check() == []


async def test_however_many_wait_the_thread_executes_few_statements(store: SQLiteStore) -> None:
    """While the loop is busy each of them would wait for the interpreter's lock."""
    sessions = [await opened(store, number) for number in range(MANY)]
    statements = dict[str, int]()

    def note(_cursor: Any, _statement: str, _bindings: Any) -> bool:
        name = threading.current_thread().name
        statements[name] = statements.get(name, 0) + 1
        return True

    store._write_db.exec_trace = note
    calls: list[Awaitable[Any]] = []
    for number, session in enumerate(sessions):
        if number % 10 == 0:
            calls.append(store._change(changes.update_state, APP, session.id, "session", {"a": number}, 1000))
        calls.append(append(store, session, message("user", "hi"), message("assistant", "ho")))
    await asyncio.gather(*calls)
    store._write_db.exec_trace = None
    assert statements["turnkeep-writer"] < MANY / 4
    assert await store.check() == []


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9, 63, 64, 65, 128])
async def test_batches_of_every_size(store: SQLiteStore, count: int) -> None:
    session = await opened(store)
    sent = [message("user", f"{at}", external_id=f"x{at}", author_id="ann" if at % 3 else None) for at in range(count)]
    stored = (await append(store, session, *sent)).messages
    assert [one.seq for one in stored] == list(range(2, count + 2))
    calls = [append(store, session, message("assistant", f"answer {at}")) for at in range(count)]
    assert [one.created for one in await asyncio.gather(*calls)] == [1] * count
    rows = await store.messages(APP, session.id, after=1, limit=1000)
    assert tuple(rows[:count]) == stored
    await proven(store, session, ["first", *[f"{at}" for at in range(count)], *[f"answer {at}" for at in range(count)]])


async def test_every_column_comes_back(store: SQLiteStore) -> None:
    session = await opened(store)
    sent = [
        message("user", [{"type": "text", "text": "parts"}], author_id="ann", metadata={"a": [1]}, external_id="é"),
        tool_use("c1", "c2", name="agent"),
        tool_result("c1"),
        message("user", "plain"),
    ]
    stored = (await append(store, session, *sent)).messages
    await append(store, session, tool_result("c2"))
    rows = await store.messages(APP, session.id, after=1, limit=10)
    assert tuple(rows[:4]) == stored
    assert all(row.same_as(one) and row.metadata == one.metadata for row, one in zip(rows, sent, strict=False))
    assert (await store.session(APP, session.id)).tool_calls == 2
    assert await store.check() == []


# --- refused among accepted


async def test_a_refusal_reaches_its_own_caller_alone(store: SQLiteStore) -> None:
    """Behind each stand others of the same session, judged as if it had been stored."""
    one, other = await opened(store, 1), await opened(store, 2)
    closed = await store.deactivate(APP, (await opened(store, 3)).id, NOW)
    await append(store, one, message("user", "known", external_id="known"))
    calls = [
        append(store, one, message("user", "a")),
        append(store, one, message("user", "known", external_id="known")),
        append(store, one, message("user", "unlike", external_id="known")),
        append(store, other, message("user", "b"), expected_seq=7),
        append(store, other, message("user", "c"), expected_seq=1),
        append(store, one, tool_result("nobody asked")),
        append(store, closed, message("user", "late")),
        append(store, one, message("user", "d", external_id="twice")),
        append(store, one, message("user", "d", external_id="twice")),
        append(store, one, message("user", "e"), expected_seq=4),
    ]
    found = await answers(calls)
    assert [type(answer) for answer in found] == [
        Appended, Appended, Conflict, Conflict, Appended, InvalidInput, SessionClosed, Appended, Appended, Appended,
    ]  # fmt: skip
    assert [answer.created for answer in found if isinstance(answer, Appended)] == [1, 0, 1, 1, 0, 1]
    await proven(store, one, ["first", "known", "a", "d", "e"])
    await proven(store, other, ["first", "c"])


async def test_a_batch_that_fails_behind_and_before_others(store: SQLiteStore) -> None:
    """Several batches are on their way, and one in ten appends was sent before."""
    sessions = [await opened(store, number) for number in range(10)]
    told: list[int] = []
    calls = []
    for at in range(MANY):
        text = f"{at - 10 if at % 10 == at // 10 % 10 and at >= 10 else at}"
        calls.append(append(store, sessions[at % 10], message("user", text, external_id=text)))
        calls[-1].add_done_callback(lambda _, at=at: told.append(at))  # type: ignore[misc]
        if at % 70 == 0:
            await asyncio.sleep(0)
    found = await asyncio.gather(*calls)
    assert told == list(range(MANY))
    assert sum(answer.created for answer in found) == len({answer.messages[0].external_id for answer in found}) < MANY
    for at, session in enumerate(sessions):
        rows = await store.messages(APP, session.id, after=1, limit=1000)
        assert {row.content: row for row in rows} == {answer.messages[0].content: answer.messages[0] for answer in found[at::10]}
    assert await store.check() == []


# --- another process in between


async def test_an_external_id_taken_between_judgement_and_commit(store: SQLiteStore) -> None:
    one, other = await opened(store, 1), await opened(store, 2)
    calls = [append(store, other, message("user", "a")), append(store, one, message("user", "ours", external_id="x"))]
    theirs(store, "INSERT INTO external_ids VALUES (?, 'x', ?)", one.root, one.number << 32 | 1)
    calls.append(append(store, one, message("user", "b")))
    found = await answers(calls)
    assert [type(answer) for answer in found] == [Appended, Conflict, Appended]
    assert [one.content for one in await store.messages(APP, one.id, after=0, limit=9)] == ["first", "b"]
    assert [one.content for one in await store.messages(APP, other.id, after=0, limit=9)] == ["first", "a"]


@pytest.mark.parametrize("when", ["between two batches", "between judgement and commit"])
async def test_a_session_that_another_process_has_changed(store: SQLiteStore, when: str) -> None:
    one, other = await opened(store, 1), await opened(store, 2)
    calls = []
    if when == "between judgement and commit":
        calls = [append(store, one, message("user", "a")), append(store, other, message("user", "b"))]
    theirs(
        store,
        "UPDATE sessions SET version = version + 5, fixed_tokens = 77, metadata = '{\"a\": 1}' WHERE number = ?",
        one.number,
    )
    calls += [append(store, one, message("user", "c")), append(store, other, message("user", "d"))]
    found = await asyncio.gather(*calls)
    versions = [answer.session.version for answer in found if answer.session.id == one.id]
    assert versions == list(range(one.version + 6, one.version + 6 + len(versions)))
    after = await store.session(APP, one.id)
    assert (after.version, after.fixed_tokens, after.metadata) == (versions[-1], 77, {"a": 1})
    await proven(store, one, ["first", *(["a"] if len(calls) > 2 else []), "c"])


async def test_a_session_that_another_process_has_deleted(store: SQLiteStore) -> None:
    one, other = await opened(store, 1), await opened(store, 2)
    calls = [append(store, one, message("user", "a")), append(store, other, message("user", "b"))]
    theirs(store, "DELETE FROM sessions WHERE number = ?", one.number)
    found = await answers(calls)
    assert [type(answer) for answer in found] == [UnknownSession, Appended]


async def test_two_stores_that_take_turns_on_one_session(store: SQLiteStore) -> None:
    """Each is wrong about the session all the time, and finds out."""
    second = SQLiteStore(store.path)
    await second.open()
    session = await opened(store)
    calls = [append((store, second)[at % 2], session, message("user", f"{at}", external_id=f"{at}")) for at in range(MANY)]
    found = await asyncio.gather(*calls)
    assert sorted(answer.messages[0].seq for answer in found) == list(range(2, MANY + 2))
    rows = {row.seq: row for row in await store.messages(APP, session.id, after=0, limit=1000)}
    assert all(rows[answer.messages[0].seq] == answer.messages[0] for answer in found)
    for ours in (found[::2], found[1::2]):
        assert [answer.messages[0].seq for answer in ours] == sorted(answer.messages[0].seq for answer in ours)
    assert await second.check() == []
    await second.close()


# --- order, and the end


async def test_listeners_hear_of_commits_in_order(store: SQLiteStore) -> None:
    """Appends that are judged ahead, and changes that nothing may pass."""
    sessions = [await opened(store, number) for number in range(4)]
    heard: list[tuple[str, int]] = []
    store.listeners.append(lambda commit: heard.append((commit.session_id, commit.session.version if commit.session else -1)))
    calls: list[Awaitable[Any]] = []
    for at in range(MANY):
        session = sessions[at % 4]
        if at % 37 == 0:
            calls.append(asyncio.ensure_future(store.clear(APP, session.id, keep_summaries=True, now_ms=NOW)))
        elif at % 41 == 0:
            patched = store.update_state(APP, session.id, "session", {"at": at}, limit=1000, now_ms=NOW)
            calls.append(asyncio.ensure_future(patched))
        else:
            calls.append(append(store, session, message("user", f"{at}")))
        if at % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*calls)
    for session in sessions:
        versions = [version for session_id, version in heard if session_id == session.id]
        assert versions == list(range(session.version + 1, session.version + 1 + len(versions)))
    assert await store.check() == []


async def test_a_store_that_is_closed_while_full(store: SQLiteStore) -> None:
    session = await opened(store)
    calls = [append(store, session, message("user", f"{at % 290}", external_id=f"{at % 290}")) for at in range(MANY)]
    await asyncio.sleep(0)
    await store.close()
    found = await asyncio.gather(*calls)
    assert sum(answer.created for answer in found) == 290
    await store.open()
    await proven(store, session, ["first", *[f"{at}" for at in range(290)]])


async def test_a_disk_that_is_full_for_a_while(store: SQLiteStore) -> None:
    sessions = [await opened(store, number) for number in range(8)]
    store._write_db.pragma("max_page_count", 1)  # SQLite takes what the file has
    calls = [append(store, sessions[at % 8], message("user", "x" * 3000, external_id=f"{at}")) for at in range(MANY)]
    found = await answers(calls)
    assert StoreFull in {type(answer) for answer in found} <= {StoreFull, Appended}
    store._write_db.pragma("max_page_count", 100_000)
    again = await asyncio.gather(
        *[append(store, sessions[at % 8], message("user", "x" * 3000, external_id=f"{at}")) for at in range(MANY)]
    )
    assert [answer.created for answer in again] == [int(isinstance(answer, StoreFull)) for answer in found]
    assert await store.check() == []


async def test_a_session_whose_time_is_up_ahead(store: SQLiteStore) -> None:
    session = await opened(store)
    calls = [
        append(store, session, message("user", "in time")),
        append(store, session, message("user", "late"), now_ms=NOW + HOUR),
        append(store, session, message("user", "in time, too")),
    ]
    found = await answers(calls)
    assert [type(answer) for answer in found] == [Appended, SessionClosed, Appended]
