"""What is said while the Discord bot is away, on the real library, against the emulator of Discord."""

from pathlib import Path

from tests.bots.discord.bot import running
from tests.bots.helpers import idle

from turnkeep import SessionManager
from turnkeep.bots.inbox import Mark
from turnkeep.settings import Settings
from turnkeep.testing.discord import DiscordEmulator


async def test_what_was_said_while_it_was_stopped_is_answered_in_its_order(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, bob = emulator.user("Ann"), emulator.user("Bob")
    general, quiet, private = emulator.channel("general"), emulator.channel("quiet"), emulator.private(ann)
    general.says("before its time", ann, mention=True)
    async with running(emulator, tmp_path) as sessions:
        general.says("one", ann, mention=True)
        quiet.says("one", ann, mention=True)
        private.says("one")
        for chat in (general, quiet, private):
            await chat.until(lambda chat: chat.answers() == ["re one"])
        await idle(sessions)
    aside = general.thread("aside")
    for number in range(120):
        general.says(f"chatter {number}", bob)
    general.says("two", ann, mention=True)
    general.says("three", bob, mention=True)
    private.says("two")
    aside.says("two", bob, mention=True)
    async with running(emulator, tmp_path) as sessions:
        general.says("four", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re one", "re two", "re three", "re four"])
        await private.until(lambda chat: chat.answers() == ["re one", "re two"])
        await aside.until(lambda chat: chat.answers() == ["re two"])
        await idle(sessions)
        found = await sessions.find_by_conversation(str(general.id), "discord")
        assert found is not None
        told = [one.content for one in await sessions.get_messages(found.id) if one.role == "user"]
    assert told == ["one", "two", "three", "four"]
    assert quiet.answers() == ["re one"]


async def test_a_session_that_cannot_be_resumed_costs_no_message(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path) as sessions:
        general.says("one", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re one"])
        emulator.gateway.forget()
        emulator.gateway.cut()
        general.says("two", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re one", "re two"], 60.0)
        emulator.gateway.cut()
        general.says("three", ann, mention=True)
        await general.until(lambda chat: chat.answers()[2:] == ["re three"], 60.0)
        await idle(sessions)
    assert general.answers() == ["re one", "re two", "re three"]
    assert emulator.calls["RESUME"] >= 2 and emulator.calls["IDENTIFY"] == 2


async def test_a_channel_that_cannot_be_read_does_not_stop_others(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general, other = emulator.user("Ann"), emulator.channel("general"), emulator.channel("other")
    async with running(emulator, tmp_path) as sessions:
        general.says("one", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re one"])
        await idle(sessions)
    general.says("two", ann, mention=True)
    other.says("two", ann, mention=True)
    emulator.refuse("get_messages", 50001)
    async with running(emulator, tmp_path):
        await other.until(lambda chat: len(general.answers()) + len(other.answers()) == 2)
        general.says("three", ann, mention=True)
        await general.until(lambda chat: chat.answers()[-1:] == ["re three"])


async def test_only_channels_with_something_new_are_read_and_none_that_is_closed(
    emulator: DiscordEmulator, tmp_path: Path
) -> None:
    ann = emulator.user("Ann")
    general, quiet, closed = (emulator.channel(name) for name in ("general", "quiet", "closed"))
    async with running(emulator, tmp_path) as sessions:
        for chat in (general, quiet, closed):
            chat.says("one", ann, mention=True)
            await chat.until(lambda chat: chat.answers() == ["re one"])
        await idle(sessions)
    closed.lets_bot(see=False)
    for chat in (general, closed):
        chat.says("two", ann, mention=True)
    before = emulator.calls["get_messages"]
    async with running(emulator, tmp_path) as sessions:
        await general.until(lambda chat: chat.answers() == ["re one", "re two"])
        await idle(sessions)
    assert closed.answers() == ["re one"]
    assert emulator.calls["get_messages"] - before <= 2  # what was said a moment ago may be read again


async def test_an_edit_of_what_was_missed_is_a_new_version_of_it(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path) as sessions:
        general.says("one", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re one"])
        await idle(sessions)
    missed = general.says("two", ann, mention=True)
    general.edits(missed, f"{emulator.server.me.mention} two, rather")
    async with running(emulator, tmp_path):
        await general.until(lambda chat: chat.answers()[1:] == ["re two, rather"])


async def test_a_mark_stays(tmp_path: Path) -> None:
    settings = Settings(cleanup_interval=0.0)
    async with SessionManager.open(f"sqlite:///{tmp_path}/bot.db", settings=settings) as sessions:
        mark = Mark(sessions, "discord")
        assert await mark.read() == ""
        for text in ("1", "2"):
            await mark.write(text)
    async with SessionManager.open(f"sqlite:///{tmp_path}/bot.db", settings=settings) as sessions:
        assert await Mark(sessions, "discord").read() == "2"
        assert await Mark(sessions, "other").read() == ""
