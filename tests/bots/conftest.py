"""A platform of which everything is known, and a bot over it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from turnkeep import SessionManager
from turnkeep.bots.access import Access
from turnkeep.bots.base import Bot
from turnkeep.bots.delivery import Missing, Place
from turnkeep.bots.received import Attachment, Received
from turnkeep.chat import Chat, Incoming
from turnkeep.lifecycle import store_of
from turnkeep.session import Message
from turnkeep.settings import Settings

HERE = Place(chat="1")


class Wall:
    """A platform whose messages hang on a wall; `trouble` may raise before a call is done."""

    name = "wall"

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.calls: list[str] = []
        self.files: dict[str, str] = {}
        self.choices: dict[str, str] = {}
        self.trouble: Callable[[str], None] = lambda call: None

    async def fetch(self, attachment: Attachment) -> bytes:
        return self.files[attachment.file_id].encode()

    def pace(self, place: Place) -> float:
        return 0.01

    def parts(self, text: str) -> Sequence[object]:
        return [text[at : at + 20] for at in range(0, len(text), 20)]

    growing = parts

    def _called(self, call: str) -> None:
        self.calls.append(call)
        self.trouble(call)

    async def send(self, place: Place, part: object) -> str:
        self._called("send")
        message_id = str(len(self.calls))
        self.messages[message_id] = str(part)
        return message_id

    async def edit(self, place: Place, message_id: str, part: object) -> None:
        self._called("edit")
        if message_id not in self.messages:
            raise Missing
        self.messages[message_id] = str(part)

    async def remove(self, place: Place, message_id: str) -> None:
        self._called("remove")
        del self.messages[message_id]

    async def typing(self, place: Place) -> None:
        self._called("typing")

    async def send_file(self, place: Place, name: str, data: bytes, caption: str) -> None:
        self.messages[name] = data.decode()

    async def ask(self, place: Place, question: str, choices: dict[str, str]) -> None:
        self.messages["question"] = question
        self.choices = choices

    def shown(self) -> str:
        return "".join(self.messages.values())


def received(text: Any, number: int = 1, **changes: Any) -> Received:
    user, author = changes.pop("user", "ann"), changes.pop("author", None)
    incoming = Incoming(
        interface_type="wall",
        conversation_id=1,
        content=text,
        external_id=f"w:{number}",
        external_user_id=user,
        author_id=author,
    )
    return Received(incoming=incoming, place=HERE, language="en", **changes)


async def echo(messages: list[dict[str, Any]]) -> str:
    return f"re {messages[-1]['content']}"


class Stage:
    """A bot over a wall, with a database that stays when it is opened again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wall = folder, Wall()

    async def open(self, agent: Any = echo, **settings: Any) -> Bot:
        made = Settings(cleanup_interval=0.0, **settings)
        self.sessions = await SessionManager.open(f"sqlite:///{self.folder}/bot.db", settings=made)
        self.bot = Bot(Chat(self.sessions, agent), self.wall, Access(self.sessions))
        await self.bot.start()
        return self.bot

    async def done(self) -> None:
        """Nothing is left to do."""
        while self.bot._tasks or self.bot._gatherer._waiting or await store_of(self.sessions).arrivals("default", "wall"):
            await asyncio.sleep(0.005)

    async def log(self) -> list[Message]:
        [session] = await self.sessions.list_sessions()
        return await self.sessions.get_messages(session.id)

    async def context(self) -> list[Any]:
        """What a model would be shown."""
        [session] = await self.sessions.list_sessions()
        return [message["content"] for message in (await self.sessions.build_context(session.id)).messages]

    async def close(self, seconds: float = 0.0) -> None:
        await self.bot.stop(seconds)
        assert await self.sessions.check() == []
        await self.sessions.close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    yield made
    await made.close(5.0)
