"""Slash commands and buttons of the Discord bot, on the real library, against the emulator of Discord."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.bots.discord.bot import errors, running
from tests.bots.helpers import idle

from turnkeep.bots.texts import COMMANDS
from turnkeep.lifecycle import store_of
from turnkeep.testing.discord import Chat, DiscordEmulator, Interaction


def _saying(asked: Interaction, words: str = "") -> Callable[[Chat], bool]:
    """Whether the answer to a command is there, and says that."""
    return lambda chat: any(not one.loading for one in asked.shown) and words in "".join(asked.answers())


async def test_commands_have_their_answers_and_a_menu(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, bob = emulator.private(emulator.user("Ann")), emulator.private(emulator.user("Bob", language="de"))
    async with running(emulator, tmp_path) as sessions:
        assert set(emulator.commands) == {*COMMANDS, "ask"}
        assert emulator.commands["reset"]["description_localizations"] == {"de": "Neu anfangen; deine Vorlieben bleiben"}
        ann.command("/ask", text="hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        for command, words in {
            "/stats": "Messages: 2",
            "/summary": "word for word",
            "/compact": "nothing to summarize",
            "/stop": "not writing",
            "/undo": "Taken back: “hello”",
            "/retry": "nothing to answer again",
            "/help": "/reset – Begin afresh",
            "/reset": "A fresh start",
        }.items():
            asked = ann.command(command)
            await ann.until(_saying(asked, words))
        told = bob.command("/stop")
        await bob.until(lambda chat: told.answers() == ["Ich schreibe gerade nichts."])
        bob.says("", sticker_items=[{"id": "1", "name": "Wave", "format_type": 1}])  # his language is known now
        await bob.until(lambda chat: "Das kann ich noch nicht lesen." in chat.answers()[-1])


async def test_only_who_asks_sees_what_is_about_the_conversation(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path):
        asked = general.command("/ask", ann, text="hello")
        await general.until(lambda chat: asked.answers() == ["re hello"])
        assert [one.only_for for one in asked.shown] == [None]
        for command in ("/stats", "/summary", "/help", "/export"):
            told = general.command(command, ann)
            await general.until(_saying(told))
            assert {one.only_for for one in told.shown} == {ann}


async def test_a_command_is_of_the_conversation_that_it_was_given_in(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, bob, general = emulator.user("Ann"), emulator.user("Bob"), emulator.channel("general")
    async with running(emulator, tmp_path) as sessions:
        general.says("one", ann, mention=True)
        await general.until(lambda chat: chat.answers() == ["re one"])
        general.command("/ask", bob, text="two")
        await general.until(lambda chat: chat.answers()[1:] == ["re two"])
        await idle(sessions)
        [session] = await sessions.list_sessions()
        log = await sessions.get_messages(session.id)
    assert [(one.name, one.content) for one in log if one.role == "user"] == [("Ann", "one"), ("Bob", "two")]


async def test_a_reply_to_a_command_grows_and_comes_in_parts(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    more = asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "It begins."
        await more.wait()
        yield "\n\n" + "word " * 500 + "and ends."

    async with running(emulator, tmp_path, agent):
        asked = general.command("/ask", ann, text="tell me")
        await general.until(lambda chat: chat.answers() == ["It begins."])
        more.set()
        await general.until(lambda chat: bool(chat.answers()) and chat.answers()[-1].endswith("and ends."))
        assert len(asked.answers()) == 2 and asked.answers()[0].startswith("It begins.")


async def test_retry_and_undo_know_what_was_said_before_a_restart(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    count = 0

    async def agent(messages: list[dict[str, Any]]) -> str:
        nonlocal count
        count += 1
        return f"answer {count} to {messages[-1]['content']}"

    async with running(emulator, tmp_path, agent) as sessions:
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["answer 1 to hello"])
        await idle(sessions)
    async with running(emulator, tmp_path, agent):
        ann.command("/retry")
        await ann.until(lambda chat: chat.answers() == ["answer 1 to hello", "answer 2 to hello"])
        ann.command("/undo")
        await ann.until(lambda chat: chat.answers()[2:] == ["Taken back: “hello”"])


async def test_stop_ends_a_reply_to_a_command(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "a long story"
        await asyncio.sleep(3600)

    async with running(emulator, tmp_path, agent):
        asked = ann.command("/ask", text="tell me")
        await ann.until(lambda chat: asked.answers() == ["a long story"])
        ann.command("/stop")
        await ann.until(lambda chat: asked.answers() == ["a long story\n\n(stopped)"])


async def test_a_reset_stops_a_reply_and_empties_the_window(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        if messages[-1]["content"] == "what was before?":
            yield f"{len(messages)} messages"
            return
        yield "a long story"
        await asyncio.sleep(3600)

    async with running(emulator, tmp_path, agent):
        ann.says("tell me")
        await ann.until(lambda chat: chat.answers() == ["a long story"])
        ann.command("/reset")
        await ann.until(lambda chat: len(chat.answers()) == 2 and "(stopped)" in chat.answers()[0])
        ann.says("what was before?")
        await ann.until(lambda chat: chat.answers()[-1:] == ["1 messages"])


async def test_export_is_a_file(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann = emulator.private(emulator.user("Ann"))
    async with running(emulator, tmp_path) as sessions:
        ann.says("hello")
        await ann.until(lambda chat: chat.answers() == ["re hello"])
        await idle(sessions)
        asked = ann.command("/export")
        await ann.until(lambda chat: asked.answers() == ["Our conversation, word for word."])
    [file] = asked.shown[0].raw["attachments"]
    assert file["filename"] == "conversation.md"
    assert b"re hello" in emulator.server.files[int(file["id"])][1]


async def test_forget_asks_first_and_only_who_asked_may_answer(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    private = emulator.private(ann)
    async with running(emulator, tmp_path) as sessions:
        general.says("my secret is blue", ann, mention=True)
        await general.until(lambda chat: len(chat.answers()) == 1)
        private.says("and green")
        await private.until(lambda chat: len(chat.answers()) == 1)
        await idle(sessions)
        asked = general.command("/forget", ann)
        await general.until(lambda chat: bool(asked.answers()))
        [question] = asked.shown
        assert question.only_for is ann and [one["style"] for one in question.buttons] == [4, 2]
        general.presses(question, "Keep it", ann)
        await general.until(lambda chat: question.text == "Nothing was erased." and not question.buttons)
        again = general.command("/forget", ann)
        await general.until(lambda chat: bool(again.answers()))
        general.presses(again.shown[0], "Erase all", ann)
        await general.until(lambda chat: again.answers() == ["Erased. I know nothing of you any more."])
        assert await sessions.find_by_conversation(str(private.id), "discord") is None
        found = await sessions.find_by_conversation(str(general.id), "discord")
        assert found is not None
        assert "blue" not in str([message.content for message in await sessions.get_messages(found.id) if message.role == "user"])
    async with running(emulator, tmp_path) as sessions:  # what is forgotten is not read again
        private.says("hello again")
        await private.until(lambda chat: "re hello again" in chat.answers())
        await idle(sessions)
        assert private.answers() == ["re and green", "re hello again"]
        assert general.answers() == ["re my secret is blue", "Nothing was erased.", "Erased. I know nothing of you any more."]


async def test_somebody_elses_question_is_not_answered(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, bob, general = emulator.user("Ann"), emulator.user("Bob"), emulator.channel("general")
    async with running(emulator, tmp_path):
        asked = general.command("/forget", ann)
        await general.until(lambda chat: bool(asked.answers()))
        asked.shown[0].only_for = None  # as if everybody saw it
        pressed = general.presses(asked.shown[0], "Erase all", bob)
        await general.until(lambda chat: any(one.startswith("Only the person") for one in chat.answers()))
        assert pressed.shown[-1].only_for is bob
        assert asked.answers()[0].startswith("Shall I erase")


# --- what comes too late


async def test_an_answer_that_comes_after_its_time_stands_in_the_channel(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    late = asyncio.Event()

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        if messages[-1]["content"] == "quick":
            yield "one "
        await late.wait()
        yield "two"

    async with running(emulator, tmp_path, agent):
        asked = general.command("/ask", ann, text="slow")
        await general.until(lambda chat: asked.acknowledged is not None)
        asked.passes(901)
        late.set()
        await general.until(lambda chat: chat.answers() == ["two"])
        assert asked.answers() == []
        late.clear()
        quick = general.command("/ask", ann, text="quick")
        await general.until(lambda chat: quick.answers() == ["one"])
        quick.passes(901)
        late.set()
        await general.until(lambda chat: quick.answers() == ["one two"])


async def test_what_only_one_person_was_to_see_is_not_told_to_all(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path) as sessions:
        general.says("hello", ann, mention=True)
        await general.until(lambda chat: len(chat.answers()) == 1)
        await idle(sessions)
        emulator.refuse("respond", 10062)
        general.command("/stats", ann)
        while not await errors(sessions):
            await asyncio.sleep(0.01)
    assert general.answers() == ["re hello"]


async def test_an_interaction_that_is_unknown_is_answered_in_the_channel(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path):
        emulator.refuse("respond", 10062)
        asked = general.command("/ask", ann, text="hello")
        await general.until(lambda chat: chat.answers() == ["re hello"])
        assert asked.acknowledged is None


async def test_a_question_is_acknowledged_though_the_database_is_slow(
    emulator: DiscordEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnkeep.bots.discord.app.ACKNOWLEDGE_AFTER", 0.05)
    ann, general = emulator.user("Ann"), emulator.channel("general")
    async with running(emulator, tmp_path, bot_block=("7",)) as sessions:
        store, back = store_of(sessions), asyncio.Event()
        take_in = store.take_in

        async def slow(arrival: Any) -> bool:
            await back.wait()
            return await take_in(arrival)

        monkeypatch.setattr(store, "take_in", slow)
        asked = general.command("/ask", ann, text="hello")
        await general.until(lambda chat: asked.acknowledged is not None)
        assert general.answers() == []
        back.set()
        await general.until(lambda chat: asked.answers() == ["re hello"])


async def test_who_is_blocked_hears_nothing(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, bob, general = emulator.user("Ann"), emulator.user("Bob"), emulator.channel("general")
    async with running(emulator, tmp_path, bot_block=(str(ann.id),)):
        unheard = general.command("/ask", ann, text="hello")
        general.command("/ask", bob, text="hello")
        await general.until(lambda chat: chat.answers() == ["re hello"])
        assert unheard.acknowledged is None


async def test_what_is_left_of_a_stopped_bot_is_answered_by_the_next(emulator: DiscordEmulator, tmp_path: Path) -> None:
    ann, general = emulator.user("Ann"), emulator.channel("general")

    async def stuck(messages: list[dict[str, Any]]) -> AsyncIterator[str]:
        yield "half an "
        await asyncio.sleep(3600)

    async with running(emulator, tmp_path, stuck, close_timeout=0.1):
        asked = general.command("/ask", ann, text="hello")
        await general.until(lambda chat: asked.answers() == ["half an"])
    async with running(emulator, tmp_path):
        await general.until(lambda chat: asked.answers() == ["re hello"])
