"""The emulator's gateway: what is lost on the way comes again, and what cannot be resumed begins anew."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest
from tests.bots.discord.clients import running

from turnkeep.testing.discord import DiscordEmulator

INTENTS = 1 << 0 | 1 << 9 | 1 << 12


@asynccontextmanager
async def socket(emulator: DiscordEmulator) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A socket that nobody has spoken on, past its HELLO."""
    async with aiohttp.ClientSession() as session, session.ws_connect(emulator.gateway_url) as made:
        assert (await made.receive_json())["op"] == 10
        yield made


def identify(**changes: Any) -> str:
    return json.dumps({"op": 2, "d": {"intents": INTENTS, "properties": {}, **changes}})


BREAKS: dict[str, Callable[[DiscordEmulator], None]] = {
    "op 7": lambda emulator: emulator.gateway.reconnect(),
    "op 9, resumable": lambda emulator: emulator.gateway.invalidate(resumable=True),
    "cut": lambda emulator: emulator.gateway.cut(),
}


@pytest.mark.parametrize("way", BREAKS)
async def test_a_session_goes_on_and_misses_nothing(emulator: DiscordEmulator, way: str) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator) as client:
        for at in range(5):
            general.says(f"before {at}", ann)
            BREAKS[way](emulator)
            general.says(f"after {at}", ann)
            await client.until_event("resumed", at + 1)
        await client.until_heard(10)
    assert client.texts() == [f"{when} {at}" for at in range(5) for when in ("before", "after")]
    assert (emulator.calls["IDENTIFY"], emulator.calls["RESUME"]) == (1, 5)


async def test_a_socket_that_is_closed_with_a_code_is_resumed(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator) as client:
        await emulator.gateway.close(4000)
        general.says("hello", ann)
        await client.until_heard(1)
    assert emulator.calls["RESUME"] == 1


async def test_what_cannot_be_resumed_begins_anew_and_what_was_said_meanwhile_is_not_told(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator) as client:
        emulator.gateway.invalidate(resumable=False)
        missed = general.says("missed", ann)
        await client.until_event("ready", 2)
        channel = client.get_channel(general.id)
        assert isinstance(channel, discord.TextChannel) and channel.last_message_id == missed.id
        emulator.gateway.forget()
        emulator.gateway.cut()
        general.says("missed, too", ann)
        await client.until_event("ready", 3)
        general.says("heard", ann)
        await client.until_heard(1)
        read = [one.content async for one in channel.history(after=discord.Object(missed.id - 1), oldest_first=True)]
    assert client.texts() == ["heard"]
    assert read == ["missed", "missed, too", "heard"]
    assert emulator.calls["IDENTIFY"] == 3


async def test_a_gateway_that_is_down_is_tried_again(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator) as client:
        emulator.gateway.down = True
        emulator.gateway.cut()
        general.says("hello", ann)
        await client.until_event("disconnect", 2)
        emulator.gateway.down = False
        await client.until_heard(1)


async def test_content_is_for_those_with_the_intent(emulator: DiscordEmulator) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, discord.Intents(guilds=True, guild_messages=True)) as client:
        general.says("nobody's business", ann)
        general.says("hello", ann, mention=True)
        emulator.private(ann).says("not even told")
        general.says("the end", ann)
        await client.until_heard(3)
    assert client.texts() == ["", f"{emulator.server.me.mention} hello", ""]


async def test_an_intent_that_is_not_switched_on_is_refused(emulator: DiscordEmulator) -> None:
    emulator.gateway.allowed = 0
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(emulator):
            pass


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (identify(token="wrong"), 4004),
        (identify(token="TOKEN", intents=-1), 4013),
        (identify(token="TOKEN", intents=1 << 15 | 1 << 8), 4014),
        ("{", 4002),
        ('{"op": 42}', 4001),
        ('{"op": 3}', 4003),
        ('{"op": 6, "d": {"token": "wrong"}}', 4004),
    ],
)
async def test_who_speaks_wrong_is_hung_up_on(emulator: DiscordEmulator, said: str, code: int) -> None:
    async with socket(emulator) as made:
        await made.send_str(said.replace("TOKEN", emulator.token))
        assert (await made.receive()).type is aiohttp.WSMsgType.CLOSE
        assert made.close_code == code


async def test_without_compression_there_is_plain_text_and_twice_is_too_often(emulator: DiscordEmulator) -> None:
    async with socket(emulator) as made:
        await made.send_str('{"op": 1, "d": null}')
        assert (await made.receive_json())["op"] == 11
        await made.send_str(identify(token=emulator.token))
        assert (await made.receive_json())["t"] == "READY"
        await made.send_str(identify(token=emulator.token))
        await made.receive()
        assert made.close_code == 4005


async def test_who_is_silent_is_hung_up_on(emulator: DiscordEmulator) -> None:
    emulator.gateway.heartbeat = 0.05
    async with socket(emulator) as made:
        await made.receive()
        assert made.close_code == 4009


async def test_what_was_confirmed_is_not_kept(emulator: DiscordEmulator) -> None:
    ann, private = emulator.user("Ann"), emulator.private(emulator.user("Bob"))
    emulator.channel("general").says("hello", ann)
    async with socket(emulator) as made:
        await made.send_str(identify(token=emulator.token))
        assert [(await made.receive_json())["t"] for _ in range(2)] == ["READY", "GUILD_CREATE"]
        private.says("one")
        assert (await made.receive_json())["t"] == "MESSAGE_CREATE"
        await made.send_str('{"op": 1, "d": 3}')
        assert (await made.receive_json())["op"] == 11
        [session] = emulator.gateway.sessions.values()
        assert list(session.events) == []
        emulator.gateway.cut()
        await made.receive()
    async with socket(emulator) as made:
        told = {"token": emulator.token, "session_id": session.id, "seq": 2}
        await made.send_json({"op": 6, "d": told})
        assert await made.receive_json() == {"op": 9, "d": False, "s": None, "t": None}
        await made.send_json({"op": 6, "d": {**told, "seq": 3}})
        assert (await made.receive_json())["t"] == "RESUMED"
    assert emulator.gateway.sessions == {}  # closed with 1000: that bot will not be back
