"""Messages that leave the prompt unrepresented when the summarizer fails: it raises, answers nothing, or never answers.

240 messages, each with a number of its own, a tool call in every third turn, a prompt before each of the assistant's messages. A
message is represented in a prompt if its text stands there (or its beginning, where it was shortened), or if

- Turnkeep: a summary or a marker in the prompt names a range of `seq` that it lies in;
- a peer: its model was handed the message and answered with a text, and something of a summary stands in the prompt.

Whoever calls a peer waits a moment for an answer, then gives up and goes on with the next message, as a bot has to. The model fails
always, or (`once`) only the first time. A prompt that cannot be had at all counts as none: the caller still has its messages.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from benchmarks import measure
from benchmarks.facts import Json
from benchmarks.measure import Line
from benchmarks.memory_contenders import LangMem, LlamaIndex, Turnkeep, room
from benchmarks.memory_talks import Contender, Prompt, text_of, tokens
from benchmarks.memory_writers import Writer, Written, extract

MESSAGES, LIMIT, PATIENCE = 240, 4_000, 0.25
_NUMBER = re.compile(r"\bNo\. (\d+):")
_RANGE = re.compile(r"(\d+)-(\d+)|\((\d+)\)")
KINDS = "raises", "empty", "hangs"


class Outcome(NamedTuple):
    unrepresented: int  # messages that some prompt neither shows nor names
    refused: int  # calls that raised or never answered
    by_marker: int  # of the last prompt: messages that are named, with not a word of them
    over: int  # prompts over the limit


def talk() -> list[Json]:
    texts = iter(measure.texts(MESSAGES + 1)[1:])
    found: list[Json] = []
    while len(found) < MESSAGES:
        found.append({"role": "user", "content": next(texts)})
        if len(found) % 3 == 0 and len(found) + 3 <= MESSAGES:
            call = {"name": "look_up", "arguments": json.dumps({"text": next(texts)})}
            made = f"call_{len(found)}"
            found.append(
                {"role": "assistant", "content": None, "tool_calls": [{"id": made, "type": "function", "function": call}]}
            )
            found.append({"role": "tool", "tool_call_id": made, "content": next(texts)})
        found.append({"role": "assistant", "content": next(texts)})
    return found[:MESSAGES]


class Model:
    """Fails as it is told; knows what it was handed when it answered."""

    def __init__(self, kind: str, *, always: bool) -> None:
        self.kind, self.always = kind, always
        self.failed = 0
        self.told: set[int] = set()

    async def write(self, messages: Sequence[Json], max_tokens: int, previous: str) -> str:
        if self.always or not self.failed:
            self.failed += 1
            if self.kind == "raises":
                raise RuntimeError("the model is overloaded")
            if self.kind == "hangs":
                await asyncio.Event().wait()
            return ""
        text = await extract(messages, max_tokens, previous)
        if text:
            self.told |= shown(messages)
        return text


def shown(prompt: Sequence[Json]) -> set[int]:
    return {int(number) for message in prompt for number in _NUMBER.findall(text_of(message))}


def named(prompt: Prompt) -> set[int]:
    """By the summaries and markers of Turnkeep: all `seq` of the ranges that its system messages begin with."""
    found: set[int] = set()
    for message in prompt:
        if message["role"] == "system" and (place := _RANGE.search(message["content"].split("\n", 1)[0])):
            first, last, only = place.groups()
            found |= {int(only)} if only else set(range(int(first), int(last) + 1))
    return found


async def follow(contender: Contender, model: Model, place: Path) -> Outcome:
    """Adds all messages; `Turnkeep` numbers its messages as the texts are numbered."""
    lost: set[int] = set()
    refused = over = 0
    prompt: Prompt = []
    await contender.open(place, LIMIT)
    for number, message in enumerate(talk(), 1):
        if message["role"] == "assistant":
            try:
                prompt = await asyncio.wait_for(contender.prompt(), PATIENCE)
            except Exception:
                refused += 1
            else:
                over += tokens(prompt) > LIMIT
                represented = shown(prompt) | (named(prompt) if isinstance(contender, Turnkeep) else _told(model, prompt))
                lost |= set(range(1, number)) - represented
        try:
            await asyncio.wait_for(contender.add(message), PATIENCE)
        except Exception:
            refused += 1
    by_marker = len(named(prompt) - shown(prompt)) if "not shown here" in str(prompt).lower() else 0
    await contender.close()
    return Outcome(len(lost), refused, by_marker, over)


def _told(model: Model, prompt: Prompt) -> set[int]:
    """A peer's prompt has a summary if it does not begin with the user's words."""
    return model.told if prompt and prompt[0]["role"] != "user" else set()


def _turnkeep(write: Writer) -> Contender:
    return Turnkeep(Written("failing", write), settle=False, close_timeout=0.1)


class OpenAIAgents:
    """`OpenAIResponsesCompactionSession` over `SQLiteSession`; asked for compaction after each of the assistant's answers."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    async def open(self, place: Path, limit: int) -> None:
        from agents.memory import OpenAIResponsesCompactionSession, SQLiteSession

        client: Any = SimpleNamespace(responses=self)
        self.store = SQLiteSession("one", place / "agents.db")
        self.session = OpenAIResponsesCompactionSession("one", self.store, client=client, compaction_mode="input")

    async def compact(self, **asked: Any) -> Any:
        """`client.responses.compact` of OpenAI."""
        text = await self.writer([_from_items(item) for item in asked["input"]], room(LIMIT), "")
        said = [{"type": "message", "role": "assistant", "content": text}] if text else []
        return SimpleNamespace(output=said, usage=None)

    async def add(self, message: Json) -> None:
        await self.session.add_items([_to_item(message)])
        if message["role"] == "assistant" and message["content"]:
            await self.session.run_compaction()

    async def prompt(self) -> Prompt:
        return [_from_items(item) for item in await self.session.get_items()]

    async def epoch(self) -> object:
        return None

    async def close(self) -> None:
        self.store.close()


