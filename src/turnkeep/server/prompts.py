"""Contexts as they were answered last, so that one that is asked for again is not built and encoded again.

Invariant: an answer holds for one version of its session, and is given out only after the store was asked for the version that the
session has now. What a context is made of changes with the version, or not at all while a server runs: it is the ETag for that reason.
What a commit of this process has made old is let go of, as an erased word should be.
"""

from __future__ import annotations

from collections import OrderedDict

from turnkeep.server.answers import Answer
from turnkeep.stores import Store
from turnkeep.stores.base import Commit

MOST_BYTES = 8 << 20  # of all bodies
LONGEST = 1 << 18  # of one
FRAME = 512  # bytes that an answer takes beside its body, about


class _Held:
    """The answers of one session at one version, by query."""

    __slots__ = ("answers", "bytes", "version")

    def __init__(self, version: int) -> None:
        self.version, self.bytes = version, 0
        self.answers: dict[bytes, Answer] = {}


class Prompts:
    """Those of the sessions used last. `most`: bytes, 0 for none."""

    def __init__(self, store: Store, most: int = MOST_BYTES) -> None:
        self._store, self._most = store, most
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self.bytes = 0
        store.listeners.append(self._committed)

    def __len__(self) -> int:
        """How many sessions."""
        return len(self._held)

    async def find(self, app: str, session_id: str, query: bytes) -> Answer | None:
        """The answer, if it is still what would be answered. Raises what the store does: the session may be gone, or another app's."""
        if session_id not in self._held:
            return None
        version = await self._store.version(app, session_id)
        held = self._held.get(session_id)
        if held is None or held.version != version:
            return None
        self._held.move_to_end(session_id)
        return held.answers.get(query)

    def keep(self, session_id: str, query: bytes, version: int, answer: Answer) -> None:
        held = self._held.get(session_id)
        if held is not None and held.version > version:
            return  # it was built before a commit that has been heard since
        size = FRAME + len(query) + len(answer.body)
        if (
            not self._most
            or len(answer.body) > LONGEST
            or (held is not None and query in held.answers and held.version == version)
        ):
            return
        if held is None or held.version != version:
            self._drop(session_id)
            held = self._held[session_id] = _Held(version)
        held.answers[query] = answer
        held.bytes += size
        self.bytes += size
        while self.bytes > self._most:
            self._drop(next(iter(self._held)))

    def _committed(self, commit: Commit) -> None:
        self._drop(commit.session_id)

    def _drop(self, session_id: str) -> None:
        if (held := self._held.pop(session_id, None)) is not None:
            self.bytes -= held.bytes
