"""A conversation as the lines that a model is shown: without the secrets in it, and without what could pass for anything but a quote.

Invariants: what redaction keeps out of a summary is not sent for one either; each line of a message but its first is indented, so that
no text can begin a line that looks like another speaker's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from turnkeep import redaction
from turnkeep.redaction import Redactor
from turnkeep.session import Content, Message

LONGEST = 6000  # characters of one message
CUT = " [...] "


class Said(msgspec.Struct, frozen=True):
    """`lines`: one for each message. `secrets`: what was kept out of them, word for word. `tools`: the names of those that were called."""

    lines: tuple[str, ...]
    texts: tuple[str, ...]  # of user and assistant
    tools: tuple[str, ...]
    secrets: frozenset[str]


def read(messages: Sequence[Message], redactor: Redactor) -> Said:
    lines, texts, secrets = [], [], set[str]()
    tools: dict[str, str] = {}  # by the call's id
    asked: str | None = None
    for message in messages:
        for call in message.tool_calls or ():
            tools[str(call.get("id"))] = str(call["function"]["name"])
        told = list(_told(message, tools))
        clean = [redactor.redact(text) for text in told]
        secrets.update(found for text in told for found in redactor.found(text))
        if message.role == "user" and asked is not None and clean:
            answered = redaction.answer(redactor.redact, asked, clean[-1])
            secrets.update(set(clean[-1].split()) - set(answered.split()))
            clean[-1] = answered
        asked = redaction.asked(told[-1]) if message.role == "assistant" and told else None
        lines += [line(_speaker(message, tools, at), _short(text)) for at, text in enumerate(clean)]
        texts += clean if message.role in ("user", "assistant") else []
    return Said(tuple(lines), tuple(texts), tuple(dict.fromkeys(tools.values())), frozenset(secrets))


def _speaker(message: Message, tools: dict[str, str], at: int) -> str:
    if message.role == "tool":
        return f"result of {tools.get(message.tool_call_id or '', 'a tool')}"
    return message.role if at == 0 or not message.tool_calls else "call"


def _told(message: Message, tools: dict[str, str]) -> Iterator[str]:
    yield text_of(message.content)
    for call in message.tool_calls or ():
        yield f"{call['function']['name']}({call['function'].get('arguments', '')})"


def text_of(content: Content) -> str:
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if isinstance(part.get("text"), str))
    return content or ""


def line(speaker: str, text: str) -> str:
    return f"{speaker}: " + "\n    ".join(text.strip().splitlines())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST * 2 // 3] + CUT + text[-LONGEST // 3 :]


def fitting(lines: Sequence[str], count: Callable[[str], int], room: int) -> str:
    """The newest lines that have room, in their order, with a mark where others are missing."""
    taken: list[str] = []
    for one in reversed(lines):
        room -= count(one) + 1
        if room < 0:
            taken.append("[Earlier lines are not shown here.]")
            break
        taken.append(one)
    return "\n".join(reversed(taken))
