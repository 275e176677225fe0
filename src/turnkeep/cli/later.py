"""A command that is known before it is imported.

Invariant: this is the one place where a command's module is imported, and only when the command is called; so each starts with
what it needs itself, and the list of all of them with none of it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, cast

import click

from turnkeep.errors import MissingExtra


class Later(click.Command):
    """Stands for the command of this name in `turnkeep.cli.MODULE`, with the first sentence of its help."""

    def __init__(self, name: str, module: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self._module = module

    def command(self) -> click.Command:
        """The command itself."""
        _have_httpx_without_its_command_line()
        try:
            module = import_module(f"turnkeep.cli.{self._module}")
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] != "rich":
                raise
            raise MissingExtra("The command line", "cli") from error
        return cast(click.Command, getattr(module, str(self.name)))

    def make_context(self, *given: Any, **named: Any) -> click.Context:
        return self.command().make_context(*given, **named)


def _have_httpx_without_its_command_line() -> None:
    """Httpx imports click, rich and pygments wherever they are installed, 0.3 s, for a program of its own that is not wanted here.

    None is how Python is told that a module is not to be had, and without this one httpx goes on.
    """
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # typeshed knows of no None
