"""A provider's model through pydantic-ai: any that it knows, and any address that speaks OpenAI's protocol.

Invariants: one question is one call: to try again is for who asks, who knows when; and no error carries on what a provider sent, which may
hold the key or the conversation.
"""

from __future__ import annotations

from typing import Any

from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError, ModelTimeoutError, UserError
from pydantic_ai.messages import ModelRequest, ModelResponse
from pydantic_ai.models import Model as PydanticModel
from pydantic_ai.models import infer_model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from turnkeep.errors import InvalidInput
from turnkeep.llm.base import Answer, ModelFailed
from turnkeep.session import FailureCause

WINDOW = 16_384  # tokens, of a model of which nothing is known
LARGEST = 128_000  # tokens: more is not worth its price for a summary
THINKING = 2048  # tokens beside an answer: models that think are billed, and cut off, for both
OPENAI = ("openai", "openai-chat")
_SAID: dict[int, tuple[str, FailureCause]] = {
    401: ("the key is refused", "key"),
    403: ("the key is refused", "key"),
    404: ("there is no such model", "model"),
    429: ("too many calls", "rate-limit"),
}
_OTHER: tuple[tuple[str, FailureCause], ...] = (("the question is refused", "question"), ("it failed", "provider"))


class ProviderModel:
    """`name` as pydantic-ai names models: `openai:gpt-5-mini`; with a `base_url`, the name that its server knows."""

    def __init__(self, name: str, *, base_url: str | None = None, api_key: str | None = None, thinking: int = THINKING) -> None:
        self.name, self._thinking = name, thinking
        self._model = _inferred(name) if base_url is None else _compatible(name, base_url, api_key)
        known = self._model.profile.get("context_window") or WINDOW
        self.window = min(known, LARGEST)
        self._entered = False

    async def ask(self, system: str, question: str, *, max_tokens: int) -> Answer:
        if not self._entered:
            self._entered = True
            await self._model.__aenter__()
        how = ModelSettings(max_tokens=max_tokens + self._thinking, temperature=0.2, max_retries=0, thinking=False)
        asked = ModelRequest.user_text_prompt(question, instructions=system)
        try:
            return _answer(await model_request(self._model, [asked], model_settings=how))
        except ModelHTTPError as error:
            said, cause = _SAID.get(error.status_code, _OTHER[error.status_code >= 500])
            raise ModelFailed(f"HTTP {error.status_code}: {said}", error.retry_after, cause=cause) from None
        except ModelTimeoutError as error:
            raise ModelFailed(_kind(error), error.retry_after, cause="timeout") from None
        except ModelAPIError as error:
            raise ModelFailed(_kind(error), error.retry_after, cause="connection") from None
        except Exception as error:  # what a provider's library makes of an answer that is none
            raise ModelFailed(_kind(error), cause="answer") from None

    async def close(self) -> None:
        if self._entered:
            self._entered = False
            await self._model.__aexit__(None, None, None)


def _kind(error: BaseException) -> str:
    cause = error.__cause__
    return type(error).__name__ if cause is None else f"{type(error).__name__} ({type(cause).__name__})"


def _inferred(name: str) -> PydanticModel[Any]:
    try:
        return infer_model(name)
    except (UserError, ValueError, ImportError) as error:
        raise InvalidInput("summary_model", f"{name!r} cannot be used: {error}") from error


def _compatible(name: str, base_url: str, api_key: str | None) -> PydanticModel[Any]:
    provider, _, bare = name.partition(":")
    model = bare if provider in OPENAI and bare else name
    return OpenAIChatModel(model, provider=OpenAICompatibleProvider("summaries", base_url=base_url, api_key=api_key or "none"))


def _answer(response: ModelResponse) -> Answer:
    usage = response.usage
    whole = response.finish_reason in (None, "stop")
    return Answer(response.text or "", whole, usage.input_tokens, usage.output_tokens)
