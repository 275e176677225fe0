"""What a bot stands on, if it is installed.

Invariant: an import that fails for another reason than a missing extra keeps its own error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from turnkeep.errors import MissingExtra

LATER = "pypdf"  # reads documents; it is loaded only for the first one


@contextmanager
def needed(bot: str, extra: str, libraries: Collection[str]) -> Iterator[None]:
    """`MissingExtra` if an import inside finds one of these libraries missing, or `LATER` is."""
    try:
        if find_spec(LATER) is None:
            raise ModuleNotFoundError(f"No module named {LATER!r}", name=LATER)
        yield
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in {LATER, *libraries}:
            raise
        raise MissingExtra(bot, extra) from error
