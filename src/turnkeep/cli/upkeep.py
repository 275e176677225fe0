"""`turnkeep stats`, `cleanup`, `backup` and `doctor`: looking after a database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from rich.text import Text

from turnkeep.cli.as_json import print_json
from turnkeep.cli.options import SCHEME, Options, common
from turnkeep.cli.plain import clean
from turnkeep.cli.printing import command, console, counted, size
from turnkeep.cli.tables import print_stats
from turnkeep.session import Cleaned, Stats


@click.command()
@common()
def stats(options: Options) -> None:
    """Figures of all sessions."""

    async def work() -> Stats:
        async with options.manager() as manager:
            return await manager.get_stats()

    figures = asyncio.run(work())
    if options.json:
        print_json(figures)
    else:
        print_stats(figures, console())


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what it would do, and do nothing.")
@common()
def cleanup(options: Options, dry_run: bool) -> None:
    """Close what has expired, delete what is past its retention.

    A program that keeps a database open does this by itself, every cleanup_interval seconds.
    """

    async def work() -> Cleaned:
        async with options.manager() as manager:
            return await manager.cleanup(dry_run)

    done = asyncio.run(work())
    if options.json:
        print_json(done)
        return
    would = "Would have " if dry_run else ""
    closed, deleted = ("closed", "deleted") if dry_run else ("Closed", "deleted")
    console().print(
        f"{would}{closed} {counted(done.expired, 'session')} that had expired, {deleted} {counted(done.deleted, 'session')}."
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@common()
def backup(options: Options, file: Path) -> None:
    """Copy the database to FILE, while it is in use.

    The copy is of one moment, and is encrypted with the same key. FILE must not exist.
    """

    async def work() -> None:
        async with options.manager() as manager:
            await manager.backup(file)

    asyncio.run(work())
    written = file.stat().st_size
    if options.json:
        print_json({"file": str(file.absolute()), "bytes": written})
        return
    screen = console()
    screen.print(Text(clean(f"Wrote {file} ({size(written)}). To prove it whole:")), soft_wrap=True)
    screen.print(command("doctor", "--db", f"{SCHEME}{file}"), soft_wrap=True)
