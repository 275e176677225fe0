"""Writes under If-Match, and once under an Idempotency-Key: every route that writes."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.server.conftest import URL, Client, Running, problem

from turnkeep.server.openapi import document

TO_ONE: dict[str, tuple[str, str, Any]] = {  # to a session: method, what follows its path, body
    "message": ("POST", "/messages", {"role": "user", "content": "late"}),
    "messages": ("POST", "/messages", {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}),
    "state": ("PATCH", "/state", {"a": 1}),
    "user state": ("PATCH", "/state?scope=user", {"a": 1}),
    "clear": ("POST", "/clear", {}),
    "retract": ("POST", "/retract", {"from_seq": 2}),
    "pin": ("POST", "/pins", {"text": "by heart"}),
    "unpin": ("DELETE", "/pins?number=", None),
    "usage": ("POST", "/usage", {"tokens_in": 1, "tokens_out": 2}),
    "tool call": ("POST", "/tool-calls", {"name": "look"}),
    "error": ("POST", "/errors", {"name": "Timeout"}),
    "deactivate": ("POST", "/deactivate", None),
    "delete": ("DELETE", "", None),
}
ACTIONS: dict[str, dict[str, Any]] = {
    "addMessage": {"role": "user", "content": "late"},
    "clearMessages": {},
    "updateState": {"state": {"a": 1}},
    "deactivate": {},
}
OTHERS: dict[str, tuple[str, Any]] = {  # about no one session: path, body
    "create": (URL, {"action": "create", "interface_type": "web", "conversation_id": "new"}),
    "cleanup": (URL, {"action": "cleanup"}),
    "erase": ("/api/users/erase", {"external_user_id": "ann"}),
}
KEY = {"Idempotency-Key": "k"}


def writes(session_id: str) -> dict[str, tuple[str, str, Any]]:
    """Every write to the session: method, URL, body."""
    found = {name: (method, f"{URL}/{session_id}{what}", body) for name, (method, what, body) in TO_ONE.items()}
    acts = {name: ("POST", URL, {"action": name, "id": session_id, **fields}) for name, fields in ACTIONS.items()}
    return found | acts | {"delete by id": ("DELETE", f"{URL}?id={session_id}", None)}


NAMES = list(writes("x"))


class Talk:
    """A session with two messages, and one of its writes."""

    def __init__(self, client: Client, session: dict[str, Any], name: str) -> None:
        self.client, self.id = client, session["id"]
        self.path = f"{URL}/{self.id}"
        self.method, self.url, self.body = writes(self.id)[name]

    async def write(self, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.client.call(self.method, self.url, headers=named, json=self.body)

    async def now(self) -> Any:
        session = (await self.client.get(self.path)).json()
        return session, (await self.client.get(f"{self.path}/messages")).json()


async def talk(client: Client, name: str, conversation_id: str = "c") -> Talk:
    session = await client.create(conversation_id, external_user_id="ann")
    await client.said(session, "hi", "hello")
    made = Talk(client, session, name)
    if name == "unpin":
        made.url += str((await client.call("POST", f"{made.path}/pins", json={"text": "fact"})).json()["number"])
    return made


def declared(header: str) -> set[tuple[str, str]]:
    """Method and path of the operations that say that they take the header."""
    found = set()
    for path, methods in document()["paths"].items():
        for method, one in methods.items():
            if any(header == parameter["name"] for parameter in one["parameters"]):
                found.add((method.upper(), path))
    return found


def test_the_document_says_which_writes_take_which_header() -> None:
    one = {(method, f"{URL}/{{session_id}}{what.partition('?')[0]}") for method, what, _ in TO_ONE.values()}
    one |= {("POST", URL), ("DELETE", URL)}
    assert declared("If-Match") == one
    assert declared("Idempotency-Key") == one | {("POST", "/api/users/erase")}


# --- If-Match


@pytest.mark.parametrize("name", NAMES)
async def test_a_write_is_done_at_the_version_that_it_names(client: Client, name: str) -> None:
    one = await talk(client, name)
    before = await one.now()
    tag = (await client.get(one.path)).headers["etag"]
    for wrong in ('"1"', '"999"', '"1", "999"', f"W/{tag}", tag.strip('"'), '"x"', "", '"99999999999999999999"'):
        told = problem(await one.write(If_Match=wrong), 412, "precondition-failed")
        assert told["field"] == "expected_version"
        assert await one.now() == before
    assert (await one.write(If_Match=tag)).is_success


@pytest.mark.parametrize("name", NAMES)
async def test_it_may_name_several_versions_or_any(client: Client, name: str) -> None:
    one, other = await talk(client, name), await talk(client, name, "other")
    tag = (await client.get(one.path)).headers["etag"]
    assert (await one.write(If_Match=f'"1" , {tag}, "7777"')).is_success
    assert (await other.write(If_Match="*")).is_success


@pytest.mark.parametrize("given", ["*", '"1"', '"1", "2"'])
async def test_no_version_is_one_of_a_session_that_is_not_there(client: Client, given: str) -> None:
    one = Talk(client, {"id": "nobody"}, "message")
    problem(await one.write(If_Match=given), 404, "unknown-session")


@pytest.mark.parametrize("given", ['"{0}"', '"{0}", "1"'], ids=["one", "several"])
async def test_of_writers_at_once_one_wins(client: Client, given: str) -> None:
    one = await talk(client, "state")
    tag = given.format((await client.get(one.path)).json()["version"])
    calls = [
        client.call("PATCH", f"{one.path}/state", headers={"If-Match": tag}, json={"winner": number}) for number in range(10)
    ]
    found = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in found) == [200] + [412] * 9
    [won] = [answer.json() for answer in found if answer.is_success]
    assert (await client.get(f"{one.path}/state")).json() == won


async def test_the_next_write_may_name_the_version_of_the_last_answer(client: Client) -> None:
    one = await talk(client, "clear")
    for _ in range(3):
        tag = (await client.get(one.path)).headers["etag"]
        answer = await one.write(If_Match=tag)
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"' != tag
    built = await client.act("buildContext", id=one.id)
    assert built.headers["etag"] == f'"{built.json()["version"]}"'


@pytest.mark.parametrize("name", OTHERS)
async def test_a_write_to_no_one_session_refuses_a_version(client: Client, name: str) -> None:
    path, body = OTHERS[name]
    told = problem(await client.post(path, body, headers={"If-Match": "*"}), 400, "invalid-input")
    assert told["field"] == "if-match"


# --- Idempotency-Key


@pytest.mark.parametrize("name", NAMES)
async def test_a_write_sent_again_is_done_once_and_gets_its_answer(client: Client, name: str) -> None:
    one = await talk(client, name)
    tag = (await client.get(one.path)).headers["etag"]
    first = await one.write(Idempotency_Key="k", If_Match=tag)
    assert first.is_success, first.text
    after = await one.now()
    for headers in ({"If_Match": tag}, {"If_Match": f'{tag}, "7"'}, {}):
        again = await one.write(Idempotency_Key="k", **headers)
        assert (again.status_code, again.content) == (first.status_code, first.content)
    assert await one.now() == after
    if not name.startswith("delete"):
        assert after[0]["version"] == int(tag.strip('"')) + 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_write_in_flight_many_times_is_done_once(client: Client, name: str) -> None:
    one = await talk(client, name)
    found = await asyncio.gather(*[one.write(Idempotency_Key="k") for _ in range(6)])
    assert {(answer.status_code, answer.content) for answer in found} == {(found[0].status_code, found[0].content)}
    assert found[0].is_success


@pytest.mark.parametrize("name", NAMES)
async def test_another_request_with_the_key_is_refused(client: Client, name: str) -> None:
    one, other = await talk(client, name), await talk(client, name, "other")
    assert (await other.write(Idempotency_Key="k")).is_success
    before = await one.now()
    assert problem(await one.write(Idempotency_Key="k"), 422, "idempotency-key-reused")["field"] == "idempotency_key"
    assert await one.now() == before
    assert (await one.write(Idempotency_Key="another")).is_success


async def test_any_other_byte_of_the_request_is_another_request(client: Client) -> None:
    one = await talk(client, "message")
    path = f"{one.path}/messages"
    body = '{"role": "user", "content": "hi", "created_at": "2026-01-02T03:04:05Z"}'
    json = {"Content-Type": "application/json"} | KEY
    assert (await client.call("POST", path, headers=json, content=body)).status_code == 201
    for other in (body.replace("05Z", "06Z"), body + " ", body.replace("hi", "ho")):
        problem(await client.call("POST", path, headers=json, content=other), 422, "idempotency-key-reused")
    act = {"action": "addMessage", "id": one.id, "role": "user", "content": "hi"}
    problem(await client.post(URL, act, headers=KEY), 422, "idempotency-key-reused")
    assert (await client.get(one.path)).json()["messages"] == 3


async def test_a_refused_request_does_not_use_up_its_key(client: Client) -> None:
    one = await talk(client, "message")
    for body in ({"role": "user", "content": ""}, {"role": "nobody", "content": "hi"}, {"content": 1}, {"role": "user"}):
        problem(await client.post(f"{one.path}/messages", body, headers=KEY), 400, "invalid-input")
    problem(await one.write(Idempotency_Key="k", If_Match='"1"'), 412, "precondition-failed")
    assert (await one.write(Idempotency_Key="k")).status_code == 201


async def test_an_opening_sent_again_is_a_201_though_it_was_closed_since(client: Client) -> None:
    path, body = OTHERS["create"]
    first, again = [await client.post(path, body, headers=KEY) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert (await client.post(path, body)).status_code == 200
    await client.post(f"{URL}/{first.json()['id']}/deactivate")
    again = await client.post(path, body, headers=KEY)
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (201, first.json()["id"], "inactive")
    assert again.headers["etag"] == f'"{again.json()["version"]}"' != first.headers["etag"]


async def test_an_erasure_and_a_cleanup_tell_their_figures_again(client: Client) -> None:
    await talk(client, "message")
    for name, figure in (("erase", "sessions"), ("cleanup", "expired")):
        if name == "cleanup":
            await client.create("short", expires_in_ms=1)
            await asyncio.sleep(0.01)
        path, body = OTHERS[name]
        found = [await client.post(path, body, headers={"Idempotency-Key": name}) for _ in range(2)]
        assert [answer.json()[figure] for answer in found] == [1, 1]
        assert (await client.post(path, body)).json()[figure] == 0


@pytest.mark.parametrize("bad", ["", "a b", "x" * 201, "é", '""', '"a b"'])
async def test_what_is_no_key(client: Client, bad: str) -> None:
    one = await talk(client, "message")
    answer = await client.post(one.url, one.body, headers={"Idempotency-Key": bad.encode("latin-1")})
    assert problem(answer, 400, "invalid-input")["field"] == "idempotency-key"


async def test_a_key_in_quotes_is_the_same_key(client: Client) -> None:
    one = await talk(client, "message")
    seqs = [(await one.write(Idempotency_Key=key)).json()["seq"] for key in ("k", '"k"', '"k"', "k")]
    assert seqs == [3, 3, 3, 3]


# --- whose key


async def test_a_narrowed_key_is_never_answered_by_what_another_sent(running: Running) -> None:
    whole, ann, bob = [await running.client("write", user=user) for user in (None, "ann", "bob")]
    made = {}
    for name, client in (("whole", whole), ("ann", ann), ("bob", bob)):
        body = {"action": "create", "interface_type": "web", "conversation_id": "same"}
        if name != "whole":
            body["conversation_id"] = f"of {name}"
        answers = [await client.post(URL, body, headers=KEY) for _ in range(2)]
        assert {answer.status_code for answer in answers} == {201}
        made[name] = answers[1].json()
    assert len({session["id"] for session in made.values()}) == 3
    assert (made["ann"]["external_user_id"], made["bob"]["external_user_id"]) == ("ann", "bob")


async def test_the_same_request_of_another_user_is_another_write(running: Running) -> None:
    ann, bob = await running.client("write", user="ann"), await running.client("write", user="bob")
    body = {"action": "create", "interface_type": "web", "conversation_id": "same"}
    mine = await ann.post(URL, body, headers=KEY)
    assert mine.status_code == 201
    for _ in range(2):
        problem(await bob.post(URL, body, headers=KEY), 403, "forbidden")
    assert (await ann.post(URL, body, headers=KEY)).json() == mine.json()
    path = f"{URL}/{mine.json()['id']}"
    message = {"role": "user", "content": "hi"}
    assert (await ann.post(f"{path}/messages", message, headers={"Idempotency-Key": "m"})).status_code == 201
    problem(await bob.post(f"{path}/messages", message, headers={"Idempotency-Key": "m"}), 404, "unknown-session")


async def test_a_delete_is_answered_again_to_the_one_who_sent_it(running: Running) -> None:
    ann, bob = await running.client("write", user="ann"), await running.client("write", user="bob")
    path = f"{URL}/{(await ann.create(1))['id']}"
    for client, status in ((bob, 404), (ann, 204), (ann, 204), (bob, 404)):
        assert (await client.call("DELETE", path, headers=KEY)).status_code == status
    assert (await ann.call("DELETE", path)).status_code == 404


async def test_a_key_of_one_app_is_none_of_another(running: Running) -> None:
    body = {"action": "create", "interface_type": "web", "conversation_id": "c"}
    made = set()
    for app in ("default", "shop"):
        client = await running.client("write", app=app)
        for _ in range(2):
            answer = await client.post(URL, body, headers=KEY)
            assert (answer.status_code, answer.json()["app"]) == (201, app)
            made.add(answer.json()["id"])
    assert len(made) == 2


async def test_another_api_key_of_the_same_reach_may_send_it_again(running: Running) -> None:
    body = {"action": "create", "interface_type": "web", "conversation_id": "c"}
    for user in (None, "ann"):
        body["conversation_id"] = f"of {user}"
        old, new = await running.client("write", user=user), await running.client("write", user=user)
        first, again = await old.post(URL, body, headers=KEY), await new.post(URL, body, headers=KEY)
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
