"""What goes between a manager and its worker process: one `Setup`, then jobs, each answered by one frame, in order.

Invariant: a job's answer is what the same call would have made here: it holds all that the extractive summarizer looks at, and nothing
else of a message. A frame is four bytes of its length, then MessagePack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from turnkeep.redaction import redactor
from turnkeep.session import Message
from turnkeep.summarizers import extractive
from turnkeep.summarizers.extractive import Record
from turnkeep.tokens import Counter

HEAD = 4  # bytes
LONGEST = 60  # seconds of CPU time for one job

_encoder = msgspec.msgpack.Encoder()


class Setup(msgspec.Struct, frozen=True):
    """What holds for all jobs of a manager. `patterns`: of redaction, beside the built-in ones."""

    timezone: str = "UTC"
    patterns: Mapping[str, str] = {}


class Job(msgspec.Struct, frozen=True):
    """The messages, folded with the records before them into as many records as `max_tokens` have room for."""

    counter: str
    messages: list[Message]
    previous: list[Record]
    max_tokens: int


class Answer(msgspec.Struct, frozen=True):
    """`seconds` of CPU that it took; no records, if there was an error."""

    seconds: float
    records: list[Record] | None = None
    error: str = ""


class Extractives:
    """An extractive summarizer for each counter."""

    def __init__(self, setup: Setup) -> None:
        self._timezone, self.redactor = setup.timezone, redactor(setup.patterns)
        self.redact = self.redactor.redact
        self._made: dict[str, extractive.Extractive] = {}

    def has(self, counter: Counter) -> bool:
        """Whether `of` returns at once."""
        return counter.name in self._made

    def of(self, counter: Counter) -> extractive.Extractive:
        """The first takes 0.1 s: what it knows is loaded, and the patterns of redaction are compiled."""
        made = self._made.get(counter.name)
        if made is None:
            self.redact("")
            made = extractive.Extractive(self._timezone, counter=counter, redact=self.redact)
            self._made[counter.name] = made
        return made


def job(counter: str, messages: Sequence[Message], previous: Sequence[Record], max_tokens: int) -> Job:
    return Job(counter, list(map(_lean, messages)), list(previous), max_tokens)


def _lean(message: Message) -> Message:
    """Without what no summary is made of: metadata and platforms' ids may be large, and may be numbers that MessagePack has not."""
    return Message(
        role=message.role,
        content=message.content,
        tokens=message.tokens,
        counter="",
        created_ms=message.created_ms,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        seq=message.seq,
    )


def frame(value: Setup | Job | Answer) -> bytes:
    """Raises ValueError, OverflowError or TypeError for what cannot be put so: half a character, a number of more than 64 bits."""
    body = _encoder.encode(value)
    return len(body).to_bytes(HEAD, "big") + body


read_setup = msgspec.msgpack.Decoder(Setup).decode
read_job = msgspec.msgpack.Decoder(Job).decode
read_answer = msgspec.msgpack.Decoder(Answer).decode
