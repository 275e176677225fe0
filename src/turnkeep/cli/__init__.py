"""The command line, `turnkeep`: try Turnkeep out, and look after a database.

Invariant: click and rich are imported below this package only; without them the command says what to install.
"""

from __future__ import annotations

import sys

from turnkeep.errors import MissingExtra


def main() -> None:
    """The console script."""
    try:
        from turnkeep.cli.app import run
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "click":
            raise
        sys.exit(f"Error: {MissingExtra('The command line', 'cli')}")
    sys.exit(run(sys.argv[1:]))
