"""The Discord bot.

Invariant: discord.py and what reads files are imported below this folder and in `turnkeep.bots.files` only; without them it says
what to install.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.util import find_spec

from turnkeep.chat import Chat
from turnkeep.errors import MissingExtra
from turnkeep.manager import SessionManager

LIBRARIES = ("aiohttp", "discord", "pypdf", "yarl")


async def run(sessions: SessionManager, chat: Chat, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Run the bot until `stop` is set. `ready` hears its name."""
    try:
        if find_spec("pypdf") is None:  # it is loaded only for the first PDF
            raise ModuleNotFoundError("No module named 'pypdf'", name="pypdf")
        from turnkeep.bots.discord.app import serve
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in LIBRARIES:
            raise
        raise MissingExtra("The Discord bot", "discord") from error
    await serve(sessions, chat, ready, stop)
