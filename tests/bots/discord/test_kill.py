"""kill -9 in the middle of replies, and people who write while nobody hears it: each message has one answer, and no tool runs twice.

`TURNKEEP_KILLS=50` makes it as long as the figure in docs/BENCHMARKS.md.
"""

import os
from pathlib import Path

import pytest
from tests.bots.discord.killed import KilledDiscord

from turnkeep.testing.discord import DiscordEmulator

KILLS = int(os.environ.get("TURNKEEP_KILLS", "6"))


@pytest.mark.timeout(100 + 10 * KILLS)
async def test_a_bot_that_is_killed_again_and_again_owes_nothing(tmp_path: Path) -> None:
    async with DiscordEmulator() as discord:
        killed = KilledDiscord(discord, tmp_path, seed=1)
        await killed.first_life()
        for _ in range(KILLS):
            await killed.live_and_die()
        await killed.end()
        over = await killed.judge()
    asked = sum(map(len, killed.asked.values()))
    tools = len((tmp_path / "ran.txt").read_text().split())
    assert over == 0, "Discord knows by its nonce what was sent before"
    print(f"{KILLS} kills, {asked} messages, {tools} tool calls, {over} messages besides")


async def test_on_postgresql_a_bot_that_is_killed_goes_on(tmp_path: Path, database: str) -> None:
    async with DiscordEmulator() as discord:
        killed = KilledDiscord(discord, tmp_path, seed=1, url=database)
        killed.longest = 12
        await killed.first_life()
        await killed.live_and_die()
        for chat in killed.chats:
            killed.ask(chat)
        await killed.end()
        assert await killed.judge() == 0
    assert min(map(len, killed.asked.values())) > 1
