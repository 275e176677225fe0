"""The Telegram bot.

Invariant: python-telegram-bot and what reads files are imported below this folder and in `turnkeep.bots.files` only; without them it
says what to install.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from turnkeep.bots.libraries import needed
from turnkeep.chat import Chat
from turnkeep.manager import SessionManager

LIBRARIES = ("httpx", "telegram", "telegramify_markdown")


async def run(sessions: SessionManager, chat: Chat, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Run the bot until `stop` is set. `ready` hears its name."""
    with needed("The Telegram bot", "telegram", LIBRARIES):
        from turnkeep.bots.telegram.app import TelegramApp
    os.environ.setdefault("PTB_TIMEDELTA", "1")  # what the library's next version does; else it warns at each `retry_after`
    await TelegramApp(sessions, chat).run(ready, stop)