def _to_item(message: Json) -> Any:
    for call in message.get("tool_calls") or ():
        return {"type": "function_call", "call_id": call["id"], **call["function"]}
    if message["role"] == "tool":
        return {"type": "function_call_output", "call_id": message["tool_call_id"], "output": message["content"]}
    return message


def _from_items(item: Any) -> Json:
    content = item.get("content") or item.get("output") or item.get("arguments") or ""
    return {"role": item.get("role") or "tool", "content": content}


CONTENDERS: dict[str, Callable[[Writer], Contender]] = {
    "Turnkeep": _turnkeep,
    "LlamaIndex": LlamaIndex,
    "LangMem": LangMem,
    "openai-agents": OpenAIAgents,
}


async def outcomes(*, always: bool) -> dict[str, dict[str, Outcome]]:
    found: dict[str, dict[str, Outcome]] = {}
    for name, make in CONTENDERS.items():
        for kind in KINDS:
            model = Model(kind, always=always)
            with measure.folder() as place:
                found.setdefault(name, {})[kind] = await follow(make(model.write), model, place)
    return found


def _told_of(found: dict[str, Outcome]) -> str:
    return ", ".join(f"{outcome.unrepresented} {kind}" for kind, outcome in found.items())


def lines() -> list[Line]:
    rows = []
    logging.getLogger("turnkeep").setLevel(logging.CRITICAL)  # failures are what is wanted here
    for always, when in ((True, "always"), (False, "once")):
        found = asyncio.run(outcomes(always=always))
        ours = found.pop("Turnkeep")
        beside = "; ".join(f"{name}: {_told_of(each)}" for name, each in found.items())
        worst = sum(outcome.unrepresented + outcome.refused + outcome.over for outcome in ours.values())
        title = f"messages unrepresented, the summarizer fails {when}"
        rows.append(Line(title, "0", _told_of(ours), beside, worst == 0))
        if always:
            marked = ", ".join(f"{outcome.by_marker} {kind}" for kind, outcome in ours.items())
            rows.append(Line("  named by a marker only, without a word of them", "", marked, ""))
        peers = ", ".join(f"{sum(outcome.refused for outcome in each.values())} {name}" for name, each in found.items())
        rows.append(Line("  calls that raised or never came back", "", str(sum(o.refused for o in ours.values())), peers))
    logging.getLogger("turnkeep").setLevel(logging.NOTSET)
    return rows


if __name__ == "__main__":
    measure.show(lines())
