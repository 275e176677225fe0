"""A provider's model, over a provider that fails in the ways that providers do."""

from __future__ import annotations

import asyncio
import logging

import pytest

from turnkeep.errors import InvalidInput
from turnkeep.llm import ModelFailed, load_model
from turnkeep.llm.provider import WINDOW, ProviderModel
from turnkeep.settings import Settings
from turnkeep.testing.provider import KEY, Fault, ProviderEmulator


async def asked(provider: ProviderEmulator, text: str = "How are you?") -> str:
    model = ProviderModel("some-model", base_url=provider.url, api_key=KEY)
    try:
        return (await model.ask("Be brief.", text, max_tokens=40)).text
    finally:
        await model.close()


async def test_a_question_is_one_call_with_key_and_limit() -> None:
    async with ProviderEmulator(lambda _: "Fine.") as provider:
        assert await asked(provider) == "Fine."
    [question] = provider.asked
    assert provider.keys == [KEY]
    assert question["model"] == "some-model"
    assert [(one["role"], one["content"]) for one in question["messages"]] == [("system", "Be brief."), ("user", "How are you?")]
    assert (question.get("max_completion_tokens") or question["max_tokens"]) >= 40


async def test_an_answer_that_was_cut_off_says_so_and_what_it_cost() -> None:
    async with ProviderEmulator(lambda _: "And then we") as provider:
        provider.finish = "length"
        model = ProviderModel("m", base_url=provider.url)
        answer = await model.ask("", "?", max_tokens=10)
        await model.close()
    assert not answer.whole
    assert (answer.tokens_in, answer.tokens_out) == (100, 2)
    assert model.window == WINDOW


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("401", "HTTP 401: the key is refused"),
        ("429", "HTTP 429: too many calls"),
        ("500", "HTTP 500: it failed"),
        ("cut", "ModelConnectionError"),
        ("no json", "Error"),
    ],
)
async def test_each_way_to_fail_is_one_call_and_tells_no_key(fault: Fault, told: str, caplog: pytest.LogCaptureFixture) -> None:
    async with ProviderEmulator() as provider:
        provider.down = fault
        with caplog.at_level(logging.DEBUG), pytest.raises(ModelFailed) as caught:
            await asked(provider)
    assert told in str(caught.value) or fault == "no json"
    assert caught.value.retry_after == (7 if fault == "429" else None)
    assert len(provider.asked) == 1
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert KEY not in shown


async def test_one_that_never_answers_can_be_left() -> None:
    async with ProviderEmulator() as provider:
        provider.down = "hangs"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asked(provider)


async def test_nobody_there() -> None:
    async with ProviderEmulator() as provider:
        url = provider.url
    model = ProviderModel("m", base_url=url)
    with pytest.raises(ModelFailed, match="Connect"):
        await model.ask("", "?", max_tokens=10)
    await model.close()


@pytest.mark.parametrize("name", ["nonsense", "zork:gpt-5", "", "anthropic", "openai:gpt-5-mini"])
def test_a_model_that_there_is_not_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InvalidInput) as caught:
        load_model(Settings(summary_model=name))
    assert caught.value.field == "summary_model"


def test_a_model_comes_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    model = load_model(Settings(summary_model="openai:gpt-5-mini"))
    assert model is not None and model.name == "openai:gpt-5-mini"
    assert load_model(Settings()) is None


async def test_the_prefix_of_openai_is_no_part_of_a_servers_own_name() -> None:
    async with ProviderEmulator() as provider:
        for name in ("openai:llama", "openai-chat:llama", "llama"):
            model = ProviderModel(name, base_url=provider.url)
            await model.ask("", "?", max_tokens=10)
            await model.close()
    assert [one["model"] for one in provider.asked] == ["llama"] * 3
