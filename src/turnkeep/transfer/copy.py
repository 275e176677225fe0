"""All rows of one store into another that has none of them.

Invariant: a page and the mark behind it are one commit; while a page is written the next is read, and no more than these two are held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from msgspec.structs import replace

from turnkeep.stores import Store
from turnkeep.stores.transfer import KINDS
from turnkeep.transfer.checksum import Checksum
from turnkeep.transfer.mark import Mark
from turnkeep.transfer.tally import Tally

PAGE = 4000


async def copy(source: Store, target: Store, mark: Mark, tally: Tally) -> tuple[Mark, dict[str, Checksum]]:
    """Go on behind the mark, to the end. With the checksums of the kinds that this run has read whole, as it has read them."""
    tally.phase, tally.there = "copying", mark.rows
    checksums: dict[str, Checksum] = {}
    for kind in _left(mark):
        begun = mark.kind == kind and bool(mark.after)
        read = Checksum()
        mark = await _copy_kind(source, target, replace(mark, kind=kind, after=_after(mark, kind)), read, tally)
        if not begun:
            checksums[kind] = read
    mark = replace(mark, kind=None, after=())
    await target.load("numbers", (), mark=mark.text())
    return mark, checksums


def _left(mark: Mark) -> Iterator[str]:
    kinds = list(KINDS)
    return iter(kinds[kinds.index(mark.kind) :] if mark.kind is not None else [])


def _after(mark: Mark, kind: str) -> tuple[int | str, ...]:
    return mark.after if mark.after and mark.kind == kind else KINDS[kind].start


async def _copy_kind(source: Store, target: Store, mark: Mark, read: Checksum, tally: Tally) -> Mark:
    kind = str(mark.kind)
    page = await source.dump(kind, mark.after, PAGE)
    while page:
        mark = replace(mark, after=KINDS[kind].key(page[-1]), rows=mark.rows + len(page))
        following, _, _ = await asyncio.gather(
            source.dump(kind, mark.after, PAGE), target.load(kind, page, mark=mark.text()), read.add_meanwhile(page)
        )
        tally.copied += len(page)
        page = following
    return mark
