"""The contract of hints.

Invariants: no call raises because the other side is gone, and none waits for it longer than a moment; what is told is told in the
background, and never in the way of whoever tells it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

Listener = Callable[[str | None], None]


class Hints(ABC):
    """`listeners` are called with the id of a session that another instance has changed; None: any may have been."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    @abstractmethod
    async def open(self) -> None:
        """Begin. It does not wait until the other side answers."""

    @abstractmethod
    async def close(self) -> None:
        """Tell what is left to tell, if that takes but a moment, and end."""

    @abstractmethod
    def tell(self, app: str, session_id: str, version: int) -> None:
        """The session was changed here, and is at that version now (0: it is gone)."""

    @abstractmethod
    async def take(self, name: str, rate: float, burst: int) -> float | None:
        """Take one from the bucket of that name, which all instances share: it holds `burst`, and gets `rate` a second.

        0, or in how many seconds there will be one; None if that cannot be known now.
        """

    @abstractmethod
    async def server(self) -> str | None:
        """What the other side is, "Valkey 9.1.2", asked just now; None: it does not answer. `InvalidInput`: it is too old."""

    @property
    @abstractmethod
    def up(self) -> bool:
        """Whether the other side was there when it was last needed."""
