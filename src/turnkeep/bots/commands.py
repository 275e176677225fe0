"""What the commands say that are the same everywhere: in every bot and in the terminal.

Invariant: a command that is not in `WORDS` needs more than words (a file, a button, a turn), and each platform has its own way.
"""

from __future__ import annotations

from turnkeep.bots.texts import Texts
from turnkeep.chat import Chat, Commands

WORDS = ("start", "help", "reset", "stop", "undo", "stats", "summary", "compact")
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
            messages=f"{stats.messages:,}",
            tokens=f"{stats.tokens:,}",
            tokens_in=f"{stats.tokens_in:,}",
            tokens_out=f"{stats.tokens_out:,}",
            tool_calls=f"{stats.tool_calls:,}",
            errors=f"{stats.errors:,}",
            summaries=f"{stats.summaries:,}",
            percent=usage.context_percent,
            limit=f"{stats.token_limit:,}",
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
