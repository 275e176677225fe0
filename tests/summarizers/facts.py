"""How many facts of a conversation a text holds, and whether its lines are what lines of a summary must be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from turnkeep.tokens import get_counter

CONVERSATIONS = [
    json.loads(line) for line in (resources.files("turnkeep.cli") / "conversations.jsonl").read_text("utf-8").splitlines()
]
BY_ID = {conversation["id"]: conversation for conversation in CONVERSATIONS}
IDS = list(BY_ID)
COUNT = get_counter("o200k").count
_CALL = re.compile(r"(?P<tool>[\w.\-]+)\((?P<given>.*)\) -> (?P<outcome>.*)")
_BRACKETS = re.compile(r" ?\[[^\]]*\]")


def kept(text: str, facts: Sequence[Sequence[str]], *, spaced: bool = True) -> float:
    """The share of facts one of whose values stands in the text: as whole words, where a language has spaces between them."""
    folded = text.casefold()

    def holds(value: str) -> bool:
        place = re.escape(value.casefold())
        return re.search(rf"(?<!\w){place}(?!\w)" if spaced else place, folded) is not None

    return sum(any(map(holds, values)) for values in facts) / len(facts)


def corrected(text: str, facts: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> float:
    """`kept`, less what the text holds of another conversation's facts."""
    own, other = kept(text, facts), kept(text, others)
    return (own - other) / (1 - other)


def facts_of(conversation: dict[str, Any]) -> list[list[str]]:
    return list(conversation["facts"].values())


def _said(messages: Sequence[dict[str, Any]], roles: set[str]) -> str:
    texts = (str(message.get("content") or "") for message in messages if message["role"] in roles)
    return "\n".join(texts)


def _log(messages: Sequence[dict[str, Any]]) -> str:
    calls = (call["function"] for message in messages for call in message.get("tool_calls") or ())
    arguments = (json.dumps(json.loads(call["arguments"]), ensure_ascii=False) for call in calls)
    return _said(messages, {"user", "assistant", "tool"}) + "\n" + "\n".join(arguments)


def fragments(text: str) -> Iterator[tuple[str, str]]:
    """Speaker and fragment, of all lines that quote."""
    for line in text.splitlines():
        speaker, colon, said = line.partition(": ")
        if colon and speaker in {"user", "agreed", "offered", "assistant"}:
            for fragment in said.split("; "):
                yield speaker, fragment


def calls(text: str) -> Iterator[tuple[str, list[str], str]]:
    """Tool, pairs and outcome of all lines that tell a call."""
    for line in text.splitlines():
        match = _CALL.fullmatch(line)
        if match:
            yield match["tool"], [pair for pair in match["given"].split(", ") if pair], match["outcome"]


def faults(text: str, messages: Sequence[dict[str, Any]]) -> list[str]:
    """The lines that are neither verbatim fragments of their speaker nor a call of the log, or that are too long."""
    said = {"user": _said(messages, {"user"})} | dict.fromkeys(("agreed", "offered", "assistant"), _said(messages, {"assistant"}))
    log = _log(messages).casefold()
    tools = {call["function"]["name"] for message in messages for call in message.get("tool_calls") or ()}
    bad = [line for line in text.splitlines() if COUNT(line) >= 40]
    bad += [f"{speaker}: {each}" for speaker, each in fragments(text) if _BRACKETS.sub("", each) not in said[speaker]]
    for tool, pairs, _ in calls(text):
        bad += [tool] if tool not in tools else []
        bad += [pair for pair in pairs if "=" in pair and not _stands(pair, log)]
    quoting = len(list(fragments(text))) and sum(": " in line for line in text.splitlines())
    telling = sum(1 for _ in calls(text))
    return bad + ([] if quoting + telling >= len(text.splitlines()) else ["a line that is neither"])


def _stands(pair: str, log: str) -> bool:
    key, _, value = _BRACKETS.sub("", pair).casefold().partition("=")
    return f'"{key}"' in log and value in log
