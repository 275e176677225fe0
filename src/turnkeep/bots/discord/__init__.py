"""The Discord bot.

Invariant: discord.py and what reads files are imported below this folder and in `turnkeep.bots.files` only; without them it says
what to install.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from turnkeep.bots.libraries import needed
from turnkeep.chat import Chat
from turnkeep.manager import SessionManager

LIBRARIES = ("aiohttp", "discord", "yarl")


async def run(sessions: SessionManager, chat: Chat, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Run the bot until `stop` is set. `ready` hears its name."""
    with needed("The Discord bot", "discord", LIBRARIES):
        from turnkeep.bots.discord.app import serve
    await serve(sessions, chat, ready, stop)
