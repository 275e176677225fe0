"""All that a bot says of its own, one catalogue a language.

Invariant: every catalogue has the same keys with the same places to fill; a language that is not here is English.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnkeep.bots.texts import de, en

CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": en.TEXTS, "de": de.TEXTS}
COMMANDS = ("reset", "stop", "retry", "undo", "stats", "summary", "compact", "export", "forget", "help")


class Texts:
    """`language`: as the platform names it, like `de` or `de-AT`."""

    def __init__(self, language: str | None) -> None:
        self.language = (language or "en").partition("-")[0].lower()
        self._texts = CATALOGUES.get(self.language, en.TEXTS)

    def say(self, key: str, **values: Any) -> str:
        """The text of that key; whole numbers among the values are written as the language writes them."""
        return self._texts[key].format(**{name: self._written(value) for name, value in values.items()})

    def _written(self, value: Any) -> Any:
        return f"{value:,}".replace(",", self._texts["thousands"]) if isinstance(value, int) else value

    def commands(self) -> list[tuple[str, str]]:
        """Each command and what it does, for the platform's menu."""
        return [(command, self.say(f"command.{command}")) for command in COMMANDS]
