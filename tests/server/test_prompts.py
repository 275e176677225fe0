"""A context that is asked for again is not built again, and never is an old one."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.conftest import Running, problem

from turnkeep import SessionManager
from turnkeep.server.answers import Answer
from turnkeep.server.prompts import FRAME, LONGEST, Prompts
from turnkeep.stores import MemoryStore


def texts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [message["content"] for message in answer.json()["messages"]]


async def test_the_same_context_is_the_same_answer(running: Running) -> None:
    client = await running.client()
    path = await client.said(await client.create(), "a", "b", "c", "d")
    first, again = await client.get(f"{path}/context"), await client.get(f"{path}/context")
    assert len(running.tenants.prompts) == 1
    assert (first.content, dict(first.headers)) == (again.content, dict(again.headers))
    for query in ("?max_messages=2", "?system=Be%20brief."):
        assert (await client.get(f"{path}/context{query}")).content != first.content
        assert (await client.get(f"{path}/context")).content == first.content


async def test_every_write_shows_at_once(running: Running) -> None:
    client = await running.client()
    path = await client.said(await client.create(), "a", "b")
    assert texts(await client.get(f"{path}/context")) == ["a", "b"]
    await client.post(f"{path}/messages", {"role": "user", "content": "c"})
    assert texts(await client.get(f"{path}/context")) == ["a", "b", "c"]
    assert len(running.tenants.prompts) == 1
    await client.post(f"{path}/retract", {"from_seq": 3})
    assert texts(await client.get(f"{path}/context")) == ["a", "b"]
    await client.post(f"{path}/clear", {})
    assert texts(await client.get(f"{path}/context")) == []
    await client.call("DELETE", path)
    assert len(running.tenants.prompts) == 0
    problem(await client.get(f"{path}/context"), 404, "unknown-session")


async def test_a_write_of_another_process_shows_at_once(running: Running) -> None:
    client = await running.client()
    session = await client.create()
    path = await client.said(session, "a", "b")
    assert texts(await client.get(f"{path}/context")) == ["a", "b"]
    async with SessionManager.open(f"sqlite:///{running.tenants.store.path}") as other:  # type: ignore[attr-defined]
        await other.add_message(session["id"], "user", "theirs")
        assert texts(await client.get(f"{path}/context")) == ["a", "b", "theirs"]


async def test_another_app_and_another_user_are_told_nothing(running: Running) -> None:
    client = await running.client()
    path = await client.said(await client.create(external_user_id="ann"), "a", "b")
    assert texts(await client.get(f"{path}/context")) == ["a", "b"]
    for stranger in (await running.client(app="other"), await running.client(user="bob")):
        problem(await stranger.get(f"{path}/context"), 404, "unknown-session")


async def test_many_at_once_read_what_was_written(running: Running) -> None:
    client = await running.client()
    path = await client.said(await client.create())
    for turn in range(20):
        await client.post(f"{path}/messages", {"role": "user", "content": f"{turn}"})
        found = await asyncio.gather(*[client.get(f"{path}/context") for _ in range(5)])
        assert {texts(each)[-1] for each in found} == {f"{turn}"}


def test_what_is_held_is_bounded() -> None:
    prompts = Prompts(MemoryStore(), most=10 * (FRAME + 100))
    for number in range(100):
        prompts.keep(f"{number}", b"", 1, Answer("x" * 98))
    assert len(prompts) == 10
    assert prompts.bytes == 10 * (FRAME + 100)
    prompts.keep("new", b"", 2, Answer("x" * LONGEST))
    assert len(prompts) == 10
    for query in (b"a", b"b"):
        prompts.keep("99", query, 1, Answer("x" * 97))
    assert len(prompts) == 8
    assert prompts.bytes == 10 * (FRAME + 100)


def test_none_is_held_where_nothing_is_to_be_cached() -> None:
    prompts = Prompts(MemoryStore(), most=0)
    prompts.keep("1", b"", 1, Answer("x"))
    assert (len(prompts), prompts.bytes) == (0, 0)
