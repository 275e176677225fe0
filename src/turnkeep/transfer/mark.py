"""The mark that the target keeps while a migration into it has not ended.

Invariant: it is committed with the rows that it tells of, so whatever ends a run, the next goes on behind the last row that is there.
"""

from __future__ import annotations

import msgspec

from turnkeep.errors import InvalidInput, MigrationUnfinished
from turnkeep.stores import Store
from turnkeep.stores.transfer import KINDS, Key


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """`source` is named without its secrets. All rows are there of the kinds before `kind` (None: of every kind), and of this kind
    those up to the key `after`; `rows` of them in all. `differs`: a comparison has found other rows than the source's."""

    source: str
    kind: str | None
    after: Key = ()
    rows: int = 0
    differs: bool = False

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


async def begun(target: Store, source: str) -> Mark:
    """Where to go on. `InvalidInput`: the target has rows of its own; `MigrationUnfinished`: it is another source's."""
    text = await target.mark()
    if text is None:
        await _check_empty(target)
        return Mark(source=source, kind=next(iter(KINDS)))
    mark = msgspec.json.decode(text, type=Mark)
    if mark.source != source:
        told = f"the target holds a part of {mark.source}: name that as the source to go on, or delete the target and begin anew"
        raise MigrationUnfinished(told)
    return mark


async def _check_empty(target: Store) -> None:
    sizes = await target.sizes()
    found = [f"{sizes[kind]:,} {kind}" for kind in KINDS if sizes.get(kind)]
    if found:
        reason = f"must be empty, or what an unfinished migration of the same source has left; it has rows: {', '.join(found)}"
        raise InvalidInput("target", reason)
