"""`turnkeep keys create | list | revoke`."""

import asyncio
import re
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from turnkeep.keys import matches, parse
from turnkeep.stores.sqlite import SQLiteStore

DB = ("--db", "sqlite:///keys.db")


def test_a_key_is_shown_once_and_stored_as_a_hash(cli: Command, tmp_path: Path) -> None:
    made = cli("keys", "create", "--scope", "admin", "--json", *DB).json()
    assert re.fullmatch(r"tk_[0-9a-f]{16}_[\w-]{43}", made["key"])
    assert (made["scope"], made["app"], made["external_user_id"], made["revoked_at"]) == ("admin", "default", None, None)
    name, secret = parse(made["key"]) or ("", "")
    assert name == made["id"]
    assert not any(secret.encode() in file.read_bytes() for file in tmp_path.iterdir())
    listed = cli("keys", "list", *DB)
    assert name in listed.out
    assert secret not in listed.out + str(cli("keys", "list", "--json", *DB).json())

    async def stored() -> bool:
        store = SQLiteStore(tmp_path / "keys.db")
        await store.open()
        try:
            return matches(secret, await store.key(name))
        finally:
            await store.close()

    assert asyncio.run(stored())


def test_a_script_can_take_the_key_from_stdout(script: Command) -> None:
    ended = script("keys", "create", "--scope", "read", *DB)
    assert parse(ended.out.strip())
    assert "not shown again" in ended.err


def test_a_key_has_an_app_a_user_and_a_label(cli: Command) -> None:
    chosen = ("--app", "shop", "--user", "ann", "--label", "the web chat")
    made = cli("keys", "create", "--scope", "write", *chosen, "--json", *DB).json()
    assert (made["app"], made["external_user_id"], made["label"]) == ("shop", "ann", "the web chat")
    assert cli("keys", "list", "--json", *DB).json() == {"keys": []}
    [listed] = cli("keys", "list", "--json", "--app", "shop", *DB).json()["keys"]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    shown = cli("keys", "list", "--app", "shop", *DB).out
    assert max(map(len, shown.splitlines())) <= 80
    assert cli("keys", "list", *DB).out == "No keys.\n"


def test_a_key_is_revoked_by_its_app(cli: Command) -> None:
    made = cli("keys", "create", "--scope", "write", "--json", *DB).json()
    other = cli("keys", "revoke", made["id"], "--app", "other", "--json", *DB)
    assert (other.code, other.error()["code"]) == (1, "unknown-key")
    revoked = cli("keys", "revoke", made["id"], "--json", *DB).json()
    assert revoked["revoked_at"] is not None
    assert cli("keys", "revoke", made["id"], *DB).out == f"Revoked {made['id']}.\n"
    assert cli("keys", "list", "--json", *DB).json()["keys"] == [revoked]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--scope", "root"), 2),
        ((), 2),
        (("--scope", "read", "--user", ""), 1),
        (("--scope", "read", "--label", "x" * 201), 1),
        (("--scope", "read", "--app", ""), 1),
        (("--scope", "read", "--db", "memory://"), 1),
    ],
)
def test_what_makes_no_key(cli: Command, tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    assert cli("keys", "create", *DB, *words).code == code
    if "memory://" not in words:
        assert not (tmp_path / "keys.db").exists() or cli("keys", "list", "--json", *DB).json() == {"keys": []}
