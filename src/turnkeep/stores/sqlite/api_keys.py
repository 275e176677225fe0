"""The rows of API keys: changes over a `Transaction`, reads over a `Reader`.

Invariant: what a change refuses, it refuses before its first write.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import astuple, replace

from turnkeep.errors import StoreError
from turnkeep.keys import ApiKey
from turnkeep.stores.sqlite.reads import Reader
from turnkeep.stores.sqlite.transaction import Transaction

_FIELDS = ApiKey.__struct_fields__
_SELECT = f"SELECT {', '.join(_FIELDS)} FROM api_keys"
_INSERT = f"INSERT INTO api_keys ({', '.join(_FIELDS)}) VALUES ({','.join('?' * len(_FIELDS))})"
_FIND = f"{_SELECT} WHERE id = ?"


def _key(row: tuple[Any, ...]) -> ApiKey:
    return ApiKey(**dict(zip(_FIELDS, row, strict=True)))


def add(tx: Transaction, key: ApiKey) -> None:
    if tx.query(_FIND, key.id):
        raise StoreError("id: there is a key of this id already")
    tx.db.execute(_INSERT, astuple(key))


def revoke(tx: Transaction, app: str | None, key_id: str, now_ms: int) -> ApiKey | None:
    found = [_key(row) for row in tx.query(_FIND, key_id)]
    if not found or app not in (None, found[0].app):
        return None
    if found[0].revoked_ms is not None:
        return found[0]
    tx.db.execute("UPDATE api_keys SET revoked_ms = ? WHERE id = ?", (now_ms, key_id))
    return replace(found[0], revoked_ms=now_ms)


def find(reader: Reader, key_id: str) -> ApiKey | None:
    found = reader.query(_FIND, (key_id,))
    return _key(found[0]) if found else None


def every(reader: Reader, app: str | None) -> list[ApiKey]:
    found = reader.query(f"{_SELECT} WHERE app = coalesce(?, app) ORDER BY created_ms, id", (app,))
    return [_key(row) for row in found]
