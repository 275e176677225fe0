"""`turnkeep doctor`: is the database whole, and how large is it?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from turnkeep.cli.as_json import print_json
from turnkeep.cli.options import Options, common, path_of
from turnkeep.cli.plain import clean
from turnkeep.cli.printing import console, counted, pairs, size
from turnkeep.errors import StoreCorrupt
from turnkeep.lifecycle import hints_of, store_of
from turnkeep.settings import Settings, without_password
from turnkeep.stores.sqlite.connection import Patience, connect

PLAIN = b"SQLite format 3\0"
MOST = 20  # lines of what is broken
ROWS = ("sessions", "messages", "summaries", "events")


class Facts(msgspec.Struct, frozen=True):
    """Of the file itself."""

    encrypted: bool
    schema_version: int
    journal_mode: str
    page_bytes: int
    pages: int
    free_pages: int


class Findings(msgspec.Struct, frozen=True):
    """What a visit comes to."""

    ok: bool
    broken: list[str]
    path: str
    facts: Facts | None
    sizes: dict[str, int]
    server: str | None = None  # what it is, where there is one
    redis: bool | None = None  # whether it answers, where `cache_url` names one
    redis_server: str | None = None  # what it is, where it answers


class Visit(msgspec.Struct, frozen=True):
    """What the database itself says."""

    broken: list[str]
    sizes: dict[str, int]
    server: str | None = None
    redis: bool | None = None
    redis_server: str | None = None


@click.command()
@common()
def doctor(options: Options) -> int:
    """Prove the database whole: its pages, and the sums of its rows.

    Reads all of it, of every app. Changes nothing. Exit code 1 when something is broken.
    """
    settings = options.settings()
    url = options.db or settings.database_url
    path = path_of(url)

    try:
        visit = asyncio.run(_visit(options))
        facts = _facts(path, settings) if path else None
    except StoreCorrupt as error:
        visit, facts = Visit([f"file: {error.__cause__ or error}"], {}), None
    place = str(path.absolute()) if path else without_password(url)
    found = Findings(not visit.broken, visit.broken, place, facts, visit.sizes, visit.server, visit.redis, visit.redis_server)
    if options.json:
        print_json(found)
    else:
        _print(found, console())
    return 0 if found.ok else 1


async def _visit(options: Options) -> Visit:
    async with options.manager() as manager:
        hints = hints_of(manager)
        redis = None if hints is None else await hints.server()
        answers = None if hints is None else redis is not None
        return Visit(await manager.check(), await manager.sizes(), await store_of(manager).server(), answers, redis)


def _facts(path: Path, settings: Settings) -> Facts:
    with path.open("rb") as file:
        encrypted = file.read(len(PLAIN)) != PLAIN
    db = connect(path, settings.key(), Patience(settings.busy_timeout), write=False)
    try:
        names = ("user_version", "journal_mode", "page_size", "page_count", "freelist_count")
        return Facts(encrypted, *(db.pragma(name) for name in names))
    finally:
        db.close()


def _print(found: Findings, screen: Console) -> None:
    made = pairs()
    made.add_row("Database", clean(found.path))
    if found.sizes:
        free = "" if not found.facts else f", {_free(found.facts)}"
        if "database_bytes" in found.sizes:
            made.add_row("Size", size(found.sizes["database_bytes"]))
        else:
            made.add_row("Size", f"{size(found.sizes['file_bytes'])}{free}")
            made.add_row("WAL", size(found.sizes["wal_bytes"]))
        made.add_row("Rows", ", ".join(f"{found.sizes[name]:,} {name}" for name in ROWS))
    if found.facts:
        made.add_row("Schema", f"version {found.facts.schema_version}")
        made.add_row("Journal", found.facts.journal_mode.upper())
        made.add_row("Encrypted", "yes" if found.facts.encrypted else "no")
    if found.server is not None:
        made.add_row("Server", found.server)
    if found.redis is not None:
        away = "does not answer: nothing is wrong, but instances hear of each other later"
        made.add_row("Redis", f"{clean(found.redis_server or '')}, answers" if found.redis else away)
    screen.print(made)
    screen.print()
    if found.ok:
        screen.print("Whole: every page and every sum is right.", style="green")
    else:
        _print_broken(found.broken, screen)


def _free(facts: Facts) -> str:
    return f"{size(facts.free_pages * facts.page_bytes)} of it free for new rows" if facts.free_pages else "no free pages"


def _print_broken(broken: list[str], screen: Console) -> None:
    screen.print(f"Broken: {counted(len(broken), 'finding')}.", style="bold red")
    for line in broken[:MOST]:
        screen.print(Text(f"  {clean(line)}"))
    if len(broken) > MOST:
        screen.print(f"  ... and {len(broken) - MOST:,} more; --json has all")
    screen.print()
    screen.print(
        "What to do: stop the programs that use it, keep a copy of the file with its -wal and -shm,"
        " and put your newest backup that this command finds whole in its place."
    )
