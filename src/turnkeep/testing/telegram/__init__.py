"""An emulator of the Telegram Bot API on loopback, for tests of bots on a real library.

    async with TelegramEmulator() as telegram:
        ann = telegram.private(telegram.user("Ann"))
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["Hello, Ann."])

It needs the extra `testing`. What it has: long polling, texts with entities, edits, deletion, topics, replies, albums, files, photos,
voice, stickers, buttons, the menu of commands, 429 with `retry_after`, broken answers, and delay.
"""

from turnkeep.testing.telegram.chats import Chat, Server, Shown, User
from turnkeep.testing.telegram.emulator import TOKEN, TelegramEmulator

__all__ = ["TOKEN", "Chat", "Server", "Shown", "TelegramEmulator", "User"]
