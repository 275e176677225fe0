"""The strict checkers of the APIs' rules find what they are there to find."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.testing.rules import check_anthropic, check_gemini, check_openai

PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "robot", "content": "x"}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": []}],
        [{"role": "user", "content": "x", "extra": 1}],
        [{"role": "user", "content": "x", "name": "a b"}],
        [{"role": "user", "content": "\ud800"}],
        [{"role": "tool", "content": "x", "tool_call_id": "c"}],
        [{"role": "assistant", "content": "x", "tool_calls": []}],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            }
        ],
        [{"role": "assistant", "content": None}],
        [{"role": "assistant", "content": [PNG]}],
    ],
)
def test_the_openai_checker_finds(messages: list[dict[str, Any]]) -> None:
    assert check_openai(messages)


USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c"}]}
HI = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [USE, RESULT],
        [HI, HI],
        [HI, USE],
        [HI, USE, HI],
        [HI, USE, RESULT, USE, RESULT],
        [HI, USE, {"role": "user", "content": [{"type": "text", "text": "x"}, *RESULT["content"]]}],
        [HI, {"role": "assistant", "content": [{"type": "text", "text": "x "}]}],
        [{"role": "user", "content": [{"type": "text", "text": " "}]}],
        [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}],
        [HI, {"role": "assistant", "content": [{"type": "tool_use", "id": "a b", "name": "f", "input": {}}]}],
        [RESULT],
    ],
)
def test_the_anthropic_checker_finds(messages: list[dict[str, Any]]) -> None:
    assert check_anthropic({"messages": messages})


@pytest.mark.parametrize(
    "contents",
    [
        [],
        [{"role": "model", "parts": [{"text": "x"}]}],
        [{"role": "user", "parts": []}],
        [{"role": "user", "parts": [{"text": ""}]}],
        [{"role": "user", "parts": [{"text": "x"}]}, {"role": "user", "parts": [{"text": "x"}]}],
        [{"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}],
        [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}],
        [{"role": "user", "parts": [{"inline_data": {"data": "x"}}]}],
    ],
)
def test_the_gemini_checker_finds(contents: list[dict[str, Any]]) -> None:
    assert check_gemini({"contents": contents})
