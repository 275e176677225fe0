"""A session and what belongs to it, as resources."""

import asyncio
from typing import Any

from tests.server.conftest import URL, Client, problem

from turnkeep import SessionManager
from turnkeep.cli.as_json import session_json
from turnkeep.server import answers


def test_a_session_has_the_fields_that_the_command_line_prints() -> None:
    async def made() -> Any:
        async with SessionManager.open("memory://") as sessions:
            return await sessions.get_or_create_session("web", 1)

    session = asyncio.run(made())
    shown = answers.session(session)
    names = {"messages" if name == "seq" else name for name in shown.__struct_fields__}
    assert names == set(session_json(session))


async def test_a_session_is_read_and_deleted(client: Client) -> None:
    session = await client.create()
    path = f"{URL}/{session['id']}"
    assert (await client.get(path)).json() == session
    assert (await client.call("DELETE", path)).status_code == 204
    problem(await client.get(path), 404, "unknown-session")
    problem(await client.call("DELETE", path), 404, "unknown-session")


async def test_the_log_is_read_by_pages(client: Client) -> None:
    path = await client.said(await client.create(), *(f"text {at}" for at in range(5)))
    first = (await client.get(f"{path}/messages?limit=3")).json()
    assert ([one["seq"] for one in first["messages"]], first["next_after"]) == ([1, 2, 3], 3)
    rest = (await client.get(f"{path}/messages?limit=3&after=3")).json()
    assert ([one["content"] for one in rest["messages"]], rest["next_after"]) == (["text 3", "text 4"], None)


async def test_a_message_may_have_all_that_openai_says(client: Client) -> None:
    path = await client.said(await client.create(), "look")
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turn = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "sky", "tool_call_id": "c1", "created_at": "2026-01-02T03:04:05.678+01:00"},
        {"role": "user", "content": [{"type": "text", "text": 'messages: "messages"'}], "author_id": 7},
    ]
    made = (await client.post(f"{path}/messages", {"messages": turn})).json()["messages"]
    assert made[0]["tool_calls"] == [call]
    assert made[1]["created_at"] == "2026-01-02T02:04:05.678000Z"
    assert (made[2]["author_id"], made[2]["seq"]) == ("7", 4)
    single = await client.post(f"{path}/messages", {"role": "assistant", "content": 'say "messages"'})
    assert (single.status_code, single.json()["seq"]) == (201, 5)


