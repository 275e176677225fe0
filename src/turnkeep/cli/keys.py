"""`turnkeep keys`: create, list, revoke."""

from __future__ import annotations

import asyncio
import time

import click
from rich.text import Text

from turnkeep import checks
from turnkeep.cli.as_json import print_json
from turnkeep.cli.options import Options, common
from turnkeep.cli.plain import clean
from turnkeep.cli.printing import cell, console, short_time, table
from turnkeep.errors import UnknownKey
from turnkeep.keys import SCOPES, Access, ApiKey, new_key
from turnkeep.session import JsonObject

MAX_LABEL_BYTES = 200


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


def _json(key: ApiKey) -> JsonObject:
    """A key as the outside sees it: the hash stays inside."""
    fields = {name: getattr(key, name) for name in ("id", "app", "scope", "external_user_id", "label")}
    return {**fields, "created_at": key.created_at, "revoked_at": key.revoked_at}


@keys.command()
@click.option("--scope", type=click.Choice(SCOPES), required=True, help="What it may do; each scope includes those before it.")
@click.option("--user", metavar="ID", help="Only the sessions of this external user.")
@click.option("--label", metavar="TEXT", help="What it is for, for your list.")
@common()
def create(options: Options, scope: Access, user: str | None, label: str | None) -> None:
    """Make an API key and print it, this once.

    Makes the database if there is none. Only a hash of the key is stored.
    """
    user = checks.optional_identifier("user", user)
    if label is not None:
        checks.text("label", label, MAX_LABEL_BYTES)

    async def work() -> tuple[str, ApiKey]:
        async with options.store(make=True) as (store, app):
            shown, key = new_key(app, scope, external_user_id=user, label=label, now_ms=int(time.time() * 1000))
            await store.add_key(key)
            return shown, key

    shown, key = asyncio.run(work())
    if options.json:
        print_json({"key": shown, **_json(key)})
        return
    click.echo(shown)
    click.echo(f"Keep it now: it is not shown again. Its id is {key.id}.", err=True)


@keys.command("list")
@common()
def list_(options: Options) -> None:
    """The app's API keys, oldest first."""

    async def work() -> list[ApiKey]:
        async with options.store() as (store, app):
            return await store.keys(app)

    found = asyncio.run(work())
    if options.json:
        print_json({"keys": [_json(key) for key in found]})
    else:
        _print_list(found)


def _print_list(found: list[ApiKey]) -> None:
    screen = console()
    if not found:
        screen.print("No keys.")
        return
    made = table("Id", "Scope", "User", "Label", "Created", "Revoked", tight=True)
    made.columns[0].no_wrap = True
    for key in found:
        revoked = "-" if key.revoked_at is None else short_time(key.revoked_at)
        texts = (cell(key.external_user_id), cell(key.label), short_time(key.created_at), revoked)
        made.add_row(key.id, Text(key.scope), *texts)
    screen.print(made)


@keys.command()
@click.argument("key_id", metavar="ID")
@common()
def revoke(options: Options, key_id: str) -> None:
    """Refuse a key from now on, also in a server that is running."""

    async def work() -> ApiKey | None:
        async with options.store() as (store, app):
            return await store.revoke_key(app, checks.identifier("key_id", key_id), int(time.time() * 1000))

    key = asyncio.run(work())
    if key is None:
        raise UnknownKey(f"key_id: no key {clean(key_id)[:64]!r} in this app; `turnkeep keys list` shows the ids")
    if options.json:
        print_json(_json(key))
    else:
        console().print(f"Revoked {key.id}.")
