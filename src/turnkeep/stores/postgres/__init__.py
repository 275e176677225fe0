"""The store of many instances: one PostgreSQL database (14 or newer), through asyncpg."""

from turnkeep.errors import MissingExtra

try:
    import asyncpg as _asyncpg  # noqa: F401 - so that it is said here if it is missing
except ImportError as error:
    raise MissingExtra("postgresql://", "postgres") from error

from turnkeep.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
