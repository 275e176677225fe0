"""The Discord bot, killed again and again: see `tests.bots.killed`."""

from __future__ import annotations

from pathlib import Path

from tests.bots.killed import Asked, Killed

from turnkeep.bots.discord.format import formatted
from turnkeep.testing.discord import Chat, DiscordEmulator


class KilledDiscord(Killed):
    """In direct messages, channels and a thread."""

    name = "discord"
    first_call = "get_me"
    longest = 40  # a start alone makes some ten
    emulator: DiscordEmulator

    def __init__(self, discord: DiscordEmulator, folder: Path, seed: int, url: str | None = None) -> None:
        people = [discord.user(f"U{at}") for at in range(3)]
        channel = discord.channel("general")
        self.people = people
        super().__init__(discord, folder, [*map(discord.private, people), channel, channel.thread("thread")], seed, url)

    def settings(self) -> dict[str, str]:
        return {
            "TURNKEEP_DISCORD_TOKEN": self.emulator.token,
            "TURNKEEP_DISCORD_API_URL": self.emulator.url,
            "TURNKEEP_BOT_SCOPE": "topic",
        }

    def says(self, chat: Chat, text: str) -> Asked:
        shown = chat.says(text, chat.user or self.rng.choice(self.people), mention=chat.guild is not None)
        return Asked(text, f"dc:{shown.id}")

    def parts(self, text: str) -> list[str]:
        return formatted(text)

    async def first_life(self) -> None:
        """Discord lists no direct channels: the bot must have been written to in one, to look there after a crash."""
        async with self.alive():
            await self.chats[0].until(lambda chat: self.emulator.calls["IDENTIFY"] > 0, 100)
            for chat in self.chats:
                self.ask(chat)
                await chat.until(lambda chat: len(self.answered(chat)) == 1, 100)
