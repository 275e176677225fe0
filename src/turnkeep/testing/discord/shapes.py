"""What Discord's objects are made of: ids that are times, people, and messages as the app shows them.

Invariant: ids only grow, whatever the clock does; in Discord's JSON they are strings, here numbers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

EPOCH_MS = 1_420_070_400_000  # 2015
LOADING, EPHEMERAL = 1 << 7, 1 << 6  # flags of a message
LOCALES = {"en": "en-US", "es": "es-ES", "pt": "pt-BR", "sv": "sv-SE", "zh": "zh-CN"}  # where one is no plain language


class Refused(Exception):
    """An answer that is an error. `code`: Discord's own, as in the body; `errors`: what is wrong with which field."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.errors = status, code, message, errors

    def told(self) -> Json:
        return {"message": self.message, "code": self.code} | ({"errors": self.errors} if self.errors else {})


class Snowflakes:
    """Ids, each larger than the one before."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, (int(time.time() * 1000) - EPOCH_MS) << 22)
        return self._last


def made_at(snowflake: int) -> str:
    """When an id was given, in ISO 8601."""
    return datetime.fromtimestamp(((snowflake >> 22) + EPOCH_MS) / 1000, UTC).isoformat()


def now() -> str:
    return datetime.now(UTC).isoformat()


def locale_of(language: str) -> str:
    return LOCALES.get(language, language)


@dataclass(eq=False)
class User:
    """A person, or the bot. `language`: of their app."""

    id: int
    name: str
    language: str = "en"
    is_bot: bool = False

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    @property
    def locale(self) -> str:
        return locale_of(self.language)

    def told(self) -> Json:
        return {
            "id": str(self.id),
            "username": self.name.lower(),
            "global_name": None if self.is_bot else self.name,
            "discriminator": "0",
            "avatar": None,
            "bot": self.is_bot,
            "public_flags": 0,
        }

    def member(self) -> Json:
        """As a member of any guild."""
        joined = made_at(self.id)
        return {"roles": [], "nick": None, "avatar": None, "joined_at": joined, "deaf": False, "mute": False, "flags": 0}


@dataclass(eq=False)
class Shown:
    """A message as the app shows it. `raw` is the API's object; `sent` what the bot last sent for it; `only_for`: who alone sees it."""

    raw: Json
    sender: User
    sent: Json = field(default_factory=dict)
    edits: int = 0
    deleted: bool = False
    only_for: User | None = None
    at: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> int:
        return int(self.raw["id"])

    @property
    def text(self) -> str:
        return str(self.raw["content"])

    @property
    def loading(self) -> bool:
        """Whether it says no more than that the bot is thinking."""
        return bool(self.raw["flags"] & LOADING)

    @property
    def buttons(self) -> list[Json]:
        return [one for row in self.raw["components"] for one in row.get("components", ()) if one["type"] == 2]
