"""compose.yaml, as far as it can be checked without containers: its settings, its command, its extras and its check are there."""

from __future__ import annotations

import re

import click
import yaml
from tests.docs.pages import ROOT
from tests.docs.test_blocks import EXTRAS

from turnkeep.caches import Hints, open_cache
from turnkeep.cli.app import cli
from turnkeep.cli.later import Later
from turnkeep.server.routes import health
from turnkeep.settings import load
from turnkeep.stores import open_store

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
SERVER = SERVICES["turnkeep"]


def test_its_settings_are_settings() -> None:
    settings = load(environ={**SERVER["environment"], "TURNKEEP_CONFIG": "/dev/null"})
    open_store(settings.database_url, settings)
    assert settings.cache_url is not None
    assert isinstance(open_cache(settings.cache_url), Hints)
    assert re.fullmatch(r"redis://(\w+):\d+/0", settings.cache_url).group(1) in SERVICES  # type: ignore[union-attr]  # it matches
    assert settings.close_timeout < int(SERVER["stop_grace_period"].removesuffix("s"))


def test_its_command_is_one() -> None:
    program, name, *words = SERVER["command"]
    assert program == "turnkeep"
    found = cli.commands[name]
    command = found.command() if isinstance(found, Later) else found
    assert isinstance(command.make_context(name, words), click.Context)


def test_it_installs_what_it_runs() -> None:
    [named] = re.findall(r"/src\[([\w,]+)\]", SERVER["build"]["dockerfile_inline"])
    assert {"server", "redis"} <= set(named.split(",")) <= set(EXTRAS)


def test_its_check_asks_what_is_answered() -> None:
    paths = {path for handler in health.HANDLERS for path in handler.paths}
    assert re.findall(r"8000(/\w+)", SERVER["healthcheck"]["test"][-1])[0] in paths
