"""A finished prompt on the screen: what the model is sent, what it costs, and what is not in it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnkeep.cli.plain import clean
from turnkeep.cli.printing import ROLE_STYLES, counted, message_text, pairs, shorten
from turnkeep.context import Context
from turnkeep.session import JsonObject, LeftOut, Session

MOST = 60  # messages shown; of longer prompts the middle is not
HEAD = 10
WHY = {
    "budget": "to stay within the token limit",
    "max_messages": "to stay within max_messages",
    "shortened": "shortened to fit",
    "orphan": "tool results without their call",
    "duplicate": "second results of one call",
    "summary": "a summary that would not fit",
}


def context_json(context: Context, session: Session) -> JsonObject:
    return {
        "session_id": session.id,
        "conversation_id": session.conversation_id,
        "token_limit": session.token_limit,
        "tokens": context.tokens,
        "parts": context.parts,
        "left_out": context.left_out,
        "messages": context.messages,
    }


def print_context(context: Context, session: Session, screen: Console) -> None:
    screen.print(Text("The prompt for the next turn of ") + Text(clean(session.conversation_id), "bold"))
    screen.print(_messages(context.messages, screen.width))
    screen.print()
    screen.print(_figures(context, session))


def _messages(messages: list[JsonObject], width: int) -> Table:
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True)
    room = min(width, 120) - 13
    head, tail = (messages, []) if len(messages) <= MOST else (messages[:HEAD], messages[HEAD - MOST :])
    for message in head:
        made.add_row(*_row(message, room))
    if tail:
        made.add_row("", Text(f"({len(messages) - MOST:,} more, not shown here)", "dim"))
    for message in tail:
        made.add_row(*_row(message, room))
    return made


def _row(message: JsonObject, room: int) -> tuple[Text, Text]:
    role = message["role"]
    calls = "bold" if message.get("tool_calls") else ""
    return Text(role, ROLE_STYLES.get(role, "")), Text(shorten(message_text(message), room), calls)


def _figures(context: Context, session: Session) -> Table:
    made = pairs()
    made.add_row("Messages", f"{len(context.messages):,} in the prompt, {session.seq:,} in the log")
    parts = [f"{name} {tokens:,}" for name, tokens in context.parts.items() if tokens]
    made.add_row("Tokens", f"{context.tokens:,} of {session.counted_limit:,}: {', '.join(parts)}")
    rows: list[Any] = [_gap(entry) for entry in context.left_out]
    for at, row in enumerate(rows or ["nothing"]):
        made.add_row("" if at else "Left out", row)
    return made


def _gap(entry: LeftOut) -> str:
    span = f"{entry.from_seq}" if entry.from_seq == entry.to_seq else f"{entry.from_seq}-{entry.to_seq}"
    return f"messages {span} ({counted(entry.messages, 'message')}, {counted(entry.tokens, 'token')}): {WHY[entry.reason]}"
