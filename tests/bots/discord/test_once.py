"""What was sent is not sent again, though nobody heard that it was: Discord knows it by its nonce."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.bots.discord.bot import running

from turnkeep.bots.delivery import Delivery, Place
from turnkeep.bots.discord.client import log_in
from turnkeep.bots.discord.platform import Discord
from turnkeep.settings import Settings
from turnkeep.testing.discord import DiscordEmulator


@pytest.fixture
async def platform(emulator: DiscordEmulator) -> AsyncIterator[Discord]:
    client = await log_in(Settings(discord_token=emulator.token, discord_api_url=emulator.url))
    yield Discord(client)
    await client.close()


async def test_a_message_whose_answer_was_lost_is_there_once(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    async with running(emulator, tmp_path):
        emulator.lost["create_message"] = 2
        ann.says("hello")
        ann.says("and again")
        await ann.until(lambda chat: chat.answers() == ["re hello", "re and again"])
    assert len(ann.messages) == 4
    assert emulator.calls["create_message"] == 4


async def test_a_reply_that_is_delivered_again_changes_the_message_that_is_there(
    emulator: DiscordEmulator, platform: Discord
) -> None:
    general = emulator.channel("general")
    place = Place(chat=str(general.id))
    for text in ("one", "two, in full", "two, in full"):
        await Delivery(platform, place, name="dc:1").finish(text)
        assert general.answers() == [text]
    await Delivery(platform, place, name="dc:2").finish("two, in full")
    assert general.answers() == ["two, in full"] * 2
    general.deletes(general.from_bot()[0])
    await Delivery(platform, place, name="dc:1").finish("three")
    assert general.answers() == ["two, in full", "three"]
    await Delivery(platform, place).finish("a word")
    await Delivery(platform, place).finish("a word")
    assert general.answers()[2:] == ["a word"] * 2
