"""Messages, files, threads and refusals on the emulator of Discord, as real clients of discord.py see them."""

import io
import time
from typing import Any

import aiohttp
import discord
import pytest
from tests.bots.discord.clients import Recorder, running

from turnkeep.testing.discord import Chat, DiscordEmulator


def seen(client: Recorder, chat: Chat) -> discord.TextChannel:
    channel = client.get_channel(chat.id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def code(call: Any) -> int:
    """With which a call is refused."""
    with pytest.raises(discord.HTTPException) as refused:
        await call
    return refused.value.code


# --- messages


async def test_a_reply_quotes_and_names_whom_it_answers(emulator: DiscordEmulator) -> None:
    ann, bob, general = emulator.user("Ann"), emulator.user("Bob"), emulator.channel("general")
    async with running(emulator) as client:
        first = general.says("the sky is green", ann)
        general.says("is it?", bob, reply_to=first)
        await client.until_heard(2)
        reply = client.heard[1]
        assert reply.reference is not None and isinstance(reply.reference.resolved, discord.Message)
        assert reply.reference.resolved.content == "the sky is green"
        assert [one.display_name for one in reply.mentions] == ["Ann"]
        await reply.reply("no", mention_author=False)
        shown = general.from_bot()[0]
        assert shown.raw["referenced_message"]["content"] == "is it?" and shown.raw["mentions"] == []
        general.deletes(first)
        assert await code(client.heard[0].reply("too late")) == 50035
        await seen(client, general).send("still", reference=client.heard[0].to_reference(fail_if_not_exists=False))
        assert general.answers() == ["no", "still"]


async def test_who_is_named_is_reached_if_that_is_allowed(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator) as client:
        channel = seen(client, general)
        await channel.send(ann.mention)
        await channel.send(ann.mention, allowed_mentions=discord.AllowedMentions.none())
        loud, quiet = general.from_bot()
        assert [one["id"] for one in loud.raw["mentions"]] == [str(ann.id)]
        assert quiet.raw["mentions"] == [] and quiet.sent["allowed_mentions"] == {"parse": []}
        await channel.send("and", allowed_mentions=discord.AllowedMentions(users=[discord.Object(ann.id)], everyone=False))


async def test_the_past_is_read_in_pages(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    said = [general.says(str(at), ann) for at in range(7)]
    general.deletes(said[3])
    async with running(emulator) as client:
        channel = seen(client, general)
        assert [one.content async for one in channel.history(limit=2)] == ["6", "5"]
        after = channel.history(after=discord.Object(said[1].id), oldest_first=True)
        assert [one.content async for one in after] == ["2", "4", "5", "6"]
        before = channel.history(before=discord.Object(said[4].id), limit=2)
        assert [one.content async for one in before] == ["2", "1"]
        assert (await channel.fetch_message(said[0].id)).content == "0"
        assert await code(channel.fetch_message(said[3].id)) == 10008


async def test_what_was_sent_twice_with_one_nonce_stands_there_once(emulator: DiscordEmulator) -> None:
    general = emulator.channel("general")
    async with running(emulator) as client:
        channel = seen(client, general)
        first = await channel.send("hello", nonce="7")
        assert (await channel.send("hello", nonce="7")).id == first.id
        assert (await channel.send("hello", nonce="8")).id != first.id
        assert await code(channel.send("hello", nonce="x" * 26)) == 50035
    assert general.answers() == ["hello", "hello"]


async def test_what_discord_would_not_take_is_refused_and_changes_nothing(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    hers = general.says("mine", ann)
    async with running(emulator) as client:
        channel = seen(client, general)
        await channel.send("x" * 2000)
        mine = await channel.send("  so \n")
        assert general.answers()[1] == "so"
        assert await code(channel.send("x" * 2001)) == 50035
        assert await code(channel.send(" \n")) == 50006
        assert await code(mine.edit(content="x" * 2001)) == 50035
        assert await code(mine.edit(content="")) == 50006
        assert await code(channel.get_partial_message(hers.id).edit(content="ours")) == 50005
        assert await code(channel.get_partial_message(hers.id).delete()) == 50013
        assert await code(channel.get_partial_message(5).edit(content="whose?")) == 10008
        assert await code(client.get_partial_messageable(5).send("where?")) == 10003
        assert await code(client.fetch_user(5)) == 10013
        assert await code(client.http.start_private_message(5)) == 50033
        await mine.delete()
        assert await code(mine.edit(content="back?")) == 10008
    assert [one.text for one in general.messages if not one.deleted] == ["mine", "x" * 2000]


async def test_where_the_bot_may_not_look_or_write(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    private = emulator.private(ann)
    async with running(emulator) as client:
        channel = seen(client, general)
        general.lets_bot(write=False)
        await client.until_event("guild_channel_update")
        assert not channel.permissions_for(channel.guild.me).send_messages
        assert await code(channel.send("hello")) == 50013
        general.lets_bot(see=False)
        assert await code(channel.send("hello")) == 50001
        general.says("unheard", ann)
        general.lets_bot()
        general.says("heard", ann)
        await client.until_heard(1)
        assert client.texts() == ["heard"]
        private.blocked = True
        assert await code((await client.fetch_user(ann.id)).send("hello")) == 50007


# --- files and threads


async def test_files_go_both_ways(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator) as client:
        general.sends_file(b"line one", "notes.txt", text="read this", by=ann)
        await client.until_heard(1)
        [attachment] = client.heard[0].attachments
        assert (attachment.filename, attachment.content_type, attachment.size) == ("notes.txt", "text/plain", 8)
        assert await attachment.read() == b"line one"
        sent = await seen(client, general).send("here", file=discord.File(io.BytesIO(b"# all"), "all.md"))
        assert await sent.attachments[0].read() == b"# all"
        assert general.files(general.from_bot()[0]) == {"all.md": b"# all"}
        await sent.edit(content="there", attachments=[])
        assert general.files(general.from_bot()[0]) == {} and general.answers() == ["there"]
        await seen(client, general).send(file=discord.File(io.BytesIO(b"alone"), "alone.txt"))
        assert await code(seen(client, general).send(file=discord.File(io.BytesIO(bytes(10_485_761)), "big"))) == 40005
        assert await code(client.http.request(message_to(general), json={"attachments": [{"id": 0}]})) == 50035
        async with (
            aiohttp.ClientSession() as session,
            session.get(attachment.url.replace(str(attachment.id), "9")) as gone,
        ):
            assert gone.status == 404


def message_to(chat: Chat) -> discord.http.Route:
    return discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=chat.id)


async def test_threads(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    old = general.thread("old")
    old.says("before", ann)
    async with running(emulator) as client:
        channel = seen(client, general)
        assert [one.name for one in channel.threads] == ["old"]
        new = general.thread("new", general.says("look", ann))
        new.says("hello", ann, mention=True)
        await client.until_heard(2)
        thread = client.heard[1].channel
        assert isinstance(thread, discord.Thread) and thread.parent == channel and thread.id == client.heard[0].id
        await thread.send("hi")
        assert new.answers() == ["hi"]
        made = await client.heard[0].channel.create_thread(name="mine", type=discord.ChannelType.public_thread)  # type: ignore[union-attr]
        assert emulator.server.chats[made.id].parent is general
        new.is_deleted()
        await client.until_event("thread_delete")
        assert await code(thread.send("hello?")) == 10003


async def test_a_guild_and_a_channel_that_come_later_are_known(emulator: DiscordEmulator) -> None:
    async with running(emulator) as client:
        later = emulator.channel("later", emulator.guild("Later", language="de"))
        await client.until_event("guild_channel_create")
        assert seen(client, later).guild.preferred_locale is discord.Locale.german
        assert "guild_join" in client.events


# --- what goes wrong


async def test_too_many_calls_are_told_to_wait(emulator: DiscordEmulator) -> None:
    general = emulator.channel("general")
    async with running(emulator) as client:
        emulator.flood["create_message"] = 2
        emulator.retry_after = 0.05
        began = time.monotonic()
        await seen(client, general).send("hello")
        assert time.monotonic() - began >= 0.1
        async with aiohttp.ClientSession(headers={"Authorization": f"Bot {emulator.token}"}) as session:
            emulator.flood["create_message"] = 1
            async with session.post(f"{emulator.url}/channels/{general.id}/messages", json={"content": "hello"}) as refused:
                assert refused.status == 429 and refused.headers["Content-Type"] == "application/json"
                assert refused.headers["Via"] and refused.headers["Retry-After"] == "1"
                assert await refused.json() == {"message": "You are being rate limited.", "retry_after": 0.05, "global": False}
    assert (general.answers(), emulator.calls["create_message"]) == (["hello"], 4)


async def test_a_limit_is_told_before_it_is_reached_and_kept(emulator: DiscordEmulator) -> None:
    general = emulator.channel("general")
    emulator.limits["create_message"] = (2, 0.4)
    async with running(emulator) as client:
        began = time.monotonic()
        for at in range(5):
            await seen(client, general).send(str(at))
        assert time.monotonic() - began >= 0.75
        assert emulator.calls["create_message"] == 5  # the library waits by itself
        async with aiohttp.ClientSession(headers={"Authorization": f"Bot {emulator.token}"}) as session:
            statuses = []
            for _ in range(3):
                async with session.post(f"{emulator.url}/channels/{general.id}/messages", json={"content": "hello"}) as said:
                    statuses.append(said.status)
        assert statuses[-1] == 429


async def test_calls_fail_as_they_are_told_to(emulator: DiscordEmulator) -> None:
    general = emulator.channel("general")
    async with running(emulator) as client:
        channel = seen(client, general)
        emulator.refuse("create_message", 10003)
        emulator.refuse("create_message", 50035)
        assert [await code(channel.send("hello")) for _ in range(2)] == [10003, 50035]
        emulator.broken["create_message"] = 1
        await channel.send("hello")  # the library tries again
        assert general.answers() == ["hello"]
        emulator.lost["create_message"] = 1
        with pytest.raises(aiohttp.ClientError):
            await channel.send("and again", nonce="1")
        await channel.send("and again", nonce="1")
        assert general.answers() == ["hello", "and again"]
        with pytest.raises(discord.NotFound):
            await client.http.request(discord.http.Route("GET", "/nowhere"))


async def test_a_bot_without_the_switch_reads_nothing_that_is_not_for_it(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    emulator.gateway.allowed = 0
    said = [general.says("nobody's business", ann), general.says("yours", ann, mention=True)]
    async with running(emulator, discord.Intents(guilds=True)) as client:
        read = [(await seen(client, general).fetch_message(one.id)).content for one in said]
    assert read == ["", f"{emulator.server.me.mention} yours"]
