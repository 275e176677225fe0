"""A bot as a real process that is killed again and again, and what must be true of it in the end.

The emulator lives in this process and so outlives the bot. The agent, in a module of the test's folder, streams slowly, and calls a tool
that appends its call's id to a file; like a model, it calls it once, and answers when it is told what became of the call.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from turnkeep import Message, SessionManager
from turnkeep.lifecycle import store_of

PROGRAM = Path(sys.executable).parent / "turnkeep"
AGENT = '''
import asyncio
import os
from turnkeep.agents import tool


def look_up(question: str) -> str:
    """Look it up."""


async def agent(turn):
    asked = turn.message.content
    yield "Let me see."
    await asyncio.sleep(0.05)
    if "tool" in asked and turn.context.messages[-1]["role"] == "user":
        call = tool(look_up).call({"question": asked[:20]})
        await turn.calls([call])
        with open("ran.txt", "a") as file:
            file.write(call["id"] + "\\n")
        await asyncio.sleep(0.05)
        await turn.result(call["id"], "found")
    for word in f" You said: {asked[:20]} with {len(asked)} characters.".split(" "):
        yield word + " "
        await asyncio.sleep(0.04)
    if "long" in asked:
        for at in range(25):
            yield f"{at} " + "and so on " * 20
            await asyncio.sleep(0.02)
'''


class Asked(NamedTuple):
    """A user's message, and the id by which the log knows it."""

    text: str
    external_id: str


