"""Contexts as they were answered last, so that one that is asked for again is not built and encoded again.

Invariant: an answer holds for one version of its session, and is given out only after the store was asked for the version that the
session has now. What a context is made of changes with the version, or not at all while a server runs: it is the ETag for that reason.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

from turnkeep.server.answers import Answer
from turnkeep.stores import Store

MOST_BYTES = 8 << 20  # of all bodies
LONGEST = 1 << 18  # of one
FRAME = 512  # bytes that an entry takes beside its body, about

Key: TypeAlias = tuple[str, str, bytes]  # the app, the session, the query


class Prompts:
    """The ones used last. `most`: bytes, 0 for none."""

    def __init__(self, store: Store, most: int = MOST_BYTES) -> None:
        self._store, self._most = store, most
        self._held: OrderedDict[Key, tuple[int, Answer]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    async def find(self, key: Key) -> Answer | None:
        """The answer, if it is still what would be answered. Raises what the store does: the session may be gone."""
        if key not in self._held:
            return None
        version = await self._store.version(key[0], key[1])
        held = self._held.get(key)
        if held is None or held[0] != version:
            return None
        self._held.move_to_end(key)
        return held[1]

    def keep(self, key: Key, version: int, answer: Answer) -> None:
        self._drop(key)
        if len(answer.body) > LONGEST or not self._most:
            return
        self._held[key] = version, answer
        self.bytes += _size(key, answer)
        while self.bytes > self._most:
            self._drop(next(iter(self._held)))

    def _drop(self, key: Key) -> None:
        if (held := self._held.pop(key, None)) is not None:
            self.bytes -= _size(key, held[1])


def _size(key: Key, answer: Answer) -> int:
    return FRAME + len(key[2]) + len(answer.body)
