"""The commands together, and how each of them ends.

Invariant: 0 is done, 1 an error, 2 a wrong use of the command line, 130 Ctrl-C; an error is one line on stderr (with `--json` an
object), and never a traceback unless it is a bug.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from turnkeep.cli.later import Later
from turnkeep.cli.plain import print_error, program
from turnkeep.errors import TurnkeepError

EPILOG = """\b
Settings, an encryption key among them, come from the environment
(TURNKEEP_DATABASE_URL, ...) and from turnkeep.toml in this folder.
Exit codes: 0 done, 1 an error, 2 a wrong use of the command line."""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="turnkeep", message="turnkeep %(version)s")
def cli() -> None:
    """The session layer for AI chat agents.

    Start with "turnkeep demo": it replays conversations as a bot would, and tells how to look into the database it makes.
    """


for name, module, short_help in (
    ("demo", "demo", "Replay conversations as a bot would hold them."),
    ("chat", "chat", "Talk with the agent in this terminal, as a bot's users do."),
    ("telegram", "bots", "Run the Telegram bot until Ctrl-C or SIGTERM."),
    ("discord", "bots", "Run the Discord bot until Ctrl-C or SIGTERM."),
    ("sessions", "sessions", "List, show, pin to, resummarize and delete sessions."),
    ("keys", "keys", "Create, list and revoke API keys."),
    ("serve", "serve", "Serve the HTTP API until Ctrl-C or SIGTERM."),
    ("stats", "upkeep", "Figures of all sessions."),
    ("cleanup", "upkeep", "Close what has expired, delete what is past its retention."),
    ("backup", "upkeep", "Copy the database to FILE, while it is in use."),
    ("migrate", "migrate", "Move all of a database into another one."),
    ("doctor", "doctor", "Prove the database whole: its pages, and the sums of its rows."),
):
    cli.add_command(Later(name, module, short_help))


def run(args: Sequence[str]) -> int:
    """One command; the exit code."""
    _be_able_to_write_any_text()
    as_json = "--json" in args
    try:
        return int(cli.main(list(args), prog_name=program(), standalone_mode=False) or 0)
    except click.ClickException as error:
        if as_json:
            print_error(error, as_json=True)
        else:
            error.show()
        return error.exit_code
    except TurnkeepError as error:
        print_error(error, as_json=as_json)
        return 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _be_able_to_write_any_text() -> None:
    """Messages are in any script, and the terminal's encoding may not be: show a `?` rather than stop."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
