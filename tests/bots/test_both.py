"""One conversation, on every platform: the same words to read, and the same log."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.bots.both import Stage, on_discord, on_telegram

from turnkeep.agents import Turn, tool

CODE = "\n".join(f"print({at})  # 🎉 größer" for at in range(400))


def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


async def agent(turn: Turn) -> AsyncIterator[str]:
    content = turn.context.messages[-1]["content"]
    said = content if isinstance(content, str) else " | ".join(part["text"] for part in content)
    if said == "a story":
        yield "Once upon a time"
        await asyncio.sleep(3600)
    elif said == "some code":
        yield "**Here** it is:\n\n```python\n"
        for line in CODE.splitlines(keepends=True):
            yield line
        yield "\n```\n\nThat is all."
    elif said == "the weather":
        yield f"It is {await turn.use(tool(weather), city='Lyon')}."
    elif said == "break":
        raise RuntimeError("something is wrong")
    else:
        yield f"{len(turn.context.messages)}: {said}"


async def alone(stage: Stage) -> dict[str, Any]:
    """With one person, who ends it; what the bot wrote into files."""
    ann = stage.private(stage.person("Ann"))
    ann.says("hello")
    await ann.hears("1: hello")
    first = ann.says("what is one?")
    await ann.hears("3: what is one?")
    ann.edits(first, "what is two?")
    await ann.hears("3: what is two?")
    ann.sends_file(b"line one", "notes.txt", "text/plain", "read this")
    await ann.hears("5: read this | File notes.txt:\nline one")
    ann.says("and that?", reply_to=first)
    await ann.hears("7: > what is two?\n\nand that?")
    ann.says("the weather")
    await ann.hears("It is sunny in Lyon.")
    ann.says("some code")
    await ann.hears(f"Here it is:\n{CODE}\nThat is all.")
    ann.says("a story")
    await ann.chat.until(lambda chat: chat.answers()[-1] == "Once upon a time")
    ann.command("/stop")
    await ann.hears("Once upon a time\n(stopped)\nStopped.")
    ann.command("/undo")
    await ann.hears("Taken back: “a story”")
    ann.command("/retry")
    await ann.hears(f"Here it is:\n{CODE}\nThat is all.")
    ann.sends_sticker()
    await ann.hears("I cannot read that yet. Write to me, or send an image or a document.")
    for command, answer in {
        "/summary": "I still have all of this conversation word for word.",
        "/stop": "I am not writing anything.",
        "/reset": "A fresh start. Your preferences stay.",
        "/retry": "There is nothing to answer again.",
        "/undo": "There is nothing to take back.",
    }.items():
        ann.command(command)
        await ann.hears(answer)
    ann.says("what is three?")
    await ann.hears("1: what is three?")
    ann.command("/export")
    await ann.hears("Our conversation, word for word.")
    name, told = ann.file()
    ann.command("/stats")
    await ann.chat.until(lambda chat: "Context used" in ann.page())
    stats = re.sub(r"Tokens: .*", "", ann.page().partition("Messages: ")[2])  # a call's id is one by chance
    return {"log": await stage.log(), "file": (name, re.sub(r"\d{4}-.* UTC|# .*", "", told)), "stats": stats}


async def remembering(stage: Stage) -> dict[str, Any]:
    """What is made a summary of, and what it says."""
    ann = stage.private(stage.person("Ann"))
    for at in range(8):
        ann.says(f"My order {4711 + at} goes to Lyon on 3 May 2027, and it must be **blue**, with snake_case_names.")
        await ann.chat.until(lambda chat, at=at: len(chat.answers()) == at + 1)
        while await ann.waits():
            await asyncio.sleep(0.01)
    ann.command("/compact")
    await ann.chat.until(lambda chat: "are now a summary" in ann.page())
    ann.command("/summary")
    await ann.chat.until(lambda chat: "What I remember of earlier messages" in ann.page())
    ann.command("/stats")
    await ann.chat.until(lambda chat: "Context used" in ann.page())
    return {"page": ann.page(), "log": await stage.log()}


async def among_others(stage: Stage) -> dict[str, Any]:
    """In a group: who speaks to the bot is answered; who is forgotten has said nothing."""
    ann, bob, friends = stage.person("Ann"), stage.person("Bob"), stage.group("Friends")
    said = friends.says("the sky is green", bob)
    friends.names_bot("is that so?", ann, reply_to=said)
    await friends.hears("2: > the sky is green\n\nis that so?")
    friends.names_bot("", ann)
    await friends.hears("Hello! Write to me, and I answer. I remember our conversation; /help says what else I can do.")
    friends.says("so it is", bob, reply_to=friends.chat.from_bot()[0])
    await friends.hears("4: so it is")
    friends.says("sure?", bob, reply_to=friends.newest())
    await friends.hears("6: sure?")
    friends.command("/forget", bob)
    question = "Shall I erase all that I know of you, every conversation here and your preferences? This cannot be undone."
    await friends.hears(question)
    friends.presses("Keep it", bob)
    await friends.sees(*friends.expected[:-1], "Nothing was erased.")
    before = await stage.log()
    friends.command("/forget", bob)
    await friends.hears(question)
    friends.presses("Erase all", bob)
    await friends.sees(*friends.expected[:-1], "Erased. I know nothing of you any more.")
    return {"before": before, "log": await stage.log()}


async def in_german(stage: Stage) -> dict[str, Any]:
    eva = stage.private(stage.person("Eva", language="de"))
    for command, answer in {
        "/stats": "Es gibt noch kein Gespräch.",
        "/stop": "Ich schreibe gerade nichts.",
        "/retry": "Es gibt nichts noch einmal zu beantworten.",
    }.items():
        eva.command(command)
        await eva.hears(answer)
    eva.sends_sticker()
    await eva.hears("Das kann ich noch nicht lesen. Schreib mir, oder schick ein Bild oder ein Dokument.")
    eva.says("break")
    await eva.chat.until(lambda chat: "Etwas ging schief" in eva.page())
    eva.command("/help")
    await eva.chat.until(lambda chat: "/reset – Neu anfangen; deine Vorlieben bleiben" in eva.page())
    page = re.sub(r"Fehler \w+", "", eva.page())
    return {"page": page, "log": await stage.log()}


async def told(script: Any, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    async with on_telegram(folder, agent) as stage:
        one = await script(stage)
    async with on_discord(folder, agent) as stage:
        other = await script(stage)
    return one, other


async def test_alone(tmp_path: Path) -> None:
    telegram, discord = await told(alone, tmp_path)
    assert telegram == discord
    assert "what is one?" in telegram["file"][1]
    assert len(telegram["log"]) > 20


async def test_remembering(tmp_path: Path) -> None:
    telegram, discord = await told(remembering, tmp_path)
    assert telegram == discord
    assert "Lyon on 3 May 2027" in telegram["page"].partition("What I remember")[2]


async def test_among_others(tmp_path: Path) -> None:
    telegram, discord = await told(among_others, tmp_path)
    assert telegram == discord
    assert "the sky is green" in str(telegram["before"])
    assert "the sky is green" not in str([one for one in telegram["log"] if one[1] == "user" and one[2] != "Ann"])


async def test_in_german(tmp_path: Path) -> None:
    telegram, discord = await told(in_german, tmp_path)
    assert telegram == discord
