"""`turnkeep demo`: the main job, run on conversations from a file.

A demo keeps to a database of its own, `turnkeep-demo.db` in this folder (`turnkeep-demo-NAME.db` for NAME.jsonl), and never takes
the setting `database_url`: it must not fill the database of a bot. Running it again stores nothing twice.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from turnkeep.cli.as_json import print_json
from turnkeep.cli.context import context_json, print_context
from turnkeep.cli.conversations import Conversation, read
from turnkeep.cli.options import SCHEME, Options, common, path_of
from turnkeep.cli.picture import Window, look, print_picture
from turnkeep.cli.plain import clean
from turnkeep.cli.printing import command, console, counted, duration, pairs, size
from turnkeep.cli.prompts import Prompts
from turnkeep.cli.replay import Tally, replay
from turnkeep.cli.tables import print_stats
from turnkeep.context import Context
from turnkeep.errors import TurnkeepError
from turnkeep.manager import SessionManager
from turnkeep.session import Message, Session, Stats
from turnkeep.settings import without_password

NAME = "turnkeep-demo"
BAR = 12  # columns


class Shown(msgspec.Struct):
    """What is there to see when a replay is done."""

    url: str
    tally: Tally
    seconds: float
    session: Session
    context: Context
    window: Window
    stats: Stats


@click.command()
@click.argument("file", metavar="[FILE.jsonl[.gz]]", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--token-limit", metavar="N", type=click.IntRange(1), help="Tokens of a prompt.  [default: 4000]")
@click.option("--limit", metavar="N", type=click.IntRange(1), help="Replay the first N conversations only.")
@click.option("--concurrency", metavar="N", type=click.IntRange(1, 1000), default=64, show_default=True, help="So many at once.")
@common(default=f"{SCHEME}{NAME}.db")
def demo(options: Options, file: Path | None, token_limit: int | None, limit: int | None, concurrency: int) -> None:
    """Replay conversations as a bot would hold them.

    Each line of FILE is one: {"id": ..., "messages": [...]}, the messages in OpenAI's chat shape. Without FILE it takes the
    conversations that come with Turnkeep.

    Afterwards you see the prompt that the longest one has come to, the statistics, and how to look further. Without --db it makes
    turnkeep-demo.db in this folder, for NAME.jsonl turnkeep-demo-NAME.db. Run again, it stores nothing twice; broken off, it goes
    on from there.
    """
    settings = options.settings()
    conversations = read(file, settings, limit)
    url = options.db or SCHEME + _file_name(file)
    manager = SessionManager.open(url, settings=settings)
    shown = asyncio.run(_run(manager, url, conversations, token_limit, concurrency, quiet=options.json))
    if options.json:
        print_json(_as_json(shown, len(conversations)))
    else:
        _print(shown, console(), options)


def _file_name(file: Path | None) -> str:
    if file is None:
        return f"{NAME}.db"
    stem = re.sub(r"(\.jsonl?|\.ndjson)?(\.gz)?$", "", file.name)
    name = re.sub(r"[^\w.-]+", "-", stem)
    return f"{NAME}-{name}.db"


async def _run(
    manager: SessionManager,
    url: str,
    conversations: list[Conversation],
    token_limit: int | None,
    concurrency: int,
    *,
    quiet: bool,
) -> Shown:
    total = sum(len(conversation.messages) for conversation in conversations)
    async with manager:
        tally = Tally()
        begun = time.perf_counter()
        try:
            with _progress(tally, total, quiet=quiet):
                await replay(manager, conversations, tally, token_limit=token_limit, concurrency=concurrency)
        except TurnkeepError as error:
            error.add_note(f"{tally.messages:,} of {counted(total, 'message')} are stored, run again it goes on from there")
            raise
        seconds = time.perf_counter() - begun
        longest = max(conversations, key=lambda conversation: len(conversation.messages))
        session = await manager.get_session(tally.sessions[longest.id])
        context = await manager.build_context(session.id)
        live = [summary for summary in await manager.get_summaries(session.id) if summary.live]
        window = look(session, context, live, await _log(manager, session))
        return Shown(url, tally, seconds, session, context, window, await manager.get_stats())


async def _log(manager: SessionManager, session: Session) -> list[Message]:
    found: list[Message] = []
    while page := await manager.get_messages(session.id, len(found), 1000):
        found += page
    return found


# --- while it runs


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f} messages/s", "cyan")


@contextmanager
def _progress(tally: Tally, total: int, *, quiet: bool) -> Iterator[None]:
    """A bar on stderr, where that is a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield
        return
    columns = (TextColumn("Replaying"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn())
    progress = Progress(*columns, console=screen)
    task = progress.add_task("", total=total)

    def draw() -> Group:
        progress.update(task, completed=tally.messages)
        return Group(progress, _so_far(tally, screen.width))

    with Live(get_renderable=draw, console=screen, transient=True, refresh_per_second=10):
        yield


def _so_far(tally: Tally, width: int) -> Text:
    """The newest prompt, and the sums so far."""
    prompts, (tokens, limit) = tally.prompts, tally.window
    columns = BAR * tokens // max(limit, 1)
    made = Text("Window ") + Text("█" * columns, "green") + Text("·" * (BAR - columns), "dim")
    sums = f"{counted(prompts.compactions, 'compaction')}, {prompts.saved:,} tokens saved, prefix {prompts.prefix:.0%}"
    made.append(f" {tokens:,}/{limit:,}; {sums}")
    made.truncate(width, overflow="ellipsis")
    return made


# --- when it is done


def _as_json(shown: Shown, conversations: int) -> dict[str, object]:
    tally = shown.tally
    path = path_of(shown.url)
    return {
        "database": without_password(shown.url),
        "path": None if path is None else str(path.absolute()),
        "conversations": conversations,
        "messages": tally.messages,
        "stored": tally.stored,
        "contexts": tally.prompts.built,
        "compactions": tally.prompts.compactions,
        "prompt_tokens": tally.prompts.sent,
        "prompt_tokens_without_compaction": tally.prompts.whole,
        "prefix_reused": round(tally.prompts.prefix, 4),
        "seconds": round(shown.seconds, 3),
        "context": context_json(shown.context, shown.session),
        "stats": shown.stats,
    }


def _print(shown: Shown, screen: Console, options: Options) -> None:
    tally = shown.tally
    screen.print(_did(tally, shown.seconds))
    if tally.other_limit:
        screen.print("Sessions that were there already keep the token limit they began with.", style="yellow")
    screen.print()
    print_context(shown.context, shown.session, screen)
    screen.print()
    print_picture(shown.window, screen)
    screen.print()
    print_stats(shown.stats, screen)
    screen.print()
    _print_next(shown, screen, options)


def _did(tally: Tally, seconds: float) -> Table:
    old = tally.messages - tally.stored
    made = pairs()
    made.add_row("Replayed", f"{counted(len(tally.sessions), 'conversation')}, {counted(tally.messages, 'message')}")
    made.add_row("Stored", f"{tally.stored:,}" + (f"; {old:,} were there already" if old else ""))
    made.add_row("Built", f"{counted(tally.prompts.built, 'context')}, one before each message of the assistant")
    made.add_row("Sent", _sent(tally.prompts))
    made.add_row(
        "Compacted", f"{counted(tally.prompts.compactions, 'time')}; {tally.prompts.prefix:.0%} of what was sent began as before"
    )
    made.add_row("Took", f"{duration(seconds)}, {tally.messages / seconds:,.0f} messages/s")
    return made


def _sent(prompts: Prompts) -> str:
    if prompts.saved:
        return f"{counted(prompts.sent, 'token')}; {prompts.saved:,} saved against sending each log whole"
    return counted(prompts.sent, "token")


def _print_next(shown: Shown, screen: Console, options: Options) -> None:
    if shown.url.startswith("memory://"):
        screen.print("It was all in memory, and is gone now.")
        return
    url, path = without_password(shown.url), path_of(shown.url)
    place = url if path is None else f"{path.absolute()} ({size(path.stat().st_size)})"
    screen.print(Text("Database  ", "bold") + Text(clean(place)), soft_wrap=True)
    screen.print("Look into it with", style="bold")
    tail = ("--db", url, *(() if options.app is None else ("--app", options.app)))
    for words in (("sessions", "list"), ("sessions", "show", shown.session.id), ("stats", "--json"), ("doctor",)):
        screen.print(command(*words, *tail), soft_wrap=True)
