"""A prompt in the shapes of Anthropic and Gemini."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.logs import O200K, PDF, PNG, Log

from turnkeep.context import build
from turnkeep.testing.rules import check_anthropic, check_gemini, check_openai


def test_anthropic_gets_system_apart_results_first_and_unique_ids() -> None:
    log = (
        Log()
        .user("q1")
        .calls("c", arguments="no json", content="Looking. ")
        .result("c", "1")
        .user("q2")
        .calls("c")
        .result("c", "")
    )
    context = build(log.window(own={"a": 1}), O200K, system="Be kind.", context_state=["a"], budget=1000)
    payload = context.to_anthropic()
    assert check_anthropic(payload) == []
    assert payload["system"] == [{"type": "text", "text": "Be kind."}]
    first, look, results, again, _ = payload["messages"]
    assert first == {"role": "user", "content": [{"type": "text", "text": "q1"}]}
    assert look["content"] == [
        {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "c", "name": "look", "input": {"_arguments": "no json"}},
    ]
    assert results["content"] == [
        {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "1"}]},
        {"type": "text", "text": '[System message]\nConversation state: {"a":1}'},
        {"type": "text", "text": "q2"},
    ]
    assert again["content"][0]["id"] == "c_2"


def test_gemini_gets_responses_right_behind_calls() -> None:
    log = Log().user("q1").calls("a", "b", arguments='{"x": 1}').result("a", '{"sky": "blue"}').result("b", "[1]").user("q2")
    payload = log.build(system="Be kind.").to_gemini()
    assert check_gemini(payload) == []
    assert payload["system_instruction"] == {"parts": [{"text": "Be kind."}]}
    assert [content["role"] for content in payload["contents"]] == ["user", "model", "user", "user"]
    assert payload["contents"][1]["parts"][0] == {"functionCall": {"name": "look", "args": {"x": 1}}}
    assert [part["functionResponse"]["response"] for part in payload["contents"][2]["parts"]] == [
        {"sky": "blue"},
        {"result": "[1]"},
    ]


def test_parts_are_mapped_and_unknown_ones_are_named() -> None:
    link = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    context = Log().user([{"type": "text", "text": "see"}, PNG, link, PDF, sound, {"type": "new"}]).build(budget=9000)
    assert context.messages[0]["content"][1] == PNG
    [message] = context.to_anthropic()["messages"]
    kinds = [block["type"] for block in message["content"]]
    assert kinds == ["text", "image", "image", "document", "text", "text"]
    assert message["content"][1]["source"] == {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert message["content"][5]["text"] == "[a part of type new, that cannot be shown here]"
    [content] = context.to_gemini()["contents"]
    assert [next(iter(part)) for part in content["parts"]] == [
        "text",
        "inline_data",
        "file_data",
        "inline_data",
        "inline_data",
        "text",
    ]
    assert check_anthropic(context.to_anthropic()) == check_gemini(context.to_gemini()) == []


def test_authors_names_reach_the_other_shapes() -> None:
    """Where an API has no field for a name, the text says who speaks."""
    log = (
        Log().user("Lunch?", name="Ann É.").says("Where?").user([{"type": "text", "text": "There!"}, PNG], name="Bob").user("ok")
    )
    context = log.build()
    assert [message.get("name") for message in context.messages] == ["Ann_É.", None, "Bob", None]
    _, *texts = [block.get("text") for message in context.to_anthropic()["messages"] for block in message["content"]]
    assert texts == ["Where?", "[Bob]", "There!", None, "ok"]
    _, *texts = [part.get("text") for content in context.to_gemini()["contents"] for part in content["parts"]]
    assert texts == ["Where?", "[Bob]", "There!", None, "ok"]
    assert context.to_anthropic()["messages"][0]["content"] == [{"type": "text", "text": "[Ann_É.] Lunch?"}]
    assert context.to_gemini()["contents"][0]["parts"] == [{"text": "[Ann_É.] Lunch?"}]
    assert context.messages[0]["content"] == "Lunch?"
    assert check_openai(context.messages) == check_anthropic(context.to_anthropic()) == check_gemini(context.to_gemini()) == []


def test_a_results_name_is_no_author() -> None:
    log = Log().user("q", name="Ann").calls("c").add("tool", "blue", tool_call_id="c", name="look").user("and?", name="Bob")
    context = log.build()
    payload = context.to_anthropic()
    assert payload["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "blue"}]},
        {"type": "text", "text": "[Bob] and?"},
    ]
    assert "[look]" not in json.dumps([payload, context.to_gemini()])
    assert check_anthropic(payload) == check_gemini(context.to_gemini()) == []


@pytest.mark.parametrize("url", ["data:image/tiff;base64,AAAA", "data:nothing", "ftp://x", None, 3])
def test_an_image_that_cannot_be_mapped_becomes_a_note(url: Any) -> None:
    context = Log().user([{"type": "image_url", "image_url": {"url": url}}]).build()
    assert check_anthropic(context.to_anthropic()) == check_gemini(context.to_gemini()) == []


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ({"file_data": "data:text/plain;base64,aGk="}, "document"),
        ({"file_data": "data:text/plain;base64,x"}, "text"),
        ({"file_id": "file_011"}, "document"),
        ({"file_id": "file-abc"}, "text"),
        ({"file_data": "data:application/zip;base64,AAAA"}, "text"),
    ],
)
def test_files_for_anthropic(file: dict[str, Any], kind: str) -> None:
    payload = Log().user([{"type": "file", "file": file}]).build().to_anthropic()
    assert payload["messages"][0]["content"][0]["type"] == kind
    assert check_anthropic(payload) == []


def test_a_prompt_that_opens_with_the_assistant_gets_a_users_message_elsewhere() -> None:
    context = Log().says("Welcome! ").says(" \n").user(" \t").build()
    assert [message["role"] for message in context.to_anthropic()["messages"]] == ["user", "assistant", "user"]
    assert context.to_anthropic()["messages"][1]["content"] == [{"type": "text", "text": "Welcome!"}]
    assert check_anthropic(context.to_anthropic()) == check_gemini(context.to_gemini()) == []


def marks(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Where the breakpoints are: the text of each block that has one, and its lifetime."""
    blocks = [*payload.get("system", ()), *(block for message in payload["messages"] for block in message["content"])]
    return [
        (str(block.get("text") or block.get("tool_use_id")), block["cache_control"].get("ttl", "5m"))
        for block in blocks
        if "cache_control" in block
    ]


def test_anthropic_is_told_where_the_stable_part_ends() -> None:
    log = Log().user("q1").says("a1").user("q2").calls("c").result("c", "1").user("q3")
    context = build(log.window(own={"a": 1}), O200K, system="Be kind.", context_state=["a"], budget=1000)
    assert context.messages[context.stable - 1]["role"] == "tool"
    payload = context.to_anthropic(cache="1h")
    assert check_anthropic(payload) == []
    assert marks(payload) == [("Be kind.", "1h"), ("c", "1h")]
    assert marks(context.to_anthropic(cache="5m")) == [("Be kind.", "5m"), ("c", "5m")]
    assert marks(context.to_anthropic()) == []
    later = build(log.user("q4").window(own={"a": 2}), O200K, system="Be kind.", context_state=["a"], budget=1000)
    assert later.messages[: context.stable] == context.messages[: context.stable]


def test_without_system_and_older_turns_nothing_is_stable() -> None:
    assert marks(Log().user("q1").build().to_anthropic(cache="5m")) == []
    assert marks(Log().user("q1").says("a1").user("q2").build().to_anthropic(cache="5m")) == [("a1", "5m")]
