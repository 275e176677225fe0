"""`turnkeep sessions pins`, `pin` and `unpin`: what stays in every prompt of a session."""

from __future__ import annotations

import asyncio

import click
from rich.console import Console
from rich.text import Text

from turnkeep.cli.as_json import pin_json, print_json
from turnkeep.cli.options import Options, common
from turnkeep.cli.printing import console, counted, shorten
from turnkeep.session import Pin


@click.command()
@click.argument("session_id", metavar="ID")
@common()
def pins(options: Options, session_id: str) -> None:
    """What stays in every prompt of a session, word for word."""

    async def work() -> list[Pin]:
        async with options.manager() as manager:
            return await manager.get_pins(session_id)

    found = asyncio.run(work())
    if options.json:
        print_json({"session_id": session_id, "pins": [pin_json(one) for one in found]})
    elif found:
        print_pins(found, console())
    else:
        console().print("No pins.")


@click.command()
@click.argument("session_id", metavar="ID")
@click.argument("text", required=False)
@click.option("--message", "seq", metavar="SEQ", type=click.IntRange(1), help="Pin this message of the log, not a text.")
@common()
def pin(options: Options, session_id: str, text: str | None, seq: int | None) -> None:
    """Keep a text, or a message of the log, in every prompt of a session."""
    if (text is None) == (seq is None):
        raise click.UsageError("give a TEXT, or --message SEQ")

    async def work() -> Pin:
        async with options.manager() as manager:
            if seq is not None:
                return await manager.pin_message(session_id, seq)
            return await manager.pin(session_id, text or "")

    made = asyncio.run(work())
    if options.json:
        print_json(pin_json(made))
    else:
        console().print(f"Pinned as {made.number}: {counted(made.tokens, 'token')} of every prompt.")


@click.command()
@click.argument("session_id", metavar="ID")
@click.argument("number", metavar="NUMBER", type=click.IntRange(1))
@common()
def unpin(options: Options, session_id: str, number: int) -> None:
    """Remove a pin of a session."""

    async def work() -> None:
        async with options.manager() as manager:
            await manager.unpin(session_id, number)

    asyncio.run(work())
    if options.json:
        print_json({"session_id": session_id, "unpinned": number})
    else:
        console().print(f"Unpinned {number}.")


def print_pins(found: list[Pin], screen: Console) -> None:
    for one in found:
        of = f"message {one.seq}" if one.seq else "an earlier session" if one.source else "a fact"
        screen.print(Text(f"Pin {one.number}", "bold") + Text(f": {of}, {counted(one.tokens, 'token')}", "dim"))
        screen.print(Text(shorten(" ".join(one.text.split()), screen.width)))
