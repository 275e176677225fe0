"""`turnkeep sessions`: list, show, resummarize, delete; its pins stand in `pins`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, get_args

import click
from rich.console import Console
from rich.text import Text

from turnkeep.cli.as_json import print_json, session_json, timed_json
from turnkeep.cli.options import Options, common
from turnkeep.cli.pins import pin, pins, unpin
from turnkeep.cli.plain import clean
from turnkeep.cli.printing import (
    ROLE_STYLES,
    STATUS_STYLES,
    cell,
    console,
    counted,
    duration,
    message_text,
    pairs,
    short_time,
    shorten,
    shortest_time,
    table,
)
from turnkeep.cli.tables import usage
from turnkeep.errors import TurnkeepError
from turnkeep.session import Message, Session, SessionStats, Status, Summary

MOST = 1000  # of a page
NARROWEST = 72  # columns of a list
LINES = 3  # of the screen for one message
MOST_LINES = 30  # of a summary


@click.group()
def sessions() -> None:
    """List, show, pin to, resummarize and delete sessions."""


for command in (pins, pin, unpin):
    sessions.add_command(command)


# --- list


@sessions.command("list")
@click.option("--status", type=click.Choice(get_args(Status)), help="Only these.")
@click.option("--interface", "interface_type", metavar="NAME", help="Only of this interface: telegram, web, ...")
@click.option("--user", "external_user_id", metavar="ID", help="Only of this external user.")
@click.option("--limit", metavar="N", type=click.IntRange(1, MOST), default=50, show_default=True, help="At most so many.")
@click.option("--before", metavar="ID", help="The next page: those that are older than this session.")
@common()
def list_(options: Options, limit: int, **only: Any) -> None:
    """Sessions, newest first."""

    async def work() -> list[Session]:
        async with options.manager() as manager:
            return await manager.list_sessions(limit=min(limit + 1, MOST), **only)

    found = asyncio.run(work())
    more = len(found) > limit or len(found) == MOST
    page = found[:limit]
    if options.json:
        print_json({"sessions": [session_json(session) for session in page], "next_before": page[-1].id if more else None})
    else:
        _print_list(page, console())
        if more:
            click.echo(f"\nThere are more: add --before {page[-1].id}")


def _print_list(found: list[Session], screen: Console) -> None:
    if not found:
        screen.print("No sessions.")
        return
    made = table("Id", "Conversation", "Status", "#Messages", "#Tokens", "Last at", tight=True)
    for column in made.columns:
        column.no_wrap = column.header != "Conversation"
    for session in found:
        made.add_row(
            session.id,
            cell(f"{session.interface_type}/{session.conversation_id}"),
            Text(session.status, STATUS_STYLES[session.status]),
            f"{session.seq:,}",
            f"{session.tokens:,}",
            shortest_time(session.last_active),
        )
    screen.width = max(screen.width, NARROWEST)  # a narrower terminal wraps the lines, and the ids stay whole
    screen.print(made)


# --- show


@sessions.command()
@click.argument("session_id", metavar="ID")
@click.option(
    "--messages", metavar="N", type=click.IntRange(0, MOST), default=10, show_default=True, help="The newest N messages."
)
@common()
def show(options: Options, session_id: str, messages: int) -> None:
    """Figures, summaries and newest messages of a session."""

    async def work() -> tuple[Session, SessionStats, list[Summary], list[Message]]:
        async with options.manager() as manager:
            session = await manager.get_session(session_id)
            stats = await manager.get_session_stats(session_id)
            summaries = await manager.get_summaries(session_id)
            after = max(0, session.seq - messages)
            return session, stats, summaries, await manager.get_messages(session_id, after, messages) if messages else []

    session, stats, summaries, newest = asyncio.run(work())
    if options.json:
        lists = {"summaries": [timed_json(summary) for summary in summaries], "messages": [timed_json(one) for one in newest]}
        print_json({"session": session_json(session), "stats": stats, **lists})
        return
    screen = console()
    _print_figures(session, stats, screen)
    _print_summaries(summaries, screen)
    _print_messages(newest, session, screen)


def _print_figures(session: Session, stats: SessionStats, screen: Console) -> None:
    made = pairs()
    made.add_row("Session", cell(session.id, "bold"))
    made.add_row("Conversation", cell(f"{session.interface_type}/{session.conversation_id}"))
    made.add_row("User, chat", cell(f"{session.external_user_id or '-'}, {session.external_chat_id or '-'}"))
    made.add_row("Status", Text(session.status, STATUS_STYLES[session.status]) + _until(session))
    if session.predecessor is not None:
        made.add_row("Follows", cell(session.predecessor))
    made.add_row("Created", f"{short_time(session.created_at)}, active for {duration(stats.duration)}")
    made.add_row("Last active", short_time(session.last_active))
    made.add_row("Messages", f"{stats.messages:,}, {stats.window_messages:,} of them in the window")
    made.add_row("Tokens", f"{stats.tokens:,}: {stats.tokens_in:,} in, {stats.tokens_out:,} out, by {session.tokenizer}")
    made.add_row("Token limit", f"{stats.token_limit:,}; the window has {stats.window_tokens:,}")
    if stats.usage_in or stats.usage_out:
        made.add_row("Model usage", usage(stats.usage_in, stats.usage_out, stats.usage_cache_read))
    made.add_row("Tool calls", f"{stats.tool_calls:,}")
    made.add_row("Errors", f"{stats.errors:,}")
    screen.print(made)


def _until(session: Session) -> str:
    if session.closed_at is not None:
        return f", closed {short_time(session.closed_at)}"
    return ", never expires" if session.expires_at is None else f", expires {short_time(session.expires_at)}"


def _print_summaries(summaries: list[Summary], screen: Console) -> None:
    replaced = sum(not summary.live for summary in summaries)
    if replaced:
        screen.print(Text(f"Summaries that others have replaced since: {replaced:,}", "dim"))
    for summary in summaries:
        if not summary.live:
            continue
        covers = f"messages {summary.from_seq}-{summary.to_seq}" if summary.to_seq else "an earlier session"
        cost = f"{summary.tokens:,} for {counted(summary.tokens_before, 'token')}"
        screen.print()
        screen.print(Text(f"Summary of {covers}", "bold") + Text(f" by {summary.method}, {cost}", "dim"))
        lines = summary.text.splitlines()
        for line in lines[:MOST_LINES]:
            screen.print(Text(shorten(line, screen.width)))
        if len(lines) > MOST_LINES:
            screen.print(Text(f"({len(lines) - MOST_LINES:,} more lines, not shown here)", "dim"))


def _print_messages(messages: list[Message], session: Session, screen: Console) -> None:
    cut = False
    for message in messages:
        text = "(erased)" if message.erased else " ".join(message_text(_as_sent(message)).split())
        short = shorten(text, min(screen.width, 120) * LINES - 10)
        cut = cut or short != clean(text)
        hidden = ", retracted" if session.hides(message.seq) else ""
        author = f" {clean(message.author_id)}" if message.author_id else ""
        head = Text(f"{message.seq} ", "dim") + Text(message.role, ROLE_STYLES[message.role])
        screen.print()
        screen.print(
            head + Text(f"{author}  {short_time(message.created_at)}, {counted(message.tokens, 'token')}{hidden}", "dim")
        )
        screen.print(Text(short))
    if cut:
        screen.print()
        screen.print("Long texts are shortened here; --json has all of them.", style="dim")


def _as_sent(message: Message) -> dict[str, object]:
    return {"content": message.content, "tool_calls": message.tool_calls}


# --- resummarize


@sessions.command()
@click.argument("session_id", metavar="ID")
@common()
def resummarize(options: Options, session_id: str) -> None:
    """Make a session's summaries anew, from its log."""

    async def work() -> tuple[list[Summary], list[Summary]]:
        async with options.manager() as manager:
            before = [summary for summary in await manager.get_summaries(session_id) if summary.live]
            return before, await manager.resummarize_session(session_id)

    before, made = asyncio.run(work())
    if options.json:
        print_json({"session_id": session_id, "summaries": [timed_json(summary) for summary in made]})
        return
    screen = console()
    tokens = f"{sum(one.tokens for one in made):,} tokens instead of {sum(one.tokens for one in before):,}"
    screen.print(
        f"Made {counted(len(made), 'summary', 'summaries')} anew: {tokens}." if made else "It has no summary to make anew."
    )
    _print_summaries(made, screen)


# --- delete


@sessions.command()
@click.argument("session_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common()
def delete(options: Options, session_id: str, yes: bool) -> None:
    """Remove a session with all that is in it, for good."""
    if options.json and not yes:
        raise click.UsageError("--json asks no questions: give --yes as well")

    async def look() -> Session:
        async with options.manager() as manager:
            return await manager.get_session(session_id)

    async def remove() -> None:
        async with options.manager() as manager:
            await manager.delete_session(session_id)

    session = asyncio.run(look())
    if not yes:
        _ask(session)
    asyncio.run(remove())
    if options.json:
        print_json({"deleted": session.id, "messages": session.seq})
    else:
        console().print(f"Deleted {session.id}: {counted(session.seq, 'message')}.")


def _ask(session: Session) -> None:
    conversation = clean(f"{session.interface_type}/{session.conversation_id}")
    try:
        sure = click.confirm(f"Delete {conversation} with its {counted(session.seq, 'message')}, for good?")
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        click.echo()
        raise TurnkeepError("nothing was deleted, for nobody answered: --yes does not ask") from None
    if not sure:
        raise TurnkeepError("nothing was deleted")
