"""Several messages that are one turn: an album, or a long paste that the app cut into pieces.

Invariants: what shares a group within a moment makes one turn, in the order of arrival; what has no group is passed on at once; the
turns of a conversation are passed on in the order in which their first messages came. The stored message of a turn knows its pieces,
so that after a crash it is made of the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from turnkeep.bots.received import Received
from turnkeep.session import Content, JsonObject

PIECES = "pieces"  # in the metadata of a message that was made of several: their external ids
MAX_PIECES = 50  # that count as one message, of a paste some 200,000 characters
MOMENT = 0.8  # seconds after the newest message of a group
Group: TypeAlias = list[tuple[Received, tuple[str, ...]]]


class _Waiting:
    __slots__ = ("group", "name", "timer")

    def __init__(self, name: str | None) -> None:
        self.name, self.group = name, Group()
        self.timer: asyncio.TimerHandle | None = None


class Gatherer:
    """`serve` gets each group when it is whole."""

    def __init__(self, serve: Callable[[Group], None]) -> None:
        self._serve = serve
        self._waiting: dict[tuple[str, str], _Waiting] = {}  # at most one group a conversation

    def awaits(self, received: Received) -> bool:
        """Whether it is one more piece of a message whose first pieces are here."""
        waiting = self._waiting.get(received.incoming.key)
        return waiting is not None and waiting.name in (received.group, received.joins) and len(waiting.group) < MAX_PIECES

    def add(self, received: Received, sent: tuple[str, ...]) -> None:
        key = received.incoming.key
        waiting = self._waiting.get(key)
        last = waiting is not None and received.group is None and received.joins == waiting.name
        if waiting is not None and waiting.name != received.group and not last:
            self._pass_on(key)
            waiting = None
        if received.group is None and not last:
            self._serve([(received, sent)])
            return
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(received.group)
        waiting.group.append((received, sent))
        if last:  # what comes after it is something else
            self._pass_on(key)
            return
        if waiting.timer is not None:
            waiting.timer.cancel()
        waiting.timer = asyncio.get_running_loop().call_later(MOMENT, self._pass_on, key)

    def _pass_on(self, key: tuple[str, str]) -> None:
        waiting = self._waiting.pop(key)
        if waiting.timer is not None:
            waiting.timer.cancel()
        self._serve(waiting.group)

    def drop(self, user: str) -> None:
        """Let go of what a person has sent."""
        for key, waiting in list(self._waiting.items()):
            if waiting.group[0][0].user == user:
                waiting.timer.cancel() if waiting.timer else None
                del self._waiting[key]

    def close(self) -> None:
        """What is not whole yet waits in the inbox."""
        for waiting in self._waiting.values():
            if waiting.timer is not None:
                waiting.timer.cancel()
        self._waiting.clear()


def merged(group: Sequence[Received]) -> Received:
    """One message of several: the first one's place and ids, the content of all."""
    first = group[0]
    if len(group) == 1:
        return first
    attachments = tuple(attachment for one in group for attachment in one.attachments)
    content = _joined([one.incoming.content for one in group], "\n" if attachments else "")
    metadata = {**(first.incoming.metadata or {}), PIECES: [one.external_id for one in group]}
    return replace(first, incoming=replace(first.incoming, content=content, metadata=metadata), attachments=attachments)


def _joined(contents: Sequence[Content], between: str) -> Content:
    """Pieces of a text run on without a break, as the app cut them, captions do not; parts stand one after the other."""
    if all(isinstance(content, str) for content in contents):
        return between.join(str(content) for content in contents if content)
    parts: list[JsonObject] = []
    for content in contents:
        parts += [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    return parts
