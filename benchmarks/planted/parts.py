"""What a half of the corrections trial is made of."""

from __future__ import annotations

from typing import Any, NamedTuple

KINDS = (
    "direct",
    "named",
    "same message",
    "rejected offer",
    "changed date/time",
    "free talk",
    "changed mind later",
    "third party",
)

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


class Scene(NamedTuple):
    """Something that a user wants and the value in it. `{v}` is the value."""

    slot: str
    pool: str
    asks: tuple[str, ...]
    noted: str
    tool: str
    arg: str
    unit: str = ""


class Offer(NamedTuple):
    """A wish, and what is offered for it."""

    ask: str
    offer: str
    taken: str
    options: tuple[str, ...]
    tool: str
    arg: str


class Fact(NamedTuple):
    """Something about oneself."""

    says: tuple[str, ...]
    fact: str
    answer: str
    options: tuple[str, ...]


class Half(NamedTuple):
    scenes: tuple[Scene, ...]
    offers: tuple[Offer, ...]
    facts: tuple[Fact, ...]
    pools: dict[str, tuple[str, ...]]
    who: tuple[str, ...]
    acks: tuple[str, ...]  # what an assistant says to anything
    yes: tuple[str, ...]
    side: str  # user | assistant, a line each


class Deed(NamedTuple):
    ask: str
    tool: str
    arguments: dict[str, Any]
    done: str  # the participle


def wordings(*said: str) -> dict[str, str]:
    """One text a kind, in the order of KINDS, its wordings parted by ` | `."""
    return {kind: text.replace(" | ", "\n") for kind, text in zip(KINDS, said, strict=True)}
