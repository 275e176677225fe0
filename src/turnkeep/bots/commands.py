"""The commands of every bot and of the terminal.

Invariant: a command is answered at once, beside the replies of its conversation. Only `/retry` takes its turn, for it is one.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from turnkeep.bots.delivery import Place
from turnkeep.bots.received import Received
from turnkeep.bots.texts import COMMANDS, Texts
from turnkeep.chat import Chat, Commands

WORDS = ("start", "help", "reset", "stop", "undo", "stats", "summary", "compact")  # those that words can answer
KNOWN = (*COMMANDS, "start")
YES, NO = "forget:yes", "forget:no"
Key = tuple[str, str]


class Answers:
    """Runs a command for a conversation, and says how it went."""

    def __init__(self, chat: Chat) -> None:
        self.chat, self.commands = chat, Commands(chat)

    async def answer(self, name: str, key: Key, texts: Texts) -> str:
        """`name` is one of `WORDS`."""
        said: str = await getattr(self, f"_{name}")(key, texts)
        return said

    async def _start(self, key: Key, texts: Texts) -> str:
        return texts.say("start")

    async def _help(self, key: Key, texts: Texts) -> str:
        told = "\n".join(f"/{name} – {what}" for name, what in texts.commands())
        return texts.say("help", commands=told)

    async def _reset(self, key: Key, texts: Texts) -> str:
        return texts.say("reset" if await self.commands.reset(*key) else "nothing")

    async def _stop(self, key: Key, texts: Texts) -> str:
        return texts.say("stop" if self.chat.stop(*key) else "stop.nothing")

    async def _undo(self, key: Key, texts: Texts) -> str:
        taken = await self.commands.undo(*key)
        if taken is None:
            return texts.say("undo.nothing")
        return texts.say("undo", text=str(taken.content if isinstance(taken.content, str) else "…")[:200])

    async def _stats(self, key: Key, texts: Texts) -> str:
        usage = await self.commands.usage(*key)
        if usage is None:
            return texts.say("nothing")
        stats = usage.stats
        return texts.say(
            "stats",
            messages=stats.messages,
            tokens=stats.tokens,
            tokens_in=stats.tokens_in,
            tokens_out=stats.tokens_out,
            tool_calls=stats.tool_calls,
            errors=stats.errors,
            summaries=stats.summaries,
            percent=usage.context_percent,
            limit=stats.token_limit,
        )

    async def _summary(self, key: Key, texts: Texts) -> str:
        found = await self.commands.summary(*key)
        if not found:
            return texts.say("summary.nothing")
        return texts.say("summary", text="\n".join(one.text for one in found))

    async def _compact(self, key: Key, texts: Texts) -> str:
        made = await self.commands.compact(*key)
        if made is None:
            return texts.say("compact.nothing")
        return texts.say("compact", first=made.from_seq, last=made.to_seq)


# --- of bots


class Desk(Protocol):
    """What a bot's commands need of its platform beside words."""

    async def send_file(self, place: Place, name: str, data: bytes, caption: str) -> None: ...

    async def ask(self, place: Place, question: str, choices: dict[str, str]) -> None:
        """A question with buttons: a label for each of what `BotCommands.chosen` is to hear."""
        ...


class Chosen(msgspec.Struct, frozen=True):
    """What follows a button. `alert`: only who pressed it sees it; `text`: stands in the question's place from then on."""

    alert: str = ""
    text: str = ""
    forget: bool = False  # who pressed it is to be erased before that is said


class BotCommands(Answers):
    """With those that need a file or a button."""

    def __init__(self, chat: Chat, desk: Desk) -> None:
        super().__init__(chat)
        self.desk = desk

    async def run(self, received: Received) -> str:
        """What to say; "" if all is said."""
        texts, name = Texts(received.language), received.command
        if name in WORDS:
            return await self.answer(name, received.incoming.key, texts)
        if name == "export":
            return await self._export(received, texts)
        if name == "forget":
            return await self._forget(received, texts)
        return texts.say("unknown", command=f"/{name}")

    async def _export(self, received: Received, texts: Texts) -> str:
        told = await self.commands.export(*received.incoming.key)
        if told is None:
            return texts.say("nothing")
        await self.desk.send_file(received.place, "conversation.md", told.encode(), texts.say("export"))
        return ""

    async def _forget(self, received: Received, texts: Texts) -> str:
        choices = {texts.say(f"forget.{word}"): f"{choice}:{received.user}" for word, choice in (("yes", YES), ("no", NO))}
        await self.desk.ask(received.place, texts.say("forget.ask"), choices)
        return ""

    @staticmethod
    def chosen(choice: str, user: str, language: str | None) -> Chosen | None:
        """What `user` makes happen by a button; None if it is none of ours. Only who asked may answer."""
        answer, _, asked = choice.rpartition(":")
        if answer not in (YES, NO):
            return None
        texts = Texts(language)
        if user != asked:
            return Chosen(alert=texts.say("forget.other"))
        return Chosen(text=texts.say("forget.done" if answer == YES else "forget.kept"), forget=answer == YES)
