"""Every error Turnkeep raises on purpose.

Invariant: one root, `TurnkeepError`; the class's docstring is its default message, and an error says which field is meant, how
large the value was and what the limit is, but never the value itself: errors end in logs, contents must not.
"""

from __future__ import annotations

import inspect
from typing import ClassVar


class TurnkeepError(Exception):
    """Turnkeep could not do what was asked."""

    code: ClassVar[str] = "error"  # stable name, for programs: HTTP problem types and `--json` output use it

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


def _number(value: float) -> str:
    """For people; Python refuses to print integers of more than 4,300 digits."""
    return f"{value:,}" if abs(value) < 10**30 else "a number of more than 30 digits"


class InvalidInput(TurnkeepError, ValueError):
    """A value that was passed in cannot be used. `field` names it; `size` and `limit` are there when it is about a limit."""

    code = "invalid-input"

    def __init__(self, field: str, reason: str, *, size: int | float | None = None, limit: int | float | None = None) -> None:
        self.field, self.reason, self.size, self.limit = field, reason, size, limit
        got = "" if size is None else f", got {_number(size)}"
        super().__init__(f"{field}: {reason}" + ("" if limit is None else f" (limit {_number(limit)}{got})"))


class BudgetTooSmall(InvalidInput):
    """The token limit does not hold the fixed parts of the prompt (system text, state, tool schemas) and a message."""

    code = "budget-too-small"


class TooManyPins(InvalidInput):
    """The session holds as many pins, or tokens of pins, as its limits let it: unpin what is no longer needed. Nothing was stored."""

    code = "too-many-pins"


class UnknownSession(TurnkeepError, LookupError):
    """There is no such session in this app."""

    code = "unknown-session"
    field = "session_id"

    def __init__(self, session_id: object) -> None:
        self.session_id = session_id
        super().__init__(f"session_id: no session {str(session_id)[:64]!r} in this app")


class UnknownKey(TurnkeepError, LookupError):
    """There is no such API key in this app."""

    code = "unknown-key"
    field = "key_id"


class UnknownPin(TurnkeepError, LookupError):
    """The session has no such pin, or no longer."""

    code = "unknown-pin"
    field = "number"


class SessionClosed(TurnkeepError):
    """The session is closed: open a new one with get_or_create_session()."""

    code = "session-closed"

    def __init__(self, session_id: str, status: str) -> None:
        self.session_id, self.status = session_id, status
        super().__init__(
            f"session_id: session {session_id!r} is {status} and takes no new user or system messages; "
            "get_or_create_session() with its conversation opens the next one"
        )


class Conflict(TurnkeepError):
    """What is stored differs from what the caller expected: nothing was written."""

    code = "conflict"

    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason
        super().__init__(f"{field}: {reason}")


class PreconditionFailed(Conflict):
    """The session is not, or no longer, at the version that was expected: read it again. Nothing was written."""

    code = "precondition-failed"


class IdempotencyKeyReused(Conflict):
    """The idempotency key was used before, for another write: take a new key. Nothing was written."""

    code = "idempotency-key-reused"


class ManagerClosed(TurnkeepError):
    """The SessionManager (or its store) is closed or was never opened: use `async with SessionManager.open(...)`."""

    code = "closed"


class WrongLoop(TurnkeepError):
    """A SessionManager belongs to the event loop that opened it: open one per loop, or use turnkeep.sync."""

    code = "wrong-loop"


class UsedAfterFork(TurnkeepError):
    """The database was open when this process was forked, and cannot be locked safely in the child: close the manager before the
    fork and open one in each child, or start children as new programs (multiprocessing's spawn, subprocess)."""

    code = "used-after-fork"


class MissingExtra(TurnkeepError, ImportError):
    """An optional part of Turnkeep is not installed."""

    code = "missing-extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an optional part: pip install "turnkeep[{extra}]"')


class StoreError(TurnkeepError):
    """The database refused. What was committed before stays readable; the failed call stored nothing (but see `OutcomeUnknown`)."""

    code = "store"


class StoreFull(StoreError):
    """The disk is full: the call stored nothing; free some space and call again."""

    code = "store-full"


class StoreReadOnly(StoreError):
    """The database is read-only: check the permissions of the file and of its folder, which SQLite writes to as well."""

    code = "store-read-only"


class StoreBusy(StoreError):
    """Another program holds the database locked for longer than `busy_timeout`: find it, or raise the timeout."""

    code = "store-busy"


class StoreCorrupt(StoreError):
    """The database file is damaged: run `turnkeep doctor` on it, and restore a backup (`turnkeep backup` makes them)."""

    code = "store-corrupt"


class StoreUnavailable(StoreError):
    """The database cannot be opened: check that the path, its folder and their permissions are right."""

    code = "store-unavailable"


class OutcomeUnknown(StoreError):
    """The connection was lost while the database committed: whether the call was stored is not known. Repeat it with the external_id or the
    idempotency key that it had: what was stored is not stored twice."""

    code = "outcome-unknown"


class AccessRefused(StoreError):
    """The database server refuses this user: check the name, the password and what the user may do."""

    code = "access-refused"


class SchemaTooNew(StoreError):
    """The database was written by a newer Turnkeep: upgrade this one; it has not touched the file."""

    code = "schema-too-new"


class WrongKey(StoreError):
    """This file is no database, or is encrypted with another key: set TURNKEEP_ENCRYPTION_KEY or TURNKEEP_ENCRYPTION_PASSPHRASE (or
    the same with _FILE) to its key, or unset them if it has none."""

    code = "wrong-key"


class MigrationUnfinished(StoreError):
    """The database is the target of a migration that has not ended: run the same `turnkeep migrate` again, it goes on from there; or
    delete the database and begin anew."""

    code = "migration-unfinished"


class MigrationDiffers(StoreError):
    """The rows of the target are not those of the source: run the same `turnkeep migrate` again, it brings over what differs."""

    code = "migration-differs"
