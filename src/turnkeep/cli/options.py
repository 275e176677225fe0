"""The options that every command has, and the manager that they name.

Invariants: only `demo`, `chat`, the bots, `serve` and `keys create` make a database, every other command wants one that is there;
a command does what it was asked to, so no cleanup runs beside it (programs that go on running are no such commands). Encryption keys
come from the settings, never from an option: other users of the machine see those.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec

from turnkeep import checks
from turnkeep.cli.plain import clean
from turnkeep.errors import StoreUnavailable
from turnkeep.manager import SessionManager
from turnkeep.settings import Settings, load
from turnkeep.stores import Store, open_store

SCHEME = "sqlite:///"
WHERE = "The database: sqlite:///PATH, or postgresql://USER@HOST/NAME"
NAMED = f"with --db {SCHEME}PATH"


class Options(msgspec.Struct, frozen=True):
    """What the common options said."""

    db: str | None
    app: str | None
    json: bool

    def settings(self, **overrides: Any) -> Settings:
        """`overrides` win over what the environment says."""
        app = {} if self.app is None else {"app": self.app}
        return load({"cleanup_interval": 0.0, **app, **overrides})

    def served(self, **overrides: Any) -> Settings:
        """The settings of a program that goes on running: what works in the background, works."""
        return load({**({} if self.app is None else {"app": self.app}), **overrides})

    @asynccontextmanager
    async def store(self, *, make: bool = False) -> AsyncIterator[tuple[Store, str]]:
        """The store, open, and the app's name; `make`: also when there is no database yet."""
        settings = self.settings()
        url = self.db or settings.database_url
        (kept if make else existing)(url)
        store = open_store(url, settings)
        await store.open()
        try:
            await store.check_whole()
            yield store, checks.identifier("app", settings.app)
        finally:
            await store.close()

    def manager(self) -> SessionManager:
        """On a database that is there."""
        settings = self.settings(compaction="manual")
        url = self.db or settings.database_url
        existing(url)
        return SessionManager.open(url, settings=settings)


def path_of(url: str) -> Path | None:
    return Path(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else None


def kept(url: str, named: str = NAMED) -> None:
    """Refuse a URL whose database would be gone after the command. `named`: how the user is to name another."""
    if url.startswith("memory://"):
        raise StoreUnavailable(f"memory:// keeps nothing from one command to the next: name a database {named}")


def existing(url: str, named: str = NAMED) -> None:
    """Refuse a URL that would give a new, empty database."""
    kept(url, named)
    path = path_of(url)
    if path is None or not path.name:
        return  # the store says what is wrong with it
    if path.is_dir():
        raise StoreUnavailable(f"{path.absolute()} is a folder, not a database: name a file {named}")
    if not path.exists():
        or_else = " or TURNKEEP_DATABASE_URL; `turnkeep demo` makes one to try" if named == NAMED else ""
        raise StoreUnavailable(f"there is no database at {path.absolute()}: name yours {named}{or_else}")
    if not path.stat().st_size:
        raise StoreUnavailable(f"{path.absolute()} is empty: no database was ever written to it")


def _url(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and "://" not in value:
        raise click.BadParameter(f"must be a URL, such as {SCHEME}{clean(value) or 'turnkeep.db'}", context, parameter)
    return value


def common(default: str = "the setting database_url") -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Add `--db`, `--app` and `--json`; the command gets them as one `Options`, its first argument."""

    def decorate(command: Callable[..., int | None]) -> Callable[..., int | None]:
        @click.option("--db", metavar="URL", callback=_url, help=f"{WHERE}.  [default: {default}]")
        @click.option("--app", metavar="NAME", help="Whose sessions.  [default: the setting app]")
        @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
        @wraps(command)
        def packed(*args: Any, db: str | None, app: str | None, as_json: bool, **rest: Any) -> int | None:
            return command(Options(db, app, as_json), *args, **rest)

        return packed

    return decorate
