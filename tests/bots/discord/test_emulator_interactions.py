"""Commands and buttons on the emulator of Discord, as real clients of discord.py see them."""

from typing import Any

import discord
import pytest
from discord import app_commands
from tests.bots.discord.clients import Recorder, running

from turnkeep.testing.discord import Chat, DiscordEmulator, User


async def menu(client: Recorder) -> app_commands.CommandTree:
    """`/ask text` and, in guilds only, `/reset`."""
    tree = app_commands.CommandTree(client)

    @tree.command(description="Ask")
    async def ask(interaction: discord.Interaction, text: str) -> None: ...

    @tree.command(description="Begin afresh")
    @app_commands.guild_only()
    async def reset(interaction: discord.Interaction) -> None: ...

    await tree.sync()
    return tree


def places(emulator: DiscordEmulator) -> tuple[User, User, Chat]:
    return emulator.user("Ann", language="de"), emulator.user("Bob"), emulator.channel("general")


async def test_the_menu_keeps_its_ids_and_people_can_call_no_more_than_is_in_it(emulator: DiscordEmulator) -> None:
    ann, _, general = places(emulator)
    async with running(emulator) as client:
        with pytest.raises(LookupError, match="not registered"):
            general.command("/ask", ann, text="hi")
        tree = await menu(client)
        before = dict(emulator.commands)
        await tree.sync()
        assert {one.name for one in await tree.fetch_commands()} == {"ask", "reset"}
        assert {name: one["id"] for name, one in before.items()} == {name: one["id"] for name, one in emulator.commands.items()}
        with pytest.raises(ValueError, match="options"):
            general.command("/ask", ann)
        with pytest.raises(LookupError, match="not there"):
            emulator.private(ann).command("/reset")


async def test_a_command_is_deferred_and_its_answer_grows(emulator: DiscordEmulator) -> None:
    ann, _, general = places(emulator)
    async with running(emulator) as client:
        await menu(client)
        asked = general.command("/ask", ann, text="why?")
        heard = await client.interaction()
        assert (heard.user.display_name, heard.locale, heard.channel_id) == ("Ann", discord.Locale.german, general.id)
        assert heard.data is not None and heard.data.get("options") == [{"name": "text", "type": 3, "value": "why?"}]
        await heard.response.defer()
        assert general.from_bot()[0].loading and general.answers() == []
        await heard.edit_original_response(content="be")
        first = await heard.edit_original_response(content="because")
        assert general.answers() == ["because"]
        second = await heard.followup.send("and more", wait=True)
        await second.edit(content="and more of it")
        assert asked.answers() == ["because", "and more of it"]
        await second.delete()
        assert general.answers() == ["because"]
        assert (await heard.original_response()).id == first.id
        await client.until(lambda: client.events.count("raw_message_edit") >= 3)


async def test_a_followup_ends_a_deferral(emulator: DiscordEmulator) -> None:
    ann, _, general = places(emulator)
    async with running(emulator) as client:
        await menu(client)
        general.command("/ask", ann, text="why?")
        heard = await client.interaction()
        await heard.response.defer(ephemeral=True)
        await heard.followup.send("because")
        [shown] = general.from_bot()
        assert (shown.text, shown.loading, shown.only_for) == ("because", False, ann)


async def test_only_one_person_sees_what_is_ephemeral(emulator: DiscordEmulator) -> None:
    ann, bob, general = places(emulator)
    async with running(emulator) as client:
        await menu(client)
        general.command("/reset", ann)
        heard = await client.interaction()
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="Yes", custom_id="yes"))
        await heard.response.send_message("really?", view=view, ephemeral=True)
        [shown] = general.from_bot()
        assert shown.only_for is ann
        with pytest.raises(ValueError, match="does not see"):
            general.presses(shown, "Yes", bob)
        with pytest.raises(discord.NotFound):
            await client.get_partial_messageable(general.id).fetch_message(shown.id)
        pressed = general.presses(shown, "Yes", ann)
        button = await client.interaction(1)
        assert button.message is not None and button.message.id == shown.id
        await button.response.edit_message(content="done", view=None)
        assert (pressed.acknowledged, shown.text, shown.buttons) == (7, "done", [])
        assert "raw_message_edit" not in client.events


async def test_a_button_may_be_deferred_and_answered_with_a_message_of_its_own(emulator: DiscordEmulator) -> None:
    ann, bob, general = places(emulator)
    async with running(emulator) as client:
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="Yes", custom_id="yes"))
        await client.get_partial_messageable(general.id).send("really?", view=view)
        [shown] = general.from_bot()
        general.presses(shown, "Yes", bob)
        await (await client.interaction()).response.send_message("not you", ephemeral=True)
        general.presses(shown, "Yes", ann)
        mine = await client.interaction(1)
        await mine.response.defer()
        await mine.edit_original_response(content="done", view=None)
        assert general.answers() == ["done", "not you"]


async def test_what_comes_too_late_or_twice_is_refused(emulator: DiscordEmulator) -> None:
    ann, _, general = places(emulator)
    async with running(emulator) as client:
        await menu(client)
        late = general.command("/ask", ann, text="one")
        heard = await client.interaction()
        late.passes(3.1)
        assert late.failed
        assert await code(heard.response.defer()) == 10062
        assert await code(heard.followup.send("hello?")) == 10015
        general.command("/ask", ann, text="two")
        again = await client.interaction(1)
        await again.response.defer()
        again.response._response_type = None
        assert await code(again.response.defer()) == 40060
        old = general.command("/ask", ann, text="three")
        third = await client.interaction(2)
        await third.response.defer()
        old.passes(901)
        assert await code(third.edit_original_response(content="at last")) == 50027
        assert len(general.from_bot()) == 2


async def test_a_channel_that_is_deleted_takes_no_answer(emulator: DiscordEmulator) -> None:
    ann, _, general = places(emulator)
    async with running(emulator) as client:
        await menu(client)
        general.command("/ask", ann, text="one")
        heard = await client.interaction()
        await heard.response.defer()
        general.is_deleted()
        assert await code(heard.edit_original_response(content="because")) == 10003
        await client.until_event("guild_channel_delete")


async def code(call: Any) -> int:
    """With which a call is refused."""
    with pytest.raises(discord.HTTPException) as refused:
        await call
    return refused.value.code
