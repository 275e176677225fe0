"""What differs between the platforms that `bots` measures on: the emulator, who talks there, and the bare echo bot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from turnkeep.testing.discord import DiscordEmulator
from turnkeep.testing.telegram import TelegramEmulator


class Talk:
    """One place where a person talks with the bot."""

    def __init__(self, chat: Any, **says: Any) -> None:
        self.chat, self.fields = chat, says

    def says(self, text: str) -> Any:
        return self.chat.says(text, **self.fields)

    def from_bot(self) -> list[Any]:
        found: list[Any] = self.chat.from_bot()
        return found

    def answers(self) -> list[str]:
        found: list[str] = self.chat.answers()
        return found


class Platform(ABC):
    """A platform's emulator, and what is measured on it. `listens`: the call by which a bot begins to hear."""

    name: str
    listens: str
    began: str  # that moment, in words
    places: str  # where people talk at once

    @abstractmethod
    def emulator(self) -> Any: ...

    @abstractmethod
    def settings(self, emulator: Any) -> dict[str, str]: ...

    @abstractmethod
    def echo(self, emulator: Any) -> list[str]:
        """The arguments of the bare bot, of which the first is its module."""

    def private(self, emulator: Any, name: str) -> Talk:
        return Talk(emulator.private(emulator.user(name)))

    @abstractmethod
    def many(self, emulator: Any, count: int) -> list[Talk]:
        """So many places, each with a person."""


class Telegram(Platform):
    name, listens, began, places = "telegram", "getUpdates", "first poll", "chats"

    def emulator(self) -> TelegramEmulator:
        return TelegramEmulator()

    def settings(self, emulator: TelegramEmulator) -> dict[str, str]:
        return {"TURNKEEP_TELEGRAM_TOKEN": emulator.token, "TURNKEEP_TELEGRAM_API_URL": emulator.url}

    def echo(self, emulator: TelegramEmulator) -> list[str]:
        return ["benchmarks.bare_telegram", emulator.url, emulator.token]

    def many(self, emulator: TelegramEmulator, count: int) -> list[Talk]:
        return [self.private(emulator, f"U{number}") for number in range(count)]


class Discord(Platform):
    """A channel takes five new messages and five edits in five seconds, as Discord's do."""

    name, listens, began, places = "discord", "IDENTIFY", "READY", "channels"

    def emulator(self) -> DiscordEmulator:
        made = DiscordEmulator()
        made.guild()
        return made

    def settings(self, emulator: DiscordEmulator) -> dict[str, str]:
        return {"TURNKEEP_DISCORD_TOKEN": emulator.token, "TURNKEEP_DISCORD_API_URL": emulator.url}

    def echo(self, emulator: DiscordEmulator) -> list[str]:
        return ["benchmarks.bare_discord", emulator.url, emulator.gateway_url, emulator.token]

    def many(self, emulator: DiscordEmulator, count: int) -> list[Talk]:
        emulator.limits |= {"create_message": (5, 5.0), "edit_message": (5, 5.0)}
        return [Talk(emulator.channel(f"c{number}"), by=emulator.user(f"U{number}"), mention=True) for number in range(count)]


PLATFORMS: dict[str, Platform] = {one.name: one for one in (Telegram(), Discord())}
