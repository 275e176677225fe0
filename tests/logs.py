"""Logs, line by line: what prompts are built from in the tests."""

from __future__ import annotations

from typing import Any

from turnkeep.context import Context, build
from turnkeep.session import Message, Session, Summary, Window
from turnkeep.tokens import count_message, get_counter
from turnkeep.turns import UNKNOWN_OUTCOME

O200K = get_counter("o200k")
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}


class Log:
    """Writes a log line by line: `user("hi")`, `calls("c1")`, `result("c1", "blue")`, ..."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def add(self, role: Any, content: Any, **more: Any) -> Log:
        counted = (more.get(key) for key in ("tool_calls", "tool_call_id", "name"))
        tokens = count_message(O200K, role, content, *counted)
        self.messages.append(Message(role, content, tokens, "o200k", 0, seq=len(self.messages) + 1, **more))
        return self

    def user(self, content: Any, **more: Any) -> Log:
        return self.add("user", content, **more)

    def says(self, content: Any) -> Log:
        return self.add("assistant", content)

    def calls(self, *ids: str, arguments: str = "{}", content: str | None = None) -> Log:
        calls = [{"id": one, "type": "function", "function": {"name": "look", "arguments": arguments}} for one in ids]
        return self.add("assistant", content, tool_calls=calls)

    def result(self, call: str, content: str) -> Log:
        return self.add("tool", content, tool_call_id=call)

    def erase(self, seq: int) -> Log:
        self.messages[seq - 1] = Message(self.messages[seq - 1].role, "", 0, "o200k", 0, seq=seq, erased=True)
        return self

    def window(self, skip: int = 0, *, prompt: int = 0, summaries: tuple[Summary, ...] = (), **states: Any) -> Window:
        """What a store gives that was asked for all but the first `skip` messages after the prompt."""
        log = self.messages[prompt:]
        session = Session(
            id="s", number=1, app="default", interface_type="cli", conversation_id="1", token_limit=4000, tokenizer="o200k",
            lifetime_ms=None, created_ms=0, active_ms=0, expires_ms=None, seq=len(self.messages), version=7,
            window_start=prompt + 1,
        )  # fmt: skip
        earlier = sum(message.tokens for message in log[:skip])
        user, own = states.get("user", {}), states.get("own", {})
        return Window(session, tuple(self.messages[:prompt]), summaries, tuple(log[skip:]), skip, earlier, user, own)

    def build(self, budget: int = 4000, **more: Any) -> Context:
        return build(self.window(), O200K, budget=budget, **more)


def chat(turns: int, words: int = 10) -> Log:
    log = Log()
    for turn in range(1, turns + 1):
        log.user(f"question {turn} " + "word " * words).says(f"answer {turn} " + "word " * words)
    return log


def summary(from_seq: int, to_seq: int, text: str) -> Summary:
    return Summary(
        from_seq=from_seq,
        to_seq=to_seq,
        text=text,
        method="model",
        tokens=1,
        counter="o200k",
        tokens_before=9,
        number=1,
        created_ms=0,
    )


def brief(context: Context) -> list[str]:
    """One word a message: a result's call and content, what an assistant calls, else the content's first words."""
    lines = []
    for message in context.messages:
        text = message["content"] or ""
        if "tool_calls" in message:
            text = "+".join(call["id"] for call in message["tool_calls"])
        elif message["role"] == "tool":
            text = f"{message['tool_call_id']}={'?' if text == UNKNOWN_OUTCOME else text}"
        lines.append(f"{message['role'][0]}:{text}")
    return lines
