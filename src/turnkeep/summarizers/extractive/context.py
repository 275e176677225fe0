"""What the extractor remembers of a session between two messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from turnkeep.summarizers.extractive import calls
from turnkeep.summarizers.extractive.earlier import Earlier
from turnkeep.summarizers.extractive.reading import Call
from turnkeep.summarizers.extractive.records import Record
from turnkeep.summarizers.extractive.surfaces import Surfaces
from turnkeep.summarizers.extractive.values import Value
from turnkeep.tokens import Counter


class Context:
    """What the extractor remembers of the session so far. `counter` counts the pieces' tokens."""

    def __init__(self, counter: Counter, zone: ZoneInfo, redact: Callable[[str], str] | None = None) -> None:
        self.count, self.zone, self.redact = counter.count, zone, redact
        self.at = -1
        self.began: date | None = None  # when the first message was said
        self.year: int | None = None  # that of the message, where it goes without saying: not in a talk that began in another
        self.common: set[str] = set()
        self.seen: dict[str, list[int]] = {}  # id: in how many messages of the user's, the assistant's
        self.arguments: set[str] = set()  # ids that stood in arguments of tools
        self.own = self.turns = 0  # of the assistant's messages: those in which it speaks of itself, all
        self.surfaces = Surfaces()
        self.earlier = Earlier()
        self.denied = -9  # where the user last said that something was wrong, and not what
        self.corrected = -9  # where the user last corrected something
        self.asked: list[str] = []  # the words of the assistant's last question, folded
        self.left: tuple[int, list[Value]] = (-9, [])  # names on offer, which the user did not take
        self.refused = False  # what was said before the user's last words
        self.salvaged: list[Record] = []  # what is left of messages that told something untrue beside other things
        self.month = -99, 0  # where a month was last named, and which
        self.agreed = -9  # where the user last agreed
        self.calls: dict[str, dict[str, str]] = {}  # the newest arguments of each tool
        self._worth: dict[tuple[str, date | None], tuple[dict[str, float], list[Value]]] = {}
        self.waiting: dict[str, tuple[int, Call]] = {}
        self.pending: list[tuple[Record, bool]] = []  # the assistant's last words, and whether they ask
        self.secret_asked: str | None = None  # what the assistant's last words ask for, if it must not be told: a password
        self.answered: list[tuple[Any, Record]] = []  # results that the assistant has not told yet

    @property
    def is_talk(self) -> bool:
        """Whether the assistant is somebody with a life to tell of: no tools, and it often speaks of what is its own."""
        return self.own >= 3 and 8 * self.own >= self.turns and not self.arguments

    def worth(self, text: str, said: date | None) -> tuple[dict[str, float], list[Value]]:
        """What the words of an argument are worth, by id, and its values."""
        known = self._worth.get((text, said))
        if known is None:
            if len(self._worth) > 500:
                self._worth.clear()
            known = self._worth[text, said] = calls.value_weights(text, said)
        return known
