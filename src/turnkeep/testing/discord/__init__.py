"""An emulator of Discord on loopback, for tests of bots on discord.py.

    async with DiscordEmulator() as emulator:
        ann, general = emulator.user("Ann"), emulator.channel("general")
        general.says("hello", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["Hello, Ann."])

It needs the extra `testing`.
"""

from turnkeep.testing.discord.chats import Chat, Guild, Server
from turnkeep.testing.discord.emulator import TOKEN, DiscordEmulator
from turnkeep.testing.discord.interactions import Interaction
from turnkeep.testing.discord.shapes import Shown, User

__all__ = ["TOKEN", "Chat", "DiscordEmulator", "Guild", "Interaction", "Server", "Shown", "User"]
