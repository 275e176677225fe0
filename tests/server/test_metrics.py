"""What Prometheus reads: the figures, who may read them, and what never stands in a label."""

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.docs.pages import ROOT, codes, section, table
from tests.server.conftest import URL, Client, Running, application, problem

from turnkeep.errors import StoreError
from turnkeep.server import tenants
from turnkeep.server.metrics import Histogram
from turnkeep.server.streams import EventStream
from turnkeep.testing.provider import ProviderEmulator

Key = tuple[str, frozenset[tuple[str, str]]]


def read(text: str) -> dict[Key, float]:
    """Value by name and labels, of every sample."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def figures(client: Client) -> dict[Key, float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def of(found: dict[Key, float], name: str, **labels: str) -> float:
    return found.get((f"turnkeep_{name}", frozenset(labels.items())), 0.0)


async def test_requests_messages_and_tokens(client: Client) -> None:
    path = await client.said(await client.create(), "one", "two", "three")
    [first, second, third] = (await client.get(f"{path}/messages")).json()["messages"]
    await client.get(f"{path}/context")
    await client.get(f"{URL}/nowhere-at-all")
    await client.get("/nowhere")
    found = await figures(client)
    assert of(found, "messages_total") == 3
    assert of(found, "tokens_total") == first["tokens"] + second["tokens"] + third["tokens"]
    assert of(found, "sessions_total") == 1
    assert of(found, "request_seconds_count", operation="add_messages", status="2xx") == 1
    assert of(found, "request_seconds_bucket", operation="add_messages", status="2xx", le="+Inf") == 1
    assert 0 < of(found, "request_seconds_sum", operation="add_messages", status="2xx") < 60
    assert of(found, "request_seconds_count", operation="read_session", status="4xx") == 1
    assert of(found, "request_seconds_count", operation="none", status="4xx") == 1
    assert of(found, "cache_hits_total") == 1
    assert (of(found, "cache_misses_total"), of(found, "cache_sessions")) == (0, 1)
    assert (of(found, "changes_waiting"), of(found, "event_streams")) == (0, 0)
    assert of(found, "requests_in_progress") == 1  # this one


async def test_event_streams(running: Running, client: Client) -> None:
    session = await client.create()
    [key] = await running.tenants.store.keys()
    feed = running.tenants.manager("default").listen(session["id"])
    with running.tenants.streams.place(EventStream(running.tenants.streams, feed, key, running.tenants.counts)):
        assert of(await figures(client), "event_streams") == 1
    assert of(await figures(client), "event_streams") == 0


async def test_a_message_that_is_sent_again_is_counted_once(client: Client) -> None:
    path = await client.said(await client.create())
    for _ in range(2):
        assert (await client.post(f"{path}/messages", {"role": "user", "content": "hi", "external_id": "1"})).status_code == 201
    assert of(await figures(client), "messages_total") == 1


async def test_usage(client: Client) -> None:
    path = f"{URL}/{(await client.create())['id']}/usage"
    await client.post(
        path, {"tokens_in": 120, "tokens_out": 7, "cache_read_tokens": 64, "counted_tokens": 100, "model": "secret"}
    )
    await client.post(path, {"tokens_in": 30, "tokens_out": 1})
    found = await figures(client)
    assert {kind: of(found, "usage_tokens_total", kind=kind) for kind in ("in", "out", "cache_read")} == {
        "in": 150,
        "out": 8,
        "cache_read": 64,
    }
    assert [of(found, "compared_tokens_total", by=who) for who in ("turnkeep", "provider")] == [100, 120]
    assert "secret" not in str(found)


async def test_active_sessions_are_counted_once_in_a_while(
    running: Running, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await running.client(app="other")
    for one in (client, other):
        await one.create()
    assert of(await figures(client), "sessions_active") == 2
    await other.create(2)
    assert of(await figures(client), "sessions_active") == 2
    monkeypatch.setattr(tenants, "COUNT_SECONDS", 0.0)
    assert of(await figures(client), "sessions_active") == 3


async def test_compactions(client: Client) -> None:
    path = await client.said(await client.create(token_limit=4000), *(f"My number is {at}, is it not?" for at in range(60)))
    made = (await client.post(f"{path}/summaries")).json()["summary"]
    found = await figures(client)
    assert of(found, "compaction_seconds_count", method=made["method"]) == 1
    assert of(found, "compaction_seconds_sum", method=made["method"]) == pytest.approx(made["duration_ms"] / 1000)
    assert of(found, "background_failures_total", work="compaction") == 0


async def test_a_model_that_summarizes(tmp_path: Path, client: Client) -> None:
    (tmp_path / "other").mkdir()
    found = await figures(client)
    assert (of(found, "summarizer_calls_total"), of(found, "summarizer_up")) == (0, 1)
    async with ProviderEmulator(lambda _: "They counted.") as provider:
        provider.faults.append("429")
        how: dict[str, Any] = {"summary_model": "openai:m", "summary_base_url": provider.url, "compaction": "manual"}
        async with application(tmp_path / "other", **how) as running:
            mine, theirs = await running.client(), await running.client(app="other")
            for one in (theirs, mine):
                path = await one.said(await one.create(token_limit=4000), *(f"My number is {at}, is it not?" for at in range(60)))
                assert (await one.post(f"{path}/summaries")).json()["summary"]["method"] == "extractive"
            found = await figures(mine)
            assert (of(found, "summarizer_calls_total"), of(found, "summarizer_up")) == (1, 0)
            assert of(found, "summarizer_failures_total", cause="rate-limit") == 1
            assert (of(found, "summarizer_rests_total"), of(found, "summarizer_stand_ins_total")) == (1, 2)
            told = [(await one.get(f"{URL}?stats=true")).json()["summarizer"] for one in (mine, theirs)]
    assert [(one["source"], one["calls"], one["failed"], one["stood_in"]) for one in told] == [
        ("openai:m", 0, {}, 1),  # what others do does not show, but for that it does not answer
        ("openai:m", 1, {"rate-limit": 1}, 1),
    ]
    assert [one["answers"] for one in told] == [False, False]


async def test_failures(running: Running, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    session = await client.create()

    async def broken(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(running.tenants.store, "session", broken)
        problem(await client.get(f"{URL}/{session['id']}"), 500, "store")
    found = await figures(client)
    assert of(found, "problems_total", code="store") == 1
    assert of(found, "request_seconds_count", operation="read_session", status="5xx") == 1


async def test_only_the_operators_keys_read_them(running: Running, client: Client) -> None:
    assert (await client.get("/metrics")).status_code == 200
    problem(await Client(running.http, None).get("/metrics"), 401, "unauthorized")
    for other in (
        await running.client(app="other"),
        await running.client("write"),
        await running.client(user="ann"),
    ):
        problem(await other.get("/metrics"), 403, "forbidden")


async def test_an_app_of_its_own_for_them(tmp_path: Path) -> None:
    async with application(tmp_path, metrics_app="ops") as running:
        problem(await (await running.client()).get("/metrics"), 403, "forbidden")
        assert (await (await running.client(app="ops")).get("/metrics")).status_code == 200


async def test_nothing_that_a_request_brings_becomes_a_label(running: Running, client: Client) -> None:
    session = await client.create("conversation-x", external_user_id="user-x")
    path = await client.said(session, "content-x")
    for at in range(20):
        await client.get(f"{path}x{at}?query-x={at}")
        await client.get(f"/path-x{at}")
        await client.call("WEIRD", f"{path}/messages")
    text = (await client.get("/metrics")).text
    [key] = await running.tenants.store.keys()
    for brought in ("-x", session["id"], key.id, "tk_", "WEIRD", '"default"'):
        assert brought not in text
    first = len(text.splitlines())
    for at in range(20):
        await client.get(f"{path}y{at}")
    assert len((await client.get("/metrics")).text.splitlines()) == first + len(Histogram().counts) + 2  # `metrics` itself, once


async def test_openmetrics_for_who_accepts_it(client: Client) -> None:
    plain = await client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    told = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert told.headers["content-type"].startswith("application/openmetrics-text")
    assert told.text.endswith("# EOF\n")


async def test_two_applications_count_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with application(tmp_path / "a") as first, application(tmp_path / "b") as second:
        await (await first.client()).create()
        assert of(await figures(await second.client()), "sessions_total") == 0


async def test_every_metric_is_documented_and_no_other(client: Client) -> None:
    text = (await client.get("/metrics")).text
    named = {code for row in table(section(ROOT / "docs/HTTP_API.md", "Metrics")) for code in codes(row[0])} - {"process_*"}
    kinds = re.findall(r"^# TYPE (turnkeep_\w+) (\w+)$", text, re.MULTILINE)
    assert named == {name for name, _ in kinds if not name.endswith("_created")}
