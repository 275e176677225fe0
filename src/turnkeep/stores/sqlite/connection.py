"""Opening a connection: pragmas, the encryption key, and SQLite's errors in Turnkeep's words.

Invariant: no apsw error leaves this package; `translated()` stands around everything that touches a file.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import msgspec

from turnkeep.errors import (
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    TurnkeepError,
    WrongKey,
)

Key = bytes | str | None
"""32 raw bytes, or a passphrase (derived by the cipher's own PBKDF2, 35 ms an opening), or no encryption."""

_ERRORS: tuple[tuple[type[Exception], type[StoreError]], ...] = (
    (apsw.FullError, StoreFull),
    (apsw.ReadOnlyError, StoreReadOnly),
    (apsw.BusyError, StoreBusy),
    (apsw.LockedError, StoreBusy),
    (apsw.NotADBError, WrongKey),
    (apsw.CorruptError, StoreCorrupt),
    (apsw.CantOpenError, StoreUnavailable),
    (apsw.PermissionsError, StoreUnavailable),
)


UNREADABLE = (UnicodeDecodeError, msgspec.DecodeError, LookupError, TypeError)
"""What reading a damaged row ends with, where SQLite itself saw no damage."""


def translate(error: Exception) -> StoreError:
    """The typed error for one of SQLite's; its own words are appended, they never hold content."""
    for kind, ours in _ERRORS:
        if isinstance(error, kind):
            return ours(f"{' '.join(str(ours()).split())} (SQLite: {error})")
    if isinstance(error, apsw.IOError):
        return StoreUnavailable(
            f"The disk refused to read or to write: check its health, its room and your quota. (SQLite: {error})"
        )
    if isinstance(error, UNREADABLE):
        return StoreCorrupt(f"{StoreCorrupt.__doc__} (a row cannot be read: {type(error).__name__})")
    if isinstance(error, apsw.SQLError) and "no such" in str(error):  # our statements name what our schema has
        return StoreCorrupt(f"{StoreCorrupt.__doc__} (SQLite: {error})")
    return StoreError(f"{StoreError.__doc__} (SQLite: {type(error).__name__}: {error})")


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except TurnkeepError:
        raise
    except (apsw.Error, *UNREADABLE) as error:
        raise translate(error) from error


class Patience:
    """A busy handler that asks again after about a millisecond: SQLite's own backs off to 100 ms, and under several writing
    processes the unlucky one then waits for seconds. While `on` is False it gives up at once."""

    def __init__(self, timeout: float) -> None:
        self.timeout, self.on = timeout, True
        self._began = 0.0

    @contextmanager
    def of(self, seconds: float) -> Iterator[None]:
        """Less patience for a while."""
        before, self.timeout = self.timeout, seconds
        try:
            yield
        finally:
            self.timeout = before

    def __call__(self, attempt: int) -> bool:
        now = time.monotonic()
        if attempt == 0:
            self._began = now
        if not self.on or now - self._began > self.timeout:
            return False
        time.sleep(random.uniform(0.0002, 0.0015))
        return True


def _unlock(db: apsw.Connection, key: Key) -> None:
    if key is None:
        return
    db.pragma("cipher", "chacha20")
    if isinstance(key, bytes):
        db.pragma("key", f"raw:{key.hex()}")
    else:
        db.pragma("key", key)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """A file that cannot be opened is named: SQLite does not say which it was."""
    try:
        with translated():
            yield
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{path}: {error}") from error.__cause__


def connect(path: Path, key: Key, patience: Patience, *, write: bool = True) -> apsw.Connection:
    """A connection that is keyed and proven to read the file. `write=False` cannot change it, but still shares the WAL."""
    with _naming(path):
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
        db = apsw.Connection(str(path), flags=flags)
        try:
            db.set_busy_handler(patience)
            # Else every statement beside a partial index is prepared anew, at ten times its cost, whenever it gets new values: the best
            # plan may hang on them. Ours does not.
            db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            _unlock(db, key)
            db.execute(
                "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192"
            ).fetchall()  # no temporary file, which would be plaintext
            db.execute("SELECT count(*) FROM sqlite_schema").fetchall()  # a wrong key shows here
            if not write:
                db.pragma("query_only", True)
        except BaseException:
            db.close()
            raise
        return db


def make_durable(db: apsw.Connection) -> None:
    """WAL, and a commit returns when the disk has it; on macOS that takes F_FULLFSYNC. Freed space is overwritten."""
    deadline = time.monotonic() + 10
    while True:
        try:
            if db.pragma("journal_mode") != "wal":
                db.pragma("journal_mode", "wal")
            break
        except apsw.BusyError:  # another process is switching just now; SQLite does not ask the busy handler here
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
    db.execute(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1; PRAGMA secure_delete = 1;"
        "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864"
    ).fetchall()  # or the first that answers would be the last that is done
