"""`turnkeep migrate`: all rows of one database into another, over whatever interruptions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click
from msgspec.structs import replace
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from turnkeep.cli.as_json import print_json
from turnkeep.cli.options import SCHEME, existing, kept, path_of
from turnkeep.cli.plain import clean
from turnkeep.cli.printing import command, console, counted, duration, pairs, table
from turnkeep.errors import InvalidInput, TurnkeepError
from turnkeep.session import JsonObject
from turnkeep.settings import PREFIX, Settings, load
from turnkeep.stores import Store, open_store
from turnkeep.transfer import Compared, Tally
from turnkeep.transfer import migrate as move

_AGAIN = "run the same command again, it goes on from there"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _url(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if "://" not in value:
        raise click.BadParameter(f"must be a URL, such as {SCHEME}{clean(value) or 'turnkeep.db'}", context, parameter)
    return value


@click.command()
@click.argument("source", metavar="SOURCE_URL", callback=_url)
@click.argument("target", metavar="TARGET_URL", callback=_url)
@click.option("--source-settings", metavar="FILE", type=_FILE, help="Settings of the source alone.")
@click.option("--target-settings", metavar="FILE", type=_FILE, help="Settings of the target alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def migrate(source: str, target: str, source_settings: Path | None, target_settings: Path | None, as_json: bool) -> None:
    """Move all of a database into another one.

    Every app's sessions, messages, summaries, states, events, API keys and what bots have taken in are copied into TARGET, which is
    made if it is missing and must be empty; then every row of both is compared. The source stays as it is. Stop the
    programs that use the two first.

    Broken off, even by kill -9, the same command goes on from there. Until it has ended, nothing else opens the target.

    Where the two need different settings, an encryption key for one, name a file like turnkeep.toml: that end then takes its settings from
    it, and neither from turnkeep.toml nor from the environment.
    """
    existing(source, f"as {SCHEME}PATH")
    kept(target, f"as {SCHEME}PATH")
    if _name(source) == _name(target) or _same_file(path_of(source), path_of(target)):
        raise InvalidInput("target", "is the source: name another database")
    ends = (
        open_store(source, _settings(source, target, source_settings)),
        open_store(target, _settings(target, source, target_settings)),
    )
    tally = Tally()
    began = time.perf_counter()
    try:
        found = asyncio.run(_run(*ends, _name(source), tally, quiet=as_json))
    except KeyboardInterrupt:
        click.echo(f"Stopped: {_so_far(tally)}; {_AGAIN}.", err=True)
        raise
    except TurnkeepError as error:
        if tally.phase != "opening" and "same command" not in str(error):
            error.add_note(f"{_so_far(tally)}; when the cause is gone, {_AGAIN}")
        raise
    _tell(found, tally, time.perf_counter() - began, _name(source), _name(target), as_json=as_json)


# --- the two ends


def _settings(url: str, other: str, file: Path | None) -> Settings:
    """A database that SQLite does not hold has no use for its encryption key, which then is the other end's."""
    settings = load() if file is None else load(environ={f"{PREFIX}CONFIG": str(file)})
    if file is None and not url.startswith(SCHEME) and other.startswith(SCHEME):
        nothing = {name: None for name in Settings.__struct_fields__ if name.startswith("encryption_")}
        settings = replace(settings, **nothing)
    return settings


def _name(url: str) -> str:
    """A URL as it may be shown and kept: a file from the root on; a server without user, password and options."""
    path = path_of(url)
    if path is not None:
        return f"{SCHEME}{path.absolute()}"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _same_file(source: Path | None, target: Path | None) -> bool:
    return source is not None and target is not None and target.exists() and source.samefile(target)


async def _run(source: Store, target: Store, name: str, tally: Tally, *, quiet: bool) -> list[Compared]:
    async with AsyncExitStack() as stack:
        for store in (source, target):
            await store.open()
            stack.push_async_callback(store.close)
        await source.check_whole()
        with _progress(tally, quiet=quiet):
            return await move(source, target, name, tally)


# --- while it runs


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f} rows/s", "cyan")


class _Rows(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:,.0f}/{task.total or 0:,.0f}", "green")


@contextmanager
def _progress(tally: Tally, *, quiet: bool) -> Iterator[None]:
    """A bar for each half of the work on stderr, where that is a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description:9}"), BarColumn(20), TaskProgressColumn(), _Rows(), _Rate(), TimeElapsedColumn())
    progress = Progress(*columns, console=screen)
    copying = progress.add_task("Copying", total=None)
    comparing = progress.add_task("Comparing", total=None, start=False)

    def draw() -> Progress:
        progress.update(copying, total=tally.total, completed=min(tally.there + tally.copied, tally.total))
        if tally.phase == "proving":
            progress.start_task(comparing)
        progress.update(comparing, total=tally.total, completed=tally.compared)
        return progress

    with Live(get_renderable=draw, console=screen, transient=True, refresh_per_second=10):
        yield


def _so_far(tally: Tally) -> str:
    there = tally.there + tally.copied
    return f"{there:,} of {counted(max(tally.total, there), 'row')} are in the target"


# --- when it is done


def _tell(found: list[Compared], tally: Tally, seconds: float, source: str, target: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(found, tally, seconds, source, target))
    else:
        _print(found, tally, seconds, target, console())


def _as_json(found: list[Compared], tally: Tally, seconds: float, source: str, target: str) -> JsonObject:
    return {
        "source": source,
        "target": target,
        "rows": {one.kind: one.rows for one in found},
        "checksums": {one.kind: one.checksum for one in found},
        "copied": tally.copied,
        "there_before": tally.there,
        "seconds": round(seconds, 3),
    }


def _print(found: list[Compared], tally: Tally, seconds: float, target: str, screen: Console) -> None:
    made = table("Rows of", "#Rows", "Checksum, the same in both")
    for one in found:
        if one.rows:
            made.add_row(one.kind, f"{one.rows:,}", one.checksum)
    screen.print(made)
    screen.print()
    told = pairs()
    before = f"; {tally.there:,} were there from before" if tally.there else ""
    told.add_row("Copied", f"{counted(tally.copied, 'row')}{before}")
    told.add_row("Took", f"{duration(seconds)}, the comparison included")
    screen.print(told)
    screen.print(Text(clean(f"Now set TURNKEEP_DATABASE_URL to {target}. To prove it whole at any time:")), soft_wrap=True)
    screen.print(command("doctor", "--db", target), soft_wrap=True)
