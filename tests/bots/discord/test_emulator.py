"""The emulator of Discord, as real clients of discord.py see it."""

import discord
import pytest
from tests.bots.discord.clients import running

from turnkeep.testing.discord import DiscordEmulator


async def test_a_client_comes_in_hears_and_answers(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    old = general.says("before", ann)
    async with running(emulator) as client:
        [guild] = client.guilds
        assert (guild.name, [one.name for one in guild.text_channels]) == ("Friends", ["general"])
        assert guild.text_channels[0].last_message_id == old.id
        general.says("hello", ann, mention=True)
        await client.until_heard(1)
        [message] = client.heard
        assert message.author.display_name == "Ann" and message.mentions == [client.user]
        assert message.guild == guild
        answer = await message.channel.send("hi")
        await general.until(lambda chat: chat.answers() == ["hi"])
        await answer.edit(content="hi, Ann")
        await client.until_event("raw_message_edit")
        assert general.answers() == ["hi, Ann"]
        await answer.delete()
        await client.until_event("raw_message_delete")
        assert general.answers() == []
        await message.channel.typing()
        assert general.typed == 1
    assert emulator.calls["IDENTIFY"] == 1


async def test_direct_messages(emulator: DiscordEmulator) -> None:
    ann = emulator.user("Ann")
    private = emulator.private(ann)
    async with running(emulator) as client:
        private.says("psst")
        await client.until_heard(1)
        assert isinstance(client.heard[0].channel, discord.DMChannel)
        await client.heard[0].channel.send("yes?")
        user = await client.fetch_user(ann.id)
        await user.send("and another")
        assert private.answers() == ["yes?", "and another"]


async def test_an_edit_and_a_deletion_by_people_are_heard(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator) as client:
        said = general.says("one", ann)
        general.edits(said, "two")
        await client.until_event("raw_message_edit")
        assert client.edited[0].message.content == "two"
        assert client.edited[0].message.edited_at is not None
        general.deletes(said)
        await client.until_event("raw_message_delete")
        assert client.deleted == [said.id]


async def test_a_wrong_token_does_not_come_in(emulator: DiscordEmulator) -> None:
    client = discord.Client(intents=discord.Intents.none())
    before = discord.http.Route.BASE
    discord.http.Route.BASE = emulator.url
    try:
        with pytest.raises(discord.LoginFailure):
            await client.start("wrong")
    finally:
        discord.http.Route.BASE = before
        await client.close()
