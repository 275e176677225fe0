"""What proves that two stores hold the same rows.

Invariant: it is over the rows of a kind in the order of their keys, as JSON, one a line: so it is the same for the same rows in any store,
however they are read, and another if one byte of one field is another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from turnkeep.stores.transfer import Row

FEW = 250
_encoder = msgspec.json.Encoder(order="deterministic")


def encoded(rows: Sequence[Row]) -> bytes:
    return _encoder.encode_lines(rows)


class Checksum:
    """Grows page by page."""

    def __init__(self) -> None:
        self._hash, self.rows = blake2b(digest_size=16), 0

    def add(self, rows: Sequence[Row], text: bytes | None = None) -> None:
        """`text`: the rows as `encoded`, where the caller has that already."""
        self._hash.update(encoded(rows) if text is None else text)
        self.rows += len(rows)

    async def add_meanwhile(self, rows: Sequence[Row]) -> None:
        """A few at a time, so that a store whose turn it is in between is not kept waiting."""
        for at in range(0, len(rows), FEW):
            self.add(rows[at : at + FEW])
            await asyncio.sleep(0)

    def text(self) -> str:
        return self._hash.hexdigest()
