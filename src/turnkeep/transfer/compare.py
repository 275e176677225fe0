"""Two stores side by side, row by row.

Invariant: both are read in the order of keys, a page of each at a time; what is equal is equal in every byte of every field.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from turnkeep.stores import Store
from turnkeep.stores.transfer import KINDS, Key, Row
from turnkeep.transfer.checksum import Checksum, encoded
from turnkeep.transfer.copy import PAGE
from turnkeep.transfer.tally import Tally


class Difference(msgspec.Struct, frozen=True):
    """What a stretch of the target has that the source has not: rows to put there, keys that must go."""

    put: list[Row]
    gone: list[Key]


class Compared(msgspec.Struct):
    """What a comparison came to: the source's `rows` with their `checksum`, and in the target `missing`, `changed` or `added` ones."""

    kind: str
    rows: int = 0
    checksum: str = ""
    missing: int = 0
    changed: int = 0
    added: int = 0
    first: Key | None = None

    @property
    def same(self) -> bool:
        return not (self.missing or self.changed or self.added)

    def note(self, missing: int, changed: int, added: int, first: Key) -> None:
        self.missing, self.changed, self.added = self.missing + missing, self.changed + changed, self.added + added
        self.first = self.first or first


async def compare(source: Store, target: Store, kind: str, tally: Tally, *, level: str | None = None) -> Compared:
    """All rows of a kind. `level` is the mark with which what differs is put right; None: it is only told."""
    found, checksum = Compared(kind), Checksum()
    after = KINDS[kind].start
    while True:
        ours, theirs = await asyncio.gather(source.dump(kind, after, PAGE), target.dump(kind, after, PAGE))
        if not ours and not theirs:
            break
        after = _upto(kind, ours, theirs)
        ours, theirs = (_within(kind, page, after) for page in (ours, theirs))
        text = encoded(ours)
        checksum.add(ours, text)
        if text != encoded(theirs):
            different = _difference(kind, ours, theirs, found)
            if level is not None:
                await target.load(kind, different.put, gone=different.gone, mark=level)
        tally.compared += len(ours)
    found.rows, found.checksum = checksum.rows, checksum.text()
    return found


async def is_as_read(target: Store, kind: str, read: Checksum, tally: Tally) -> bool:
    """Whether the target's rows, read again, have the checksum that the source's had when they were copied."""
    checksum = Checksum()
    page = await target.dump(kind, KINDS[kind].start, PAGE)
    while page:
        after, count = KINDS[kind].key(page[-1]), len(page)
        page, _ = await asyncio.gather(target.dump(kind, after, PAGE), checksum.add_meanwhile(page))
        tally.compared += count
    return (checksum.rows, checksum.text()) == (read.rows, read.text())


def _upto(kind: str, ours: Sequence[Row], theirs: Sequence[Row]) -> Key:
    """Both pages are whole up to there."""
    return min(KINDS[kind].key(page[-1]) for page in (ours, theirs) if page)


def _within(kind: str, page: list[Row], upto: Key) -> list[Row]:
    key = KINDS[kind].key
    return page if not page or key(page[-1]) <= upto else [row for row in page if key(row) <= upto]


def _difference(kind: str, ours: Sequence[Row], theirs: Sequence[Row], found: Compared) -> Difference:
    key = KINDS[kind].key
    here, there = {key(row): row for row in ours}, {key(row): row for row in theirs}
    missing = [name for name in here if name not in there]
    changed = [name for name in here if name in there and encoded([here[name]]) != encoded([there[name]])]
    added = [name for name in there if name not in here]
    found.note(len(missing), len(changed), len(added), min([*missing, *changed, *added]))
    return Difference([here[name] for name in sorted([*missing, *changed])], sorted(added))
