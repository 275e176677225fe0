"""An emulator of Discord on loopback, for tests of bots on discord.py.

    async with DiscordEmulator() as emulator:
        ann, general = emulator.user("Ann"), emulator.channel("general")
        general.says("hello", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["Hello, Ann."])

It needs the extra `testing`. What it has: the gateway (intents, heartbeats, compression, READY, RESUME with what was missed, op 7 and 9,
sockets that are cut or closed); messages, edits, deletions, replies, files both ways, direct messages, threads, permissions, nonces; the
menu of commands, interactions with deferral, followups, ephemeral answers and tokens that expire, buttons; limits and their headers, 429,
broken and lost answers, refusals by code. What it has not: voice, modals, reactions, members and roles.
"""

from turnkeep.testing.discord.chats import Chat, Guild, Server
from turnkeep.testing.discord.emulator import TOKEN, DiscordEmulator
from turnkeep.testing.discord.interactions import Interaction
from turnkeep.testing.discord.shapes import Shown, User

__all__ = ["TOKEN", "Chat", "DiscordEmulator", "Guild", "Interaction", "Server", "Shown", "User"]