class Killed(ABC):
    """The bot, its people, and what they have asked. `emulator` and `chats` are those of one platform's emulator."""

    name: str  # of the platform: the command, and the interface of the sessions
    first_call: str  # of a bot that starts
    longest = 12  # calls of the bot that one life is watched
    kinds: Sequence[str] = ("tool", "tool", "plain", "long")  # of messages

    def __init__(self, emulator: Any, folder: Path, chats: Sequence[Any], seed: int, url: str | None = None) -> None:
        self.url = url or f"sqlite:///{folder}/bot.db"
        self.emulator, self.folder, self.chats, self.rng = emulator, folder, chats, random.Random(seed)
        self.asked: dict[int, list[Asked]] = {chat.id: [] for chat in chats}
        self.births: list[float] = []  # on the clock of `Shown.at`: a bot's first call, behind all that the one before has sent
        (folder / "killed_agent.py").write_text(AGENT)

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """By which the bot finds the emulator."""

    @abstractmethod
    def says(self, chat: Any, text: str) -> Asked:
        """Somebody writes to the bot."""

    @abstractmethod
    def parts(self, text: str) -> list[str]:
        """What people see of an answer."""

    # --- its lives

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The bot, from its first call on."""
        calls = self.emulator.calls[self.first_call]
        settings = {
            "TURNKEEP_MODEL": "python:killed_agent:agent",
            **self.settings(),
            "TURNKEEP_BOT_RATE": "0",
            "TURNKEEP_BOT_NOTICES": "false",
            "TURNKEEP_CLOSE_TIMEOUT": "60",
        }
        env = {**os.environ, **settings, "PYTHONPATH": str(self.folder)}
        with (self.folder / "log.txt").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                PROGRAM, self.name, "--db", self.url, cwd=self.folder, env=env, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(100):
                while self.emulator.calls[self.first_call] == calls:
                    self.emulator.server.called.clear()
                    await self.emulator.server.called.wait()
            self.births.append(time.monotonic())
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def live_and_die(self) -> None:
        """People write while it lives; it is killed a moment after one of its calls."""
        async with self.alive() as process:
            for _ in range(self.rng.randrange(self.longest)):
                if self.rng.random() < 0.5:
                    self.ask(self.rng.choice(self.chats))
                self.emulator.server.called.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.emulator.server.called.wait(), 0.5)
            await asyncio.sleep(self.rng.uniform(0.0, 0.05))
            process.kill()
        if self.rng.random() < 0.5:  # nobody hears it
            self.ask(self.rng.choice(self.chats))

    def ask(self, chat: Any) -> None:
        """One message, unless three wait already."""
        asked = self.asked[chat.id]
        if len(asked) - len(self.answered(chat)) >= 3:
            return
        text = f"no {len(asked)} " + self.rng.choice(self.kinds)
        if text.endswith("paste"):
            text += " word" * self.rng.choice([1000, 1900])
        asked.append(self.says(chat, text))

    def answered(self, chat: Any) -> list[Asked]:
        """What people see an answer of that is complete in its first sentence."""
        seen = "".join(chat.answers())
        return [one for one in self.asked[chat.id] if f"{one.text[:20]} with {len(one.text)} characters." in seen]

    async def end(self) -> None:
        """It answers all that is left, and ends when it is told so."""
        async with self.alive() as process:
            for chat in self.chats:
                await chat.until(lambda chat: len(self.answered(chat)) == len(self.asked[chat.id]), 100)
            process.terminate()
            assert await process.wait() == 0

    # --- what must be true

    async def judge(self) -> int:
        """How many messages are there twice, or in part, since a kill fell between sending and noting."""
        async with SessionManager.open(self.url) as sessions:
            assert await sessions.check() == []
            assert await store_of(sessions).arrivals("default", self.name) == []
            over, calls = 0, []
            for chat in self.chats:
                if self.asked[chat.id]:
                    log = await self._log(sessions, chat)
                    calls += self._judge_log(log, self.asked[chat.id])
                    over += self._judge_chat(chat, [answer_to(log, one) for one in self.asked[chat.id]])
        ran = (self.folder / "ran.txt").read_text().split()
        assert len(set(ran)) == len(ran)
        assert set(ran) <= set(calls), "a tool ran whose call is not on record"
        return over

    async def _log(self, sessions: SessionManager, chat: Any) -> list[Message]:
        session = await sessions.find_by_conversation(str(chat.id), self.name)
        assert session is not None
        return await sessions.get_messages(session.id, limit=1000)

    def _judge_log(self, log: list[Message], asked: list[Asked]) -> list[str]:
        """Each message once, in order, with one answer; each calls its tool at most once. The calls' ids."""
        said = [(message.external_id, message.content) for message in log if message.role == "user"]
        assert said == [(one.external_id, one.text) for one in asked]
        answers = [message.external_id for message in log if message.role == "assistant" and not message.tool_calls]
        assert answers == [f"answer-to:{one.external_id}" for one in asked]
        calls = [call["id"] for message in log for call in message.tool_calls or ()]
        assert len(set(calls)) == len(calls) == len([one for one in asked if "tool" in one.text])
        return calls

    def _judge_chat(self, chat: Any, answers: list[str]) -> int:
        """Each answer stands there whole, in order. What stands there besides is the last that a bot sent there before it died."""
        shown = chat.from_bot()
        wanted = [part for answer in answers for part in self.parts(answer)]
        kept = _last_of_each(shown, wanted)
        assert [one.text for one in kept] == wanted, "an answer is not seen, or not in its place"
        spare = [one for one in shown if one not in kept]
        for one in spare:
            died = next((birth for birth in self.births if birth > one.at), None)
            assert died is not None, f"the bot lived on and said {one.text!r} besides"
            later = [other for other in shown if one.at < other.at < died]
            assert later == [], f"the bot knew that it had sent {one.text!r}, and sent it again"
        return len(spare)


def answer_to(log: list[Message], asked: Asked) -> str:
    [answer] = [message for message in log if message.external_id == f"answer-to:{asked.external_id}"]
    assert isinstance(answer.content, str)
    return answer.content


def _last_of_each(shown: list[Any], wanted: list[str]) -> list[Any]:
    """From the end on, the messages that show what is wanted."""
    found: list[Any] = []
    left = list(wanted)
    for one in reversed(shown):
        if left and one.text == left[-1]:
            found.insert(0, one)
            left.pop()
    return found
