"""Each command starts with what it needs itself, whatever the others need."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import turnkeep
from turnkeep.cli.app import cli
from turnkeep.cli.later import Later
from turnkeep.testing.discord import DiscordEmulator
from turnkeep.testing.telegram import TelegramEmulator

# What takes long to import, and belongs to some commands only
HEAVY = {
    "aiohttp",
    "apsw",
    "click",
    "discord",
    "httpx",
    "httpx2",
    "litestar",
    "msgspec",
    "openai",
    "prometheus_client",
    "pydantic",
    "pydantic_ai",
    "pygments",
    "pypdf",
    "rich",
    "telegram",
    "telegramify_markdown",
    "uvicorn",
}
LOCAL = {"apsw", "click", "msgspec", "rich"}
MAIN = """
import atexit, json, pathlib, sys
from turnkeep.cli import main
atexit.register(lambda: pathlib.Path("loaded.json").write_text(json.dumps([*sys.modules])))
main()
"""
SCRIPT = [sys.executable, "-c", MAIN]


def loaded() -> set[str]:
    """By the command that ran last."""
    found = {str(name) for name in json.loads(Path("loaded.json").read_text())}
    return {name for name in HEAVY if name in found}


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        ("--help", {"click"}),
        ("--version", {"click"}),
        ("serve --help", {"click", "msgspec"}),
        ("telegram --help", {"click", "msgspec"}),
        ("discord --help", {"click", "msgspec"}),
        ("sessions list", LOCAL),
        ("sessions list --json", LOCAL),
        ("stats", LOCAL),
        ("keys list", LOCAL),
        ("doctor", LOCAL),
        ("backup copy.db", LOCAL),
    ],
)
def test_a_command_loads_what_it_needs(db: Path, words: str, needs: set[str]) -> None:
    env = os.environ | {"TURNKEEP_DATABASE_URL": f"sqlite:///{db}"}
    subprocess.run([*SCRIPT, *words.split()], env=env, check=True, capture_output=True)
    assert loaded() == needs


def test_chat_loads_no_library_of_models() -> None:
    subprocess.run([*SCRIPT, "chat"], input=b"hello\n/quit\n", check=True, capture_output=True)
    assert loaded() == LOCAL


def test_the_server_loads_no_bot_and_draws_nothing() -> None:
    with subprocess.Popen([*SCRIPT, "serve", "--port", "0"], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        while not server.stdout.readline().startswith(b"Serving on "):
            assert server.poll() is None
        server.send_signal(signal.SIGTERM)
    assert server.returncode == 0
    assert loaded() == {"apsw", "click", "litestar", "msgspec", "prometheus_client", "uvicorn"}


async def test_the_telegram_bot_loads_no_server_and_draws_nothing() -> None:
    async with TelegramEmulator() as telegram:
        env = os.environ | {"TURNKEEP_TELEGRAM_TOKEN": telegram.token, "TURNKEEP_TELEGRAM_API_URL": telegram.url}
        bot = await asyncio.create_subprocess_exec(*SCRIPT, "telegram", env=env, stdout=subprocess.DEVNULL)
        async with asyncio.timeout(60):
            while not telegram.calls["getUpdates"]:
                telegram.server.called.clear()
                await telegram.server.called.wait()
        bot.terminate()
        assert await bot.wait() == 0
    assert loaded() == {"apsw", "click", "httpx", "msgspec", "telegram", "telegramify_markdown"}


async def test_the_discord_bot_loads_no_server_and_draws_nothing() -> None:
    async with DiscordEmulator() as discord:
        env = os.environ | {"TURNKEEP_DISCORD_TOKEN": discord.token, "TURNKEEP_DISCORD_API_URL": discord.url}
        bot = await asyncio.create_subprocess_exec(*SCRIPT, "discord", env=env, stdout=subprocess.PIPE)
        assert bot.stdout is not None
        assert await bot.stdout.readline() == b"@turnkeep is listening on Discord; Ctrl-C ends it.\n"
        bot.terminate()
        assert await bot.wait() == 0
    assert loaded() == {"aiohttp", "apsw", "click", "discord", "msgspec"}


def test_the_names_of_the_package_are_listed() -> None:
    assert {*turnkeep.__all__} <= {*dir(turnkeep)}


def test_a_command_is_listed_with_the_first_sentence_of_its_help() -> None:
    for name, command in cli.commands.items():
        assert isinstance(command, Later)
        assert (name, command.get_short_help_str(80)) == (name, command.command().get_short_help_str(80))


# --- the package


def test_the_package_gives_each_of_its_names_and_no_other() -> None:
    for name in turnkeep.__all__:
        assert getattr(turnkeep, name).__name__ == name
    assert not hasattr(turnkeep, "Nothing")
