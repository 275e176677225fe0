"""What is about more than one session, and who may ask for it."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import URL, Client, Running, problem, serving

from turnkeep import SessionManager
from turnkeep.keys import Access

WHOLE = ("/api/check", "/api/sizes", "/api/backup")


async def test_a_key_says_what_it_may(running: Running) -> None:
    keys: list[tuple[Access, str, str | None]] = [("read", "default", None), ("write", "shop", "ann")]
    for scope, app, user in keys:
        client = await running.client(scope, app, user)
        assert (await client.get("/api/key")).json() == {"app": app, "scope": scope, "external_user_id": user}
    problem(await Client(running.http, None).get("/api/key"), 401, "unauthorized")


async def test_a_person_is_erased(running: Running, client: Client) -> None:
    anns = [await client.create(at, external_user_id="ann", interface_type=kind) for at, kind in enumerate(("web", "irc"))]
    bobs = await client.create(7, external_user_id="bob")
    await client.said(anns[0], "hi", "hello")
    await client.post(f"{URL}/{bobs['id']}/messages", {"role": "user", "content": "from ann", "author_id": "ann"})
    other = await running.client(app="shop")
    theirs = await other.create(external_user_id="ann")
    answer = await client.post("/api/users/erase", {"external_user_id": "ann", "interface_type": "irc"})
    assert (answer.status_code, answer.json()["sessions"]) == (200, 1)
    told = (await client.post("/api/users/erase", {"external_user_id": "ann"})).json()
    assert (told["sessions"], told["messages"]) == (1, 3)
    assert [one["id"] for one in (await client.get(URL)).json()["sessions"]] == [bobs["id"]]
    assert (await client.get(f"{URL}/{bobs['id']}/messages")).json()["messages"][0]["erased"]
    assert (await other.get(f"{URL}/{theirs['id']}")).status_code == 200


async def test_an_erasure_needs_a_name_and_an_admin_of_all(running: Running, client: Client) -> None:
    assert problem(await client.post("/api/users/erase", {}), 400, "invalid-input")["field"] == "external_user_id"
    bad = await client.post("/api/users/erase", {"external_user_id": ""})
    assert problem(bad, 400, "invalid-input")["field"] == "external_user_id"
    for caller in (await running.client("write"), await running.client(user="ann")):
        problem(await caller.post("/api/users/erase", {"external_user_id": "ann"}), 403, "forbidden")


async def test_only_the_servers_own_admin_learns_of_the_whole(running: Running, client: Client) -> None:
    strangers = [
        await running.client("write"),
        await running.client(app="shop"),
        await running.client(user="ann"),
        await running.client("read", "shop"),
    ]
    for path in WHOLE:
        assert (await client.get(path)).status_code == 200
        for stranger in strangers:
            problem(await stranger.get(path), 403, "forbidden")


async def test_figures_of_the_whole(running: Running, client: Client) -> None:
    await client.said(await client.create(), "hi", "hello")
    await (await running.client(app="shop")).create()
    assert (await client.get("/api/check")).json() == {"problems": []}
    sizes = (await client.get("/api/sizes")).json()["sizes"]
    assert sizes == await running.tenants.manager("default").sizes()
    assert (sizes["sessions"], sizes["messages"]) == (2, 2)


async def test_a_backup_is_the_database_and_leaves_nothing_behind(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    session = await client.create()
    path = await client.said(session, "hi", "hello")
    answer = await client.get("/api/backup")
    assert int(answer.headers["content-length"]) == len(answer.content)
    copy = tmp_path / "copy.db"
    copy.write_bytes(answer.content)
    async with SessionManager.open(f"sqlite:///{copy}") as sessions:
        assert [one.content for one in await sessions.get_messages(session["id"])] == ["hi", "hello"]
        assert await sessions.check() == []
    assert list(folder.iterdir()) == []
    assert (await client.get(path)).json()["messages"] == 2


def test_a_backup_that_nobody_waits_for_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with serving(tmp_path) as process:
        headers = {"Authorization": f"Bearer {process.told['key']}"}
        with httpx.Client(base_url=process.url, headers=headers) as http:
            session = http.post(URL, json={"action": "create", "interface_type": "web", "conversation_id": 1}).json()
            for _ in range(8):  # 8 MB: more than the buffers between the two hold
                made = http.post(f"{URL}/{session['id']}/messages", json={"role": "user", "content": "x" * 1_000_000})
                assert made.status_code == 201
            with http.stream("GET", "/api/backup") as answer:
                assert answer.status_code == 200
        deadline = time.monotonic() + 30
        while list(folder.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert list(folder.iterdir()) == []
        assert process.end(15) == 0


async def test_settling_waits_for_the_compaction(running: Running, client: Client) -> None:
    session = await client.create(token_limit=500)
    for turn in range(6):
        await client.said(session, *(f"question {turn}" + " why" * 20, f"answer {turn}" + " so" * 20) * 2)
    assert (await (await running.client("write")).post("/api/settle")).status_code == 204
    summaries = (await client.get(f"{URL}/{session['id']}/summaries")).json()["summaries"]
    assert any(one["live"] for one in summaries)
    problem(await (await running.client("read")).post("/api/settle"), 403, "forbidden")
    made = (await client.post(f"{URL}/{session['id']}/resummarize")).json()["summaries"]
    assert [one["live"] for one in made] == [True] * len(made)
    assert made


async def test_all_activity_in_one_list(client: Client) -> None:
    path = await client.said(await client.create())
    await client.post(f"{path}/tool-calls", {"name": "look"})
    await client.post(f"{path}/errors", {"name": "Timeout"})
    await client.post(f"{path}/usage", {"tokens_in": 1, "tokens_out": 2})
    first = (await client.get(f"{path}/activity?limit=2")).json()
    assert [one["kind"] for one in first["events"]] == ["tool_call", "error"]
    rest = (await client.get(f"{path}/activity?limit=2&after={first['next_after']}")).json()
    assert ([one["kind"] for one in rest["events"]], rest["next_after"]) == (["usage"], None)


async def test_sessions_of_every_status(client: Client) -> None:
    first, second = await client.create(1), await client.create(2)
    await client.act("deactivate", id=first["id"])
    found: Any = (await client.get(f"{URL}?status=all")).json()["sessions"]
    assert [one["id"] for one in found] == [second["id"], first["id"]]


async def test_one_message_may_expect_the_newest(client: Client) -> None:
    path = await client.said(await client.create(), "hi")
    bodies = [{"role": "assistant", "content": text, "expected_seq": 1} for text in ("a", "b")]
    answers = await asyncio.gather(*(client.post(f"{path}/messages", body) for body in bodies))
    [made] = [one for one in answers if one.status_code == 201]
    [late] = [one for one in answers if one is not made]
    assert problem(late, 409, "conflict")["field"] == "expected_seq"
