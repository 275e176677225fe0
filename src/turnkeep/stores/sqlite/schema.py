"""The schema's version and its migrations: numbered files in `sql/`, each applied once, in one transaction.

Invariant: `user_version` is the number of the last migration applied; a file of a newer Turnkeep is never written to.
"""

from __future__ import annotations

from importlib import resources

import apsw

from turnkeep.errors import SchemaTooNew, StoreUnavailable

APPLICATION_ID = 0x54_4B_45_50  # "TKEP", what `file` and other programs tell the format by


def migrations() -> dict[int, str]:
    folder = resources.files("turnkeep.stores.sqlite") / "sql"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return {int(file.name[:4]): file.read_text("utf-8") for file in files}


def version(db: apsw.Connection) -> int:
    return int(db.pragma("user_version"))


def check(db: apsw.Connection) -> None:
    """Refuse what is not ours before anything is written."""
    newest = max(migrations())
    if version(db) > newest:
        raise SchemaTooNew(f"{SchemaTooNew.__doc__} (its schema is {version(db)}, this program knows {newest})")
    if db.pragma("application_id") != APPLICATION_ID and db.execute("SELECT count(*) FROM sqlite_schema").fetchall() != [(0,)]:
        raise StoreUnavailable("This file is a database of another program: name a new file, or Turnkeep's own.")


def migrate(db: apsw.Connection) -> None:
    """Bring the file up to date. Several processes may do so at once: the first does, the others find it done."""
    check(db)
    if version(db) == max(migrations()):
        return
    db.execute("BEGIN IMMEDIATE").fetchall()
    try:
        for number, script in migrations().items():
            if number > version(db):
                db.execute(script)
                db.pragma("user_version", number)
                db.pragma("application_id", APPLICATION_ID)
    except BaseException:
        db.execute("ROLLBACK").fetchall()
        raise
    db.execute("COMMIT").fetchall()
