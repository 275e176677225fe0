"""A bare echo bot: discord.py's `Client` with one event, no database. `python -m benchmarks.bare_discord URL GATEWAY TOKEN`."""

from __future__ import annotations

import sys

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route


class Echo(discord.Client):
    """Says again what it is told."""

    async def on_message(self, message: discord.Message) -> None:
        if not message.author.bot:
            await message.channel.send(f"re {message.content}")


def main(url: str, gateway: str, token: str) -> None:
    """Listen on the Discord at those addresses until SIGINT."""
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = url, yarl.URL(gateway)
    Echo(intents=discord.Intents(guilds=True, messages=True, message_content=True)).run(token, log_handler=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
