"""The rows of API keys: changes over a `Transaction`, reads over a `Reader`."""

from __future__ import annotations

from msgspec.structs import astuple

from turnkeep.errors import StoreError
from turnkeep.keys import ApiKey
from turnkeep.stores.postgres.reads import Reader
from turnkeep.stores.postgres.statements import places
from turnkeep.stores.postgres.transaction import Transaction

_FIELDS = ApiKey.__struct_fields__
_SELECT = f"SELECT {', '.join(_FIELDS)} FROM api_keys"
_INSERT = f"INSERT INTO api_keys ({', '.join(_FIELDS)}) VALUES ({places(len(_FIELDS))}) ON CONFLICT DO NOTHING"


async def add(tx: Transaction, key: ApiKey) -> None:
    if not await tx.execute(_INSERT, *astuple(key)):
        raise StoreError("id: there is a key of this id already")


async def revoke(tx: Transaction, app: str | None, key_id: str, now_ms: int) -> ApiKey | None:
    where = "WHERE id = $1 AND app = coalesce($2, app)"
    await tx.execute(f"UPDATE api_keys SET revoked_ms = coalesce(revoked_ms, $3) {where}", key_id, app, now_ms)
    found = await tx.query(f"{_SELECT} {where}", key_id, app)
    return ApiKey(**dict(found[0])) if found else None


async def find(reader: Reader, key_id: str) -> ApiKey | None:
    found = await reader.query(f"{_SELECT} WHERE id = $1", key_id)
    return ApiKey(**dict(found[0])) if found else None


async def every(reader: Reader, app: str | None) -> list[ApiKey]:
    found = await reader.query(f"{_SELECT} WHERE app = coalesce($1, app) ORDER BY created_ms, id", app)
    return [ApiKey(**dict(row)) for row in found]
