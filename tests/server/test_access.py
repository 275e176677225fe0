"""Who may do what: keys, scopes, apps, and keys of one user."""

import hmac
from typing import Any

import pytest
from tests.server.conftest import URL, Client, Running, problem

from turnkeep.keys import ApiKey, parse
from turnkeep.server.routes import HANDLERS

Call = tuple[str, str, Any]
BODIES: dict[str, Any] = {
    "messages": {"role": "user", "content": "hi"},
    "context": {},
    "clear": {},
    "retract": {"from_seq": 1},
    "pins": {"text": "by heart"},
    "state": {"a": 1},
    "usage": {"tokens_in": 1, "tokens_out": 1},
    "tool-calls": {"name": "look"},
    "errors": {"name": "Timeout"},
}
QUERIES = {("DELETE", "pins"): "?number=1"}
ACTIONS: dict[str, Any] = {
    "addMessage": {"role": "user", "content": "hi"},
    "clearMessages": {},
    "updateState": {"state": {}},
    "deactivate": {},
    "buildContext": {},
}


def by_id(session_id: str) -> list[Call]:
    """Every call that names a session."""
    found: list[Call] = []
    for handler in HANDLERS:
        [path], [method] = handler.paths, handler.http_methods
        if "{session_id" in path:
            url = path.replace("{session_id:str}", session_id)
            body = BODIES.get(url.rpartition("/")[2])
            found.append((str(method), url + QUERIES.get((str(method), url.rpartition("/")[2]), ""), body))
    found += [("POST", URL, {"action": name, "id": session_id, **fields}) for name, fields in ACTIONS.items()]
    return [
        *found,
        ("GET", f"{URL}?id={session_id}", None),
        ("GET", f"{URL}?before={session_id}", None),
        ("DELETE", f"{URL}?id={session_id}", None),
    ]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer {forged}",
        "Bearer tk_0000000000000000_{secret}",
    ],
)
async def test_without_a_key_that_counts_there_is_nothing(running: Running, header: str | None) -> None:
    key = await running.key()
    secret = (parse(key) or ("", ""))[1]
    forged = key[:-1] + ("A" if key[-1] != "A" else "B")
    given = None if header is None else {"Authorization": header.format(key=key, forged=forged, secret=secret)}
    nobody = Client(running.http, None)
    for method, path, body in [*by_id("ses_x"), ("POST", URL, {}), ("GET", URL, None)]:
        answer = await nobody.call(method, path, headers=given, json=body)
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert secret not in answer.text


async def test_a_revoked_key_ends_at_once(running: Running) -> None:
    client = await running.client()
    assert (await client.get(URL)).status_code == 200
    [key] = await running.tenants.store.keys()
    await running.tenants.store.revoke_key(None, key.id, 1)
    problem(await client.get(URL), 401, "unauthorized")


