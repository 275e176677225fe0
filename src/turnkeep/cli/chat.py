"""`turnkeep chat`: the bots' turn in the terminal.

Invariants: what is shown of a reply is what is stored; Ctrl-C stops a reply first, and only then the program; nothing that a line
does wrong ends the talk.
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import re
import signal
import sys
from pathlib import Path

import click
from rich.text import Text as RichText

from turnkeep.agents import Progress, Text, ToolEnded, ToolStarted
from turnkeep.bots.commands import WORDS, Answers
from turnkeep.bots.texts import COMMANDS, Texts
from turnkeep.chat import Chat, Commands, Incoming, Reply, context_percent
from turnkeep.cli.as_json import print_json
from turnkeep.cli.lines import Lines
from turnkeep.cli.options import Options, common, kept
from turnkeep.cli.plain import clean
from turnkeep.cli.printing import console
from turnkeep.errors import StoreError, TurnkeepError
from turnkeep.manager import SessionManager

INTERFACE = "terminal"
QUIT = ("/quit", "/exit")
BAR = 20
AT_ONCE = ("/stop", "/reset")  # typed while a reply is being written, they stop it
_COMMAND = re.compile(r"/([a-z_]+)", re.IGNORECASE)


@click.command()
@click.option("--conversation", metavar="NAME", default="default", show_default=True, help="Which one to go on with.")
@click.option("--user", metavar="NAME", default=None, help="Whose preferences.  [default: your login]")
@common()
def chat(options: Options, conversation: str, user: str | None) -> None:
    """Talk with the agent in this terminal, as a bot's users do.

    The setting `model` says who answers; without it a built-in assistant does,
    which needs no key. /help lists the commands; Ctrl-C stops a reply, Ctrl-D
    ends. With --json each reply is an object on a line of its own.
    """
    settings = options.served()
    url = options.db or settings.database_url
    kept(url)

    if sys.stderr.isatty():
        _keep_the_log_short()

    async def talk() -> None:
        async with SessionManager.open(url, settings=settings) as sessions:
            await Talk(sessions, conversation, user or getpass.getuser(), as_json=options.json).run()

    asyncio.run(talk())


class _Short(logging.Formatter):
    def formatException(self, ei: object) -> str:
        return ""


def _keep_the_log_short() -> None:
    """A traceback would tear the talk; `2>chat.log` gets all of it."""
    errors = logging.StreamHandler()
    errors.setLevel(logging.ERROR)
    errors.setFormatter(_Short())
    logging.getLogger("turnkeep").addHandler(errors)


class Talk:
    """One conversation, turn by turn."""

    def __init__(self, sessions: SessionManager, conversation: str, user: str, *, as_json: bool) -> None:
        self.chat = Chat(sessions)
        self.sessions, self.conversation, self.user, self.as_json = sessions, conversation, user, as_json
        self.answers, self.commands = Answers(self.chat), Commands(self.chat)
        self.texts = Texts(os.environ.get("LANG", "en")[:2])
        self.console = console()
        self.interactive = sys.stdin.isatty() and not as_json
        self.lines = Lines(self._typed)
        self._shown = False

    @property
    def key(self) -> tuple[str, str]:
        return INTERFACE, self.conversation

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        try:
            if self.interactive:
                self.console.print(RichText(self.texts.say("start"), style="dim"))
            while (line := await self._asked()) is not None:
                if line.strip().lower() in QUIT:
                    return
                if line.strip():
                    await self._served(line.strip())
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def _interrupted(self) -> None:
        if not self.chat.stop(*self.key):
            self.lines.end()

    def _typed(self, line: str) -> bool:
        """Whether a line is done with as it comes: what people type while a reply is being written is for it."""
        word = line.strip().lower()
        return self.interactive and word in AT_ONCE and self.chat.stop(*self.key) and word == "/stop"

    async def _asked(self) -> str | None:
        if self.interactive:
            self.console.print(RichText("> ", style="bold cyan"), end="")
            self.console.file.flush()
        return await self.lines.next()

    async def _served(self, line: str) -> None:
        """A turn or a command."""
        name = line[1:].partition(" ")[0].lower() if line.startswith("/") else ""
        try:
            if name in WORDS:
                self._say(await self.answers.answer(name, self.key, self.texts))
            elif name in COMMANDS:
                await {"retry": self._retry, "export": self._export, "forget": self._forget}[name]()
            elif _COMMAND.fullmatch(line):
                self._say(self.texts.say("unknown", command=line))
            else:
                await self._shown_reply(await self.chat.reply(self._incoming(line), self._hear))
        except StoreError:
            raise
        except TurnkeepError as error:
            self._say(self.texts.say("refused", why=str(error)))

    def _incoming(self, text: str) -> Incoming:
        return Incoming(interface_type=INTERFACE, conversation_id=self.conversation, external_user_id=self.user, content=text)

    # --- a reply

    def _hear(self, progress: Progress) -> None:
        if self.as_json:
            return
        if isinstance(progress, Text):
            self._shown = True
            self.console.print(clean(progress.text), end="", soft_wrap=True)
            self.console.file.flush()
        elif isinstance(progress, ToolStarted):
            self.console.print(RichText(f"{self._break()}[{clean(progress.name)}]", style="yellow"), end="")
        elif isinstance(progress, ToolEnded):
            self.console.print(RichText(f" {progress.outcome}, {progress.duration_ms:.0f} ms", style="dim"))

    def _break(self) -> str:
        shown, self._shown = self._shown, False
        return "\n" if shown else ""

    async def _shown_reply(self, reply: Reply) -> None:
        session = reply.session
        percent = context_percent(session)
        if self.as_json:
            told = {"text": reply.text, "stopped": reply.stopped, "session_id": session.id, "context_percent": percent}
            print_json({**told, "error": None if reply.failure is None else reply.failure.id}, one_line=True)
            return
        if reply.failure is not None:
            key = "failed.timeout" if reply.failure.kind == "TimeoutError" else "failed"
            self.console.print(RichText(self._break() + self.texts.say(key, id=reply.failure.id), style="red"))
        else:
            self.console.print(RichText(f" {self.texts.say('stopped')}" if reply.stopped else "", style="dim"))
        self._shown = False
        full = round(BAR * percent / 100)
        told_line = self.texts.say("full", percent=percent, limit=session.token_limit, messages=session.seq)
        self.console.print(RichText(f"{'█' * full}{'░' * (BAR - full)} {told_line}", style="dim"))

    def _say(self, text: str) -> None:
        if self.as_json:
            print_json({"text": text}, one_line=True)
        else:
            self.console.print(clean(text))

    # --- commands that need more than words

    async def _retry(self) -> None:
        reply = await self.commands.retry(self._incoming("/retry"), self._hear)
        if reply is None:
            self._say(self.texts.say("retry.nothing"))
        else:
            await self._shown_reply(reply)

    async def _export(self) -> None:
        told = await self.commands.export(*self.key)
        if told is None:
            self._say(self.texts.say("nothing"))
            return
        path = Path(f"conversation-{self.conversation}.md".replace("/", "-"))
        try:
            await asyncio.to_thread(path.write_text, told, "utf-8")
            self._say(f"{self.texts.say('export')} {path}")
        except OSError as error:
            self._say(self.texts.say("export.failed", why=str(error)))

    async def _forget(self) -> None:
        self._say(f"{self.texts.say('forget.ask')} [{self.texts.say('forget.yes')}: yes]")
        answer = await self._asked()
        if answer is not None and answer.strip().lower() in ("yes", "y", "ja", "j"):
            await self.commands.forget(self.user, INTERFACE)
            self._say(self.texts.say("forget.done"))
        else:
            self._say(self.texts.say("forget.kept"))