async def test_a_batch_is_stored_all_or_none(client: Client) -> None:
    path = await client.said(await client.create())
    bad = {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": ""}]}
    assert problem(await client.post(f"{path}/messages", bad), 400, "invalid-input")["field"] == "messages[1].content"
    many = {"messages": [{"role": "user", "content": "a"}] * 1001}
    told = problem(await client.post(f"{path}/messages", many), 400, "invalid-input")
    assert (told["field"], told["size"], told["limit"]) == ("messages", 1001, 1000)
    assert (await client.get(path)).json()["messages"] == 0


async def test_a_message_sent_again_is_stored_once(client: Client) -> None:
    path = await client.said(await client.create())
    body = {"role": "user", "content": "hi", "external_id": "tg:1"}
    first, again = await client.post(f"{path}/messages", body), await client.post(f"{path}/messages", body)
    assert (again.status_code, again.json()) == (201, first.json())
    told = problem(await client.post(f"{path}/messages", body | {"content": "other"}), 409, "conflict")
    assert told["field"] == "external_id"
    assert (await client.get(f"{path}/messages?external_id=tg:1")).json()["messages"] == [first.json()]
    assert (await client.get(f"{path}/messages?external_id=tg:2")).json()["messages"] == []


async def test_etags_spare_what_is_known(client: Client) -> None:
    path = await client.said(await client.create(), "hi", "hello")
    for url in (path, f"{path}/context", f"{URL}?id={path.rpartition('/')[2]}"):
        tag = (await client.get(url)).headers["etag"]
        for given in (tag, f'"x", {tag}', f"W/{tag}", "*"):
            known = await client.get(url, headers={"If-None-Match": given})
            assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
        assert (await client.get(url, headers={"If-None-Match": '"0"'})).status_code == 200
    await client.said({"id": path.rpartition("/")[2]}, "more")
    assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 200


async def test_context(client: Client) -> None:
    path = await client.said(await client.create(token_limit=1000), "hi", "hello", "more")
    context = (await client.get(f"{path}/context")).json()
    assert [one["content"] for one in context["messages"]] == ["hi", "hello", "more"]
    assert context["tokens"] == sum(context["parts"].values())
    short = (await client.get(f"{path}/context?max_messages=1&system=Be%20brief.&token_budget=200")).json()
    assert short["messages"][0] == {"role": "system", "content": "Be brief."}
    assert short["left_out"][0]["reason"] == "max_messages"
    schema = {"type": "function", "function": {"name": "look", "parameters": {}}}
    built = await client.post(f"{path}/context", {"tools": [schema], "system": "Be brief."})
    assert built.json()["parts"]["tools"] > 0
    told = problem(await client.get(f"{path}/context?token_budget=2"), 400, "budget-too-small")
    assert told["field"] == "token_budget"


async def test_state_in_both_scopes(client: Client) -> None:
    path = f"{URL}/{(await client.create(external_user_id='ann'))['id']}/state"
    headers = {"Content-Type": "application/merge-patch+json"}
    for scope in ("session", "user"):
        for patch in ({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": scope}}):
            answer = await client.call("PATCH", f"{path}?scope={scope}", headers=headers, json=patch)
        assert answer.json() == {"state": {"b": {"c": 2, "d": scope}}}
        assert (await client.get(f"{path}?scope={scope}")).json() == answer.json()
    problem(await client.get(f"{path}?scope=app"), 400, "invalid-input")
    problem(await client.call("PATCH", path, json=[1]), 400, "invalid-input")


async def test_summaries(client: Client) -> None:
    texts = [f"I live at number {at} of Oak Street, and my cat is called Tom the {at}th. " * 4 for at in range(40)]
    path = await client.said(await client.create(token_limit=1500), *texts)
    made = await client.post(f"{path}/summaries")
    assert made.status_code == 200
    found = (await client.get(f"{path}/summaries")).json()["summaries"]
    assert found
    assert found[0]["from_seq"] == 1
    assert made.json()["summary"] in [None, *found]


async def test_events(client: Client) -> None:
    path = await client.said(await client.create())
    used = await client.post(f"{path}/usage", {"tokens_in": 5, "tokens_out": 7, "model": "m"})
    assert (used.status_code, used.json()["tokens_in"], used.json()["name"]) == (201, 5, "m")
    ran = await client.post(f"{path}/tool-calls", {"name": "look", "duration_ms": 12.5, "outcome": "error"})
    failed = await client.post(f"{path}/errors", {"name": "Timeout", "message": "no answer"})
    assert failed.json()["data"] == {"message": "no answer"}
    for what, noted in (("usage", used), ("tool-calls", ran), ("errors", failed)):
        page = (await client.get(f"{path}/{what}")).json()
        assert page == {"events": [noted.json()], "next_after": None}
    await client.post(f"{path}/usage", {"tokens_in": 1, "tokens_out": 1})
    page = (await client.get(f"{path}/usage?limit=1")).json()
    assert page["next_after"] == used.json()["number"]
    assert len((await client.get(f"{path}/usage?after={page['next_after']}")).json()["events"]) == 1
    session, stats = (await client.get(path)).json(), (await client.get(f"{path}/stats")).json()
    assert (session["usage_in"], session["tool_calls"], session["errors"]) == (6, 1, 2)
    assert (stats["session_id"], stats["usage_out"]) == (session["id"], 8)
    problem(await client.get(f"{path}/errors?limit=0"), 400, "invalid-input")


async def test_closing_clearing_and_taking_back(client: Client) -> None:
    path = await client.said(await client.create(), "a", "b", "c")
    assert (await client.post(f"{path}/retract", {"from_seq": 3})).json()["retracted"] == [[3, 3]]
    assert problem(await client.post(f"{path}/retract", {"from_seq": 9}), 400, "invalid-input")["field"] == "from_seq"
    assert (await client.post(f"{path}/clear", {"keep_summaries": False})).json()["window_messages"] == 0
    assert (await client.post(f"{path}/deactivate")).json()["status"] == "inactive"


async def test_health_needs_no_key(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await client.http.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
