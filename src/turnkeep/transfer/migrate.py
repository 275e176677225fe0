"""One store's rows into another, to the end: copied, compared, proven.

Invariant: the target is no store to work on (`MigrationUnfinished`) from its first row until a comparison has found every row of the
source in it, and no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from msgspec.structs import replace

from turnkeep.errors import MigrationDiffers, StoreCorrupt
from turnkeep.stores import Store
from turnkeep.stores.transfer import KINDS, OF_A_SESSION
from turnkeep.transfer.checksum import Checksum
from turnkeep.transfer.compare import Compared, compare, is_as_read
from turnkeep.transfer.copy import copy
from turnkeep.transfer.mark import Mark, begun
from turnkeep.transfer.tally import Tally

_MOST = 3  # findings that an error tells


async def migrate(source: Store, target: Store, name: str, tally: Tally) -> list[Compared]:
    """Make `target`, empty or left unfinished by this very call, hold all rows of `source`, and nothing else; both are open.

    `name` is what the source is called, without its secrets. `MigrationDiffers`: the comparison at the end found other rows, since
    somebody wrote to one of the two meanwhile, or the target was damaged; another call brings over what differs. `StoreCorrupt`: the rows
    are those of the source and break the store's rules, as they do there.
    """
    mark = await begun(target, name)
    sizes = await source.sizes()
    tally.total = sum(sizes.get(kind, 0) for kind in KINDS)
    mark, checksums = await _copied(source, target, mark, tally)
    tally.phase = "proving"
    if mark.differs:
        for kind in KINDS:
            await compare(source, target, kind, tally, level=mark.text())
        tally.compared = 0
    await compare(source, target, "numbers", Tally(), level=mark.text())  # an emptied target has given some before
    sound = asyncio.ensure_future(target.check())  # while the rows are compared
    try:
        found = await _compared(source, target, checksums, tally)
        await _check_same(target, mark, found)
        _check_sound(await sound)
    finally:
        sound.cancel()
    await target.load("numbers", (), mark=None)
    tally.phase = "done"
    return found


async def _copied(source: Store, target: Store, mark: Mark, tally: Tally) -> tuple[Mark, dict[str, Checksum]]:
    if mark.differs:
        tally.there = mark.rows
        return mark, {}
    try:
        return await copy(source, target, mark, tally)
    except MigrationDiffers:  # a row contradicts one that came before it: the source has changed in between
        return await _differs(target, replace(mark, kind=None, after=())), {}


async def _compared(source: Store, target: Store, checksums: Mapping[str, Checksum], tally: Tally) -> list[Compared]:
    """Every kind, in its order. What is a session's own is read at the source once more only where the checksums are not the same:
    none of it changes but with the session's row, and these are compared last."""
    found = {}
    for kind in reversed(KINDS):
        read = checksums.get(kind)
        if read is not None and kind in OF_A_SESSION and await is_as_read(target, kind, read, tally):
            found[kind] = Compared(kind, read.rows, read.text())
        else:
            found[kind] = await compare(source, target, kind, tally)
    return [found[kind] for kind in KINDS]


async def _differs(target: Store, mark: Mark) -> Mark:
    mark = replace(mark, differs=True)
    await target.load("numbers", (), mark=mark.text())
    return mark


async def _check_same(target: Store, mark: Mark, found: list[Compared]) -> None:
    wrong = [one for one in found if not one.same]
    if not wrong:
        return
    await _differs(target, mark)
    raise MigrationDiffers(
        f"the rows of the target are not those of the source: {'; '.join(map(_told, wrong[:_MOST]))}. Either somebody wrote to one of "
        "them meanwhile, or the target is damaged. Stop what uses them and run the same command again: it brings over what differs"
    )


def _told(one: Compared) -> str:
    counts = {"missing": one.missing, "changed": one.changed, "too many": one.added}
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    first = one.first or ()
    where = f", the first with the key {'/'.join(map(str, first))}" if all(isinstance(part, int) for part in first) else ""
    return f"{one.kind}: {told}{where}"  # other keys hold names of people


def _check_sound(broken: list[str]) -> None:
    if broken:
        raise StoreCorrupt(
            f"the rows of the target are those of the source, but break the store's rules: {'; '.join(broken[:_MOST])}."
            " `turnkeep doctor` on the source tells all"
        )
