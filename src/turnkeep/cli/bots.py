"""`turnkeep telegram` and `turnkeep discord`: a bot in this process."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import click

from turnkeep.bots import discord as discord_bot
from turnkeep.bots import telegram as telegram_bot
from turnkeep.chat import Chat
from turnkeep.cli.as_json import print_json
from turnkeep.cli.options import Options, common, kept
from turnkeep.manager import SessionManager

Run: TypeAlias = Callable[[SessionManager, Chat, Callable[[str], None], asyncio.Event], Awaitable[None]]


@click.command()
@common()
def telegram(options: Options) -> None:
    """Run the Telegram bot until Ctrl-C or SIGTERM.

    The token comes from the setting telegram_token (TURNKEEP_TELEGRAM_TOKEN),
    who answers from the setting model. Makes the database if there is none.
    """
    _run(options, telegram_bot.run, "Telegram")


@click.command()
@common()
def discord(options: Options) -> None:
    """Run the Discord bot until Ctrl-C or SIGTERM.

    The token comes from the setting discord_token (TURNKEEP_DISCORD_TOKEN),
    who answers from the setting model. Makes the database if there is none.
    """
    _run(options, discord_bot.run, "Discord")


def _run(options: Options, run: Run, platform: str) -> None:
    settings = options.served()
    url = options.db or settings.database_url
    kept(url)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def ready(name: str) -> None:
        if options.json:
            print_json({"bot": name})
        else:
            click.echo(f"@{name} is listening on {platform}; Ctrl-C ends it.")

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with SessionManager.open(url, settings=settings) as sessions:
            await run(sessions, Chat(sessions), ready, stop)

    asyncio.run(serve())