async def test_forged_unknown_and_revoked_keys_take_one_path(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look at the store and one comparison for each, and the same answer to the byte: nothing tells them apart."""
    good, revoked = await running.key(), await running.key()
    await running.tenants.store.revoke_key(None, f"key_{revoked.split('_')[1]}", 1)
    looked: list[str] = []
    compared: list[int] = []
    find, compare = running.tenants.store.key, hmac.compare_digest

    async def watched(name: str) -> ApiKey | None:
        looked.append(name)
        return await find(name)

    monkeypatch.setattr(running.tenants.store, "key", watched)

    def compared_with(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compared_with)
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    unknown = "tk_" + "0" * 16 + good[19:]
    given = [forged, unknown, revoked, "no key at all"]
    answers = [await running.http.get(URL, headers={"Authorization": f"Bearer {key}"}) for key in given]
    assert {(answer.status_code, answer.content, *answer.headers.items()) for answer in answers} == {
        (401, answers[0].content, *answers[0].headers.items())
    }
    assert (len(looked), compared) == (len(given), [32] * len(given))


async def test_two_keys_in_one_request_are_none(running: Running) -> None:
    value = f"Bearer {await running.key()}"
    answer = await running.http.get(URL, headers=[("Authorization", value), ("Authorization", value)])
    problem(answer, 401, "unauthorized")


async def test_scopes(running: Running, client: Client) -> None:
    session = await client.create()
    reader, writer = await running.client("read"), await running.client("write")
    for method, path, body in by_id(session["id"]):
        if method != "DELETE" and not path.endswith("/events"):  # a stream: see test_events.py
            reads = method == "GET" or path.endswith("/context") or (body or {}).get("action") == "buildContext"
            answer = await reader.call(method, path, json=body)
            if reads:
                assert answer.status_code == 200, (path, answer.text)
            else:
                problem(answer, 403, "forbidden")
    problem(await reader.call("DELETE", f"{URL}?id={session['id']}"), 403, "forbidden")
    problem(await reader.act("create", interface_type="web", conversation_id=9), 403, "forbidden")
    for one in (reader, writer):
        problem(await one.act("cleanup"), 403, "forbidden")
    assert (await writer.create(2))["messages"] == 0
    assert (await client.get(f"{URL}?id={session['id']}")).json()["version"] == 1


async def test_another_apps_session_is_as_one_that_never_was(running: Running, client: Client) -> None:
    session = await client.create()
    path = await client.said(session, "a secret", "told")
    other = await running.client(app="other")
    await other.create("own")
    before = (await client.get(path)).json()
    foreign, unknown = by_id(session["id"]), by_id("x" * len(session["id"]))
    for (method, url, body), (_, no_url, no_body) in zip(foreign, unknown, strict=True):
        first, second = await other.call(method, url, json=body), await other.call(method, no_url, json=no_body)
        problem(first, 404, "unknown-session")
        assert first.text.replace(session["id"], "x" * len(session["id"])) == second.text
        assert {**first.headers} == {**second.headers}
    assert (await client.get(path)).json() == before
    assert len((await other.get(URL)).json()["sessions"]) == 1
    assert (await other.get(f"{URL}?conversationId=1")).json()["sessions"] == []
    figures = (await other.get(f"{URL}?stats=true")).json()
    assert (figures["total_sessions"], figures["total_messages"], figures["cache_size"]) == (1, 0, 1)
    assert (await other.act("cleanup")).json()["expired"] == 0
    assert (await other.create(1))["id"] != session["id"]


async def test_a_key_of_one_user_sees_that_users_sessions_only(running: Running, client: Client) -> None:
    anns, bobs = await client.create(1, external_user_id="ann"), await client.create(2, external_user_id="bob")
    ann = await running.client(user="ann")
    before = (await client.get(f"{URL}/{bobs['id']}")).json()
    for method, path, body in by_id(bobs["id"]):
        problem(await ann.call(method, path, json=body), 404, "unknown-session")
    assert (await client.get(f"{URL}/{bobs['id']}")).json() == before
    assert [one["id"] for one in (await ann.get(URL)).json()["sessions"]] == [anns["id"]]
    assert (await ann.get(f"{URL}?conversationId=2")).json()["sessions"] == []
    for answer in (await ann.get(f"{URL}?stats=true"), await ann.act("cleanup"), await ann.get(f"{URL}?externalUserId=bob")):
        problem(answer, 403, "forbidden")
    assert (await ann.create(1))["id"] == anns["id"]
    assert (await ann.create(3))["external_user_id"] == "ann"


async def test_a_key_of_one_user_takes_no_conversation_of_another(running: Running, client: Client) -> None:
    bobs = await client.create(2, external_user_id="bob")
    ann = await running.client(user="ann")
    body = {"interface_type": "web", "conversation_id": 2}
    problem(await ann.act("create", **body), 403, "forbidden")
    problem(await ann.act("create", **body, external_user_id="bob"), 403, "forbidden")
    await client.act("deactivate", id=bobs["id"])
    problem(await ann.act("create", **body, carry_over="summary"), 403, "forbidden")
    assert (await client.get(f"{URL}?conversationId=2")).json()["sessions"] == []
