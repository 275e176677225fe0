"""The original calls, under /api/sessions."""

from typing import Any

import pytest
from tests.server.conftest import URL, Client, problem


async def test_create_makes_a_session_or_finds_it(client: Client) -> None:
    body = {
        "interface_type": "telegram",
        "conversation_id": 123,
        "external_user_id": "user123",
        "external_chat_id": 456,
        "token_limit": 8000,
        "expires_in_ms": 3_600_000,
        "metadata": {"plan": "pro"},
    }
    made = await client.act("create", **body)
    assert made.status_code == 201
    session = made.json()
    for name, value in (body | {"conversation_id": "123", "external_chat_id": "456"}).items():
        assert session["lifetime_ms" if name == "expires_in_ms" else name] == value
    assert (session["status"], session["messages"], session["app"]) == ("active", 0, "default")
    assert session["created_at"].endswith("Z")
    assert not {"number", "root"} & set(session)
    found = await client.act("create", **body)
    assert (found.status_code, found.json()) == (200, session)


async def test_a_session_can_live_for_ever(client: Client) -> None:
    assert (await client.create(1, expires_in_ms=None))["expires_at"] is None
    assert (await client.create(2))["lifetime_ms"] == 86_400_000
    problem(await client.act("create", interface_type="web", conversation_id=3, expires_in_ms=0), 400, "invalid-input")


async def test_reading_by_id_by_conversation_and_all(client: Client) -> None:
    one, two = await client.create(1), await client.create("two")
    assert (await client.get(f"{URL}?id={one['id']}")).json() == one
    assert (await client.get(URL)).json() == {"sessions": [two, one], "next_before": None}
    assert (await client.get(f"{URL}?conversationId=1")).json()["sessions"] == [one]
    assert (await client.get(f"{URL}?conversationId=none")).json()["sessions"] == []
    first = (await client.get(f"{URL}?limit=1")).json()
    assert (first["sessions"], first["next_before"]) == ([two], two["id"])
    assert (await client.get(f"{URL}?limit=1&before={two['id']}")).json()["sessions"] == [one]
    problem(await client.get(f"{URL}?id=ses_none"), 404, "unknown-session")


async def test_only_active_sessions_are_listed(client: Client) -> None:
    one, two = await client.create(1), await client.create(2)
    closed = await client.act("deactivate", id=one["id"])
    assert (closed.status_code, closed.json()["status"]) == (200, "inactive")
    assert [session["id"] for session in (await client.get(URL)).json()["sessions"]] == [two["id"]]
    assert [session["id"] for session in (await client.get(f"{URL}?status=inactive")).json()["sessions"]] == [one["id"]]
    assert (await client.get(f"{URL}?conversationId=1")).json()["sessions"] == []


async def test_a_conversation(client: Client) -> None:
    session = await client.create()
    said = await client.act("addMessage", id=session["id"], role="user", content="What's the weather?", metadata={"lang": "en"})
    assert said.status_code == 201
    message = said.json()
    assert (message["seq"], message["role"], message["metadata"]) == (1, "user", {"lang": "en"})
    await client.act("addMessage", id=session["id"], role="assistant", content="Sunny.")
    state = await client.act("updateState", id=session["id"], state={"city": "Porto", "gone": None})
    assert (state.status_code, state.json()) == (200, {"state": {"city": "Porto"}})
    context = await client.act("buildContext", id=session["id"], maxMessages=1)
    assert context.status_code == 200
    assert [one["content"] for one in context.json()["messages"]][-1] == "Sunny."
    cleared = await client.act("clearMessages", id=session["id"])
    assert (cleared.status_code, cleared.json()["window_messages"], cleared.json()["messages"]) == (200, 0, 2)
    figures = (await client.get(f"{URL}?stats=true")).json()
    assert (figures["total_sessions"], figures["total_messages"]) == (1, 2)
    assert figures["by_interface"]["web"]["messages"] == 2


async def test_cleanup(client: Client) -> None:
    await client.create(1, expires_in_ms=1)
    done = await client.act("cleanup", dry_run=True)
    assert (done.status_code, done.json()) == (200, {"expired": 1, "deleted": 0, "dry_run": True})
    assert (await client.act("cleanup")).json()["expired"] == 1


async def test_delete_is_for_good(client: Client) -> None:
    session = await client.create()
    answer = await client.call("DELETE", f"{URL}?id={session['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for again in (await client.call("DELETE", f"{URL}?id={session['id']}"), await client.get(f"{URL}?id={session['id']}")):
        problem(again, 404, "unknown-session")
    problem(await client.call("DELETE", URL), 400, "invalid-input")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "fly"}, "action"),
        ({"action": "create", "conversation_id": 1}, "interface_type"),
        ({"action": "create", "interface_type": "web", "conversation_id": 1, "token_limt": 5}, "token_limt"),
        ({"action": "create", "interface_type": "web", "conversation_id": 1, "token_limit": 0}, "token_limit"),
        ({"action": "create", "interface_type": "", "conversation_id": 1}, "interface_type"),
        ({"action": "create", "interface_type": "web", "conversation_id": True}, "conversation_id"),
        ({"action": "addMessage", "id": "ID", "role": "user"}, "content"),
        ({"action": "addMessage", "id": "ID", "role": "king", "content": "hi"}, "role"),
        ({"action": "updateState", "id": "ID", "state": 5}, "state"),
        ({"action": "buildContext", "id": "ID", "maxMessages": 0}, "max_messages"),
    ],
)
async def test_what_is_wrong_is_named(client: Client, body: dict[str, Any], field: str) -> None:
    session = await client.create()
    sent = {name: session["id"] if value == "ID" else value for name, value in body.items()}
    assert problem(await client.post(URL, sent), 400, "invalid-input")["field"] == field


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=1001", "ids=1", "id=a&id=b", "id=a&stats=true", "status=gone", "a=%ff"]
)
async def test_a_query_is_judged(client: Client, query: str) -> None:
    problem(await client.get(f"{URL}?{query}"), 400, "invalid-input")


async def test_a_closed_session_takes_no_user_message(client: Client) -> None:
    session = await client.create()
    await client.act("deactivate", id=session["id"])
    problem(await client.act("addMessage", id=session["id"], role="user", content="hi"), 409, "session-closed")
