"""How often a key may ask, how many keys may be tried, and how many connections there may be."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import URL, Client, application, problem

from turnkeep.errors import TurnkeepError
from turnkeep.keys import ApiKey, matches, new_key, parse
from turnkeep.server.limits import GUESSES_AT_ONCE, SWEEP_FROM, Admission, TokenBuckets
from turnkeep.server.metrics import Figures
from turnkeep.server.problems import TooManyRequests, Unauthorized
from turnkeep.settings import Settings


class Clock:
    """A clock that a test turns."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    buckets = TokenBuckets(10, 3, clock)
    assert [await buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert await buckets.take("a") == pytest.approx(0.1)
    assert await buckets.take("b") == 0
    clock.now += 0.05
    assert await buckets.take("a") == pytest.approx(0.05)
    clock.now += 0.05
    assert await buckets.take("a") == 0
    assert await buckets.take("a") == pytest.approx(0.1)
    clock.now += 3600
    assert [await buckets.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(0.1)]


async def test_a_wait_that_was_kept_is_always_enough() -> None:
    clock = Clock()
    for rate, burst in ((0.3, 1), (7, 2), (1234.5, 100)):
        buckets = TokenBuckets(rate, burst, clock)
        taken = 0
        for _ in range(500):
            if wait := await buckets.take("a"):
                clock.now += wait
                assert await buckets.take("a") == 0
            taken += 1
        assert taken == 500


async def test_full_buckets_are_forgotten() -> None:
    clock = Clock()
    buckets = TokenBuckets(10, 5, clock)
    for at in range(50_000):
        clock.now += 0.01
        await buckets.take(str(at))
        assert len(buckets) <= SWEEP_FROM


async def test_a_key_that_asks_too_often(tmp_path: Path) -> None:
    async with application(tmp_path, rate_limit=0.1, rate_burst=3) as running:
        hasty, calm = await running.client(), await running.client("read")
        assert [(await hasty.get(URL)).status_code for _ in range(3)] == [200] * 3
        answer = await hasty.act("create", interface_type="web", conversation_id=1)
        problem(answer, 429, "rate-limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        assert answer.headers["ratelimit-policy"] == '"key";q=3;w=30'
        assert answer.headers["ratelimit"] == f'"key";r=0;t={answer.headers["retry-after"]}'
        assert (await calm.get(URL)).json()["sessions"] == []
        for path in ("/healthz", "/readyz", "/openapi.json"):
            assert [(await hasty.get(path)).status_code for _ in range(5)] == [200] * 5


async def test_after_the_wait_that_was_told_there_is_room(tmp_path: Path) -> None:
    async with application(tmp_path, rate_limit=5.0, rate_burst=1) as running:
        client = await running.client()
        while (answer := await client.get(URL)).status_code == 200:
            pass
        await asyncio.sleep(int(answer.headers["retry-after"]))
        assert (await client.get(URL)).status_code == 200


async def test_without_the_setting_there_is_no_limit(client: Client) -> None:
    answers = [await client.get(URL) for _ in range(300)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in name for answer in answers for name in answer.headers)


# --- keys that do not count


class Keys:
    """Keys that a look-up finds, and how often it was asked."""

    def __init__(self) -> None:
        self.rows: dict[str, ApiKey] = {}
        self.asked = 0

    def add(self) -> str:
        shown, key = new_key("default", "read", now_ms=1)
        self.rows[key.id] = key
        return shown

    async def find(self, shown: str) -> ApiKey | None:
        self.asked += 1
        name, secret = parse(shown) or ("", "")
        stored = self.rows.get(name)
        return stored if matches(secret, stored) else None


async def refusal(admission: Admission, shown: str | None) -> TurnkeepError | None:
    try:
        await admission.admit(shown)
    except TurnkeepError as error:
        return error
    return None


async def test_guesses_are_bounded_and_disturb_no_key_that_counted_before() -> None:
    keys, figures = Keys(), Figures()
    admission = Admission(keys, Settings(), figures)
    known, other = keys.add(), keys.add()
    assert await refusal(admission, known) is None
    forged = [new_key("default", "admin", now_ms=1)[0] for _ in range(3 * GUESSES_AT_ONCE)]
    refused = [await refusal(admission, one) for one in forged]
    kinds = {type(error) for error in refused}
    assert kinds == {Unauthorized, TooManyRequests}
    assert GUESSES_AT_ONCE <= keys.asked < 2 * GUESSES_AT_ONCE
    assert figures.limited["guesses"] == sum(isinstance(error, TooManyRequests) for error in refused)
    assert await refusal(admission, known) is None
    half_known = known[:-1] + ("A" if known[-1] != "A" else "B")
    assert isinstance(await refusal(admission, half_known), TurnkeepError)
    async with asyncio.timeout(20):
        while await refusal(admission, other) is not None:
            await asyncio.sleep(0.005)


async def test_no_key_at_all_costs_no_guess() -> None:
    keys = Keys()
    admission = Admission(keys, Settings(), Figures())
    for _ in range(2 * GUESSES_AT_ONCE):
        assert isinstance(await refusal(admission, None), Unauthorized)
    assert keys.asked == 0
    assert await refusal(admission, keys.add()) is None


# --- queries and pages


@pytest.mark.parametrize(
    "query",
    ["&".join(f"a{at}=1" for at in range(33)), "limit=0", "limit=1001", "limit=-1", "limit=1&limit=2", "nothing=1", "limit=%ff"],
)
async def test_a_query_beyond_its_limits(client: Client, query: str) -> None:
    path = await client.said(await client.create(), "hi")
    for place in (URL, f"{path}/messages", f"{path}/usage"):
        problem(await client.get(f"{place}?{query}"), 400, "invalid-input")


async def test_a_batch_beyond_its_limit(client: Client) -> None:
    path = await client.said(await client.create())
    body: Any = {"messages": [{"role": "user", "content": "x"}] * 1001}
    told = problem(await client.post(f"{path}/messages", body), 400, "invalid-input")
    assert (told["field"], told["limit"]) == ("messages", 1000)


# --- browsers

PAGE = "https://bots.example.com"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def cors(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control")}


async def test_without_the_setting_no_page_may_call(client: Client) -> None:
    assert cors(await client.get(URL, headers={"Origin": PAGE})) == {}
    assert cors(await client.call("OPTIONS", URL, headers=PREFLIGHT)) == {}
    assert cors(await Client(client.http, None).call("OPTIONS", URL, headers=PREFLIGHT)) == {}


async def test_pages_of_the_origins_that_are_set(tmp_path: Path) -> None:
    async with application(tmp_path, cors_origins=(PAGE, "http://127.0.0.1:5173")) as running:
        nobody, client = Client(running.http, None), await running.client()
        preflight = await nobody.call("OPTIONS", f"{URL}/ses_x/messages", headers=PREFLIGHT)
        assert preflight.status_code == 204
        assert cors(preflight)["access-control-allow-origin"] == PAGE
        assert "authorization" in cors(preflight)["access-control-allow-headers"].lower()
        assert "PATCH" in cors(preflight)["access-control-allow-methods"]
        for answer in (await client.get(URL, headers={"Origin": PAGE}), await nobody.get(URL, headers={"Origin": PAGE})):
            assert cors(answer)["access-control-allow-origin"] == PAGE
            assert "etag" in cors(answer)["access-control-expose-headers"].lower()
        assert cors(await client.get(URL)) == {}
        for stranger in ("https://evil.example", f"{PAGE}.evil.example", "null", PAGE.upper(), "https://botsXexample.com"):
            assert "access-control-allow-origin" not in cors(await client.get(URL, headers={"Origin": stranger}))
            refused = await nobody.call("OPTIONS", URL, headers={**PREFLIGHT, "Origin": stranger})
            assert "access-control-allow-origin" not in cors(refused)
        assert "access-control-allow-credentials" not in cors(preflight)
