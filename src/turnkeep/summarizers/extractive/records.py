"""What is kept of a conversation before it is put into lines: records of pieces, small enough to be stored beside a summary.

Invariant: a piece is never rewritten, only chosen or dropped; its text is a verbatim slice of what its speaker said (what stands
in square brackets aside), or one `key=value` of a tool call. Records survive JSON: `decode(encode(records)) == records`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

USER, AGREED, OFFERED, ASSISTANT, CALL = "user", "agreed", "offered", "assistant", "call"
HEARD = "heard"  # the assistant's, told of itself in a talk between two, and taken up by the user
ANY = ""  # the kind of a slot that stands for plain words, whatever they are part of
PLACE = "@"  # that of one that stands for a place: "3:17" is character 17 of the message 3 before the record
ARGUMENT = "="  # that of one that stands for a pair of a call
CHANGED = "~"  # a place and what the value that ends there gave way to, both told: "3:17:21:Thursday", from character 17 to 21
GIVEN = "~="  # the same for pairs of calls: the ids of the value, a line break, what it gave way to


class Piece(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A fragment or a pair. `weights`: what each of the words it stands for is worth, by the id it is compared by."""

    text: str
    weights: dict[str, float]
    tokens: int
    start: int = 0  # where a fragment begins in its message: pieces of one message that overlap stand for each other
    end: int = 0
    slots: tuple[tuple[str, str], ...] = ()  # (kind, id) of what a later word may replace: ("date", "d:--03-09")
    strong: int = 0  # how many values beside plain words a fragment has
    result: bool = False  # of a tool's answer, not of its call


class Record(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one message, or one tool call with its result, holds."""

    at: int  # the message's place in the session
    who: str  # one of the constants above
    pieces: tuple[Piece, ...]
    tool: str = ""
    outcome: str = ""
    replaces: tuple[tuple[str, str], ...] = ()  # slots of earlier records that are no longer true


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Record])


def to_json(records: Sequence[Record]) -> list[Any]:
    """Records as plain lists and dicts, for a summary's `data`."""
    plain: list[Any] = msgspec.to_builtins(list(records))
    return plain


def from_json(data: Any) -> list[Record]:
    """What `to_json` gave, or its JSON decoded; raises `msgspec.ValidationError` for anything else."""
    return msgspec.convert(data, list[Record])


def encode(records: Sequence[Record]) -> bytes:
    return _encoder.encode(records)


def decode(data: bytes | str) -> list[Record]:
    return _decoder.decode(data)


def after(older: Sequence[Record], newer: Sequence[Record]) -> list[Record]:
    """Records of two stretches one after another; the places of the newer are moved past the older."""
    last = max((record.at for record in older), default=-1)
    shift = last + 1
    if not older:
        return list(newer)
    moved = [
        Record(record.at + shift, record.who, record.pieces, record.tool, record.outcome, record.replaces) for record in newer
    ]
    return [*older, *moved]
